// SPDX-License-Identifier: Apache-2.0
#include "api/handshake_pause.h"

#include <utility>

#include "api/internal/handshake_gate.h"
#include "api/internal/session_state.h"
#include "engine/tls_context.h"
#include "engine/tls_session.h"

namespace quicore {

namespace internal {

namespace {

std::vector<std::byte> der_of(const Certificate& certificate) {
  const auto bytes = std::as_bytes(certificate.der());
  return {bytes.begin(), bytes.end()};
}

}  // namespace

ClientHello HandshakeGate::client_hello(const std::shared_ptr<HandshakeGate>& gate) {
  const auto& message = gate->session_->connection()->tls()->client_hello();
  ClientHello hello;
  hello.alpn = message.alpn;
  hello.server_name = message.server_name;
  for (const std::uint16_t suite : message.cipher_suites) {
    const std::string name(engine::tls13_suite_name(suite));
    hello.ciphers.push_back({name, name, "TLSv1.3"});
  }
  hello.gate_ = gate;
  return hello;
}

OcspRequest HandshakeGate::ocsp_request(const std::shared_ptr<HandshakeGate>& gate) {
  const engine::TlsSession& tls = *gate->session_->connection()->tls();
  OcspRequest request;
  request.certificate = der_of(tls.local_certificate());
  request.issuer = der_of(tls.local_issuer());
  request.gate_ = gate;
  return request;
}

SignatureRequest HandshakeGate::signature_request(const std::shared_ptr<HandshakeGate>& gate) {
  const engine::TlsSession& tls = *gate->session_->connection()->tls();
  const auto input = std::as_bytes(std::span(tls.signature_input().bytes));
  SignatureRequest request;
  request.algorithm = tls.signature_input().algorithm;
  request.input.assign(input.begin(), input.end());
  request.identifier = tls.shown_settings().private_key_identifier;
  request.gate_ = gate;
  return request;
}

Result<> HandshakeGate::client_hello_done(std::shared_ptr<engine::TlsContext> context) {
  if (session_ == nullptr) return failure(Errc::closed, "the session has ended");
  return session_->client_hello_done(std::move(context));
}

Result<> HandshakeGate::ocsp_done(Bytes response) {
  if (session_ == nullptr) return failure(Errc::closed, "the session has ended");
  return session_->ocsp_done(response);
}

Result<> HandshakeGate::signature_done(Result<std::vector<std::uint8_t>> signature) {
  if (session_ == nullptr) return failure(Errc::closed, "the session has ended");
  return session_->signature_done(std::move(signature));
}

}  // namespace internal

Result<> ClientHello::done(std::shared_ptr<engine::TlsContext> context) const {
  if (gate_ == nullptr) return failure(Errc::invalid_state, "this ClientHello is of no session");
  return gate_->client_hello_done(std::move(context));
}

Result<> OcspRequest::respond_with(Bytes response) const {
  if (gate_ == nullptr) return failure(Errc::invalid_state, "this OcspRequest is of no session");
  return gate_->ocsp_done(response);
}

Result<> SignatureRequest::respond_with(Bytes signature) const {
  if (gate_ == nullptr) {
    return failure(Errc::invalid_state, "this SignatureRequest is of no session");
  }
  const auto* data = reinterpret_cast<const std::uint8_t*>(signature.data());
  return gate_->signature_done(std::vector<std::uint8_t>(data, data + signature.size()));
}

Result<> SignatureRequest::fail(Error reason) const {
  if (gate_ == nullptr) {
    return failure(Errc::invalid_state, "this SignatureRequest is of no session");
  }
  return gate_->signature_done(std::unexpected(std::move(reason)));
}

}  // namespace quicore
