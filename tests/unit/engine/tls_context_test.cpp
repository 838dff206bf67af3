// SPDX-License-Identifier: Apache-2.0
//
// What a TlsContext answers to settings that cannot be used: the field by name, and what to do.
#include "engine/tls_context.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "engine/development_certificate.h"
#include "tests/support/document_table.h"
#include "tests/unit/engine/tls_pair.h"

namespace quicore::engine {
namespace {

using test::client_settings;
using test::development_certificate;
using test::server_settings;

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) {
    static int count = 0;
    path_ =
        (std::filesystem::temp_directory_path() /
         ("quicore-tls-" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) + "-" +
          std::to_string(reinterpret_cast<std::uintptr_t>(this)) + "-" + std::to_string(++count)))
            .string();
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Empty when the context can be made.
std::string error_of(Side side, const TlsSettings& settings) {
  const auto context = TlsContext::create(side, settings);
  if (context) return {};
  EXPECT_EQ(context.error().kind, Errc::invalid_argument);
  return context.error().reason;
}

void expect_error(Side side, const TlsSettings& settings, std::string_view field,
                  std::string_view part) {
  const std::string error = error_of(side, settings);
  EXPECT_EQ(error.substr(0, field.size() + 2), std::string(field) + ": ") << error;
  EXPECT_NE(error.find(part), std::string::npos) << error;
  EXPECT_TRUE(
      quicore::test::is_documented(QUICORE_SOURCE_DIR "/docs/bad-input.md", "TlsSettings", error));
}

// --- certificate and key -------------------------------------------------------------------------

TEST(TlsContext, TakesPemFromMemoryAndFromFiles) {
  EXPECT_EQ(error_of(Side::server, server_settings()), "");
  const TemporaryFile certificate(development_certificate().certificate_pem);
  const TemporaryFile key(development_certificate().key_pem);
  TlsSettings settings;
  settings.certificate = {Pem::file(certificate.path())};
  settings.key = {Pem::file(key.path())};
  const auto context = TlsContext::create(Side::server, settings);
  ASSERT_TRUE(context) << context.error().reason;
  EXPECT_EQ((*context)->certificate().spki_sha256_base64(),
            development_certificate().spki_sha256_base64);
  EXPECT_TRUE((*context)->warnings().empty());
}

TEST(TlsContext, TakesCertificateAndKeyFromOnePem) {
  TlsSettings settings;
  for (const auto& text :
       {development_certificate().key_pem + development_certificate().certificate_pem,
        development_certificate().certificate_pem + development_certificate().key_pem}) {
    settings.certificate = {Pem::bytes(text)};
    EXPECT_EQ(error_of(Side::server, settings), "");
  }
}

TEST(TlsContext, AServerNeedsACertificate) {
  expect_error(Side::server, {}, "certificate", "a server needs one");
  EXPECT_EQ(error_of(Side::client, client_settings()), "") << "a client does not";
}

TEST(TlsContext, AMissingFileIsNamed) {
  auto settings = server_settings();
  settings.certificate = {Pem::file("/nonexistent/certificate.pem")};
  expect_error(Side::server, settings, "certificate",
               "cannot read \"/nonexistent/certificate.pem\": No such file or directory");
  settings = server_settings();
  settings.key = {Pem::file("/nonexistent/key.pem")};
  expect_error(Side::server, settings, "key", "\"/nonexistent/key.pem\"");
  settings = client_settings();
  settings.ca = {Pem::file("/nonexistent/ca.pem")};
  expect_error(Side::client, settings, "ca", "\"/nonexistent/ca.pem\"");
}

TEST(TlsContext, ADirectoryIsNoFile) {
  auto settings = server_settings();
  settings.certificate = {Pem::file("/tmp")};
  expect_error(Side::server, settings, "certificate", "cannot read \"/tmp\": Is a directory");
}

TEST(TlsContext, AnEndlessFileIsRefused) {
  auto settings = server_settings();
  settings.certificate = {Pem::file("/dev/zero")};
  expect_error(Side::server, settings, "certificate", "larger than 4 MiB");
}

TEST(TlsContext, AFileThatIsNotPemIsRefused) {
  const TemporaryFile der("\x30\x82\x01");
  auto settings = server_settings();
  settings.certificate = {Pem::file(der.path())};
  expect_error(Side::server, settings, "certificate", "is not PEM");
}

TEST(TlsContext, DamagedPemIsRefused) {
  auto settings = server_settings();
  settings.certificate = {Pem::bytes("garbage")};
  expect_error(Side::server, settings, "certificate", "no \"-----BEGIN CERTIFICATE-----\" found");
  settings.certificate = {
      Pem::bytes("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n")};
  expect_error(Side::server, settings, "certificate", "");
  settings.certificate = {Pem::bytes(development_certificate().certificate_pem.substr(0, 200))};
  expect_error(Side::server, settings, "certificate", "");
  settings = server_settings();
  settings.key = {Pem::bytes(development_certificate().certificate_pem)};
  expect_error(Side::server, settings, "key", "no \"-----BEGIN ... PRIVATE KEY-----\" found");
  settings.key = {
      Pem::bytes("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n")};
  expect_error(Side::server, settings, "key", "damaged or of a kind that is not supported");
}

TEST(TlsContext, AKeyOfAnotherCertificateIsRefused) {
  auto settings = server_settings();
  settings.key = {Pem::bytes(make_development_certificate()->key_pem)};
  expect_error(Side::server, settings, "key", "does not belong to the certificate");
}

TEST(TlsContext, AKeyWithoutACertificateIsRefused) {
  auto settings = server_settings();
  settings.certificate.clear();
  expect_error(Side::server, settings, "certificate", "there is a key but no certificate");
  settings = server_settings();
  settings.key.push_back(settings.key.front());
  expect_error(Side::server, settings, "key", "exactly one");
  settings.key.clear();
  expect_error(Side::server, settings, "key", "no \"-----BEGIN ... PRIVATE KEY-----\" found");
}

TEST(TlsContext, AnExpiredCertificateIsOnlyAWarning) {
  const auto old = *make_development_certificate({.age = std::chrono::days{20}});
  TlsSettings settings;
  settings.certificate = {Pem::bytes(old.certificate_pem)};
  settings.key = {Pem::bytes(old.key_pem)};
  const auto context = TlsContext::create(Side::server, settings);
  ASSERT_TRUE(context) << context.error().reason;
  ASSERT_EQ((*context)->warnings().size(), 1u);
  EXPECT_NE((*context)->warnings()[0].find("has expired"), std::string::npos);
}

// An EC key encrypted by: openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:secret, and its
// certificate.
constexpr const char* kEncryptedKey = R"(-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAg/RsV9p2SHcgICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEGZMQVl3tcy2hWIz39MvdSYEgZBx
lzhHfrRXLhHEwU3GgCM7d0JojTLmIxK9Dkot3n7S7bqLo1cttVRs2UK2m/ajNf8B
7cP85ZRZU8dsMvBbpJM5MRrBMk7E1Y5WAQkiYOvXdxypZCOrqQ7n6FLA2mKhugq9
UU/GgNGN96f5vJmJJJgd0UPWi6Z9BQIVgni/JHlp1yP4JkAakqnjX4Y8pfXsqLA=
-----END ENCRYPTED PRIVATE KEY-----
)";
constexpr const char* kCertificateOfEncryptedKey = R"(-----BEGIN CERTIFICATE-----
MIIBfTCCASOgAwIBAgIUDZMuHOu5ruyF4OTKGAIQ3wjIwxUwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MB4XDTI2MTEyMzAyNTMzNVoXDTM2MTEyMDAy
NTMzNVowFDESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEL72cCAtbIrKJpXydm6HDKmaNJzmCr+ceHeActf90fXqTSjOV9Wdmyofg
YyMQfg0IzsLxLXYTOcv6xCDzZ4itZaNTMFEwHQYDVR0OBBYEFPRVg1HgtODHqGaF
FunJRoHzFY4GMB8GA1UdIwQYMBaAFPRVg1HgtODHqGaFFunJRoHzFY4GMA8GA1Ud
EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhANDEv/TwVx1qGZYF3bZeV2Ae
lYnnHpaETWZV47Xay3XHAiBbJJTIC5ycYzjoDymbAYeePHzs6uLuEuqnsHCDOyg2
VA==
-----END CERTIFICATE-----
)";

