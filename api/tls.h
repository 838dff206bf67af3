// SPDX-License-Identifier: Apache-2.0
//
// TlsSettings and Pem (what a SessionConfig holds as `secure`), and TLS contexts made ahead.
//
// A session makes its context from `SessionConfig::secure`, which reads files and parses
// certificates (about a millisecond, ten with the system's CAs). Clients that connect often make
// one context and give it to every session as `SessionConfig::secure_context`.
//
// Threading: TlsSettings is a value. A context belongs to the shard it was made on.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config.h"
#include "engine/tls_settings.h"
#include "io/error.h"

namespace quicore {

// For SessionConfig::secure_context. Fails with the problems of the settings, by field name.
Result<std::shared_ptr<engine::TlsContext>> make_tls_context(Side side,
                                                             const TlsSettings& settings);

// The static code of why a certificate was not accepted, "CERT_HAS_EXPIRED", as OpenSSL and Node.js
// spell it: of an error of kind `certificate`, as Session::validation_error() is; empty for others.
// A view into `error`.
std::string_view certificate_code(const Error& error) noexcept;

// A self-signed certificate for the machine one develops on; nobody trusts it by itself.
struct DevelopmentIdentity {
  TlsSettings server;  // certificate and key
  TlsSettings client;  // trusts exactly that certificate
  // For the trust store of clients that are not of this library.
  std::string certificate_pem;
  std::string key_pem;             // secret
  std::string spki_sha256_base64;  // for Chromium's --ignore-certificate-errors-spki-list
};

// For localhost, 127.0.0.1, ::1 and `names` (DNS names or literal addresses), valid for 14 days.
Result<DevelopmentIdentity> make_development_identity(const std::vector<std::string>& names = {});

}  // namespace quicore
