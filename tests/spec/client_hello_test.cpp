// SPDX-License-Identifier: Apache-2.0
//
// The specification's ClientHello: a server's handshake that waits for its application.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "api/tls.h"
#include "tests/spec/tls_run.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;

struct PausedRun : TlsRun {
  std::optional<ClientHello> hello;

  explicit PausedRun(WorldOptions options, const Path& path = {Delay{5ms}})
      : TlsRun(std::move(options), path) {
    server.secure.client_hello = true;
    on_session = [this](Session session) {
      session.client_hello().then([this](const Result<ClientHello>& result) {
        if (result) hello = *result;
      });
    };
  }

  void pause() {
    listen();
    connect();
    pair.run_until([this] { return hello.has_value(); });
  }
};

// spec: CH1 CH2 S7
TEST(SpecClientHello, TheHandshakeWaitsForDone) {
  PausedRun run(this_test());
  run.pause();
  run.pair.settle(3s);
  EXPECT_FALSE(run.handshake.ready());
  EXPECT_FALSE(run.accepted.handshake().ready());
  EXPECT_TRUE(run.hello->done().has_value());
  run.finish();
  EXPECT_TRUE(run.ok());
  EXPECT_EQ(run.pair.session.peer_certificate(), run.accepted.certificate());
}

// spec: CH1 S7
TEST(SpecClientHello, WithoutTheOptionNothingWaits) {
  TlsRun run(this_test());
  run.shake();
  ASSERT_TRUE(run.ok());
  const auto of_server = run.accepted.client_hello();
  const auto of_client = run.pair.session.client_hello();
  EXPECT_EQ(of_server.peek()->error().kind, Errc::not_supported);
  EXPECT_EQ(of_client.peek()->error().kind, Errc::not_supported);
}

// spec: CH3 CH4 CH5
TEST(SpecClientHello, TellsWhatTheClientWants) {
  PausedRun run(this_test());
  run.server.alpn = {"abc", "xyz"};
  run.client.alpn = {"xyz", "abc"};
  run.client.secure.ciphers = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
  run.pause();
  EXPECT_THAT(run.hello->alpn, ElementsAre("xyz", "abc"));
  EXPECT_EQ(run.hello->server_name, "localhost");
  EXPECT_THAT(run.hello->ciphers,
              ElementsAre(Field(&CipherInfo::name, "TLS_CHACHA20_POLY1305_SHA256"),
                          Field(&CipherInfo::standard_name, "TLS_AES_128_GCM_SHA256")));
  EXPECT_EQ(run.hello->ciphers.front().version, "TLSv1.3");
  EXPECT_TRUE(run.hello->done().has_value());
  run.finish();
  EXPECT_EQ(run.info().alpn, "xyz");
}

// spec: CH5
TEST(SpecClientHello, HasNoServerNameWhenTheClientSendsNone) {
  PausedRun run(this_test());
  run.client.hostname = "127.0.0.1";
  run.pause();
  EXPECT_THAT(run.hello->server_name, IsEmpty());
}

// spec: CH6
TEST(SpecClientHello, DoneMayReplaceTheContext) {
  PausedRun run(this_test());
  const auto other = value_or_throw(make_development_identity({"other.example"}));
  run.client.hostname = "other.example";
  run.client.secure.ca = other.client.ca;
  TlsSettings settings = other.server;
  settings.ciphers = "TLS_AES_256_GCM_SHA384";
  run.pause();
  auto context = value_or_throw(make_tls_context(Side::server, settings));
  ASSERT_TRUE(run.hello->done(std::move(context)).has_value());
  run.finish();
  ASSERT_TRUE(run.ok()) << to_string(run.error());
  EXPECT_EQ(run.info().cipher, "TLS_AES_256_GCM_SHA384");
  EXPECT_EQ(run.pair.session.peer_certificate().pem(),
            value_or_throw(Certificate::from_pem(other.certificate_pem)).pem());
  EXPECT_EQ(run.accepted.certificate(), run.pair.session.peer_certificate());
}

// spec: CH6
TEST(SpecClientHello, DoneRefusesAClientsContextAndASecondCall) {
  PausedRun run(this_test());
  run.pause();
  auto wrong = value_or_throw(make_tls_context(Side::client, client_config("xyz").secure));
  EXPECT_EQ(run.hello->done(std::move(wrong)).error().kind, Errc::invalid_argument);
  EXPECT_TRUE(run.hello->done().has_value());
  EXPECT_EQ(run.hello->done().error().kind, Errc::invalid_state);
  run.finish();
  EXPECT_TRUE(run.ok());
}

