// SPDX-License-Identifier: Apache-2.0
//
// The specification's privateKey engine: keys that are not here. In these tests they are in another
// process, the openssl command.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "api/key_engine.h"
#include "tests/spec/tls_run.h"
#include "tests/support/document_table.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Signature = std::vector<std::byte>;

Signature signature_of(const Pki::Identity& identity, const SignatureRequest& request) {
  const std::string input(reinterpret_cast<const char*>(request.input.data()),
                          request.input.size());
  const std::string text = shared_pki().sign(identity, request.algorithm, input);
  const Bytes bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

// Certificate without key.
TlsSettings settings_of(const Pki::Identity& identity, std::shared_ptr<const KeyEngine> engine) {
  TlsSettings settings;
  settings.certificate = {Pem::bytes(identity.certificate_pem)};
  settings.private_key_engine = std::move(engine);
  return settings;
}

std::shared_ptr<const KeyEngine> signs_at_once(const Pki::Identity& identity) {
  return make_key_engine(
      [identity](SignatureRequest request) { return signature_of(identity, request); });
}

struct EngineRun : TlsRun {
  std::vector<SignatureRequest> requests;  // of the engine `keeps`

  explicit EngineRun(WorldOptions options, const Path& path = {Delay{5ms}})
      : TlsRun(std::move(options), path) {
    client.secure.ca = {Pem::bytes(shared_pki().ca_pem())};
    server.secure = settings_of(good_identity(), keeps());
  }

  std::shared_ptr<const KeyEngine> keeps() {
    return make_key_engine(
        [this](SignatureRequest request) { requests.push_back(std::move(request)); });
  }

  void demand_client_certificate(const TlsSettings& of_client) {
    server.secure = good_identity().settings();
    server.secure.ca = client.secure.ca;
    server.secure.request_peer_certificate = true;
    client.secure = of_client;
    client.secure.ca = server.secure.ca;
  }

  // Until the server or client has asked for a signature.
  void pause() {
    listen();
    connect();
    pair.run_until([this] { return !requests.empty(); });
  }
  Result<> respond(const Pki::Identity& identity = good_identity()) {
    return requests.back().respond_with(signature_of(identity, requests.back()));
  }
};

struct Kind {
  const char* key;
  SignatureAlgorithm algorithm;
  std::size_t input;
};

const Pki::Identity& identity_of(const Kind& kind) {
  static std::map<std::string, Pki::Identity> made;
  if (!made.contains(kind.key)) {
    std::string name = kind.key;
    std::ranges::replace(name, ':', '-');
    made[kind.key] = shared_pki().issue("engine-" + name, kind.key);
  }
  return made[kind.key];
}

class SpecKeyEngineKinds : public ::testing::TestWithParam<Kind> {};

INSTANTIATE_TEST_SUITE_P(
    All, SpecKeyEngineKinds,
    ::testing::Values(Kind{"P-256", SignatureAlgorithm::ecdsa_secp256r1_sha256, 32},
                      Kind{"P-384", SignatureAlgorithm::ecdsa_secp384r1_sha384, 48},
                      Kind{"P-521", SignatureAlgorithm::ecdsa_secp521r1_sha512, 64},
                      Kind{"rsa:2048", SignatureAlgorithm::rsa_pss_rsae_sha256, 32},
                      Kind{"rsa:4096", SignatureAlgorithm::rsa_pss_rsae_sha256, 32},
                      Kind{"ed25519", SignatureAlgorithm::ed25519, 130}),
    [](const auto& test) {
      std::string name = test.param.key;
      std::erase_if(name, [](char c) { return c == '-' || c == ':'; });
      return name;
    });

// spec: SC26 SC27
TEST_P(SpecKeyEngineKinds, SignForAServerThatWaits) {
  const Pki::Identity& identity = identity_of(GetParam());
  EngineRun run(this_test());
  run.server.secure = settings_of(identity, run.keeps());
  run.server.secure.private_key_identifier = "pkcs11:object=web";
  run.pause();
  EXPECT_EQ(run.requests.front().algorithm, GetParam().algorithm);
  EXPECT_EQ(run.requests.front().input.size(), GetParam().input);
  EXPECT_EQ(run.requests.front().identifier, "pkcs11:object=web");
  run.pair.settle(3s);
  EXPECT_FALSE(run.handshake.ready());
  EXPECT_TRUE(run.respond(identity).has_value());
  run.finish();
  ASSERT_TRUE(run.ok()) << to_string(run.error());
  EXPECT_EQ(run.requests.size(), 1U);
  EXPECT_EQ(run.pair.session.peer_certificate().pem(),
            value_or_throw(Certificate::from_pem(identity.certificate_pem)).pem());
}

// spec: SC26
TEST_P(SpecKeyEngineKinds, SignForAServerAtOnce) {
  const Pki::Identity& identity = identity_of(GetParam());
  EngineRun run(this_test());
  run.server.secure = settings_of(identity, signs_at_once(identity));
  run.shake();
  EXPECT_TRUE(run.ok()) << to_string(run.error());
}

// spec: SC16 SC26
TEST_P(SpecKeyEngineKinds, SignForAClientThatWaits) {
  const Pki::Identity& identity = identity_of(GetParam());
  EngineRun run(this_test());
  run.demand_client_certificate(settings_of(identity, run.keeps()));
  run.pause();
  EXPECT_EQ(run.requests.front().algorithm, GetParam().algorithm);
  run.pair.settle(3s);
  EXPECT_FALSE(run.handshake.ready());
  EXPECT_TRUE(run.respond(identity).has_value());
  run.finish();
  ASSERT_TRUE(run.ok()) << to_string(run.error());
  ASSERT_TRUE(run.accepted.handshake().ready());
  EXPECT_EQ(run.accepted.peer_certificate().pem(),
            value_or_throw(Certificate::from_pem(identity.certificate_pem)).pem());
}

// --- how a function answers ----------------------------------------------------------------------

// spec: SC26
TEST(SpecKeyEngine, AFunctionMayBeACoroutineOrGiveACompletion) {
  for (const int kind : {0, 1, 2, 3}) {
    SCOPED_TRACE(kind);
    EngineRun run(this_test());
    if (kind == 0) {
      run.server.secure.private_key_engine =
          make_key_engine([](SignatureRequest request) -> Task<Result<Signature>> {
            co_await Shard::current().sleep_for(20ms);
            co_return signature_of(good_identity(), request);
          });
    } else if (kind == 1) {
      run.server.secure.private_key_engine =
          make_key_engine([](SignatureRequest request) -> Task<> {
            co_await Shard::current().sleep_for(20ms);
            static_cast<void>(request.respond_with(signature_of(good_identity(), request)));
          });
    } else if (kind == 2) {
      run.server.secure.private_key_engine =
          make_key_engine([](SignatureRequest request) -> Completion<Signature> {
            Promise<Signature> promise;
            promise.set(signature_of(good_identity(), request));
            return promise.completion();
          });
    } else {
      run.server.secure.private_key_engine =
          make_key_engine([](SignatureRequest request) -> Result<Signature> {
            return signature_of(good_identity(), request);
          });
    }
    run.shake();
    EXPECT_TRUE(run.ok()) << to_string(run.error());
  }
}

// spec: SC26
TEST(SpecKeyEngine, HandshakesWaitEachForItself) {
  EngineRun run(this_test());
  run.listen();
  std::vector<Completion<HandshakeInfo>> handshakes;
  for (int i = 0; i < 3; ++i) handshakes.push_back(run.connect().handshake());
  run.pair.run_until([&] { return run.requests.size() == 3; });
  const auto respond = [&](const SignatureRequest& request) {
    ASSERT_TRUE(request.respond_with(signature_of(good_identity(), request)).has_value());
  };
  const auto done = [&] {
    return std::ranges::count_if(handshakes, [](const auto& one) { return one.ready(); });
  };
  respond(run.requests[1]);
  run.pair.settle(1s);
  EXPECT_EQ(done(), 1);
  respond(run.requests[2]);
  respond(run.requests[0]);
  run.pair.run_until([&] { return done() == 3; });
  for (const auto& one : handshakes) EXPECT_TRUE(one.peek()->has_value());
}

// spec: SC26
TEST(SpecKeyEngine, SurvivesLossWhileItWaits) {
  for (const bool client : {false, true}) {
    EngineRun run(this_test(), {Delay{5ms}, Loss{0.2}});
    run.client.secure.groups = "X25519MLKEM768:X25519";
    if (client) run.demand_client_certificate(settings_of(good_identity(), run.keeps()));
    run.pause();
    run.pair.settle(2s);
    EXPECT_TRUE(run.respond().has_value());
    run.finish();
    EXPECT_TRUE(run.ok()) << to_string(run.error());
    EXPECT_EQ(run.requests.size(), 1U);
  }
}

// spec: SC17 SC23 SC26
TEST(SpecKeyEngine, ComesAfterTheOtherPauses) {
  EngineRun run(this_test());
  run.server.secure.client_hello = run.server.secure.ocsp = run.client.secure.ocsp = true;
  std::vector<std::string> order;
  run.server.secure.private_key_engine = make_key_engine([&](SignatureRequest request) {
    order.emplace_back("signature");
    return signature_of(good_identity(), request);
  });
  run.on_session = [&](Session session) {
    session.client_hello().then([&](const Result<ClientHello>& hello) {
      order.emplace_back("hello");
      static_cast<void>(hello->done());
    });
    session.ocsp_request().then([&](const Result<OcspRequest>& request) {
      order.emplace_back("ocsp");
      static_cast<void>(request->respond_with(shared_pki().ocsp_response(good_identity())));
    });
  };
  run.shake();
  ASSERT_TRUE(run.ok()) << to_string(run.error());
  EXPECT_THAT(order, ::testing::ElementsAre("hello", "ocsp", "signature"));
}

// spec: CH6 SC26
TEST(SpecKeyEngine, AContextOfDoneMayHaveOne) {
  EngineRun run(this_test());
  const TlsSettings settings = run.server.secure;
  run.server.secure = server_config("xyz").secure;
  run.server.secure.client_hello = true;
  run.on_session = [&](Session session) {
    session.client_hello().then([&](const Result<ClientHello>& hello) {
      EXPECT_TRUE(hello->done(value_or_throw(make_tls_context(Side::server, settings))));
    });
  };
  run.pause();
  EXPECT_TRUE(run.respond().has_value());
  run.finish();
  EXPECT_TRUE(run.ok()) << to_string(run.error());
}

// spec: SC26 S27
TEST(SpecKeyEngine, AResumedSessionNeedsNoSignature) {
  EngineRun run(this_test());
  int asked = 0;
  run.server.secure.private_key_engine = make_key_engine([&](SignatureRequest request) {
    ++asked;
    return signature_of(good_identity(), request);
  });
  run.shake();
  ASSERT_TRUE(run.ok());
  run.pair.run_until([&] { return run.pair.session.session_ticket().has_value(); });
  run.connect(run.pair.session.session_ticket());
  run.finish();
  ASSERT_TRUE(run.ok());
  EXPECT_TRUE(run.info().resumed);
  EXPECT_EQ(asked, 1);
}

// --- failing -------------------------------------------------------------------------------------

// spec: SC26
TEST(SpecKeyEngine, AnEngineThatFailsEndsTheHandshake) {
  const std::vector<std::pair<std::string, std::shared_ptr<const KeyEngine>>> engines{
      {"the HSM is off", make_key_engine([](SignatureRequest) -> Result<Signature> {
         return failure(Errc::system, "the HSM is off");
       })},
      {"not today", make_key_engine([](SignatureRequest) -> Task<Result<Signature>> {
         co_await Shard::current().sleep_for(10ms);
         co_return failure(Errc::busy, "not today");
       })},
      {"the function threw an exception",
       make_key_engine([](SignatureRequest) -> Signature { throw std::runtime_error("no"); })},
      {"the function threw an exception", make_key_engine([](SignatureRequest) -> Task<> {
         co_await Shard::current().sleep_for(10ms);
         throw std::runtime_error("no");
       })},
      {"a signature of 0 bytes cannot be one of this key",
       make_key_engine([](SignatureRequest) { return Signature(); })},
      {"a signature of 100000 bytes cannot be one of this key",
       make_key_engine([](SignatureRequest) { return Signature(100000); })},
  };
  for (const auto& [reason, engine] : engines) {
    SCOPED_TRACE(reason);
    EngineRun run(this_test());
    run.server.secure.private_key_engine = engine;
    run.shake();
    ASSERT_FALSE(run.ok());
    EXPECT_EQ(run.error().kind, Errc::tls);
    EXPECT_THAT(run.error().reason, HasSubstr("internal_error"));
    const auto of_server = run.accepted.handshake();
    ASSERT_TRUE(of_server.ready());
    EXPECT_EQ(of_server.peek()->error().kind, Errc::tls);
    EXPECT_THAT(of_server.peek()->error().reason, StartsWith("private_key_engine: " + reason));
  }
}

// spec: SC26
TEST(SpecKeyEngine, AClientsEngineThatFailsEndsTheHandshake) {
  EngineRun run(this_test());
  run.demand_client_certificate(settings_of(good_identity(), run.keeps()));
  run.pause();
  EXPECT_TRUE(run.requests[0].fail(Error::make(Errc::system, "the card was pulled")).has_value());
  run.finish();
  ASSERT_FALSE(run.ok());
  EXPECT_THAT(run.error().reason, StartsWith("private_key_engine: the card was pulled"));
}

// spec: SC26
TEST(SpecKeyEngine, ASignatureOfAnotherKeyIsRefused) {
  for (const Kind kind : {Kind{"P-256", {}, 0}, Kind{"rsa:2048", {}, 0}, Kind{"ed25519", {}, 0}}) {
    SCOPED_TRACE(kind.key);
    static Pki stranger("Stranger");
    std::string name = kind.key;
    std::ranges::replace(name, ':', '-');
    const auto other = stranger.issue("other-" + name, kind.key);
    EngineRun run(this_test());
    run.server.secure =
        settings_of(identity_of(kind), make_key_engine([&](SignatureRequest request) {
                      const std::string input(reinterpret_cast<const char*>(request.input.data()),
                                              request.input.size());
                      const auto text = stranger.sign(other, request.algorithm, input);
                      const Bytes bytes = as_bytes(text);
                      return Signature(bytes.begin(), bytes.end());
                    }));
    run.shake();
    ASSERT_FALSE(run.ok());
    EXPECT_EQ(run.error().kind, Errc::tls);
    // wolfSSL looks at RSA's before it is sent.
    const bool rsa = kind.key == std::string("rsa:2048");
    EXPECT_THAT(run.error().reason, HasSubstr(rsa ? "internal_error" : "decrypt_error"));
  }
}

// spec: SC26
TEST(SpecKeyEngine, AnswersOnceAndNotAfterTheEnd) {
  EXPECT_EQ(SignatureRequest().respond_with({}).error().kind, Errc::invalid_state);
  EXPECT_EQ(SignatureRequest().fail({}).error().kind, Errc::invalid_state);
  EngineRun run(this_test());
  run.pause();
  EXPECT_TRUE(run.respond().has_value());
  EXPECT_EQ(run.respond().error().kind, Errc::invalid_state);
  run.finish();
  ASSERT_TRUE(run.ok());
  run.accepted.cancel();
  run.pair.settle();
  EXPECT_EQ(run.respond().error().kind, Errc::closed);
}

// spec: SC26
TEST(SpecKeyEngine, AnEngineThatNeverAnswersEndsByTheHandshakeTimeout) {
  for (const bool client : {false, true}) {
    EngineRun run(this_test());
    (client ? run.client : run.server).handshake_timeout = 2s;
    if (client) run.demand_client_certificate(settings_of(good_identity(), run.keeps()));
    run.pause();
    const auto closed = (client ? run.pair.session : run.accepted).closed();
    run.pair.run_until([&] { return closed.ready(); });
    EXPECT_EQ(closed.peek()->error().kind, Errc::timed_out);
    EXPECT_EQ(run.respond().error().kind, Errc::closed);
    EXPECT_EQ(run.requests.size(), 1U);
  }
}

// What waits is bounded by the limits of all handshakes: the 101st of a host is refused.
// spec: SC26 EC12
TEST(SpecKeyEngine, HandshakesThatWaitCountAsConnections) {
  EngineRun run(this_test());
  run.listen();
  std::vector<Session> sessions;
  for (int i = 0; i < 100; ++i) sessions.push_back(run.connect());
  run.pair.run_until([&] { return run.requests.size() == 100; });
  run.connect();
  run.finish();
  ASSERT_FALSE(run.ok());
  EXPECT_EQ(run.error().kind, Errc::busy);
  EXPECT_EQ(run.requests.size(), 100U);
}

// --- wrong settings ------------------------------------------------------------------------------

// spec: SC16 SC26 SC27
TEST(SpecKeyEngine, SettingsThatContradictAreRefused) {
  const auto engine = signs_at_once(good_identity());
  const auto expect_refused = [](const TlsSettings& settings, Errc kind, const char* reason) {
    const auto context = make_tls_context(Side::client, settings);
    ASSERT_FALSE(context.has_value()) << reason;
    EXPECT_EQ(context.error().kind, kind);
    EXPECT_THAT(context.error().reason, StartsWith(reason));
    EXPECT_TRUE(is_documented(QUICORE_SOURCE_DIR "/docs/bad-input.md", "TlsSettings",
                              context.error().reason));
  };
  TlsSettings settings = good_identity().settings();
  settings.private_key_engine = engine;
  expect_refused(settings, Errc::invalid_argument, "private_key_engine: give it or a key");
  settings.key.clear();
  EXPECT_TRUE(make_tls_context(Side::client, settings).has_value());
  settings.certificate.clear();
  expect_refused(settings, Errc::invalid_argument, "certificate: there is a key but no");
  settings = good_identity().settings();
  settings.private_key_identifier = "web";
  expect_refused(settings, Errc::invalid_argument, "private_key_identifier: ");
  settings = good_identity().settings();
  settings.client_certificate_engine = "pkcs11";
  expect_refused(settings, Errc::not_supported, "client_certificate_engine: ");
}

}  // namespace
}  // namespace quicore::test
