// SPDX-License-Identifier: Apache-2.0
//
// The specification's secure options: what each changes in a handshake between two endpoints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "api/tls.h"
#include "tests/spec/tls_run.h"
#include "tests/support/document_table.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::StartsWith;

std::vector<Pem> shared_ca() { return {Pem::bytes(shared_pki().ca_pem())}; }

// The field stands in front, and docs/bad-input.md has the sentence.
void expect_refused(Side side, const TlsSettings& settings, Errc kind, const std::string& reason) {
  const auto context = make_tls_context(side, settings);
  ASSERT_FALSE(context.has_value()) << reason;
  EXPECT_EQ(context.error().kind, kind) << context.error().reason;
  EXPECT_THAT(context.error().reason, StartsWith(reason));
  EXPECT_TRUE(
      is_documented(QUICORE_SOURCE_DIR "/docs/bad-input.md", "TlsSettings", context.error().reason))
      << context.error().reason;
}

struct PkiRun : TlsRun {
  explicit PkiRun(WorldOptions options, const Pki::Identity& identity = good_identity())
      : TlsRun(std::move(options)) {
    server.secure = identity.settings();
    client.secure.ca = shared_ca();
  }
};

// --- whom we trust and who we are ---------------------------------------------------------------

// spec: SC10
TEST(SpecTls, OneOrSeveralCasAreTrusted) {
  PkiRun one(this_test());
  one.shake();
  EXPECT_TRUE(one.ok());
  PkiRun several(this_test());
  several.client.secure.ca = client_config("xyz").secure.ca;
  several.client.secure.ca.push_back(Pem::bytes(shared_pki().ca_pem()));
  several.shake();
  EXPECT_TRUE(several.ok());
  PkiRun none(this_test());
  none.client.secure.ca = client_config("xyz").secure.ca;
  none.shake();
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().kind, Errc::certificate);
}

// spec: SC11 SC12 S5 S23
TEST(SpecTls, CertificateAndKeyAreTextOrFilesAndOneOrSeveral) {
  const auto folder = std::filesystem::temp_directory_path();
  const auto file = folder / "quicore-spec-key.pem";
  std::ofstream(file) << good_identity().key_pem;
  PkiRun run(this_test());
  run.server.secure.certificate = {Pem::bytes(good_identity().certificate_pem),
                                   Pem::bytes(shared_pki().ca_pem())};
  run.server.secure.key = {Pem::file(file)};
  run.shake();
  std::filesystem::remove(file);
  ASSERT_TRUE(run.ok()) << to_string(run.error());
  const auto expected = value_or_throw(Certificate::from_pem(good_identity().certificate_pem));
  EXPECT_EQ(run.accepted.certificate(), expected);
  EXPECT_EQ(run.pair.session.peer_certificate(), expected);
  EXPECT_TRUE(run.pair.session.certificate().empty());
}

// spec: SC14 SC13 S5 S23 EV17
TEST(SpecTls, AServerThatAsksForACertificateSeesTheClients) {
  PkiRun run(this_test());
  run.server.secure.request_peer_certificate = true;
  run.server.secure.ca = shared_ca();
  run.client.secure.certificate = good_identity().settings().certificate;
  run.client.secure.key = good_identity().settings().key;
  run.shake();
  ASSERT_TRUE(run.ok()) << to_string(run.error());
  EXPECT_FALSE(run.accepted.peer_certificate().empty());
  EXPECT_EQ(run.accepted.peer_certificate(), run.pair.session.certificate());
}

// spec: SC14 SC13
TEST(SpecTls, AClientWithoutACertificateIsRefusedUnlessOnlyReported) {
  for (const Verify verify : {Verify::strict, Verify::report}) {
    PkiRun run(this_test());
    run.server.secure.request_peer_certificate = true;
    run.server.secure.ca = shared_ca();
    run.server.secure.verify = verify;
    run.listen();
    const auto closed = run.connect().closed();
    run.finish();
    if (verify == Verify::report) {
      EXPECT_TRUE(run.ok());
      EXPECT_TRUE(run.accepted.handshake().peek()->has_value());
    } else {
      run.pair.run_until([&] { return closed.ready(); });
      EXPECT_EQ(closed.peek()->error().kind, Errc::tls);
    }
  }
}

