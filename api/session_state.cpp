// SPDX-License-Identifier: Apache-2.0
#include "api/internal/session_state.h"

#include <exception>
#include <utility>

#include "api/internal/shard_state.h"
#include "api/internal/stream_state.h"
#include "engine/http3_session.h"
#include "engine/tls_session.h"

namespace quicore::internal {

namespace {

std::optional<Error> describe(engine::CertificateProblem problem, std::string_view host) {
  if (problem == engine::CertificateProblem::none) return std::nullopt;
  return Error::make(Errc::certificate, std::string(engine::code_of(problem)) + ": " +
                                            engine::sentence_of(problem, host));
}

}  // namespace

SessionState::Flush::Flush(SessionState& session) noexcept
    : Waiter(session.shard()), session_(session) {}

SessionState::SessionState(EndpointState& endpoint, engine::Connection& connection) noexcept
    : endpoint_(&endpoint),
      connection_(&connection),
      self_(this),
      is_server_(connection.side() == Side::server),
      on_stream_(*this),
      qlog_(connection.qlog()),
      flush_(*this) {
  connection.set_handler(this);
  shard().add_session(*this);
}

template <class F>
void SessionState::guarded(const char* what, F&& function) noexcept {
  try {
    function();
  } catch (...) {
    shard().report_exception(what, std::current_exception());
    cancel(Error::transport(0x1 /* INTERNAL_ERROR */, "a handler threw an exception"));
  }
}

// --- what the engine reports --------------------------------------------------------------------

void SessionState::on_handshake_completed() {
  HandshakeInfo info;
  info.alpn = connection_->alpn();
  info.server_name = connection_->server_name();
  info.early_data = connection_->early_data();
  if (const engine::TlsSession* tls = connection_->tls()) {
    info.cipher = tls->cipher_name();
    info.cipher_version = tls->cipher_version();
    info.group = tls->group_name();
    info.resumed = tls->resumed();
    info.validation_error = describe(tls->certificate_problem(), info.server_name);
  }
  handshake_.set(shard(), std::move(info));
  settle_handshake_events();
  openers_.wake_all();
}

void SessionState::on_handshake_confirmed() {
  if (confirmed_.made()) confirmed_.set(shard(), {});
}

void SessionState::on_stream(engine::Stream& stream) {
  auto* state = new StreamState(*this, stream);
  // HTTP/3: shown when its headers have come, so that a handler has them at once.
  if (!connection_->is_http3()) announce(state->event());
}

void SessionState::on_datagram(Buf data, bool early) {
  guarded("a datagram handler", [&] {
    on_datagram_.emit({std::move(data), early, Session(Ref<SessionState>(this))});
  });
}

void SessionState::on_datagram_status(std::uint64_t id, engine::DatagramStatus status) {
  const auto known = status == engine::DatagramStatus::acknowledged ? DatagramStatus::acknowledged
                                                                    : DatagramStatus::lost;
  guarded("a datagram status handler", [&] { on_status_.emit({id, known}); });
}

void SessionState::on_session_ticket() {
  guarded("a session ticket handler", [&] { on_ticket_.emit(Session(Ref<SessionState>(this))); });
}

void SessionState::on_path_changed() {
  guarded("a path handler", [&] { on_path_.emit(Session(Ref<SessionState>(this))); });
}

void SessionState::on_http3_settings(const Http3Settings& of_peer) {
  if (http3_settings_.made()) http3_settings_.set(shard(), Http3Settings(of_peer));
}

void SessionState::on_keylog(std::string_view line) {
  if (on_keylog_.empty()) return;
  guarded("a key log handler", [&] {
    on_keylog_.emit({std::string(line), Session(Ref<SessionState>(this))});
  });
}

void SessionState::on_tls_trace(std::string_view line) {
  if (on_tls_trace_.empty()) return;
  guarded("a TLS trace handler", [&] {
    on_tls_trace_.emit({std::string(line), Session(Ref<SessionState>(this))});
  });
}

void SessionState::on_closed(const std::optional<Error>& error) { end(error); }

void SessionState::shard_ends() noexcept {
  end(Error::make(Errc::closed, "the runtime has ended"));
}

void SessionState::keep_last_values() {
  last_ = std::make_unique<LastValues>();
  last_->remote = connection_->remote_address();
  last_->local = connection_->local_address();
  last_->version = connection_->version();
  last_->early_data = connection_->early_data();
  last_->resume = connection_->resume();
  last_->certificate = local_certificate();
  last_->peer_certificate = peer_certificate();
  last_->stats = connection_->stats(connection_->now());
}

void SessionState::end(const std::optional<Error>& error) {
  const Ref<SessionState> keep = std::move(self_);
  self_ = {};
  keep_last_values();
  connection_ = nullptr;
  static_cast<engine::ListHook<SessionTag>&>(*this).unlink();
  if (error && !error_) error_ = error;
  const Error why = end_reason();
  handshake_.set(shard(), std::unexpected(why));
  if (confirmed_.made()) confirmed_.set(shard(), std::unexpected(why));
  if (http3_settings_.made() && !http3_settings_.ready()) {
    http3_settings_.set(shard(), std::unexpected(why));
  }
  if (closed_.made()) static_cast<void>(closed());
  end_handshake_events();
  acceptors_.wake_all();
  openers_.wake_all();
  waiting_streams_.clear();
  // Handlers may hold handles of this very session.
  on_stream_.clear();
  on_datagram_.clear();
  on_status_.clear();
  on_ticket_.clear();
  on_path_.clear();
  on_keylog_.clear();
  on_tls_trace_.clear();
}

// --- streams of the peer ------------------------------------------------------------------------

void SessionState::announce(StreamEvent event) noexcept {
  if (on_stream_.empty()) {
    waiting_streams_.push_back(std::move(event));
    if (Waiter* acceptor = acceptors_.front()) {
      static_cast<AcceptStream*>(acceptor)->give(waiting_streams_.take_front());
    }
    return;
  }
  const Stream stream = event.stream;
  try {
    on_stream_.emit(std::move(event));
  } catch (...) {
    shard().report_exception("a stream handler", std::current_exception());
    stream.cancel(Error::make(Errc::cancelled, "the stream's handler threw an exception"));
  }
}

void SessionState::handler_added() {
  if (!waiting_streams_.empty()) shard().push(flush_);
}

void SessionState::flush_streams() noexcept {
  const Ref<SessionState> keep(this);
  while (!waiting_streams_.empty() && !on_stream_.empty()) {
    announce(waiting_streams_.take_front());
  }
}

Result<StreamEvent> SessionState::take_stream() {
  if (!waiting_streams_.empty()) return waiting_streams_.take_front();
  return std::unexpected(end_reason());
}

// --- life ---------------------------------------------------------------------------------------

Completion<HandshakeInfo> SessionState::handshake() { return handshake_.get(shard()); }

Completion<> SessionState::confirmed() {
  if (!confirmed_.ready()) {
    if (connection_ == nullptr) {
      confirmed_.set(shard(), std::unexpected(end_reason()));
    } else if (connection_->handshake_confirmed()) {
      confirmed_.set(shard(), {});
    }
  }
  return confirmed_.get(shard());
}

Completion<Http3Settings> SessionState::http3_settings() {
  if (!http3_settings_.ready()) {
    const engine::Http3Session* http3 = connection_ != nullptr ? connection_->http3() : nullptr;
    if (connection_ == nullptr) {
      http3_settings_.set(shard(), std::unexpected(end_reason()));
    } else if (http3 != nullptr && http3->peer_settings()) {
      http3_settings_.set(shard(), Http3Settings(*http3->peer_settings()));
    } else if (!connection_->alpn().empty() && !connection_->is_http3()) {
      http3_settings_.set(shard(), failure(Errc::not_supported,
                                           "only HTTP/3 ('h3') has settings; this session's "
                                           "protocol is '" +
                                               protocol() + "'"));
    }
  }
  return http3_settings_.get(shard());
}

Completion<> SessionState::closed() {
  if (connection_ == nullptr) {
    closed_.set(shard(), error_ ? Result<>(std::unexpected(*error_)) : Result<>());
  }
  return closed_.get(shard());
}

Completion<> SessionState::close() {
  closing_ = true;
  if (connection_ != nullptr) connection_->close_gracefully();
  return closed();
}

void SessionState::cancel(const Error& reason) {
  if (connection_ == nullptr || closed_.ready()) return;
  closing_ = true;
  if (reason) error_ = reason;
  closed_.set(shard(), reason ? Result<>(std::unexpected(reason)) : Result<>());
  connection_->close(reason);
}

Error SessionState::end_reason() const {
  return error_.value_or(Error::make(Errc::closed, "the session is closed"));
}

// --- what the session does ----------------------------------------------------------------------

Result<Stream> SessionState::open(StreamOptions&& options) {
  if (connection_ == nullptr) return std::unexpected(end_reason());
  const bool http3 = connection_->is_http3();
  const bool protocol_known = !connection_->alpn().empty();
  if (http3 && options.unidirectional) {
    return failure(Errc::not_supported,
                   "HTTP/3 uses unidirectional streams itself: open bidirectional ones");
  }
  if (http3 && is_server_) {
    return failure(Errc::not_supported,
                   "HTTP/3 servers open no streams: respond on those of the client");
  }
  if (protocol_known && !http3 && (!options.headers.none() || !options.trailers.none())) {
    return failure(Errc::not_supported,
                   "only HTTP/3 ('h3') has headers and trailers; this session's "
                   "protocol is '" +
                       protocol() + "'");
  }
  auto opened = connection_->open_stream(options.unidirectional);
  if (!opened) return std::unexpected(std::move(opened.error()));
  auto* state = new StreamState(*this, **opened);
  Stream stream = state->handle();
  if (options.budget) state->set_budget(*options.budget);
  auto sent = state->send({.headers = http3 ? &options.headers : nullptr,
                           .body = options.body,
                           .trailers = options.trailers,
                           .ends_without_body = http3});
  if (!sent) {
    stream.cancel();
    return std::unexpected(std::move(sent.error()));
  }
  if (options.urgency || options.incremental) {
    constexpr std::uint8_t kDefaultUrgency = 3;  // RFC 9218 4.1
    state->set_priority(options.urgency.value_or(kDefaultUrgency), options.incremental);
  }
  return stream;
}

Result<std::uint64_t> SessionState::send_datagram(Buf data) {
  if (connection_ == nullptr) return std::unexpected(end_reason());
  return connection_->send_datagram(std::move(data));
}

Result<> SessionState::migrate(const Address& local, bool rebinding_only) {
  if (connection_ == nullptr) return std::unexpected(end_reason());
  const ShardState::Scope scope(shard());
  return connection_->migrate(local, rebinding_only);
}

// --- facts --------------------------------------------------------------------------------------

const HandshakeInfo* SessionState::handshake_info() const noexcept {
  const auto* result = handshake_.peek();
  return result != nullptr && *result ? &**result : nullptr;
}

std::string SessionState::protocol() const {
  const HandshakeInfo* info = handshake_info();
  return info != nullptr ? info->alpn : std::string();
}

Address SessionState::remote_address() const noexcept {
  return connection_ != nullptr ? connection_->remote_address() : last_->remote;
}

Address SessionState::local_address() const noexcept {
  return connection_ != nullptr ? connection_->local_address() : last_->local;
}

QuicVersion SessionState::version() const noexcept {
  return connection_ != nullptr ? connection_->version() : last_->version;
}

bool SessionState::early_data() const noexcept {
  return connection_ != nullptr ? connection_->early_data() : last_->early_data;
}

std::optional<Resume> SessionState::resume() const {
  return connection_ != nullptr ? connection_->resume() : last_->resume;
}

Certificate SessionState::local_certificate() const {
  if (connection_ == nullptr) return last_->certificate;
  const engine::TlsSession* tls = connection_->tls();
  return tls != nullptr ? tls->local_certificate() : Certificate();
}

Certificate SessionState::peer_certificate() const {
  if (connection_ == nullptr) return last_->peer_certificate;
  const engine::TlsSession* tls = connection_->tls();
  return tls != nullptr && !tls->peer_certificates().empty() ? tls->peer_certificates().front()
                                                             : Certificate();
}

SessionStats SessionState::stats() const {
  return connection_ != nullptr ? connection_->stats(connection_->now()) : last_->stats;
}

}  // namespace quicore::internal
