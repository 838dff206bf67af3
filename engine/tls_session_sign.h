// SPDX-License-Identifier: Apache-2.0
//
// The signature of a CertificateVerify message (RFC 8446 4.4.3) made by a key that lives elsewhere.
// As the other callbacks of tls_session_callbacks.h, these record and leave.
#pragma once

struct WOLFSSL_CTX;

namespace quicore::engine {

// From then on the sessions of `native` pause for their signatures, and it takes a public key where
// it otherwise wants the private one. False when wolfSSL was built without --enable-pkcallbacks.
bool install_sign_callbacks(WOLFSSL_CTX* native) noexcept;

}  // namespace quicore::engine