// spec: CH1 CH2 SC17
TEST(SpecClientHello, MayComeInSeveralDatagrams) {
  PausedRun run(this_test());
  // The key share of the hybrid alone has 1216 bytes: the ClientHello takes two datagrams.
  run.client.secure.groups = "X25519MLKEM768:X25519";
  run.pause();
  EXPECT_THAT(run.hello->alpn, ElementsAre("xyz"));
  run.pair.settle(1s);
  EXPECT_FALSE(run.handshake.ready());
  EXPECT_TRUE(run.hello->done().has_value());
  run.finish();
  ASSERT_TRUE(run.ok()) << to_string(run.error());
  EXPECT_EQ(run.info().group, "X25519MLKEM768");
}

// spec: CH1 CH2
TEST(SpecClientHello, SurvivesLossWhileItWaits) {
  PausedRun run(this_test(), {Delay{5ms}, Loss{0.2}});
  run.client.secure.groups = "X25519MLKEM768:X25519";
  run.pause();
  run.pair.settle(2s);
  EXPECT_TRUE(run.hello->done().has_value());
  run.finish();
  EXPECT_TRUE(run.ok());
}

// spec: CH1 CH2
TEST(SpecClientHello, SeveralHandshakesWaitEachForItself) {
  PausedRun run(this_test());
  std::vector<ClientHello> waiting;
  run.on_session = [&](Session session) {
    session.client_hello().then(
        [&](const Result<ClientHello>& result) { waiting.push_back(result.value()); });
  };
  run.listen();
  std::vector<Completion<HandshakeInfo>> handshakes;
  for (int i = 0; i < 3; ++i) handshakes.push_back(run.connect().handshake());
  run.pair.run_until([&] { return waiting.size() == 3; });
  ASSERT_TRUE(waiting[1].done().has_value());
  run.pair.settle(1s);
  EXPECT_EQ(std::ranges::count_if(handshakes, [](const auto& one) { return one.ready(); }), 1);
  ASSERT_TRUE(waiting[0].done().has_value());
  ASSERT_TRUE(waiting[2].done().has_value());
  run.pair.run_until(
      [&] { return std::ranges::all_of(handshakes, [](const auto& one) { return one.ready(); }); });
}

// spec: CH2
TEST(SpecClientHello, AHandshakeThatNobodyLetsGoOnEndsByItsTimeout) {
  PausedRun run(this_test());
  run.server.handshake_timeout = 2s;
  run.pause();
  const auto closed = run.accepted.closed();
  run.pair.run_until([&] { return closed.ready(); });
  EXPECT_EQ(closed.peek()->error().kind, Errc::timed_out);
  EXPECT_EQ(run.hello->done().error().kind, Errc::closed);
}

// spec: CH2
TEST(SpecClientHello, DoneAfterTheClientHasGoneIsHarmless) {
  PausedRun run(this_test());
  run.pause();
  run.pair.session.cancel();
  const auto closed = run.accepted.closed();
  run.pair.run_until([&] { return closed.ready(); });
  EXPECT_EQ(run.hello->done().error().kind, Errc::closed);
}

// spec: CH1 CH2 S17
TEST(SpecClientHello, EarlyDataArrivesAfterDone) {
  PausedRun run(this_test());
  run.server.secure.early_data = run.client.secure.early_data = true;
  std::string received;
  run.on_session = [&](Session session) {
    session.client_hello().then([](const Result<ClientHello>& result) {
      if (result) static_cast<void>(result->done());
    });
    session.on_stream() = [&received](StreamEvent event) -> Task<> {
      auto body = co_await event.stream.reader().read_all(100);
      if (body) received = body->text();
    };
  };
  run.shake();
  ASSERT_TRUE(run.ok());
  run.pair.run_until([&] { return run.pair.session.session_ticket().has_value(); });
  auto ticket = run.pair.session.session_ticket();
  run.pair.session.cancel();
  run.pair.settle();
  Session again = run.connect(std::move(ticket));
  ASSERT_TRUE(again.open({.body = "early"}).has_value());
  run.finish();
  run.pair.run_until([&] { return received == "early"; });
  ASSERT_TRUE(run.ok());
  EXPECT_TRUE(run.info().resumed);
}

}  // namespace
}  // namespace quicore::test