TEST(TlsContext, AnEncryptedKeyIsOpenedByItsPassphrase) {
  TlsSettings settings;
  settings.certificate = {Pem::bytes(kCertificateOfEncryptedKey)};
  settings.key = {Pem::bytes(kEncryptedKey)};
  expect_error(Side::server, settings, "passphrase", "give its passphrase");
  settings.passphrase = "wrong";
  expect_error(Side::server, settings, "passphrase", "does not open the key");
  settings.passphrase = "secret";
  EXPECT_EQ(error_of(Side::server, settings), "");
}

// --- the rest ------------------------------------------------------------------------------------

TEST(TlsContext, UnknownNamesAreAnsweredWithTheKnownOnes) {
  auto settings = client_settings();
  settings.ciphers = "TLS_AES_128_GCM_SHA256:RC4";
  expect_error(Side::client, settings, "ciphers",
               "\"RC4\" is unknown; choose from TLS_AES_128_GCM_SHA256, ");
  settings = client_settings();
  settings.groups = "P-256:brainpool";
  expect_error(Side::client, settings, "groups", "\"brainpool\" is unknown; choose from X25519, ");
  settings = client_settings();
  settings.signature_algorithms = "ECDSA+MD4";
  expect_error(Side::client, settings, "signature_algorithms", "\"ECDSA+MD4\" is not understood");
}

