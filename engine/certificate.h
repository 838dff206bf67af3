// SPDX-License-Identifier: Apache-2.0
//
// An X.509 certificate: its DER bytes and what people ask about them.
//
// A value; the answers are worked out when asked for. Any thread. A Certificate made by `from_der`
// or `from_pem` parses; an empty one answers with empty values.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/error.h"

namespace quicore {

// One X.509 certificate (S5, S23). A value: parsed anew by each question, so keep the answers.
class Certificate {
 public:
  Certificate() = default;

  // Errors: invalid_argument when the bytes are no certificate.
  static Result<Certificate> from_der(std::span<const std::uint8_t> der);
  // The first CERTIFICATE block of the text.
  static Result<Certificate> from_pem(std::string_view pem);
  // All CERTIFICATE blocks, at least one; other blocks, such as a key, are passed over.
  static Result<std::vector<Certificate>> chain_from_pem(std::string_view pem);

  // There is none.
  bool empty() const noexcept { return der_.empty(); }
  // The bytes as they were signed. Good as long as the certificate.
  std::span<const std::uint8_t> der() const& noexcept { return der_; }
  std::span<const std::uint8_t> der() const&& = delete;  // the bytes would be gone at once
  // The same as text, with its BEGIN and END lines.
  std::string pem() const;

  // "CN=localhost, O=Example": for people; the order is the certificate's.
  std::string subject() const;
  // Who signed it, in the same form.
  std::string issuer() const;
  // Of the subjectAltName, as "DNS:localhost", "IP:127.0.0.1" and "URI:...".
  std::vector<std::string> subject_alternative_names() const;
  // From when on it is good.
  std::chrono::system_clock::time_point not_before() const;
  // Until when it is good.
  std::chrono::system_clock::time_point not_after() const;
  // Issuer and subject are the same.
  bool self_issued() const;

  // RFC 9525: `host` is one of the DNS names of the subjectAltName (without case; "*" may stand for
  // the whole leftmost label) or, being a literal IP address, one of its IP addresses. The common
  // name is not looked at.
  bool matches_host(std::string_view host) const;

  // SHA-256 of the DER bytes: what WebTransport's serverCertificateHashes takes.
  std::array<std::uint8_t, 32> sha256() const;
  // Base64 of the SHA-256 of the SubjectPublicKeyInfo: what Chromium's
  // --ignore-certificate-errors-spki-list takes.
  std::string spki_sha256_base64() const;

  friend bool operator==(const Certificate&, const Certificate&) = default;

 private:
  explicit Certificate(std::vector<std::uint8_t> der) : der_(std::move(der)) {}

  std::vector<std::uint8_t> der_;
};

}  // namespace quicore
