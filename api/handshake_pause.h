// SPDX-License-Identifier: Apache-2.0
//
// Where a server's handshake waits for the application, and what a client hears of OCSP.
//
//   config.secure.client_hello = true;
//   endpoint.on_session() = [](Session session) -> Task<> {
//     auto hello = co_await session.client_hello();
//     if (hello) static_cast<void>(hello->done(co_await context_for(hello->server_name)));
//   };
//
// With both options the ClientHello comes first. A handshake waits as long as
// SessionConfig::handshake_timeout allows, in a few kilobytes; packets of the client are
// acknowledged meanwhile. Values may be copied and kept; one that outlives its session answers with
// Errc::closed.
//
// Threading: the session's shard.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/buf.h"
#include "io/error.h"

namespace quicore {

namespace engine {
class TlsContext;
}

namespace internal {
class HandshakeGate;
}

// A cipher suite that the client offers (CH4).
struct CipherInfo {
  std::string name;           // "TLS_AES_128_GCM_SHA256"
  std::string standard_name;  // the same: TLS 1.3 knows only the standard's names
  std::string version;        // "TLSv1.3"
};

// Of TlsSettings::client_hello: the handshake waits for done().
class ClientHello {
 public:
  std::vector<std::string> alpn;    // in the client's order of preference
  std::vector<CipherInfo> ciphers;  // those of TLS 1.3, likewise
  std::string server_name;          // SNI; empty when the client named none

  // Goes on, with `context` (make_tls_context(Side::server, ...)) in place of the listener's unless
  // it is null: for everything but the ALPN list, which stays the session's. Fails with
  // invalid_state the second time, invalid_argument for a client's context, closed.
  Result<> done(std::shared_ptr<engine::TlsContext> context = {}) const;

 private:
  friend class internal::HandshakeGate;
  std::shared_ptr<internal::HandshakeGate> gate_;
};

// Of TlsSettings::ocsp on a server, when the client asks for the certificate's status: the
// handshake waits for respond_with().
class OcspRequest {
 public:
  std::vector<std::byte> certificate;  // DER of the certificate about to be sent
  std::vector<std::byte> issuer;       // DER; empty when it is neither in `certificate` nor in `ca`

  // Goes on and staples `response`, a DER OCSPResponse (RFC 6960 4.2), as it is; empty: nothing.
  // Fails with invalid_state the second time, closed.
  Result<> respond_with(Bytes response = {}) const;
  // The same, from characters.
  Result<> respond_with(std::string_view response) const {
    return respond_with(as_bytes(response));
  }

 private:
  friend class internal::HandshakeGate;
  std::shared_ptr<internal::HandshakeGate> gate_;
};

// Of TlsSettings::ocsp on a client.
struct OcspResponse {
  std::vector<std::byte> response;  // DER, as it came; empty: the server stapled none
};

}  // namespace quicore
