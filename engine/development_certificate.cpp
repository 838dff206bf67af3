// SPDX-License-Identifier: Apache-2.0
//
// The DER is written here: wolfCrypt's certificate generator has no subjectAltName without options
// that change the layout of its structs everywhere.
#include "engine/development_certificate.h"

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include <array>
#include <cstdio>
#include <string_view>
#include <vector>

#include "engine/certificate.h"
#include "io/address.h"

namespace quicore::engine {

namespace {

using namespace std::string_view_literals;

// --- DER (X.690)
// ----------------------------------------------------------------------------------

enum Tag : unsigned char {
  kInteger = 0x02,
  kBitString = 0x03,
  kOctetString = 0x04,
  kUtf8String = 0x0c,
  kUtcTime = 0x17,
  kGeneralizedTime = 0x18,
  kSequence = 0x30,
  kSet = 0x31,
  kDnsName = 0x82,    // [2] of GeneralName
  kIpAddress = 0x87,  // [7] of GeneralName
  kVersion = 0xa0,    // [0] of TBSCertificate
  kExtensions = 0xa3  // [3] of TBSCertificate
};

// All lengths here are below 64 KiB.
std::string der(Tag tag, std::string_view content) {
  std::string text(1, static_cast<char>(tag));
  const auto byte = [](std::size_t value) { return static_cast<char>(value & 0xff); };
  if (content.size() < 0x80) {
    text += byte(content.size());
  } else {
    text += "\x82"sv;
    text += byte(content.size() >> 8);
    text += byte(content.size());
  }
  return text.append(content);
}

constexpr std::string_view kEcdsaWithSha256 = "\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"sv;
constexpr std::string_view kCommonName = "\x06\x03\x55\x04\x03"sv;
constexpr std::string_view kOrganization = "\x06\x03\x55\x04\x0a"sv;
constexpr std::string_view kSubjectAltName = "\x06\x03\x55\x1d\x11"sv;
constexpr std::string_view kExtKeyUsage = "\x06\x03\x55\x1d\x25"sv;
constexpr std::string_view kServerAuth = "\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01"sv;
constexpr std::string_view kClientAuth = "\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02"sv;

std::string time(std::chrono::sys_seconds instant) {
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(instant - day);
  char text[32];
  std::snprintf(text, sizeof text, "%04d%02u%02u%02d%02d%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  // RFC 5280 4.1.2.5: two digits of the year up to 2049.
  return date.year() < std::chrono::year{2050} ? der(kUtcTime, text + 2)
                                               : der(kGeneralizedTime, text);
}

Result<std::string> general_name(std::string_view name) {
  if (const auto address = Address::parse(name, 0)) return der(kIpAddress, address->ip_bytes());
  const bool plain = name.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789-._*") == std::string_view::npos;
  if (name.empty() || name.size() > 253 || !plain) {
    return failure(Errc::invalid_argument,
                   "names: \"" + std::string(name) + "\" is neither a DNS name nor an IP address");
  }
  return der(kDnsName, name);
}

Result<std::string> subject_alt_name(std::span<const std::string> more) {
  std::string names;
  std::vector<std::string_view> all{"localhost", "127.0.0.1", "::1"};
  all.insert(all.end(), more.begin(), more.end());
  for (const std::string_view name : all) {
    auto encoded = general_name(name);
    if (!encoded) return std::unexpected(std::move(encoded.error()));
    names += *encoded;
  }
  return der(kSequence, std::string(kSubjectAltName) + der(kOctetString, der(kSequence, names)));
}

// --- key and signature
// ----------------------------------------------------------------------------

// `error` is wolfCrypt's first; what is made after it is worthless.
struct Signer {
  WC_RNG random{};
  ecc_key key{};
  int error = 0;

  Signer() {
    note(wc_InitRng(&random));
    note(wc_ecc_init(&key));
    note(wc_ecc_set_rng(&key, &random));
    if (error == 0) note(wc_ecc_make_key_ex(&random, 32, &key, ECC_SECP256R1));
  }
  ~Signer() {
    wc_ecc_free(&key);
    wc_FreeRng(&random);
  }
  Signer(const Signer&) = delete;
  Signer& operator=(const Signer&) = delete;

  void note(int result) {
    if (error == 0 && result < 0) error = result;
  }

  std::string text(const byte* bytes, int size) {
    note(size);
    return {reinterpret_cast<const char*>(bytes), size < 0 ? 0 : static_cast<std::size_t>(size)};
  }

  std::string serial() {
    std::array<byte, 16> bytes{};
    note(wc_RNG_GenerateBlock(&random, bytes.data(), bytes.size()));
    bytes[0] = static_cast<byte>((bytes[0] & 0x7f) | 0x40);  // positive, without a leading zero
    return der(kInteger, text(bytes.data(), bytes.size()));
  }

  std::string public_key() {
    std::array<byte, 256> bytes{};
    return text(bytes.data(), wc_EccPublicKeyToDer(&key, bytes.data(), bytes.size(), 1));
  }

  std::string sign(std::string_view message) {
    std::array<byte, WC_SHA256_DIGEST_SIZE> digest{};
    std::array<byte, ECC_MAX_SIG_SIZE> signature{};
    word32 size = signature.size();
    note(wc_Sha256Hash(reinterpret_cast<const byte*>(message.data()),
                       static_cast<word32>(message.size()), digest.data()));
    note(wc_ecc_sign_hash(digest.data(), digest.size(), signature.data(), &size, &random, &key));
    return text(signature.data(), static_cast<int>(size));
  }

  std::string private_key_pem() {
    std::array<byte, 512> bytes{}, pem{};
    const int size = wc_EccKeyToDer(&key, bytes.data(), bytes.size());
    note(size);
    if (error != 0) return {};
    std::string result = text(pem.data(), wc_DerToPem(bytes.data(), static_cast<word32>(size),
                                                      pem.data(), pem.size(), ECC_PRIVATEKEY_TYPE));
    wc_ForceZero(bytes.data(), bytes.size());
    wc_ForceZero(pem.data(), pem.size());
    return result;
  }
};

// A name of its own for each: TLS libraries look a trusted certificate up by its name, and find
// only one when two have the same.
std::string distinguished_name(std::string_view serial) {
  char organization[64];
  const auto digit = [&](std::size_t i) { return static_cast<unsigned char>(serial[i]); };
  std::snprintf(organization, sizeof organization, "quicore development %02x%02x%02x%02x", digit(2),
                digit(3), digit(4), digit(5));
  const auto attribute = [](std::string_view type, std::string_view value) {
    return der(kSet, der(kSequence, std::string(type) + der(kUtf8String, value)));
  };
  return der(kSequence,
             attribute(kOrganization, organization) + attribute(kCommonName, "localhost"));
}

// TBSCertificate of RFC 5280 4.1. No basicConstraints and no keyUsage: with CA:TRUE some clients
// refuse it as a leaf, and a keyUsage without keyCertSign makes others refuse it as a trust anchor.
std::string tbs_certificate(Signer& signer, const std::string& names,
                            std::chrono::sys_seconds begin, std::chrono::sys_seconds end) {
  const std::string algorithm = der(kSequence, kEcdsaWithSha256);
  const std::string serial = signer.serial();
  const std::string name = distinguished_name(serial);
  const std::string usage =
      der(kSequence,
          std::string(kExtKeyUsage) +
              der(kOctetString, der(kSequence, std::string(kServerAuth).append(kClientAuth))));
  return der(kSequence, der(kVersion, "\x02\x01\x02"sv) + serial + algorithm + name +
                            der(kSequence, time(begin) + time(end)) + name + signer.public_key() +
                            der(kExtensions, der(kSequence, names + usage)));
}

}  // namespace

Result<DevelopmentCertificate> make_development_certificate(
    const DevelopmentCertificateOptions& options) {
  if (options.validity <= std::chrono::hours::zero()) {
    return failure(Errc::invalid_argument, "validity: give a positive number of hours");
  }
  auto names = subject_alt_name(options.names);
  if (!names) return std::unexpected(std::move(names.error()));

  const std::chrono::sys_seconds now(std::chrono::seconds(wc_Time(nullptr)));
  const auto begin = now - options.age;
  Signer signer;
  const std::string tbs = tbs_certificate(signer, *names, begin, begin + options.validity);
  const std::string certificate =
      der(kSequence, tbs + der(kSequence, kEcdsaWithSha256) +
                         der(kBitString, std::string(1, '\0') + signer.sign(tbs)));
  DevelopmentCertificate result;
  result.key_pem = signer.private_key_pem();
  if (signer.error != 0) {
    return failure(Errc::system, std::string("no development certificate could be made: ") +
                                     wc_GetErrorString(signer.error));
  }
  const auto parsed = Certificate::from_der(
      {reinterpret_cast<const std::uint8_t*>(certificate.data()), certificate.size()});
  if (!parsed) return std::unexpected(parsed.error());
  result.certificate_pem = parsed->pem();
  result.spki_sha256_base64 = parsed->spki_sha256_base64();
  return result;
}

}  // namespace quicore::engine
