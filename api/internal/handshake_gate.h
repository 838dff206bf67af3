// SPDX-License-Identifier: Apache-2.0
//
// HandshakeGate: between a session whose handshake waits and the ClientHello, OcspRequest or
// SignatureRequest that lets it go on. A session holds the first two in its completions, and others
// may keep any of them, so they must not hold the session.
//
// Threading: the session's shard. The session nulls the pointer when it ends.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "api/handshake_pause.h"
#include "api/key_engine.h"

namespace quicore::internal {

class SessionState;

class HandshakeGate {
 public:
  explicit HandshakeGate(SessionState& session) noexcept : session_(&session) {}
  void forget_session() noexcept { session_ = nullptr; }

  static ClientHello client_hello(const std::shared_ptr<HandshakeGate>& gate);
  static OcspRequest ocsp_request(const std::shared_ptr<HandshakeGate>& gate);
  static SignatureRequest signature_request(const std::shared_ptr<HandshakeGate>& gate);

  Result<> client_hello_done(std::shared_ptr<engine::TlsContext> context);
  Result<> ocsp_done(Bytes response);
  Result<> signature_done(Result<std::vector<std::uint8_t>> signature);

 private:
  SessionState* session_;
};

}  // namespace quicore::internal