// spec: SC24
TEST(SpecTls, APassphraseOpensTheKey) {
  const Pki::Identity identity = shared_pki().issue("locked");
  PkiRun run(this_test(), identity);
  run.server.secure.key = {Pem::bytes(shared_pki().encrypted_key(identity, "secret"))};
  run.server.secure.passphrase = "secret";
  run.shake();
  EXPECT_TRUE(run.ok());
}

// spec: SC25 SC24
TEST(SpecTls, APkcs12FileIsCertificateAndKey) {
  PkiRun run(this_test());
  run.server.secure = {};
  run.server.secure.pfx = {Pem::bytes(shared_pki().pfx(good_identity(), "secret"))};
  run.server.secure.passphrase = "secret";
  run.shake();
  ASSERT_TRUE(run.ok()) << to_string(run.error());
  EXPECT_EQ(run.pair.session.peer_certificate(),
            value_or_throw(Certificate::from_pem(good_identity().certificate_pem)));
}

// spec: SC25
TEST(SpecTls, APkcs12FileThatCannotBeOpenedIsRefused) {
  TlsSettings settings;
  settings.pfx = {Pem::bytes(shared_pki().pfx(good_identity(), "secret"))};
  settings.passphrase = "wrong";
  expect_refused(Side::server, settings, Errc::invalid_argument,
                 "pfx: `passphrase` does not open it");
  settings.pfx = {Pem::bytes("no PKCS#12")};
  expect_refused(Side::server, settings, Errc::invalid_argument, "pfx: it is not PKCS#12");
  settings.certificate = good_identity().settings().certificate;
  expect_refused(Side::server, settings, Errc::invalid_argument, "pfx: give exactly one, and no");
}

// spec: SC18 S30
TEST(SpecTls, ARevocationListRefusesWhatItNames) {
  static_cast<void>(revoked_identity());
  const std::string list = shared_pki().crl_pem();
  PkiRun good(this_test());
  good.client.secure.crl = {Pem::bytes(list)};
  good.shake();
  EXPECT_TRUE(good.ok());
  for (const Verify verify : {Verify::strict, Verify::report}) {
    PkiRun revoked(this_test(), revoked_identity());
    revoked.client.secure.crl = {Pem::bytes(list)};
    revoked.client.secure.verify = verify;
    revoked.shake();
    if (verify == Verify::report) {
      ASSERT_TRUE(revoked.ok()) << to_string(revoked.error());
      EXPECT_EQ(revoked.validation_code(), "CERT_REVOKED");
    } else {
      ASSERT_FALSE(revoked.ok());
      EXPECT_EQ(revoked.error().reason.substr(0, 12), "CERT_REVOKED");
    }
  }
}

// spec: SC18
TEST(SpecTls, ARevocationListThatCannotBeUsedIsRefused) {
  TlsSettings settings;
  settings.crl = {Pem::bytes(shared_pki().crl_pem())};
  expect_refused(Side::client, settings, Errc::invalid_argument, "crl: name in `ca`");
  settings.ca = client_config("xyz").secure.ca;
  expect_refused(Side::client, settings, Errc::invalid_argument, "crl: a list cannot be used");
  settings.crl = {Pem::bytes("no list")};
  expect_refused(Side::client, settings, Errc::invalid_argument, "crl: no \"-----BEGIN X509 CRL");
}

// spec: SC34
TEST(SpecTls, TheHostNameIsCheckedUnlessToldOtherwise) {
  PkiRun checked(this_test());
  checked.client.hostname = "example.org";
  checked.shake();
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().reason.substr(0, 17), "HOSTNAME_MISMATCH");
  PkiRun unchecked(this_test());
  unchecked.client.hostname = "example.org";
  unchecked.client.secure.verify_hostname = false;
  unchecked.shake();
  EXPECT_TRUE(unchecked.ok());
}

// --- what is negotiated -------------------------------------------------------------------------

