// SPDX-License-Identifier: Apache-2.0
//
// TlsSession: a server that waits for its application before TLS sees the ClientHello; and the
// trace of handshake messages.
#include <wolfssl/options.h>

#include <wolfssl/quic.h>
#include <wolfssl/ssl.h>

#include <algorithm>
#include <utility>

#include "engine/tls_alert.h"
#include "engine/tls_session.h"

namespace quicore::engine {

void TlsSession::hold_client_hello(const Parameters& parameters) {
  const TlsSettings& settings = context_->settings();
  if (context_->side() != Side::server || !(settings.client_hello || settings.ocsp)) return;
  held_ = std::make_unique<Held>();
  held_->alpn.assign(parameters.alpn.begin(), parameters.alpn.end());
  held_->parameters = parameters;
  held_->parameters.alpn = {};  // what a server needs again is not there
  held_->parameters.server_name = {};
  held_->parameters.ticket = {};
}

HandshakePause TlsSession::pause() const noexcept {
  if (held_ != nullptr) return held_->pause;
  return signing_ != nullptr && !signing_->answer ? HandshakePause::signature
                                                  : HandshakePause::none;
}

const ClientHelloMessage& TlsSession::client_hello() const noexcept { return held_->hello; }

// A ClientHello may come in several datagrams. Its size was bounded when its header was seen
// (check_messages), so what is kept is bounded as well.
int TlsSession::hold(std::span<const std::uint8_t> data) noexcept {
  Held& held = *held_;
  if (held.pause != HandshakePause::none) return fail(alert::kUnexpectedMessage);
  held.bytes.insert(held.bytes.end(), data.begin(), data.end());
  const std::size_t size = handshake_message_size(held.bytes);
  if (size == 0 || held.bytes.size() < size) return 0;
  if (held.bytes.size() > size) return fail(alert::kUnexpectedMessage);
  auto hello = parse_client_hello(held.bytes);
  if (!hello) return release();  // TLS knows the right alert
  held.hello = std::move(*hello);
  if (context_->settings().client_hello) {
    held.pause = HandshakePause::client_hello;
    return 0;
  }
  pause_for_ocsp();
  return release();
}

// The certificate is known now, so is whether its status is wanted.
void TlsSession::pause_for_ocsp() {
  Held& held = *held_;
  held.pause = HandshakePause::none;
  TlsContext& chosen = context_->for_server_name(held.hello.server_name);
  if (!held.hello.wants_ocsp || !chosen.settings().ocsp) return;
  shown_ = &chosen;
  held.pause = HandshakePause::ocsp;
}

int TlsSession::release() noexcept {
  const std::size_t size = handshake_message_size(held_->bytes);
  if (size == 0 || held_->bytes.size() < size) return 0;
  if (held_->pause != HandshakePause::none) return 0;
  // The callback that looks at the server name compares with what is in use.
  shown_ = context_.get();
  const auto held = std::move(held_);
  if (wolfSSL_provide_quic_data(native_, wolfssl_encryption_initial, held->bytes.data(),
                                held->bytes.size()) != WOLFSSL_SUCCESS) {
    return fail(alert::kUnexpectedMessage);
  }
  return run_handshake();
}

Result<> TlsSession::client_hello_done(std::shared_ptr<TlsContext> context) {
  if (pause() != HandshakePause::client_hello) {
    return failure(Errc::invalid_state, "this handshake does not wait for ClientHello::done");
  }
  if (context != nullptr) {
    if (context->side() != Side::server) {
      return failure(Errc::invalid_argument,
                     "context: it is one of a client; make it by make_tls_context(Side::server)");
    }
    context_ = std::move(context);
    shown_ = context_.get();
    wolfSSL_free(std::exchange(native_, nullptr));
    Parameters parameters = held_->parameters;
    parameters.alpn = held_->alpn;
    keylog_ = trace_ = nullptr;
    if (auto done = configure(parameters); !done) return done;
  }
  pause_for_ocsp();
  return {};
}

Result<> TlsSession::ocsp_done(std::vector<std::uint8_t> response) {
  if (pause() != HandshakePause::ocsp) {
    return failure(Errc::invalid_state, "this handshake does not wait for an OCSP response");
  }
  ocsp_response_ = std::move(response);
  held_->pause = HandshakePause::none;
  return {};
}

// --- trace ---------------------------------------------------------------------------------------

void TlsSession::trace(std::string_view what, std::uint8_t type, std::size_t size) noexcept {
  std::string line(what);
  line.append(handshake_message_name(type)).append(", ");
  line.append(std::to_string(size)).append(" bytes");
  trace_(keylog_user_, line);
}

// TLS hands out whole messages, or a long one in parts of which only the first has the header.
void TlsSession::trace_messages(std::span<const std::uint8_t> sent) noexcept {
  while (!sent.empty()) {
    if (traced_body_left_ > 0) {
      const std::size_t step = std::min<std::size_t>(traced_body_left_, sent.size());
      traced_body_left_ -= static_cast<std::uint32_t>(step);
      sent = sent.subspan(step);
      continue;
    }
    const std::size_t size = handshake_message_size(sent);
    if (size == 0) return;
    trace("sent ", sent.front(), size - 4);
    const std::size_t step = std::min(size, sent.size());
    traced_body_left_ = static_cast<std::uint32_t>(size - step);
    sent = sent.subspan(step);
  }
}

}  // namespace quicore::engine
