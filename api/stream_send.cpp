// SPDX-License-Identifier: Apache-2.0
//
// StreamState: what a Writer, open() and respond() send.
#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "api/internal/shard_state.h"
#include "api/internal/stream_state.h"
#include "engine/connection.h"
#include "engine/http3_error.h"

namespace quicore::internal {

namespace {

constexpr const char* kReceiveOnly =
    "this unidirectional stream was opened by the peer: only the peer writes on it";

bool at_hand(const LaterHeaders& headers) noexcept {
  return headers.none() || std::holds_alternative<Headers>(headers.value);
}
bool at_hand(const Body& body) noexcept {
  return body.none() || std::holds_alternative<Body::Streamed>(body.value) ||
         std::holds_alternative<Buf>(body.value) ||
         std::holds_alternative<std::vector<Buf>>(body.value);
}
bool at_hand(const StreamState::Parts& parts) noexcept {
  return (parts.headers == nullptr || at_hand(*parts.headers)) && at_hand(parts.body) &&
         at_hand(parts.trailers);
}
bool ends_stream(const StreamState::Parts& parts) noexcept {
  return parts.body.none() ? parts.ends_without_body
                           : !std::holds_alternative<Body::Streamed>(parts.body.value);
}

}  // namespace

// --- messages -----------------------------------------------------------------------------------

StreamState::Message::Message(const Parts& parts)
    : body(std::move(parts.body)),
      trailers(std::move(parts.trailers)),
      ends_without_body(parts.ends_without_body) {
  if (parts.headers != nullptr) headers = std::move(*parts.headers);
}

Result<> StreamState::send(const Parts& parts) {
  if (!can_send()) return failure(Errc::invalid_state, kReceiveOnly);
  if (sending_ended()) return std::unexpected(send_error());
  if (message_taken_ || finished_) {
    return failure(Errc::invalid_state,
                   "this stream has its body already: open(), respond() or send() gave it");
  }
  const bool has_headers = parts.headers != nullptr && !parts.headers->none();
  if (!http3_ && (has_headers || !parts.trailers.none())) {
    return failure(Errc::not_supported,
                   "only HTTP/3 ('h3') has headers and trailers; this session's protocol is '" +
                       session_->protocol() + "'");
  }
  if (at_hand(parts)) return send_now(parts);
  message_taken_ = ends_stream(parts);
  message_begins();
  shard().spawn(send_message(StreamPin(*this), Message(parts)), {});
  return {};
}

// Everything is here: no coroutine.
Result<> StreamState::send_now(const Parts& parts) {
  const bool ends = ends_stream(parts);
  auto* buf = std::get_if<Buf>(&parts.body.value);
  const bool nothing = parts.body.none() || (buf != nullptr && buf->empty());
  if (parts.headers != nullptr) {
    const auto* given = std::get_if<Headers>(&parts.headers->value);
    const bool fin = ends && nothing && parts.trailers.none();
    static const Headers kNone;
    auto sent = send_headers(engine::FieldSection::headers, given != nullptr ? *given : kNone, fin);
    if (!sent || fin) return sent;
  }
  if (!ends) return {};
  message_taken_ = true;
  if (buf != nullptr) {
    if (auto written = write(std::move(*buf)); !written) return written;
  } else if (const auto* bufs = std::get_if<std::vector<Buf>>(&parts.body.value)) {
    for (const Buf& part : *bufs) {
      if (auto written = write(part); !written) return written;
    }
  }
  const auto* trailers = std::get_if<Headers>(&parts.trailers.value);
  return trailers == nullptr ? finish()
                             : send_headers(engine::FieldSection::trailers, *trailers, true);
}

Result<> StreamState::respond(ResponseOptions&& options) {
  if (unidirectional()) {
    return failure(Errc::invalid_state, "a unidirectional stream takes no response");
  }
  if (!peer_initiated_) {
    return failure(Errc::invalid_state, "the peer responds on streams that were opened here");
  }
  if (!http3_ && !options.hints.empty()) {
    return failure(Errc::not_supported, "only HTTP/3 ('h3') has hints");
  }
  for (const Headers& hint : options.hints) {
    auto sent = send_headers(engine::FieldSection::informational, hint, false);
    if (!sent) return sent;
  }
  const bool with_headers = http3_ || !options.headers.none();
  return send({.headers = with_headers ? &options.headers : nullptr,
               .body = options.body,
               .trailers = options.trailers,
               .ends_without_body = true});
}

void StreamState::message_begins() noexcept { message_under_way_ = true; }

void StreamState::message_ends() noexcept {
  message_under_way_ = false;
  abort_if_abandoned();
}

// Half a body must not look whole: no FIN.
void StreamState::message_failed(const Error& error) noexcept {
  if (sending_ended()) return;
  message_error_ = error;
  end_sending(error);
  reset(http3_ ? http3::kInternalError : abort_code());
}

// --- pieces -------------------------------------------------------------------------------------

Result<> StreamState::send_headers(engine::FieldSection section, const Headers& fields, bool fin) {
  if (sending_ended()) return std::unexpected(send_error());
  auto sent = engine_->send_headers(section, fields, fin);
  if (sent && (fin || section == engine::FieldSection::trailers)) finished_ = true;
  return sent;
}

Result<> StreamState::check_writer() const {
  if (!can_send()) return failure(Errc::invalid_state, kReceiveOnly);
  if (message_taken_) {
    return failure(Errc::invalid_state,
                   "this stream has its body already: give Body::streamed() to write it yourself");
  }
  if (finished_) return failure(Errc::invalid_state, "the stream was finished already");
  if (sending_ended()) return std::unexpected(send_error());
  return {};
}

Result<> StreamState::write(Buf buf) {
  if (sending_ended()) return std::unexpected(send_error());
  return buf.empty() ? Result<>() : engine_->write(std::move(buf));
}

Result<std::size_t> StreamState::try_write(std::span<const Buf> bufs) {
  std::size_t accepted = 0;
  for (const Buf& buf : bufs) {
    const std::size_t part = std::min(buf.size(), static_cast<std::size_t>(room()));
    if (part == 0) break;
    if (auto written = write(buf.slice(0, part)); !written) {
      return std::unexpected(std::move(written.error()));
    }
    accepted += part;
    if (part < buf.size()) break;
  }
  return accepted;
}

Result<> StreamState::finish() {
  if (sending_ended()) return std::unexpected(send_error());
  auto done = engine_->finish();
  if (done) finished_ = true;
  return done;
}

void StreamState::reset(std::uint64_t code) noexcept {
  if (engine_ == nullptr || !can_send()) return;
  engine_->reset(code);
  end_sending(Error::make(Errc::closed, "the stream was reset here"));
}

void StreamState::set_priority(std::uint8_t urgency, bool incremental) noexcept {
  if (engine_ != nullptr) engine_->set_priority(urgency, incremental);
}

// --- datagrams ----------------------------------------------------------------------------------

Result<std::uint64_t> StreamState::send_datagram(Buf data) {
  if (engine_ == nullptr) return std::unexpected(closed_error());
  return engine_->send_datagram(std::move(data));
}

std::size_t StreamState::max_datagram_size() const noexcept {
  return engine_ != nullptr ? engine_->max_datagram_size() : 0;
}

// --- waiting ------------------------------------------------------------------------------------

std::uint64_t StreamState::queued() const noexcept {
  return engine_ != nullptr ? engine_->send_queue().queued() : 0;
}

std::uint64_t StreamState::room() const noexcept {
  return engine_ != nullptr ? engine_->room(budget_) : budget_.bytes;
}

bool StreamState::all_acknowledged() const noexcept {
  if (engine_ == nullptr) return true;
  const engine::SendQueue& queue = engine_->send_queue();
  return queue.acknowledged() == queue.end() && (!queue.finished() || queue.fin_sent());
}

WaiterList& StreamState::wait_for_room() noexcept {
  if (engine_ != nullptr) engine_->want_writable(budget_);
  return writers_;
}

WaiterList& StreamState::wait_for_acknowledgement() noexcept {
  if (engine_ != nullptr) engine_->want_flushed();
  return flushers_;
}

Error StreamState::send_error() const {
  if (send_error_) return *send_error_;
  return closed_error();
}

void StreamState::end_sending(const Error& error) {
  if (send_error_) return;
  send_error_ = error;
  writers_.wake_all();
  flushers_.wake_all();
}

}  // namespace quicore::internal
