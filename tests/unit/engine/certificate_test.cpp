// SPDX-License-Identifier: Apache-2.0
#include "engine/certificate.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/development_certificate.h"

namespace quicore {
namespace {

using engine::make_development_certificate;

// openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null
//   -subj "/C=DE/O=Example/OU=a\/b/CN=test" -days 36500
//   -addext
// "subjectAltName=DNS:Example.org,DNS:*.wild.example.org,IP:192.0.2.1,IP:2001:db8::1,URI:https://x/"
constexpr const char* kPem = R"(-----BEGIN CERTIFICATE-----
MIICITCCAcegAwIBAgIUNIWBogu06CFd5HoMCIflZa2ASVowCgYIKoZIzj0EAwIw
PDELMAkGA1UEBhMCREUxEDAOBgNVBAoMB0V4YW1wbGUxDDAKBgNVBAsMA2EvYjEN
MAsGA1UEAwwEdGVzdDAgFw0yNjExMjMwMjU1MzlaGA8yMTI2MTAzMDAyNTUzOVow
PDELMAkGA1UEBhMCREUxEDAOBgNVBAoMB0V4YW1wbGUxDDAKBgNVBAsMA2EvYjEN
MAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABEBKXLwW6dkN
IcB6ajJZwAms9TYFv7+QwpsoVif8IheLn7i2EdJBZh7+CbdCGsxMna2QJKA1q813
hSg6jb2VwB2jgaQwgaEwHQYDVR0OBBYEFA3+bOU4FGejm/TwJd7ta7QzxnnwMB8G
A1UdIwQYMBaAFA3+bOU4FGejm/TwJd7ta7QzxnnwMA8GA1UdEwEB/wQFMAMBAf8w
TgYDVR0RBEcwRYILRXhhbXBsZS5vcmeCEioud2lsZC5leGFtcGxlLm9yZ4cEwAAC
AYcQIAENuAAAAAAAAAAAAAAAAYYKaHR0cHM6Ly94LzAKBggqhkjOPQQDAgNIADBF
AiBC8dSTXSiKD4Wip3cBz+dy5QrxD6/wjaPxW3isQEJTugIhAI4BknjwSrKAhWfT
HVhRITLP+CvMi1ykDUd0UjOkks4W
-----END CERTIFICATE-----
)";
// openssl x509 -outform der | openssl dgst -sha256, and of -pubkey the base64.
constexpr const char* kSha256 = "2d5acd729edb57a53eda151c1f7446f967ffbad176372f21f81efb78cea25211";
constexpr const char* kSpki = "LNNHVjXyJawLFOYhn/J98COkXeeMiiXwvjcPYb4Mpfw=";

std::string hex(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

TEST(Certificate, TellsWhatIsInIt) {
  const auto certificate = Certificate::from_pem(kPem);
  ASSERT_TRUE(certificate) << certificate.error().reason;
  EXPECT_EQ(certificate->subject(), "C=DE, O=Example, OU=a/b, CN=test");
  EXPECT_EQ(certificate->issuer(), certificate->subject());
  EXPECT_TRUE(certificate->self_issued());
  auto names = certificate->subject_alternative_names();
  std::ranges::sort(names);
  EXPECT_EQ(names, (std::vector<std::string>{"DNS:*.wild.example.org", "DNS:Example.org",
                                             "IP:192.0.2.1", "IP:2001:db8::1", "URI:https://x/"}));
  EXPECT_EQ(certificate->not_after() - certificate->not_before(), std::chrono::days{36500});
  EXPECT_EQ(hex(certificate->sha256()), kSha256);
  EXPECT_EQ(certificate->spki_sha256_base64(), kSpki);
}

TEST(Certificate, ItsPemReadsBackAsItself) {
  const auto certificate = *Certificate::from_pem(kPem);
  EXPECT_EQ(*Certificate::from_pem(certificate.pem()), certificate);
  EXPECT_EQ(*Certificate::from_der(certificate.der()), certificate);
}

TEST(Certificate, AnEmptyOneAnswersWithEmptyValues) {
  const Certificate none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.pem(), "");
  EXPECT_EQ(none.subject(), "");
  EXPECT_EQ(none.spki_sha256_base64(), "");
  EXPECT_TRUE(none.subject_alternative_names().empty());
  EXPECT_FALSE(none.matches_host("example.org"));
  EXPECT_FALSE(none.self_issued());
}

// RFC 9525 6.3 and 6.4.
TEST(Certificate, MatchesTheHostsItIsMadeOutTo) {
  const auto certificate = *Certificate::from_pem(kPem);
  for (const char* host : {"example.org", "EXAMPLE.ORG", "example.org.", "a.wild.example.org",
                           "A-1.Wild.example.org", "192.0.2.1", "2001:db8::1", "2001:DB8:0::1"}) {
    EXPECT_TRUE(certificate.matches_host(host)) << host;
  }
  for (const char* host :
       {"", ".", "test", "www.example.org", "org", "wild.example.org", ".wild.example.org",
        "a.b.wild.example.org", "192.0.2.2", "2001:db8::2", "*.example.org", "example.org.org"}) {
    EXPECT_FALSE(certificate.matches_host(host)) << host;
  }
}

TEST(Certificate, RefusesWhatIsNone) {
  EXPECT_FALSE(Certificate::from_pem(""));
  EXPECT_FALSE(Certificate::from_pem("-----BEGIN CERTIFICATE-----"));
  EXPECT_FALSE(Certificate::from_der({}));
  const auto certificate = *Certificate::from_pem(kPem);
  const auto der = certificate.der();
  const std::vector<std::uint8_t> bytes(der.begin(), der.end());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(Certificate::from_der(std::span(bytes).first(size))) << size;
  }
}

