// SPDX-License-Identifier: Apache-2.0
//
// An X.509 certificate: its DER bytes and what people ask about them.
//
// A value; the texts are made when asked for. Any thread. Parsing errors answer with empty values:
// whoever made a Certificate by `from_der` or `from_pem` knows that it parses.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/error.h"

namespace quicore {

class Certificate {
 public:
  Certificate() = default;

  // Errors: invalid_argument when the bytes are no certificate.
  static Result<Certificate> from_der(std::span<const std::uint8_t> der);
  // The first CERTIFICATE block of the text.
  static Result<Certificate> from_pem(std::string_view pem);
  // All CERTIFICATE blocks; at least one.
  static Result<std::vector<Certificate>> chain_from_pem(std::string_view pem);

  bool empty() const noexcept { return der_.empty(); }
  std::span<const std::uint8_t> der() const noexcept { return der_; }
  std::string pem() const;

  // "CN=localhost, O=..."; RFC 4514 order is not promised, the text is for people.
  std::string subject() const;
  std::string issuer() const;
  // DNS names, IP addresses and URIs of the subjectAltName, as "DNS:localhost" and "IP:127.0.0.1".
  std::vector<std::string> subject_alternative_names() const;
  std::chrono::system_clock::time_point not_before() const;
  std::chrono::system_clock::time_point not_after() const;

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