// spec: SC15 S6
TEST(SpecTls, TheCiphersOfBothSidesMeet) {
  for (const char* name :
       {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}) {
    TlsRun run(this_test());
    run.client.secure.ciphers = name;
    run.shake();
    ASSERT_TRUE(run.ok()) << name;
    EXPECT_EQ(run.info().cipher, name);
    EXPECT_EQ(run.info().cipher_version, "TLSv1.3");
  }
  TlsRun apart(this_test());
  apart.client.secure.ciphers = "TLS_AES_128_GCM_SHA256";
  apart.server.secure.ciphers = "TLS_AES_256_GCM_SHA384";
  apart.listen();
  apart.connect();
  apart.finish();
  ASSERT_FALSE(apart.ok());
  EXPECT_EQ(apart.error().kind, Errc::tls);
}

// spec: SC21 SC19 S18
TEST(SpecTls, TheKeyExchangeIsTheOneAskedFor) {
  struct Case {
    const char* group;
    const char* type;
    std::uint64_t size;
  };
  for (const Case& wanted :
       {Case{"X25519", "ECDH", 253}, Case{"P-256", "ECDH", 256}, Case{"P-384", "ECDH", 384},
        Case{"P-521", "ECDH", 521}, Case{"X25519MLKEM768", "ECDH+ML-KEM", 253},
        Case{"ffdhe2048", "DH", 2048}}) {
    TlsRun run(this_test());
    run.client.secure.groups = run.server.secure.groups = wanted.group;
    run.listen();
    EXPECT_FALSE(run.connect().ephemeral_key_info().has_value());
    run.finish();
    ASSERT_TRUE(run.ok()) << wanted.group << ": " << to_string(run.error());
    for (const Session& session : {run.pair.session, run.accepted}) {
      const auto key = session.ephemeral_key_info();
      ASSERT_TRUE(key.has_value()) << wanted.group;
      EXPECT_EQ(key->name, wanted.group);
      EXPECT_EQ(key->type, wanted.type);
      EXPECT_EQ(key->size, wanted.size);
    }
  }
}

// spec: SC19
TEST(SpecTls, CustomDiffieHellmanParametersAreNotSupported) {
  TlsSettings settings = server_config("xyz").secure;
  settings.dhparam = {Pem::bytes("-----BEGIN DH PARAMETERS-----\n-----END DH PARAMETERS-----\n")};
  expect_refused(Side::server, settings, Errc::not_supported, "dhparam: ");
}

// spec: SC32
TEST(SpecTls, SignatureAlgorithmsDecideWhichCertificateServes) {
  static const Pki::Identity rsa = shared_pki().issue("rsa", "rsa:2048");
  struct Case {
    const Pki::Identity& identity;
    const char* algorithms;
    bool works;
  };
  for (const Case& one :
       {Case{good_identity(), "ECDSA+SHA256", true}, Case{good_identity(), "RSA-PSS+SHA256", false},
        Case{rsa, "RSA-PSS+SHA256:ECDSA+SHA256", true}}) {
    PkiRun run(this_test(), one.identity);
    run.client.secure.signature_algorithms = one.algorithms;
    run.shake();
    EXPECT_EQ(run.ok(), one.works) << one.identity.name << ' ' << one.algorithms;
  }
}

// spec: SC29
TEST(SpecTls, SecureOptionsMeanWhatTheyMeanOrAreRefused) {
  TlsRun plain(this_test());
  plain.server.secure.secure_options =
      secure_option::kCipherServerPreference | secure_option::kNoOlderVersions;
  plain.server.secure.ciphers = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";
  plain.client.secure.ciphers = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";
  plain.shake();
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain.info().cipher, "TLS_AES_256_GCM_SHA384");
  EXPECT_TRUE(plain.pair.session.session_ticket().has_value());

  TlsRun without_tickets(this_test());
  without_tickets.server.secure.secure_options = secure_option::kNoTicket;
  without_tickets.shake();
  ASSERT_TRUE(without_tickets.ok());
  EXPECT_FALSE(without_tickets.pair.session.session_ticket().has_value());

  TlsSettings settings = server_config("xyz").secure;
  settings.secure_options = secure_option::kNoTls13;
  expect_refused(Side::server, settings, Errc::invalid_argument, "secure_options: QUIC needs");
  settings.secure_options = 1;
  expect_refused(Side::server, settings, Errc::not_supported, "secure_options: a bit is set");
}

