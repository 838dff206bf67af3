// SPDX-License-Identifier: Apache-2.0
//
// Inside TLS: wolfSSL's callbacks, each of which finds its TlsSession in the WOLFSSL's application
// data and records or forwards. None of them runs user code or lets an exception out.
#pragma once

struct WOLFSSL_CTX;

namespace quicore::engine {

class TlsContext;

// QUIC method, certificate verification, SNI, ticket encryption, new tickets and key log.
// False when wolfSSL refuses.
bool install_wolfssl_callbacks(WOLFSSL_CTX* native, const TlsContext& context) noexcept;

}  // namespace quicore::engine
