// SPDX-License-Identifier: Apache-2.0
#include "api/session.h"

#include <utility>

#include "api/endpoint.h"
#include "api/internal/session_state.h"
#include "api/internal/shard_state.h"
#include "engine/certificate.h"

namespace quicore {

namespace internal {

void ref_retain(SessionState* session) noexcept { ref_retain(static_cast<Counted*>(session)); }
void ref_release(SessionState* session) noexcept { ref_release(static_cast<Counted*>(session)); }

namespace {

// Waits until the peer may allow another stream.
class StreamLimitWait final : public CoroutineWaiter {
 public:
  StreamLimitWait(SessionState& session, WaitOptions options) noexcept
      : CoroutineWaiter(session.shard()), session_(session), options_(std::move(options)) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) {
    suspend(coroutine, session_.openers(), options_);
  }
  Result<> await_resume() const { return outcome(); }

 private:
  SessionState& session_;
  WaitOptions options_;
};

// A timeout for what comes first is one for all of it.
void shorten(WaitOptions& options, Instant deadline, Instant now) {
  if (options.timeout) options.timeout = deadline - now;
}

Task<Result<Stream>> open_when_possible(Ref<SessionState> session, StreamOptions* options,
                                        WaitOptions wait) {
  StreamOptions none;
  if (options == nullptr) options = &none;
  ShardState& shard = session->shard();
  const Instant deadline = wait.timeout ? shard.now() + *wait.timeout : kNever;
  for (;;) {
    engine::Connection* connection = session->connection();
    const bool may_open =
        connection == nullptr || session->closing() ||
        (!connection->alpn().empty() && connection->streams_left(options->unidirectional) > 0);
    if (may_open) {
      auto opened = session->open(std::move(*options));
      co_return opened;
    }
    auto waited = co_await StreamLimitWait(*session, wait);
    if (!waited) co_return std::unexpected(std::move(waited.error()));
    shorten(wait, deadline, shard.now());
  }
}

}  // namespace
}  // namespace internal

Handlers<StreamEvent>& Session::on_stream() const noexcept { return state_->on_stream_handlers(); }
Handlers<DatagramEvent>& Session::on_datagram() const noexcept {
  return state_->on_datagram_handlers();
}
Handlers<DatagramStatusEvent>& Session::on_datagram_status() const noexcept {
  return state_->on_status_handlers();
}
QlogReader Session::qlog() const { return QlogReader(state_->qlog()); }
Handlers<KeylogEvent>& Session::on_keylog() const noexcept { return state_->on_keylog_handlers(); }
Handlers<TlsTraceEvent>& Session::on_tls_trace() const noexcept {
  return state_->on_tls_trace_handlers();
}
Completion<ClientHello> Session::client_hello() const { return state_->client_hello(); }
Completion<OcspRequest> Session::ocsp_request() const { return state_->ocsp_request(); }
Completion<OcspResponse> Session::ocsp_response() const { return state_->ocsp_response(); }

std::optional<EphemeralKeyInfo> Session::ephemeral_key_info() const {
  const HandshakeInfo* info = state_->handshake_info();
  return info != nullptr ? internal::ephemeral_key_of(info->group) : std::nullopt;
}

Handlers<Session>& Session::on_session_ticket() const noexcept {
  return state_->on_ticket_handlers();
}

Handlers<Session>& Session::on_path_changed() const noexcept { return state_->on_path_handlers(); }

Completion<HandshakeInfo> Session::handshake() const { return state_->handshake(); }
Completion<> Session::confirmed() const { return state_->confirmed(); }
Completion<Http3Settings> Session::http3_settings() const { return state_->http3_settings(); }
Completion<> Session::close() const { return state_->close(); }
Completion<> Session::closed() const { return state_->closed(); }
bool Session::closing() const noexcept { return state_->closing(); }
void Session::cancel(const Error& reason) const { state_->cancel(reason); }

Result<Stream> Session::open(StreamOptions options) const {
  return state_->open(std::move(options));
}

Task<Result<Stream>> Session::open_when_possible(StreamOptions& options, WaitOptions wait) const {
  return internal::open_when_possible(state_, &options, std::move(wait));
}

Task<Result<Stream>> Session::open_when_possible(WaitOptions wait) const {
  return internal::open_when_possible(state_, nullptr, std::move(wait));
}

std::uint64_t Session::streams_left(bool unidirectional) const noexcept {
  const engine::Connection* connection = state_->connection();
  return connection != nullptr ? connection->streams_left(unidirectional) : 0;
}

bool Session::datagram(Bytes data) const {
  return state_->send_datagram(Buf::copy(data)).has_value();
}

Result<std::uint64_t> Session::send_datagram(Buf data) const {
  return state_->send_datagram(std::move(data));
}

std::size_t Session::max_datagram_size() const noexcept {
  const engine::Connection* connection = state_->connection();
  return connection != nullptr ? connection->max_datagram_size() : 0;
}

bool Session::is_server() const noexcept { return state_->is_server(); }

std::string_view Session::alpn() const noexcept {
  if (const HandshakeInfo* info = state_->handshake_info()) return info->alpn;
  // 0-RTT: streams arrive before the handshake has completed, but their protocol is known.
  const engine::Connection* connection = state_->connection();
  return connection != nullptr ? connection->alpn() : std::string_view();
}

std::string_view Session::server_name() const noexcept {
  const HandshakeInfo* info = state_->handshake_info();
  return info != nullptr ? std::string_view(info->server_name) : std::string_view();
}

Address Session::remote_address() const noexcept { return state_->remote_address(); }
Address Session::local_address() const noexcept { return state_->local_address(); }
QuicVersion Session::version() const noexcept { return state_->version(); }
bool Session::early_data() const noexcept { return state_->early_data(); }

std::optional<Error> Session::validation_error() const {
  const HandshakeInfo* info = state_->handshake_info();
  return info != nullptr ? info->validation_error : std::nullopt;
}

std::optional<Resume> Session::session_ticket() const { return state_->resume(); }
Certificate Session::certificate() const { return state_->local_certificate(); }
Certificate Session::peer_certificate() const { return state_->peer_certificate(); }
SessionStats Session::stats() const { return state_->stats(); }

Result<> Session::update_key() const {
  engine::Connection* connection = state_->connection();
  if (connection == nullptr) return std::unexpected(state_->end_reason());
  return connection->update_key();
}

Result<> Session::migrate(const Address& local) const { return state_->migrate(local, false); }
Result<> Session::rebind(const Address& local) const { return state_->migrate(local, true); }

Endpoint Session::endpoint() const {
  return Endpoint(internal::Ref<internal::EndpointState>(&state_->endpoint()));
}

Shard& Session::shard() const noexcept { return state_->shard().shard(); }

// --- accept -------------------------------------------------------------------------------------

AcceptStream::AcceptStream(internal::Ref<internal::SessionState> session,
                           WaitOptions options) noexcept
    : CoroutineWaiter(session->shard()),
      session_(std::move(session)),
      options_(std::move(options)) {}

bool AcceptStream::await_ready() const noexcept { return session_->may_accept(); }

void AcceptStream::await_suspend(std::coroutine_handle<> coroutine) {
  suspend(coroutine, session_->acceptors(), options_);
}

void AcceptStream::give(StreamEvent event) {
  event_ = std::move(event);
  wake(internal::Wake::signalled);
}

Result<StreamEvent> AcceptStream::await_resume() {
  if (event_.stream) return std::move(event_);
  if (session_->may_accept()) return session_->take_stream();
  return std::unexpected(outcome().error());
}

}  // namespace quicore
