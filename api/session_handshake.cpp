// SPDX-License-Identifier: Apache-2.0
//
// SessionState: the handshake's pauses, and what it tells of OCSP.
#include <array>
#include <exception>
#include <utility>

#include "api/internal/handshake_gate.h"
#include "api/internal/session_state.h"
#include "engine/tls_context.h"
#include "engine/tls_session.h"

namespace quicore::internal {

namespace {

std::vector<std::byte> to_bytes(std::span<const std::uint8_t> data) {
  const auto bytes = std::as_bytes(data);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

void SessionState::on_handshake_paused() {
  const engine::TlsSession* tls = connection_->tls();
  if (tls == nullptr) return;
  if (gate_ == nullptr) gate_ = std::make_shared<HandshakeGate>(*this);
  if (tls->pause() == engine::HandshakePause::client_hello) {
    client_hello_.set(shard(), HandshakeGate::client_hello(gate_));
  } else if (tls->pause() == engine::HandshakePause::ocsp) {
    ocsp_request_.set(shard(), HandshakeGate::ocsp_request(gate_));
  } else if (tls->pause() == engine::HandshakePause::signature) {
    ask_key_engine(*tls);
  }
}

void SessionState::ask_key_engine(const engine::TlsSession& tls) {
  const auto engine = tls.shown_settings().private_key_engine;
  const SignatureRequest request = HandshakeGate::signature_request(gate_);
  try {
    engine->sign(request);
  } catch (...) {
    shard().report_exception("a key engine", std::current_exception());
    static_cast<void>(
        request.fail(Error::make(Errc::cancelled, "the function threw an exception")));
  }
}

// What has not come until then will not come.
void SessionState::settle_handshake_events() {
  const bool open = connection_ != nullptr;
  if (open && !connection_->handshake_completed()) return;
  const auto settle = [&](auto& once, const char* why) {
    if (!once.made() || once.ready()) return;
    once.set(shard(), std::unexpected(open ? Error::make(Errc::not_supported, why) : end_reason()));
  };
  const engine::TlsSession* tls = open ? connection_->tls() : nullptr;
  if (tls != nullptr && !is_server_ && tls->context().settings().ocsp && ocsp_response_.made()) {
    ocsp_response_.set(shard(), OcspResponse{to_bytes(tls->ocsp_response())});
  }
  settle(client_hello_, "this session does not pause: only a server with `client_hello` does");
  settle(ocsp_request_, "the client asked for no OCSP response, or `ocsp` is off");
  settle(ocsp_response_, "this session asked for no OCSP response: only a client with `ocsp` does");
}

Completion<ClientHello> SessionState::client_hello() {
  auto completion = client_hello_.get(shard());
  settle_handshake_events();
  return completion;
}

Completion<OcspRequest> SessionState::ocsp_request() {
  auto completion = ocsp_request_.get(shard());
  settle_handshake_events();
  return completion;
}

Completion<OcspResponse> SessionState::ocsp_response() {
  auto completion = ocsp_response_.get(shard());
  settle_handshake_events();
  return completion;
}

Result<> SessionState::client_hello_done(std::shared_ptr<engine::TlsContext> context) {
  engine::TlsSession* tls = connection_ != nullptr ? connection_->tls() : nullptr;
  if (tls == nullptr) return std::unexpected(end_reason());
  const ShardState::Scope scope(shard());
  auto done = tls->client_hello_done(std::move(context));
  if (done) {
    connection_->continue_handshake();
  } else if (done.error().kind == Errc::no_memory) {
    connection_->close(done.error());  // there is nothing left to go on with
  }
  return done;
}

Result<> SessionState::ocsp_done(Bytes response) {
  engine::TlsSession* tls = connection_ != nullptr ? connection_->tls() : nullptr;
  if (tls == nullptr) return std::unexpected(end_reason());
  const ShardState::Scope scope(shard());
  const auto* data = reinterpret_cast<const std::uint8_t*>(response.data());
  auto done = tls->ocsp_done({data, data + response.size()});
  if (done) connection_->continue_handshake();
  return done;
}

Result<> SessionState::signature_done(Result<std::vector<std::uint8_t>> signature) {
  engine::TlsSession* tls = connection_ != nullptr ? connection_->tls() : nullptr;
  if (tls == nullptr) return std::unexpected(end_reason());
  const ShardState::Scope scope(shard());
  auto done = tls->signature_done(std::move(signature));
  if (done) connection_->continue_handshake();
  return done;
}

void SessionState::end_handshake_events() {
  if (gate_ != nullptr) gate_->forget_session();
  settle_handshake_events();
}

std::optional<EphemeralKeyInfo> ephemeral_key_of(std::string_view group) {
  static const std::array<EphemeralKeyInfo, 9> kKnown{{
      {"ECDH", "X25519", 253},
      {"ECDH", "P-256", 256},
      {"ECDH", "P-384", 384},
      {"ECDH", "P-521", 521},
      {"DH", "ffdhe2048", 2048},
      {"DH", "ffdhe3072", 3072},
      {"ECDH+ML-KEM", "X25519MLKEM768", 253},
      {"ECDH+ML-KEM", "SecP256r1MLKEM768", 256},
      {"ECDH+ML-KEM", "SecP384r1MLKEM1024", 384},
  }};
  for (const EphemeralKeyInfo& known : kKnown) {
    if (known.name == group) return known;
  }
  return std::nullopt;
}

}  // namespace quicore::internal
