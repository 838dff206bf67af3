// SPDX-License-Identifier: Apache-2.0
#include "engine/certificate.h"

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/coding.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <ctime>

#include "io/address.h"

namespace quicore {

namespace {

// A parsed view of DER bytes, which must outlive it.
class Parsed {
 public:
  explicit Parsed(std::span<const std::uint8_t> der) {
    wc_InitDecodedCert(&cert_, der.data(), static_cast<word32>(der.size()), nullptr);
    ok_ = !der.empty() && wc_ParseCert(&cert_, CERT_TYPE, NO_VERIFY, nullptr) == 0;
  }
  ~Parsed() { wc_FreeDecodedCert(&cert_); }
  Parsed(const Parsed&) = delete;
  Parsed& operator=(const Parsed&) = delete;

  explicit operator bool() const noexcept { return ok_; }
  const DecodedCert* operator->() const noexcept { return &cert_; }

 private:
  DecodedCert cert_;
  bool ok_ = false;
};

constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kEnd = "-----END CERTIFICATE-----";

// The next CERTIFICATE block, cut off the front of `pem`; empty when there is none.
std::string_view next_block(std::string_view& pem) {
  const auto begin = pem.find(kBegin);
  if (begin == std::string_view::npos) return {};
  auto end = pem.find(kEnd, begin);
  end = end == std::string_view::npos ? pem.size() : end + kEnd.size();
  const auto block = pem.substr(begin, end - begin);
  pem.remove_prefix(end);
  return block;
}

Result<Certificate> from_block(std::string_view block) {
  DerBuffer* der = nullptr;  // may be set after a failure as well
  const auto* text = reinterpret_cast<const unsigned char*>(block.data());
  const int error = wc_PemToDer(text, static_cast<long>(block.size()), CERT_TYPE, &der, nullptr,
                                nullptr, nullptr);
  Result<Certificate> certificate =
      error == 0
          ? Certificate::from_der({der->buffer, der->length})
          : failure(Errc::invalid_argument,
                    "a CERTIFICATE block is damaged: its base64 text or its END line is wrong");
  wc_FreeDer(&der);
  return certificate;
}

// wolfCrypt writes "/C=DE/CN=name"; people expect "C=DE, CN=name".
std::string readable_name(std::string_view name) {
  std::string text;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '/') {
      text += name[i];
      continue;
    }
    std::size_t end = i + 1;
    while (end < name.size() && std::isalnum(static_cast<unsigned char>(name[end])) != 0) ++end;
    const bool attribute = end > i + 1 && end < name.size() && name[end] == '=';
    text += attribute ? (text.empty() ? "" : ", ") : "/";
  }
  return text;
}

std::chrono::system_clock::time_point time_of(const byte* date, int size) {
  std::tm calendar{};
  const byte* text = nullptr;
  byte format = 0;
  int text_size = 0;
  if (date == nullptr || wc_GetDateInfo(date, size, &text, &format, &text_size) != 0 ||
      wc_GetDateAsCalendarTime(text, text_size, format, &calendar) != 0) {
    return {};
  }
  return std::chrono::system_clock::from_time_t(timegm(&calendar));
}

std::string_view value_of(const DNS_entry& entry) {
  return {entry.name, static_cast<std::size_t>(entry.len)};
}

std::string ip_text(std::string_view bytes) {
  if (bytes.size() == 4) {
    std::string text;
    for (const char byte : bytes) {
      text += (text.empty() ? "" : ".") + std::to_string(static_cast<unsigned char>(byte));
    }
    return text;
  }
  if (bytes.size() != 16) return "?";
  const Address any = Address::any(Family::ipv6, 0);
  std::array<char, Address::kCapacity> sockaddr{};
  std::memcpy(sockaddr.data(), any.data(), any.size());
  const auto offset = any.ip_bytes().data() - static_cast<const char*>(any.data());
  std::ranges::copy(bytes, sockaddr.begin() + offset);
  return Address::from_sockaddr(sockaddr.data(), any.size()).ip();
}

bool equal_without_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// RFC 9525 6.3: a wildcard is the whole leftmost label and stands for exactly one label.
bool dns_name_matches(std::string_view pattern, std::string_view host) {
  if (!pattern.starts_with("*.")) return equal_without_case(pattern, host);
  const auto dot = host.find('.');
  return dot != std::string_view::npos && dot > 0 &&
         pattern.find('.', 2) != std::string_view::npos &&
         equal_without_case(pattern.substr(1), host.substr(dot));
}

}  // namespace

