// SPDX-License-Identifier: Apache-2.0
#include "engine/stream.h"

#include <algorithm>
#include <cstring>

#include "engine/connection.h"
#include "engine/http3_session.h"
#include "engine/shard.h"

namespace quicore::engine {

namespace {

constexpr std::uint16_t bit(StreamEvent event) noexcept {
  return static_cast<std::uint16_t>(event);
}

// Streams that carried more than this get large slabs: small requests stay in small ones.
constexpr std::uint64_t kLargeSlabAfter = 4096;

}  // namespace

Stream::Stream(Connection& connection, StreamId id, bool peer_initiated, Instant now)
    : connection_(connection), id_(id), peer_initiated_(peer_initiated), created_at_(now) {}

Stream::~Stream() { connection_.send_queue_shrank(send_.queued()); }

void Stream::set_handler(StreamHandler* handler) noexcept {
  handler_ = handler;
  if (handler != nullptr && events_ != 0) connection_.stream_has_events(*this);
}

// --- sending -----------------------------------------------------------------------------------

Result<> Stream::check_can_send() const {
  if (!can_send()) {
    return failure(Errc::invalid_state,
                   "this unidirectional stream was opened by the peer: only the peer writes on it");
  }
  if (closed_ || reset_sent_) return failure(Errc::closed, "the stream is closed for sending");
  if (send_closed_) return failure(Errc::invalid_state, "the stream was finished already");
  return {};
}

Result<> Stream::write(Buf data) {
  if (auto ok = check_can_send(); !ok) return ok;
  if (connection_.is_http3() && !headers_sent_) {
    return failure(Errc::invalid_state, "send the headers before the body");
  }
  if (auto ok = check_content(data.size(), false); !ok) return ok;
  if (content_left_ != kUnbounded) content_left_ -= data.size();
  connection_.send_queue_grew(data.size());
  send_.push(std::move(data));
  wants_to_send();
  return {};
}

// A message that does not keep its word costs the peer the whole connection (RFC 9114 4.1.2).
Result<> Stream::check_content(std::uint64_t more, bool ends) const {
  if (content_left_ == kUnbounded || (more <= content_left_ && !ends)) return {};
  if (more > content_left_) {
    return failure(Errc::invalid_argument, "the body is larger than its content-length by " +
                                               std::to_string(more - content_left_) + " bytes");
  }
  if (content_left_ == 0) return {};
  return failure(Errc::invalid_argument, "the body ends " + std::to_string(content_left_) +
                                             " bytes before its content-length");
}

Result<> Stream::finish() {
  if (auto ok = check_can_send(); !ok) return ok;
  if (auto ok = check_content(0, true); !ok) return ok;
  send_.finish();
  send_closed_ = true;
  begins_to_close();
  wants_to_send();
  return {};
}

Result<> Stream::send_headers(FieldSection section, const Headers& fields, bool fin) {
  if (auto ok = check_can_send(); !ok) return ok;
  Http3Session* http3 = connection_.http3();
  if (http3 == nullptr) {
    return failure(Errc::not_supported, "the application protocol '" +
                                            std::string(connection_.alpn()) +
                                            "' has no header fields; only HTTP/3 ('h3') has");
  }
  if (section == FieldSection::headers && headers_sent_) {
    return failure(Errc::invalid_state, "headers were sent already");
  }
  if (section == FieldSection::informational && headers_sent_) {
    return failure(Errc::invalid_state, "hints (1xx) go before the headers");
  }
  if (section == FieldSection::trailers && !headers_sent_) {
    return failure(Errc::invalid_state, "trailers go after the headers and the body");
  }
  if (section == FieldSection::trailers) {
    if (auto ok = check_content(0, true); !ok) return ok;
  }
  if (auto ok = http3->submit_headers(*this, section, fields, fin); !ok) return ok;
  if (section == FieldSection::headers) headers_sent_ = true;
  if (section == FieldSection::trailers) trailers_sent_ = true;
  if (fin || section == FieldSection::trailers) {
    send_.finish();
    send_closed_ = true;
    begins_to_close();
  }
  wants_to_send();
  return {};
}

void Stream::reset(std::uint64_t application_code) {
  if (closed_ || reset_sent_ || !can_send()) return;
  if (send_closed_ && send_.fin_sent() && send_.acknowledged() == send_.end()) return;
  reset_sent_ = send_closed_ = true;
  begins_to_close();
  if (ngtcp2_conn* quic = connection_.quic()) {
    ngtcp2_conn_shutdown_stream_write(quic, 0, raw(id_), application_code);
  }
  if (Http3Session* http3 = connection_.http3()) http3->shut_down_write(*this);
  static_cast<ListHook<SendableTag>&>(*this).unlink();
  connection_.wants_to_send();
}

void Stream::stop_sending(std::uint64_t application_code) {
  if (closed_ || fin_received_ || !can_receive()) return;
  if (ngtcp2_conn* quic = connection_.quic()) {
    ngtcp2_conn_shutdown_stream_read(quic, 0, raw(id_), application_code);
  }
  if (Http3Session* http3 = connection_.http3()) http3->shut_down_read(*this);
  discard_ = true;
  connection_.wants_to_send();
}

std::uint64_t Stream::room(SendBudget budget) const noexcept {
  const std::uint64_t fixed = budget.bytes - std::min<std::uint64_t>(budget.bytes, send_.queued());
  if (!budget.grows) return fixed;
  const std::uint64_t held = connection_.send_queue_size();
  const std::uint64_t most = connection_.send_queue_limit();
  if (held >= most || send_.unsent() >= budget.bytes) return fixed;
  return std::max(fixed, std::min(most - held, budget.bytes - send_.unsent()));
}

void Stream::want_writable(SendBudget budget) noexcept {
  budget_ = budget;
  want_writable_ = true;
  check_writable();
}

void Stream::check_writable() noexcept {
  if (want_writable_ && 2 * room(budget_) >= budget_.bytes) mark(StreamEvent::writable);
}

void Stream::sent(std::uint64_t count) noexcept {
  send_.advance_sent(count);
  check_writable();
}

void Stream::want_flushed() noexcept {
  want_flushed_ = true;
  check_flushed();
}

void Stream::want_blocked() noexcept {
  want_blocked_ = true;
  connection_.watch_congestion();
}

void Stream::begins_to_close() noexcept {
  if (closing_at_ == Instant{}) closing_at_ = connection_.now();
}

Result<std::uint64_t> Stream::send_datagram(Buf data) {
  if (auto ok = check_can_send(); !ok) return std::unexpected(std::move(ok.error()));
  Http3Session* http3 = connection_.http3();
  if (http3 == nullptr) {
    return failure(Errc::not_supported,
                   "only HTTP/3 has datagrams of a stream: use those of the session");
  }
  return http3->send_datagram(*this, std::move(data));
}

std::size_t Stream::max_datagram_size() const noexcept {
  const Http3Session* http3 = connection_.http3();
  if (http3 == nullptr || !http3->check_datagrams()) return 0;
  const std::size_t whole = connection_.max_datagram_size();
  const std::size_t prefix = Http3Session::datagram_prefix(*this).size;
  return whole > prefix ? whole - prefix : 0;
}

void Stream::set_priority(std::uint8_t urgency, bool incremental) noexcept {
  if (Http3Session* http3 = connection_.http3()) http3->set_priority(*this, urgency, incremental);
}

void Stream::wants_to_send() noexcept {
  if (closed_) return;
  if (Http3Session* http3 = connection_.http3()) {
    http3->resume(*this);
    connection_.wants_to_send();
  } else if (!blocked_) {
    connection_.stream_wants_to_send(*this);
  }
}

void Stream::acknowledged_to(std::uint64_t offset) {
  const std::uint64_t before = send_.queued();
  send_.acknowledge_to(std::min(offset, send_.sent()));
  connection_.send_queue_shrank(before - send_.queued());
  last_acknowledged_at_ = connection_.now();
  check_writable();
  check_flushed();
}

void Stream::check_flushed() noexcept {
  if (!want_flushed_ || send_.acknowledged() != send_.end()) return;
  if (send_.finished() && !send_.fin_sent()) return;
  mark(StreamEvent::flushed);
}

// --- receiving ---------------------------------------------------------------------------------

void Stream::receive(Bytes bytes, bool fin, bool early) {
  bytes_received_ += bytes.size();
  last_received_at_ = connection_.now();
  uncredited_ += bytes.size();
  if (fin) {
    fin_received_ = true;
    if (!can_send()) begins_to_close();
  }
  if (sink_ != nullptr) {
    sink_->on_bytes(bytes, fin);
    give_credit(bytes.size());
  } else if (discard_) {
    give_credit(bytes.size());
  } else if (!bytes.empty()) {
    append(bytes, early);
    mark(StreamEvent::readable);
  }
  if (fin) mark(StreamEvent::readable);
}

void Stream::append(Bytes bytes, bool early) {
  while (!bytes.empty()) {
    if (slab_used_ == slab_.size()) {
      const std::size_t wanted =
          bytes_received_ > kLargeSlabAfter ? io::kLargeSlabSize : bytes.size();
      io::SlabPool::Slab* slab = connection_.shard().slabs().take(wanted);
      if (slab == nullptr) {
        connection_.fail(Error::transport(NGTCP2_INTERNAL_ERROR, "out of receive memory"));
        return;
      }
      slab_ = Buf::from_storage(slab, {slab->data(), slab->capacity()});
      slab_used_ = 0;
    }
    const std::size_t count = std::min(bytes.size(), slab_.size() - slab_used_);
    // The slab is ours alone behind slab_used_: Bufs given out cover only what lies before it.
    std::memcpy(const_cast<std::byte*>(slab_.data()) + slab_used_, bytes.data(), count);
    const std::byte* begin = slab_.data() + slab_used_;
    if (!received_.empty() && received_.back().early == early &&
        received_.back().data.data() + received_.back().data.size() == begin) {
      Buf& last = received_.back().data;
      const auto offset = static_cast<std::size_t>(last.data() - slab_.data());
      last = slab_.slice(offset, last.size() + count);
    } else {
      received_.push_back({slab_.slice(slab_used_, count), early});
    }
    slab_used_ += static_cast<std::uint32_t>(count);
    bytes = bytes.subspan(count);
  }
}

std::optional<ReceivedPiece> Stream::read() noexcept {
  if (received_.empty()) return std::nullopt;
  ReceivedPiece piece = received_.take_front();
  // Nothing waits: do not pin a slab for a stream that may stay idle.
  if (received_.empty()) {
    slab_ = Buf();
    slab_used_ = 0;
  }
  return piece;
}

void Stream::give_credit(std::uint64_t count) noexcept {
  count = std::min(count, uncredited_);
  if (count == 0 || closed_) return;
  uncredited_ -= count;
  ngtcp2_conn* quic = connection_.quic();
  if (quic == nullptr) return;
  // Errors mean that the stream or connection is on its way out: there is no window to extend.
  static_cast<void>(ngtcp2_conn_extend_max_stream_offset(quic, raw(id_), count));
  ngtcp2_conn_extend_max_offset(quic, count);
  connection_.wants_to_acknowledge();
}

void Stream::set_sink(ReceiveSink* sink) noexcept {
  sink_ = sink;
  if (sink == nullptr) return;
  while (auto piece = read()) {
    sink->on_bytes(piece->data.bytes(), false);
    give_credit(piece->data.size());
  }
  if (fin_received_) sink->on_bytes({}, true);
}

void Stream::discard() noexcept {
  discard_ = true;
  while (auto piece = read()) give_credit(piece->data.size());
}

void Stream::receive_headers(FieldSection section, Headers fields) {
  headers_.push_back({section, std::move(fields)});
  mark(StreamEvent::headers);
}

void Stream::peer_reset(std::uint64_t code, std::uint64_t final_size) {
  if (reset_received_) return;  // a GOAWAY said so before
  peer_code_ = code;
  if (!fin_received_) {
    reset_received_ = true;
    reset_size_ = final_size;
  }
  begins_to_close();
  fin_received_ = true;
  mark(StreamEvent::reset);
}

void Stream::peer_stopped(std::uint64_t code) {
  peer_code_ = code;
  send_closed_ = true;
  begins_to_close();
  mark(StreamEvent::stopped);
}

// --- events ------------------------------------------------------------------------------------

void Stream::mark(StreamEvent event) noexcept {
  events_ |= bit(event);
  connection_.stream_has_events(*this);
}

void Stream::deliver() {
  const std::uint16_t events = std::exchange(events_, std::uint16_t{0});
  const auto has = [events](StreamEvent event) { return (events & bit(event)) != 0; };
  while (handler_ != nullptr && !headers_.empty()) {
    PendingHeaders pending = headers_.take_front();
    handler_->on_stream_headers(pending.section, std::move(pending.fields));
  }
  if (handler_ != nullptr && has(StreamEvent::readable)) handler_->on_stream_readable();
  if (handler_ != nullptr && has(StreamEvent::blocked)) handler_->on_stream_blocked();
  if (handler_ != nullptr && has(StreamEvent::writable)) {
    want_writable_ = false;
    handler_->on_stream_writable();
  }
  if (handler_ != nullptr && has(StreamEvent::flushed)) {
    want_flushed_ = false;
    handler_->on_stream_flushed();
  }
  if (handler_ != nullptr && has(StreamEvent::stopped)) handler_->on_stream_stopped(peer_code_);
  if (handler_ != nullptr && has(StreamEvent::reset)) handler_->on_stream_reset(peer_code_);
  if (has(StreamEvent::closed)) {
    if (StreamHandler* handler = std::exchange(handler_, nullptr)) {
      handler->on_stream_closed(error_.copy());
    }
  }
}

void Stream::prefetch_queues() const noexcept {
  send_.prefetch();
  received_.prefetch();
  headers_.prefetch();
}

StreamStats Stream::stats(Instant now) const noexcept {
  StreamStats stats;
  stats.created_at = created_at_;
  stats.last_acknowledge_at = last_acknowledged_at_;
  stats.last_received_at = last_received_at_;
  stats.duration = now - created_at_;
  stats.bytes_received = bytes_received_;
  stats.bytes_sent = send_.sent();
  stats.closing_at = closing_at_;
  if (fin_received_) stats.final_size = reset_received_ ? reset_size_ : bytes_received_;
  stats.max_offset = bytes_received_;
  stats.max_offset_received = bytes_received_;
  stats.max_offset_acknowledged = send_.acknowledged();
  return stats;
}

}  // namespace quicore::engine