// --- pre-shared keys ----------------------------------------------------------------------------

std::shared_ptr<const PskFunction> psk(const std::string& identity, std::uint8_t byte) {
  return std::make_shared<const PskFunction>([identity, byte](std::string_view asked) {
    const bool known = asked.empty() || asked == identity;
    return Psk{identity, known ? std::vector<std::uint8_t>(32, byte) : std::vector<std::uint8_t>()};
  });
}

// spec: SC28
TEST(SpecTls, APreSharedKeyTakesThePlaceOfCertificates) {
  TlsRun run(this_test());
  run.server.secure = {};
  run.client.secure = {};
  run.server.secure.psk = run.client.secure.psk = psk("alice", 7);
  run.shake();
  ASSERT_TRUE(run.ok()) << to_string(run.error());
  EXPECT_TRUE(run.pair.session.peer_certificate().empty());
  EXPECT_TRUE(run.accepted.handshake().peek()->has_value());
}

// spec: SC28
TEST(SpecTls, AWrongOrUnknownPreSharedKeyIsRefused) {
  for (const auto& [identity, byte] : {std::pair("alice", 8), std::pair("mallory", 7)}) {
    TlsRun run(this_test());
    run.server.secure = {};
    run.client.secure = {};
    run.server.secure.psk = psk("alice", 7);
    run.client.secure.psk = psk(identity, static_cast<std::uint8_t>(byte));
    run.shake();
    EXPECT_FALSE(run.ok()) << identity;
  }
}

// spec: SC28
TEST(SpecTls, APskFunctionThatThrowsHasNoKey) {
  TlsRun run(this_test());
  run.server.secure = {};
  run.client.secure = {};
  run.client.secure.psk = psk("alice", 7);
  run.server.secure.psk = std::make_shared<const PskFunction>(
      [](std::string_view) -> Psk { throw std::runtime_error("no database"); });
  run.shake();
  EXPECT_FALSE(run.ok());
}

// spec: SC28
TEST(SpecTls, AServerWithCertificateAndPreSharedKeyServesBoth) {
  for (const bool with_psk : {false, true}) {
    TlsRun run(this_test());
    run.server.secure.psk = psk("alice", 7);
    if (with_psk) run.client.secure.psk = psk("alice", 7);
    run.shake();
    ASSERT_TRUE(run.ok()) << with_psk << to_string(run.error());
    EXPECT_EQ(run.pair.session.peer_certificate().empty(), with_psk);
  }
}

// spec: SC28
TEST(SpecTls, AClientWhoseFunctionHasNoKeyUsesCertificates) {
  TlsRun run(this_test());
  run.server.secure.psk = psk("alice", 7);
  run.client.secure.psk =
      std::make_shared<const PskFunction>([](std::string_view) { return Psk{}; });
  run.shake();
  ASSERT_TRUE(run.ok()) << to_string(run.error());
  EXPECT_FALSE(run.pair.session.peer_certificate().empty());
}

// --- wrong settings ------------------------------------------------------------------------------

// spec: SC11 SC12 SC15 SC21 SC29 SC31 SC32
TEST(SpecTls, EveryProblemIsToldAtOnce) {
  TlsSettings settings;
  settings.certificate = {Pem::file("/nowhere/cert.pem")};
  settings.key = {Pem::file("/nowhere/key.pem")};
  settings.ca = {Pem::bytes("none")};
  settings.ciphers = "RC4";
  settings.groups = "brainpool";
  settings.signature_algorithms = "ECDSA+MD4";
  settings.alpn.clear();
  settings.session_timeout = 0s;
  settings.secure_options = 1;
  settings.verify = static_cast<Verify>(9);
  const auto context = make_tls_context(Side::client, settings);
  ASSERT_FALSE(context.has_value());
  EXPECT_EQ(context.error().kind, Errc::invalid_argument);
  EXPECT_THAT(context.error().reason, StartsWith("TlsSettings (10 problems): "));
  for (const char* field :
       {"certificate: ", "key: ", "ca: ", "ciphers: ", "groups: ", "alpn: ",
        "signature_algorithms: ", "session_timeout: ", "secure_options: ", "verify: "}) {
    EXPECT_THAT(context.error().reason, HasSubstr(field));
  }
  settings = client_config("xyz").secure;
  settings.verify = static_cast<Verify>(9);
  expect_refused(Side::client, settings, Errc::invalid_argument, "verify: it is none of");
}