Result<Certificate> Certificate::from_der(std::span<const std::uint8_t> der) {
  if (!Parsed(der)) {
    return failure(Errc::invalid_argument, "the bytes are not an X.509 certificate in DER form");
  }
  return Certificate(std::vector<std::uint8_t>(der.begin(), der.end()));
}

Result<Certificate> Certificate::from_pem(std::string_view pem) {
  const auto block = next_block(pem);
  if (block.empty()) {
    return failure(Errc::invalid_argument,
                   "no \"-----BEGIN CERTIFICATE-----\" found: give a certificate in PEM form");
  }
  return from_block(block);
}

Result<std::vector<Certificate>> Certificate::chain_from_pem(std::string_view pem) {
  auto first = from_pem(pem);
  if (!first) return std::unexpected(std::move(first.error()));
  std::vector<Certificate> chain;
  for (auto block = next_block(pem); !block.empty(); block = next_block(pem)) {
    auto certificate = from_block(block);
    if (!certificate) return std::unexpected(std::move(certificate.error()));
    chain.push_back(std::move(*certificate));
  }
  return chain;
}

std::string Certificate::pem() const {
  if (der_.empty()) return {};
  std::string text(der_.size() * 2 + 128, '\0');
  const int size = wc_DerToPem(der_.data(), static_cast<word32>(der_.size()),
                               reinterpret_cast<byte*>(text.data()),
                               static_cast<word32>(text.size()), CERT_TYPE);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return text;
}

std::string Certificate::subject() const {
  const Parsed cert(der_);
  return cert ? readable_name(cert->subject) : std::string();
}

std::string Certificate::issuer() const {
  const Parsed cert(der_);
  return cert ? readable_name(cert->issuer) : std::string();
}

std::vector<std::string> Certificate::subject_alternative_names() const {
  std::vector<std::string> names;
  const Parsed cert(der_);
  if (!cert) return names;
  for (const DNS_entry* entry = cert->altNames; entry != nullptr; entry = entry->next) {
    const std::string_view value = value_of(*entry);
    if (entry->type == ASN_DNS_TYPE) names.push_back("DNS:" + std::string(value));
    if (entry->type == ASN_IP_TYPE) names.push_back("IP:" + ip_text(value));
    if (entry->type == ASN_URI_TYPE) names.push_back("URI:" + std::string(value));
  }
  return names;
}

std::chrono::system_clock::time_point Certificate::not_before() const {
  const Parsed cert(der_);
  return cert ? time_of(cert->beforeDate, cert->beforeDateLen)
              : std::chrono::system_clock::time_point{};
}

std::chrono::system_clock::time_point Certificate::not_after() const {
  const Parsed cert(der_);
  return cert ? time_of(cert->afterDate, cert->afterDateLen)
              : std::chrono::system_clock::time_point{};
}

bool Certificate::self_issued() const {
  const Parsed cert(der_);
  return cert && std::ranges::equal(cert->subjectHash, cert->issuerHash);
}

bool Certificate::matches_host(std::string_view host) const {
  const Parsed cert(der_);
  if (!cert || host.empty()) return false;
  if (host.ends_with('.')) host.remove_suffix(1);
  const auto address = Address::parse(host, 0);
  for (const DNS_entry* entry = cert->altNames; entry != nullptr; entry = entry->next) {
    const std::string_view value = value_of(*entry);
    if (address ? entry->type == ASN_IP_TYPE && value == address->ip_bytes()
                : entry->type == ASN_DNS_TYPE && dns_name_matches(value, host)) {
      return true;
    }
  }
  return false;
}

std::array<std::uint8_t, 32> Certificate::sha256() const {
  std::array<std::uint8_t, 32> digest{};
  wc_Sha256Hash(der_.data(), static_cast<word32>(der_.size()), digest.data());
  return digest;
}

std::string Certificate::spki_sha256_base64() const {
  std::vector<std::uint8_t> key(der_.size());
  word32 size = static_cast<word32>(key.size());
  if (der_.empty() || wc_GetSubjectPubKeyInfoDerFromCert(
                          der_.data(), static_cast<word32>(der_.size()), key.data(), &size) < 0) {
    return {};
  }
  std::array<std::uint8_t, 32> digest{};
  wc_Sha256Hash(key.data(), size, digest.data());
  std::array<byte, 64> text{};
  word32 text_size = text.size();
  if (Base64_Encode_NoNl(digest.data(), digest.size(), text.data(), &text_size) != 0) return {};
  return {reinterpret_cast<const char*>(text.data()), text_size};
}

}  // namespace quicore
