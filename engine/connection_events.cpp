// SPDX-License-Identifier: Apache-2.0
//
// Connection: what ngtcp2's callbacks report, and how the DELIVER phase hands it to the handler.
#include <utility>

#include "engine/connection.h"
#include "engine/endpoint.h"
#include "engine/http3_error.h"
#include "engine/http3_session.h"
#include "engine/qlog.h"
#include "engine/qlog_event.h"
#include "engine/shard.h"
#include "engine/tls_session.h"

namespace quicore::engine {

// --- reported by callbacks -------------------------------------------------------------------------

void Connection::server_handshake_completed() {
  const Address remote = remote_address();
  endpoint_.admission().address_validated(remote, now());
  shard().handshakes().finished(stats_.created_at);
  handshake_is_confirmed();  // RFC 9001 4.1.2: a server confirms when it completes
  send_new_token(remote);
}

void Connection::handshake_is_confirmed() {
  handshake_confirmed_ = true;
  release_handshake_memory_ = true;
  peer_shards_ = tls_->peer_shared_trains();
  stats_.handshake_confirmed_at = now();
  mark(ConnectionEvent::handshake_confirmed);
}

// RFC 9000 8.1.3: saves the client's next connection the round trip of a Retry.
void Connection::send_new_token(const Address& remote) {
  const auto token = endpoint_.admission().make_new_token(remote, now());
  if (!token.empty()) {
    static_cast<void>(ngtcp2_conn_submit_new_token(conn_, token.data(), token.size()));
  }
}

void Connection::stream_closed(Stream& stream, std::optional<std::uint64_t> code) {
  // Nobody will read more than what is queued already: its room goes back to the connection.
  if (stream.uncredited_ > 0) {
    ngtcp2_conn_extend_max_offset(conn_, std::exchange(stream.uncredited_, 0));
  }
  stream.closed_ = true;
  const bool clean = !code || *code == 0 || (http3_ != nullptr && *code == http3::kNoError);
  if (!clean && !stream.error_) {  // HTTP/3 may know better why
    stream.error_ = Error::application(*code, "the stream was reset or its peer stopped reading");
  }
  static_cast<ListHook<SendableTag>&>(stream).unlink();
  stream.mark(StreamEvent::closed);
}

void Connection::stream_unblocked(Stream& stream) {
  stream.blocked_ = false;
  const SendQueue& queue = stream.send_queue();
  if (queue.unsent() > 0 || (queue.finished() && !queue.fin_sent())) stream_wants_to_send(stream);
}

void Connection::record_keylog(void* user, std::string_view line) {
  Connection& connection = *static_cast<Connection*>(user);
  connection.tls_lines_.push_back({true, std::string(line)});
  connection.mark(ConnectionEvent::keylog);
}

void Connection::record_tls_trace(void* user, std::string_view line) {
  Connection& connection = *static_cast<Connection*>(user);
  connection.tls_lines_.push_back({false, std::string(line)});
  connection.mark(ConnectionEvent::keylog);
}

void Connection::record_qlog(void* user, std::uint32_t /*flags*/, const void* record,
                             std::size_t size) {
  static_cast<Connection*>(user)->qlog_->write({static_cast<const char*>(record), size});
}

// --- phase 4, DELIVER --------------------------------------------------------------------------------

void Connection::deliver() {
  const std::uint16_t events = std::exchange(events_, std::uint16_t{0});
  const auto has = [events](ConnectionEvent event) {
    return (events & static_cast<std::uint16_t>(event)) != 0;
  };
  if (has(ConnectionEvent::created) && endpoint_.handler() != nullptr) {
    endpoint_.handler()->on_connection(*this);
  }
  if (has(ConnectionEvent::keylog)) deliver_keylog();
  if (handler_ != nullptr && has(ConnectionEvent::handshake_paused)) {
    handler_->on_handshake_paused();
  }
  if (handler_ != nullptr && has(ConnectionEvent::handshake_completed)) {
    handler_->on_handshake_completed();
  }
  if (handler_ != nullptr && has(ConnectionEvent::handshake_confirmed)) {
    handler_->on_handshake_confirmed();
  }
  if (handler_ != nullptr && has(ConnectionEvent::path_changed)) handler_->on_path_changed();
  if (handler_ != nullptr && has(ConnectionEvent::streams_available)) {
    handler_->on_streams_available();
  }
  if (handler_ != nullptr && has(ConnectionEvent::http3_settings) && http3_ != nullptr) {
    handler_->on_http3_settings(*http3_->peer_settings());
  }
  // A request's datagrams come after the request, the session's before its streams.
  const bool of_requests = http3_ != nullptr && http3_->takes_datagrams();
  if (of_requests) deliver_streams();
  if (has(ConnectionEvent::datagrams) || has(ConnectionEvent::datagram_status)) {
    deliver_datagrams();
  }
  if (!of_requests) deliver_streams();
  if (tls_ != nullptr && tls_->tickets_received() != tickets_seen_) {
    tickets_seen_ = tls_->tickets_received();
    if (handler_ != nullptr) handler_->on_session_ticket();
  } else if (handler_ != nullptr && has(ConnectionEvent::session_ticket)) {
    handler_->on_session_ticket();
  }
  if (has(ConnectionEvent::closed)) {
    closed_reported_ = true;
    if (ConnectionHandler* handler = std::exchange(handler_, nullptr)) handler->on_closed(error_);
    endpoint_.session_ended();
  }
  if (closed_reported_) shard().needs_clean_up(*this);
  finish_graceful_close_if_done();
}

void Connection::queue_datagram(Bytes bytes, bool early, std::int64_t stream) {
  if (datagrams_in_.size() >= limits::kMaxQueuedReceivedDatagrams) datagrams_in_.pop_front();
  datagrams_in_.push_back({Buf::copy(bytes), early, stream});
  mark(ConnectionEvent::datagrams);
}

void Connection::deliver_datagrams() {
  while (!datagrams_in_.empty()) {
    ReceivedDatagram datagram = datagrams_in_.take_front();
    if (datagram.stream >= 0) {
      const Stream* stream = find_stream(datagram.stream);
      if (stream == nullptr || stream->handler() == nullptr) continue;
      stream->handler()->on_stream_datagram(std::move(datagram.data), datagram.early);
      continue;
    }
    if (handler_ != nullptr) handler_->on_datagram(std::move(datagram.data), datagram.early);
  }
  while (!datagram_reports_.empty()) {
    const DatagramReport report = datagram_reports_.take_front();
    if (handler_ != nullptr) handler_->on_datagram_status(report.id, report.status);
  }
}

void Connection::deliver_keylog() {
  for (const TlsLine& line : std::exchange(tls_lines_, {})) {
    if (handler_ == nullptr) return;
    line.secret ? handler_->on_keylog(line.text) : handler_->on_tls_trace(line.text);
  }
}

void Connection::deliver_streams() {
  // Handlers may mark streams again (a reader that makes room lets more arrive): what is added now
  // waits for the next round.
  IntrusiveList<Stream, EventTag> batch;
  batch.splice_back(streams_with_events_);
  while (Stream* stream = batch.pop_front()) {
    if ((stream->events_ & static_cast<std::uint16_t>(StreamEvent::opened)) != 0) {
      stream->events_ &= static_cast<std::uint16_t>(~static_cast<unsigned>(StreamEvent::opened));
      if (handler_ != nullptr && !graceful_) handler_->on_stream(*stream);
      // Nobody took it, or the session is closing (A15): say so, or the peer would wait for ever.
      if (stream->handler() == nullptr) refuse_stream(*stream);
    }
    stream->deliver();
    if (stream->closed_) erase_stream(*stream);
  }
}

void Connection::refuse_stream(Stream& stream) {
  const std::uint64_t code = http3_ != nullptr ? http3::kRequestRejected : 0;
  if (qlog_ != nullptr) {
    QlogEvent(*qlog_, now(), "quicore:stream_refused")
        .number("stream_id", static_cast<std::uint64_t>(raw(stream.id())))
        .number("code", code)
        .write();
  }
  stream.stop_sending(code);
  stream.reset(code);
  stream.discard();
}

}  // namespace quicore::engine
