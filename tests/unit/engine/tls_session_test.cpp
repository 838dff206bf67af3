// SPDX-License-Identifier: Apache-2.0
#include "engine/tls_session.h"

#include <gtest/gtest.h>
#include <wolfssl/options.h>

#include <wolfssl/ssl.h>

#include "engine/tls_alert.h"
#include "engine/tls_random.h"
#include "io/random.h"
#include "tests/unit/engine/tls_kinds_of_keys.h"
#include "tests/unit/engine/tls_pair.h"

namespace quicore::engine {
namespace {

using test::Bytes;
using test::client_settings;
using test::EndOptions;
using test::server_settings;
using test::TlsPair;

EndOptions with(TlsSettings settings) {
  EndOptions options;
  options.tls = std::move(settings);
  return options;
}

EndOptions client() { return with(client_settings()); }
EndOptions server() { return with(server_settings()); }

// The error a user of the client sees, and of the server.
Error client_error(TlsPair& pair) {
  auto& end = pair.client();
  return end.tls->handshake_error(ngtcp2_conn_get_tls_alert2(end.connection));
}
Error server_error(TlsPair& pair) {
  auto& end = pair.server();
  return end.tls->handshake_error(ngtcp2_conn_get_tls_alert2(end.connection));
}

void expect_transfer(TlsPair& pair, const std::string& text) {
  pair.client().received.clear();
  pair.server().received.clear();
  pair.send(pair.client(), text);
  pair.run();
  EXPECT_EQ(pair.server().received, text)
      << "client error " << pair.client().error << ", server error " << pair.server().error;
  if (pair.server().received != text) return;
  pair.send(pair.server(), "back: " + text);
  pair.run();
  EXPECT_EQ(pair.client().received, "back: " + text);
}

// --- what is agreed on ---------------------------------------------------------------------------

TEST(TlsSession, BothSidesAgreeOnWhatWasNegotiated) {
  TlsPair pair(client(), server());
  pair.run();
  ASSERT_TRUE(pair.client().completed) << pair.client().error;
  ASSERT_TRUE(pair.server().completed) << pair.server().error;
  for (const TlsSession* tls : {pair.client().tls.get(), pair.server().tls.get()}) {
    EXPECT_EQ(tls->alpn(), "h3");
    EXPECT_EQ(tls->server_name(), "localhost");
    EXPECT_EQ(tls->cipher_name(), "TLS_AES_128_GCM_SHA256");
    EXPECT_EQ(tls->cipher_version(), "TLSv1.3");
    EXPECT_EQ(tls->group_name(), "X25519");
    EXPECT_FALSE(tls->resumed());
    EXPECT_EQ(tls->certificate_problem(), CertificateProblem::none);
  }
  ASSERT_EQ(pair.client().tls->peer_certificates().size(), 1u);
  EXPECT_NE(pair.client().tls->peer_certificates()[0].subject().find("CN=localhost"),
            std::string::npos);
  EXPECT_EQ(pair.client().tls->peer_certificates()[0], pair.server().tls->local_certificate());
  EXPECT_TRUE(pair.server().tls->peer_certificates().empty());
  expect_transfer(pair, "hello");
}

TEST(TlsSession, EveryCipherSuiteCarriesData) {
  for (const auto backend : {AeadBackend::wolfcrypt, AeadBackend::automatic}) {
    ASSERT_TRUE(select_aead_backend(backend));
    for (const std::string suite :
         {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}) {
      auto settings = client_settings();
      settings.ciphers = suite;
      TlsPair pair(with(settings), server());
      expect_transfer(pair, "sealed by " + suite);
      EXPECT_EQ(pair.client().tls->cipher_name(), suite);
      EXPECT_EQ(pair.server().tls->cipher_name(), suite);
    }
  }
}

TEST(TlsSession, EveryGroupIsNegotiatedAndNamed) {
  for (const std::string group : {"X25519", "P-256", "P-384", "P-521", "X25519MLKEM768",
                                  "SecP256r1MLKEM768", "SecP384r1MLKEM1024", "ffdhe2048"}) {
    auto client_groups = client_settings();
    auto server_groups = server_settings();
    client_groups.groups = server_groups.groups = group;
    TlsPair pair(with(client_groups), with(server_groups));
    pair.run();
    EXPECT_TRUE(pair.server().completed) << group;
    EXPECT_EQ(pair.client().tls->group_name(), group);
    EXPECT_EQ(pair.server().tls->group_name(), group);
  }
}

TEST(TlsSession, AServerThatWantsAnotherGroupAsksForIt) {
  auto settings = server_settings();
  settings.groups = "P-256";
  TlsPair pair(client(), with(settings));
  expect_transfer(pair, "after a HelloRetryRequest");
  EXPECT_EQ(pair.client().tls->group_name(), "P-256");
}

// RFC 9001 6.5: not sooner than three probe timeouts after the last one.
void update_key(TlsPair& pair, TlsPair::End& end) {
  pair.pass(10'000'000'000);
  pair.run();
  ASSERT_EQ(ngtcp2_conn_initiate_key_update(end.connection, pair.now()), 0);
}

TEST(TlsSession, KeysAreUpdatedByEitherSide) {
  TlsPair pair(client(), server());
  pair.run();
  ASSERT_TRUE(pair.client().confirmed);
  update_key(pair, pair.client());
  expect_transfer(pair, "sealed with the second key");
  update_key(pair, pair.server());
  expect_transfer(pair, "sealed with the third");
  update_key(pair, pair.client());
  expect_transfer(pair, "sealed with the fourth");
}

// RFC 9368: the first packets are of version 1, the rest of version 2.
TEST(TlsSession, CompatibleVersionNegotiationReachesVersion2) {
  EndOptions one = client(), other = server();
  one.preferred_versions = {NGTCP2_PROTO_VER_V1, NGTCP2_PROTO_VER_V2};
  other.preferred_versions = {NGTCP2_PROTO_VER_V2, NGTCP2_PROTO_VER_V1};
  TlsPair pair(std::move(one), std::move(other));
  expect_transfer(pair, "by version 2");
  EXPECT_EQ(ngtcp2_conn_get_negotiated_version2(pair.client().connection), NGTCP2_PROTO_VER_V2);
  EXPECT_EQ(ngtcp2_conn_get_negotiated_version2(pair.server().connection), NGTCP2_PROTO_VER_V2);
}

TEST(TlsSession, AConnectionMayBeginWithVersion2) {
  EndOptions one = client(), other = server();
  one.version = NGTCP2_PROTO_VER_V2;
  one.preferred_versions = other.preferred_versions = {NGTCP2_PROTO_VER_V2, NGTCP2_PROTO_VER_V1};
  TlsPair pair(std::move(one), std::move(other));
  expect_transfer(pair, "version 2 from the start");
}

// --- ALPN and server names -----------------------------------------------------------------------

TEST(TlsSession, TheFirstProtocolOfTheClientThatTheServerHasIsTaken) {
  EndOptions one = client(), other = server();
  one.alpn = {"unknown", "hq-interop", "h3"};
  other.alpn = {"h3", "hq-interop"};
  TlsPair pair(std::move(one), std::move(other));
  pair.run();
  EXPECT_EQ(pair.client().tls->alpn(), "hq-interop");
  EXPECT_EQ(pair.server().tls->alpn(), "hq-interop");
}

TEST(TlsSession, WithoutACommonProtocolTheServerRefuses) {
  EndOptions one = client();
  one.alpn = {"other"};
  TlsPair pair(std::move(one), server());
  pair.run();
  EXPECT_EQ(pair.server().error, NGTCP2_ERR_CRYPTO);
  const Error error = server_error(pair);
  EXPECT_EQ(error.kind, Errc::tls);
  EXPECT_EQ(error.code, alert::kNoApplicationProtocol);
  EXPECT_NE(error.reason.find("no ALPN protocol in common"), std::string::npos) << error.reason;
}

// RFC 9001 8.1: also when the client has no ALPN extension at all.
TEST(TlsSession, AClientWithoutAlpnIsRefused) {
  EndOptions one = client();
  // A list that consists of wolfSSL's separator removes the extension.
  one.spoil = [](TlsSession& tls) {
    const unsigned char comma[]{1, ','};
    wolfSSL_set_alpn_protos(tls.native(), comma, sizeof comma);
  };
  TlsPair pair(std::move(one), server());
  pair.run();
  EXPECT_FALSE(pair.server().completed);
  EXPECT_EQ(pair.server().error, NGTCP2_ERR_CRYPTO);
  EXPECT_EQ(server_error(pair).code, alert::kNoApplicationProtocol);
}

DevelopmentCertificate certificate_for(const std::string& name) {
  const std::vector<std::string> names{name};
  return *make_development_certificate({.names = names});
}

TlsSettings settings_of(const DevelopmentCertificate& certificate) {
  TlsSettings settings;
  settings.certificate = {Pem::bytes(certificate.certificate_pem)};
  settings.key = {Pem::bytes(certificate.key_pem)};
  return settings;
}

TEST(TlsSession, EachServerNameHasItsCertificate) {
  const auto exact = certificate_for("a.example.org"), any = certificate_for("*.example.org");
  const auto context = *TlsContext::create(Side::server, server_settings());
  context->set_server_name("A.example.org", *TlsContext::create(Side::server, settings_of(exact)));
  context->set_server_name("*.example.org", *TlsContext::create(Side::server, settings_of(any)));
  const struct {
    std::string name, pem;
  } expected[]{{"a.example.org", exact.certificate_pem},
               {"b.example.org", any.certificate_pem},
               {"b.c.example.org", test::development_certificate().certificate_pem},
               {"localhost", test::development_certificate().certificate_pem}};
  for (const auto& [name, pem] : expected) {
    auto settings = client_settings();
    settings.ca.push_back(Pem::bytes(exact.certificate_pem));
    settings.ca.push_back(Pem::bytes(any.certificate_pem));
    settings.verify = Verify::report;
    EndOptions one = with(settings), other;
    one.server_name = name;
    other.context = context;
    TlsPair pair(std::move(one), std::move(other));
    pair.run();
    ASSERT_TRUE(pair.client().completed) << name;
    EXPECT_EQ(pair.server().tls->server_name(), name);
    EXPECT_EQ(pair.client().tls->peer_certificates()[0], *Certificate::from_pem(pem)) << name;
    EXPECT_EQ(pair.server().tls->local_certificate(), *Certificate::from_pem(pem)) << name;
  }
}

TEST(TlsSession, EveryKindOfKeyServesDirectlyAndByServerName) {
  const auto base = *TlsContext::create(Side::server, server_settings());
  for (const auto& kind : test::kKindsOfKeys) {
    TlsSettings settings;
    settings.certificate = {Pem::bytes(kind.certificate)};
    settings.key = {Pem::bytes(kind.key)};
    const auto own = *TlsContext::create(Side::server, settings);
    base->set_server_name(kind.server_name, own);
    for (const auto& context : {own, base}) {
      EndOptions one = client(), other;
      one.tls.ca = {Pem::bytes(kind.certificate)};
      one.server_name = kind.server_name;
      other.context = context;
      TlsPair pair(std::move(one), std::move(other));
      expect_transfer(pair, kind.server_name);
      EXPECT_EQ(pair.client().tls->certificate_problem(), CertificateProblem::none);
    }
  }
}

// --- verification --------------------------------------------------------------------------------

struct Refusal {
  std::string what;
  TlsSettings client, server;
  std::string server_name;
  std::string_view code;
};

std::vector<Refusal> refusals() {
  std::vector<Refusal> all;
  auto nobody = certificate_for("nobody");
  auto trusts_nobody = client_settings();
  trusts_nobody.ca = {Pem::bytes(nobody.certificate_pem)};
  all.push_back({"an unknown certificate", trusts_nobody, server_settings(), "localhost",
                 "DEPTH_ZERO_SELF_SIGNED_CERT"});
  all.push_back(
      {"another name", client_settings(), server_settings(), "example.org", "HOSTNAME_MISMATCH"});
  all.push_back(
      {"another address", client_settings(), server_settings(), "127.0.0.2", "HOSTNAME_MISMATCH"});
  const auto old = *make_development_certificate({.age = std::chrono::days{30}});
  auto trusts_old = client_settings();
  trusts_old.ca = {Pem::bytes(old.certificate_pem)};
  all.push_back(
      {"an expired certificate", trusts_old, settings_of(old), "localhost", "CERT_HAS_EXPIRED"});
  const auto future = *make_development_certificate({.age = -std::chrono::days{2}});
  auto trusts_future = client_settings();
  trusts_future.ca = {Pem::bytes(future.certificate_pem)};
  all.push_back({"a certificate of tomorrow", trusts_future, settings_of(future), "localhost",
                 "CERT_NOT_YET_VALID"});
  return all;
}

EndOptions client_of(const Refusal& refusal, Verify verify) {
  EndOptions options = with(refusal.client);
  options.tls.verify = verify;
  options.server_name = refusal.server_name;
  return options;
}

TEST(TlsVerification, AStrictClientRefusesAndSaysWhy) {
  for (const Refusal& refusal : refusals()) {
    TlsPair pair(client_of(refusal, Verify::strict), with(refusal.server));
    pair.run();
    EXPECT_FALSE(pair.client().completed) << refusal.what;
    EXPECT_EQ(pair.client().error, NGTCP2_ERR_CRYPTO);
    const Error error = client_error(pair);
    EXPECT_EQ(error.kind, Errc::certificate) << refusal.what;
    EXPECT_EQ(error.space, ErrorSpace::tls_alert);
    EXPECT_NE(error.code, 0u);
    EXPECT_EQ(error.reason.substr(0, refusal.code.size()), refusal.code) << error.reason;
  }
}

TEST(TlsVerification, AReportingClientGoesOnAndTells) {
  for (const Refusal& refusal : refusals()) {
    TlsPair pair(client_of(refusal, Verify::report), with(refusal.server));
    expect_transfer(pair, "in spite of " + refusal.what);
    EXPECT_EQ(code_of(pair.client().tls->certificate_problem()), refusal.code) << refusal.what;
  }
}

TEST(TlsVerification, AClientThatDoesNotVerifyHasNoProblem) {
  for (const Refusal& refusal : refusals()) {
    TlsPair pair(client_of(refusal, Verify::none), with(refusal.server));
    expect_transfer(pair, "whatever " + refusal.what);
    EXPECT_EQ(pair.client().tls->certificate_problem(), CertificateProblem::none);
    EXPECT_EQ(pair.client().tls->peer_certificates().size(), 1u);
  }
}

TEST(TlsVerification, AnAddressOfTheCertificateIsAccepted) {
  EndOptions one = client();
  one.server_name = "::1";
  TlsPair pair(std::move(one), server());
  expect_transfer(pair, "to an address");
  EXPECT_EQ(pair.server().tls->server_name(), "") << "RFC 6066 3: addresses are not sent as SNI";
}

TEST(TlsVerification, TheNameIsNotLookedAtWhenToldSo) {
  auto settings = client_settings();
  settings.verify_hostname = false;
  EndOptions one = with(settings);
  one.server_name = "example.org";
  TlsPair pair(std::move(one), server());
  expect_transfer(pair, "the chain is good");
  EXPECT_EQ(pair.client().tls->certificate_problem(), CertificateProblem::none);
}

TlsSettings asking_server(Verify verify) {
  auto settings = server_settings();
  settings.request_peer_certificate = true;
  settings.verify = verify;
  settings.ca = {Pem::bytes(test::development_certificate().certificate_pem)};
  return settings;
}

TlsSettings client_with_certificate() {
  auto settings = client_settings();
  settings.certificate = server_settings().certificate;
  settings.key = server_settings().key;
  return settings;
}

TEST(TlsVerification, AServerThatAsksSeesTheClientsCertificate) {
  TlsPair pair(with(client_with_certificate()), with(asking_server(Verify::strict)));
  expect_transfer(pair, "from a known client");
  ASSERT_EQ(pair.server().tls->peer_certificates().size(), 1u);
  EXPECT_EQ(pair.server().tls->peer_certificates()[0], pair.client().tls->local_certificate());
}

TEST(TlsVerification, AStrictServerRefusesAClientWithoutACertificate) {
  TlsPair pair(client(), with(asking_server(Verify::strict)));
  pair.run();
  EXPECT_FALSE(pair.server().completed);
  const Error error = server_error(pair);
  EXPECT_EQ(error.kind, Errc::certificate) << error.reason;
  EXPECT_EQ(error.reason.substr(0, 33), "PEER_DID_NOT_RETURN_A_CERTIFICATE") << error.reason;
}

TEST(TlsVerification, AStrictServerRefusesAnUnknownClient) {
  auto settings = client_settings();
  const auto stranger = certificate_for("stranger");
  settings.certificate = settings_of(stranger).certificate;
  settings.key = settings_of(stranger).key;
  TlsPair pair(with(settings), with(asking_server(Verify::strict)));
  pair.run();
  EXPECT_FALSE(pair.server().completed);
  EXPECT_EQ(server_error(pair).kind, Errc::certificate);
}

TEST(TlsVerification, AReportingServerTakesAnyClientAndTells) {
  auto settings = client_settings();
  const auto stranger = certificate_for("stranger");
  settings.certificate = settings_of(stranger).certificate;
  settings.key = settings_of(stranger).key;
  TlsPair pair(with(settings), with(asking_server(Verify::report)));
  expect_transfer(pair, "from a stranger");
  EXPECT_EQ(code_of(pair.server().tls->certificate_problem()), "DEPTH_ZERO_SELF_SIGNED_CERT");
}

// --- what QUIC forbids ---------------------------------------------------------------------------

TEST(TlsSession, AfterTheHandshakeOnlyTicketsForTheClientAreTaken) {
  constexpr std::uint8_t kKeyUpdate = 24, kCertificateRequest = 13, kNewSessionTicket = 4;
  const struct {
    bool to_client;
    std::uint8_t type;
  } forbidden[]{{true, kKeyUpdate},
                {true, kCertificateRequest},
                {false, kKeyUpdate},
                {false, kNewSessionTicket},
                {false, 1}};
  for (const auto& [to_client, type] : forbidden) {
    TlsPair pair(client(), server());
    pair.run();
    auto& end = to_client ? pair.client() : pair.server();
    ASSERT_TRUE(end.completed);
    const Bytes message{type, 0, 0, 1, 0};
    EXPECT_EQ(end.tls->advance(NGTCP2_ENCRYPTION_LEVEL_1RTT, message), NGTCP2_ERR_CRYPTO);
    EXPECT_EQ(ngtcp2_conn_get_tls_alert2(end.connection), alert::kUnexpectedMessage);
  }
}

TEST(TlsSession, ATooLongMessageIsRefusedWhenItsLengthIsKnown) {
  const auto alert_for = [](bool to_client, ngtcp2_encryption_level level, const Bytes& header) {
    TlsPair pair(client(), server());
    pair.run();
    auto& end = to_client ? pair.client() : pair.server();
    for (const std::uint8_t& byte : header) {  // which need not arrive at once
      if (end.tls->advance(level, {&byte, 1}) != 0) break;
    }
    return ngtcp2_conn_get_tls_alert2(end.connection);
  };
  // 64 KiB and one more, of NewSessionTicket.
  EXPECT_EQ(alert_for(true, NGTCP2_ENCRYPTION_LEVEL_1RTT, {4, 1, 0, 0}), 0);
  EXPECT_EQ(alert_for(true, NGTCP2_ENCRYPTION_LEVEL_1RTT, {4, 1, 0, 1}), alert::kIllegalParameter);
  EXPECT_EQ(alert_for(true, NGTCP2_ENCRYPTION_LEVEL_1RTT, {4, 0xff, 0xff, 0xff}),
            alert::kIllegalParameter);
}

TEST(TlsSession, ATooLongClientHelloIsRefused) {
  const auto alert_for = [](const Bytes& header) {
    TlsPair pair(client(), server());
    pair.run();
    auto& end = pair.server();
    EXPECT_EQ(end.tls->advance(NGTCP2_ENCRYPTION_LEVEL_INITIAL, header), NGTCP2_ERR_CRYPTO);
    return ngtcp2_conn_get_tls_alert2(end.connection);
  };
  EXPECT_EQ(alert_for({1, 0, 0x40, 1}), alert::kIllegalParameter);
  EXPECT_EQ(alert_for({1, 0, 0x40, 0}), alert::kUnexpectedMessage) << "16 KiB, but too late";
  EXPECT_EQ(alert_for({2, 0, 0, 1}), alert::kUnexpectedMessage) << "not a ClientHello";
}

// --- the rest ------------------------------------------------------------------------------------

TEST(TlsSession, TheKeyLogHasTheFiveSecretsOfASession) {
  std::string log;
  const auto append = [](void* user, std::string_view line) {
    static_cast<std::string*>(user)->append(line).append("\n");
  };
  EndOptions one = client();
  one.tls.keylog = true;
  one.keylog = append;
  one.keylog_user = &log;
  TlsPair pair(std::move(one), server());
  pair.run();
  for (const std::string label :
       {"CLIENT_HANDSHAKE_TRAFFIC_SECRET ", "SERVER_HANDSHAKE_TRAFFIC_SECRET ",
        "CLIENT_TRAFFIC_SECRET_0 ", "SERVER_TRAFFIC_SECRET_0 "}) {
    EXPECT_NE(log.find(label), std::string::npos) << label << "in\n" << log;
  }
  std::string silent;
  EndOptions quiet = client();
  quiet.keylog = append;
  quiet.keylog_user = &silent;
  TlsPair unlogged(std::move(quiet), server());
  unlogged.run();
  EXPECT_EQ(silent, "") << "TlsSettings::keylog is off";
}

std::vector<Bytes> client_datagrams_of(std::uint64_t seed) {
  auto random = io::Random::seeded(seed);
  EndOptions one = client(), other = server();
  one.random = other.random = &random;
  TlsPair pair(std::move(one), std::move(other));
  pair.run();
  EXPECT_TRUE(pair.server().completed);
  return pair.client().sent_datagrams;
}

TEST(TlsSession, AHandshakeRepeatsByteByByteWithTheSameSeed) {
  if (!TlsSeedScope::supported()) GTEST_SKIP() << "wolfSSL was built without WC_RNG_SEED_CB";
  const auto datagrams = client_datagrams_of(1);
  EXPECT_EQ(client_datagrams_of(1), datagrams);
  EXPECT_NE(client_datagrams_of(2), datagrams);
}

TEST(TlsSession, WhatTheHandshakeNeededCanBeFreed) {
  TlsPair pair(client(), server());
  pair.run();
  pair.client().tls->release_handshake_memory();
  pair.server().tls->release_handshake_memory();
  EXPECT_EQ(pair.server().tls->native(), nullptr);
  expect_transfer(pair, "afterwards");
  update_key(pair, pair.client());
  expect_transfer(pair, "with another key");
  for (const TlsSession* tls : {pair.client().tls.get(), pair.server().tls.get()}) {
    EXPECT_EQ(tls->alpn(), "h3");
    EXPECT_EQ(tls->server_name(), "localhost");
    EXPECT_EQ(tls->cipher_name(), "TLS_AES_128_GCM_SHA256");
    EXPECT_EQ(tls->group_name(), "X25519");
  }
  EXPECT_FALSE(pair.client().tls->session_ticket().empty());
  const Bytes message{24, 0, 0, 1, 0};
  EXPECT_EQ(pair.server().tls->advance(NGTCP2_ENCRYPTION_LEVEL_1RTT, message), NGTCP2_ERR_CRYPTO);
}

TEST(TlsSession, NamesThatCannotBeSentAreRefused) {
  const auto context = *TlsContext::create(Side::client, client_settings());
  const auto error_of = [&](const TlsSession::Parameters& parameters) {
    auto session = TlsSession::create(context, parameters);
    return session ? std::string() : session.error().reason;
  };
  EXPECT_EQ(error_of({.server_name = "localhost."}), "") << "a trailing dot is cut off";
  EXPECT_EQ(error_of({.server_name = std::string(254, 'a')}).substr(0, 9), "hostname:");
  EXPECT_EQ(error_of({.server_name = std::string_view("a\0b", 3)}).substr(0, 9), "hostname:");
  const std::vector<std::string> comma{"h3,h2"}, empty{""}, longest{std::string(255, 'x')},
      too_long{std::string(256, 'x')};
  EXPECT_EQ(error_of({.alpn = comma}).substr(0, 5), "alpn:");
  EXPECT_EQ(error_of({.alpn = empty}).substr(0, 5), "alpn:");
  EXPECT_EQ(error_of({.alpn = too_long}).substr(0, 5), "alpn:");
  EXPECT_EQ(error_of({.alpn = longest}), "");
}

}  // namespace
}  // namespace quicore::engine