TEST(Certificate, ReadsAChainAndPassesOverOtherBlocks) {
  const auto made = *make_development_certificate();
  const auto chain = Certificate::chain_from_pem("text\n" + made.certificate_pem + made.key_pem +
                                                 std::string(kPem));
  ASSERT_TRUE(chain);
  ASSERT_EQ(chain->size(), 2u);
  EXPECT_EQ((*chain)[1], *Certificate::from_pem(kPem));
  EXPECT_FALSE(Certificate::chain_from_pem(made.key_pem));
  EXPECT_FALSE(Certificate::chain_from_pem(std::string(kPem) + "-----BEGIN CERTIFICATE-----\nA"));
}

// --- development certificate ---------------------------------------------------------------------

TEST(DevelopmentCertificate, IsMadeOutToThisMachineAndTheNamesGiven) {
  const std::vector<std::string> names{"dev.example.org", "192.0.2.7"};
  const auto made = make_development_certificate({.names = names});
  ASSERT_TRUE(made) << made.error().reason;
  const auto certificate = *Certificate::from_pem(made->certificate_pem);
  for (const char* host : {"localhost", "127.0.0.1", "::1", "dev.example.org", "192.0.2.7"}) {
    EXPECT_TRUE(certificate.matches_host(host)) << host;
  }
  EXPECT_FALSE(certificate.matches_host("example.org"));
  EXPECT_EQ(certificate.spki_sha256_base64(), made->spki_sha256_base64);
  EXPECT_EQ(made->key_pem.substr(0, 30), "-----BEGIN EC PRIVATE KEY-----");
}

// Chromium: WebTransport's serverCertificateHashes take at most two weeks.
TEST(DevelopmentCertificate, IsValidNowAndForTwoWeeksAtMost) {
  const auto certificate = *Certificate::from_pem(make_development_certificate()->certificate_pem);
  const auto now = std::chrono::system_clock::now();
  EXPECT_LT(certificate.not_before(), now);
  EXPECT_GT(certificate.not_after(), now);
  EXPECT_LE(certificate.not_after() - certificate.not_before(), std::chrono::days{14});
}

TEST(DevelopmentCertificate, EachIsDifferent) {
  const auto one = *make_development_certificate(), other = *make_development_certificate();
  EXPECT_NE(one.key_pem, other.key_pem);
  EXPECT_NE(Certificate::from_pem(one.certificate_pem)->subject(),
            Certificate::from_pem(other.certificate_pem)->subject());
}

TEST(DevelopmentCertificate, RefusesNamesThatAreNone) {
  for (const std::string name : {"", "a b", "a/b", "ä.org"}) {
    const std::vector<std::string> names{name};
    const auto made = make_development_certificate({.names = names});
    ASSERT_FALSE(made) << name;
    EXPECT_EQ(made.error().kind, Errc::invalid_argument);
    EXPECT_EQ(made.error().reason.substr(0, 6), "names:");
  }
  EXPECT_FALSE(make_development_certificate({.validity = std::chrono::hours{0}}));
}

TEST(DevelopmentCertificate, MayOutliveTheYear2050) {
  const auto certificate = *Certificate::from_pem(
      make_development_certificate({.validity = std::chrono::days{365 * 40}})->certificate_pem);
  EXPECT_EQ(certificate.not_after() - certificate.not_before(), std::chrono::days{365 * 40});
}

}  // namespace
}  // namespace quicore
