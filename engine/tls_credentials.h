// SPDX-License-Identifier: Apache-2.0
//
// Loading certificates, keys and CAs into wolfSSL, with errors that name the field of TlsSettings
// and say what to do. Reads files; only for use while a context is made.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/certificate.h"
#include "engine/tls_settings.h"
#include "io/error.h"

struct WOLFSSL_CTX;

namespace quicore::engine {

// The texts of all `sources`, each ended by a newline. Errors: invalid_argument with `field`, the
// path and the reason.
Result<std::string> read_pem(std::string_view field, std::span<const Pem> sources);

// A leaf with its intermediates, and the key: texts that hold a secret, wiped when they die.
struct TlsIdentity {
  std::string certificate_pem;
  std::string key_pem;

  TlsIdentity() = default;
  ~TlsIdentity();
  TlsIdentity(TlsIdentity&&) = default;
  TlsIdentity& operator=(TlsIdentity&&) = delete;
};

// What a PKCS#12 file holds (engine/tls_pkcs12.cpp). Errors: invalid_argument about "pfx".
Result<TlsIdentity> open_pfx(const Pem& source, const std::string& passphrase);

// The bytes of a Pem that holds no PEM. Errors: invalid_argument with `field`.
Result<std::string> read_bytes(std::string_view field, const Pem& source);

// Puts the chain in `certificate_pem` into `context`, which has callbacks that sign
// (engine/tls_session_sign.h), and the public key of its leaf in place of a private one. Returns
// the leaf.
Result<Certificate> load_certificate_without_key(WOLFSSL_CTX* context,
                                                 std::string_view certificate_pem);

// Puts the chain in `certificate_pem` and the key in `key_pem` into `context`; the caller wipes
// both. Returns the leaf.
Result<Certificate> load_certificate_and_key(WOLFSSL_CTX* context, std::string_view certificate_pem,
                                             std::string_view key_pem, std::string_view passphrase);

// From then on every peer's leaf must be of an issuer whose list is here, and not be listed.
Result<> load_revocation_lists(WOLFSSL_CTX* context, std::string_view crl_pem);
Result<> load_trusted(WOLFSSL_CTX* context, std::string_view ca_pem);
Result<> load_system_trust(WOLFSSL_CTX* context);

// A sentence when the certificate's time is over or has not come; empty otherwise.
std::string validity_warning(const Certificate& certificate);

}  // namespace quicore::engine