// --- resumption ---------------------------------------------------------------------------------

// Two servers; the ticket of the first is shown to the second.
bool resumes_elsewhere(const SessionConfig& one, const SessionConfig& other) {
  TlsRun first(this_test());
  first.server = one;
  first.shake();
  EXPECT_TRUE(first.ok());
  auto ticket = first.pair.session.session_ticket();
  EXPECT_TRUE(ticket.has_value());
  TlsRun second(this_test());
  second.server = other;
  second.listen();
  second.connect(std::move(ticket));
  second.finish();
  EXPECT_TRUE(second.ok());
  return second.info().resumed;
}

// spec: SC33
TEST(SpecTls, TicketKeysLetServersResumeEachOthersSessions) {
  SessionConfig one = server_config("xyz"), other = server_config("xyz");
  EXPECT_FALSE(resumes_elsewhere(one, other));
  one.secure.ticket_keys = other.secure.ticket_keys = std::vector<std::uint8_t>(48, 3);
  EXPECT_TRUE(resumes_elsewhere(one, other));
}

// spec: SC30
TEST(SpecTls, ASessionIdContextKeepsServicesApart) {
  SessionConfig one = server_config("xyz"), other = server_config("xyz");
  one.secure.ticket_keys = other.secure.ticket_keys = std::vector<std::uint8_t>(48, 3);
  one.secure.session_id_context = other.secure.session_id_context = "shop";
  EXPECT_TRUE(resumes_elsewhere(one, other));
  other.secure.session_id_context = "bank";
  EXPECT_FALSE(resumes_elsewhere(one, other));
}

// --- diagnosis ----------------------------------------------------------------------------------

// spec: SC20
TEST(SpecTls, ATraceTellsEveryHandshakeMessage) {
  TlsRun run(this_test());
  run.server.secure.trace = run.client.secure.trace = true;
  std::vector<std::string> of_server, of_client;
  const auto note = [](std::vector<std::string>& lines) {
    return [&lines](TlsTraceEvent event) {
      lines.push_back(event.line.substr(0, event.line.find(',')));
      EXPECT_THAT(event.line, ::testing::EndsWith(" bytes"));
    };
  };
  run.on_session = [&](Session session) { session.on_tls_trace() = note(of_server); };
  run.listen();
  run.connect().on_tls_trace() = note(of_client);
  run.finish();
  ASSERT_TRUE(run.ok());
  EXPECT_THAT(of_client, IsSupersetOf({"sent ClientHello", "received ServerHello",
                                       "received EncryptedExtensions", "received Certificate",
                                       "received CertificateVerify", "received Finished",
                                       "sent Finished", "received NewSessionTicket"}));
  EXPECT_THAT(of_server,
              IsSupersetOf({"received ClientHello", "sent ServerHello", "sent EncryptedExtensions",
                            "sent Certificate", "sent CertificateVerify", "sent Finished",
                            "received Finished", "sent NewSessionTicket"}));
  EXPECT_THAT(of_client, Not(Contains(HasSubstr("unknown"))));
}

// spec: SC20
TEST(SpecTls, NothingIsTracedUnlessAskedFor) {
  TlsRun run(this_test());
  std::vector<std::string> lines;
  run.on_session = [&](Session session) {
    session.on_tls_trace() = [&](TlsTraceEvent event) { lines.push_back(event.line); };
  };
  run.shake();
  EXPECT_TRUE(run.ok());
  EXPECT_THAT(lines, IsEmpty());
}

}  // namespace
}  // namespace quicore::test