TEST(TlsContext, NamesMayBeWrittenInEveryUsualWay) {
  auto settings = client_settings();
  settings.ciphers = "tls_chacha20_poly1305_sha256:TLS_AES_256_GCM_SHA384:";
  settings.groups = "prime256v1:x25519:secp256r1";
  settings.signature_algorithms = "ECDSA+SHA256:RSA-PSS+SHA256";
  EXPECT_EQ(error_of(Side::client, settings), "");
}

TEST(TlsContext, ProtocolNamesAreChecked) {
  auto settings = server_settings();
  settings.alpn.clear();
  expect_error(Side::server, settings, "alpn", "at least one protocol");
  settings.alpn = {"a,b"};
  expect_error(Side::server, settings, "alpn", "\"a,b\" cannot be used");
}

TEST(TlsContext, TicketSettingsAreChecked) {
  auto settings = server_settings();
  settings.ticket_keys.assign(47, 1);
  expect_error(Side::server, settings, "ticket_keys", "a positive multiple of 48 bytes");
  settings.ticket_keys.assign(96, 1);
  EXPECT_EQ(error_of(Side::server, settings), "");
  settings = server_settings();
  settings.ticket_key_rotation = std::chrono::seconds{0};
  expect_error(Side::server, settings, "ticket_key_rotation", "positive");
  settings = server_settings();
  settings.session_timeout = std::chrono::days{7} + std::chrono::seconds{1};
  expect_error(Side::server, settings, "session_timeout", "one second to seven days");
  settings.session_timeout = std::chrono::days{7};
  EXPECT_EQ(error_of(Side::server, settings), "");
  settings.session_timeout = std::chrono::seconds{0};
  expect_error(Side::server, settings, "session_timeout", "one second to seven days");
}

TEST(TlsContext, AServerThatDemandsCertificatesNeedsACa) {
  auto settings = server_settings();
  settings.request_peer_certificate = true;
  expect_error(Side::server, settings, "ca", "no CA is trusted");
  settings.ca = {Pem::bytes(development_certificate().certificate_pem)};
  EXPECT_EQ(error_of(Side::server, settings), "");
}

TEST(TlsContext, KeepsNoSecretsInItsSettings) {
  auto settings = server_settings();
  settings.passphrase = "secret";
  settings.ticket_keys.assign(48, 1);
  const auto context = *TlsContext::create(Side::server, settings);
  EXPECT_TRUE(context->settings().key.empty());
  EXPECT_TRUE(context->settings().passphrase.empty());
  EXPECT_TRUE(context->settings().ticket_keys.empty());
  EXPECT_TRUE(context->settings().certificate[0].text.empty());
}

TEST(TlsContext, FindsAContextByServerName) {
  const auto base = *TlsContext::create(Side::server, server_settings());
  const auto exact = *TlsContext::create(Side::server, server_settings());
  const auto wildcard = *TlsContext::create(Side::server, server_settings());
  base->set_server_name("www.Example.org", exact);
  base->set_server_name("*.example.org", wildcard);
  EXPECT_EQ(&base->for_server_name("WWW.example.ORG"), exact.get());
  EXPECT_EQ(&base->for_server_name("mail.example.org"), wildcard.get());
  EXPECT_EQ(&base->for_server_name("a.b.example.org"), base.get());
  EXPECT_EQ(&base->for_server_name("example.org"), base.get());
  EXPECT_EQ(&base->for_server_name(""), base.get());
  base->set_server_name("www.example.org", nullptr);
  EXPECT_EQ(&base->for_server_name("www.example.org"), wildcard.get());
}

}  // namespace
}  // namespace quicore::engine
