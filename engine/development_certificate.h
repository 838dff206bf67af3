// SPDX-License-Identifier: Apache-2.0
//
// A certificate for the machine one develops on: self-signed, ECDSA P-256, made in a millisecond.
//
// Its subjectAltName holds localhost, 127.0.0.1 and ::1 and what the caller adds; it is valid for
// 14 days, the longest that browsers accept for WebTransport's serverCertificateHashes. Nobody
// trusts it by itself: give `certificate_pem` to a client as its CA, or its SPKI hash to Chromium.
//
// Any thread. Time is the TLS library's, the same that certificates are verified by.
#pragma once

#include <chrono>
#include <span>
#include <string>

#include "io/error.h"

namespace quicore::engine {

struct DevelopmentCertificate {
  std::string certificate_pem;
  std::string key_pem;  // SEC1; secret
  std::string spki_sha256_base64;
};

struct DevelopmentCertificateOptions {
  // More names, each a DNS name or a literal IP address.
  std::span<const std::string> names{};
  // Valid for this long; positive.
  std::chrono::hours validity = std::chrono::days{14};
  // From one hour ago, because clocks differ. Tests of expired certificates move it further back.
  std::chrono::hours age{1};
};

// Errors: invalid_argument (names, validity), system when there is no random source.
Result<DevelopmentCertificate> make_development_certificate(
    const DevelopmentCertificateOptions& options = {});

}  // namespace quicore::engine
