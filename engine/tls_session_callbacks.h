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

// Server: whether sessions whose certificate comes from `native` may take 0-RTT data. What a ticket
// says about early data comes from the session that made it, so wolfSSL asks this as well.
void allow_early_data(WOLFSSL_CTX* native, bool allow) noexcept;

}  // namespace quicore::engine
