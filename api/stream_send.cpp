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

bool at_hand(const std::optional<LaterHeaders>& headers) noexcept {
  return !headers || headers->none() || std::holds_alternative<Headers>(headers->value);
}
bool at_hand(const Body& body) noexcept {
  return body.none() || std::holds_alternative<Body::Streamed>(body.value) ||
         std::holds_alternative<Buf>(body.value) ||
         std::holds_alternative<std::vector<Buf>>(body.value);
}
bool ends_stream(const StreamState::Message& message) noexcept {
  return message.body.none() ? message.ends_without_body
                             : !std::holds_alternative<Body::Streamed>(message.body.value);
}

}  // namespace

// --- messages -----------------------------------------------------------------------------------

Result<> StreamState::send(Message message) {
  if (!can_send()) return failure(Errc::invalid_state, kReceiveOnly);
  if (sending_ended()) return std::unexpected(send_error());
  if (message_taken_ || finished_) {
    return failure(Errc::invalid_state,
                   "this stream has its body already: open(), respond() or send() gave it");
  }
  if (!http3_ && ((message.headers && !message.headers->none()) || !message.trailers.none())) {
    return failure(Errc::not_supported,
                   "only HTTP/3 ('h3') has headers and trailers; this session's protocol is '" +
                       session_->protocol() + "'");
  }
  const bool trailers_at_hand =
      message.trailers.none() || std::holds_alternative<Headers>(message.trailers.value);
  if (at_hand(message.headers) && at_hand(message.body) && trailers_at_hand) {
    return send_now(message);
  }
  message_taken_ = ends_stream(message);
  message_begins();
  shard().spawn(send_message(StreamPin(*this), std::move(message)), {});
  return {};
}

// Everything is here: no coroutine.
Result<> StreamState::send_now(Message& message) {
  const bool ends = ends_stream(message);
  const auto* buf = std::get_if<Buf>(&message.body.value);
  const bool nothing = message.body.none() || (buf != nullptr && buf->empty());
  if (message.headers) {
    const auto* given = std::get_if<Headers>(&message.headers->value);
    const bool fin = ends && nothing && message.trailers.none();
    static const Headers kNone;
    auto sent = send_headers(engine::FieldSection::headers, given != nullptr ? *given : kNone, fin);
    if (!sent || fin) return sent;
  }
  if (!ends) return {};
  message_taken_ = true;
  if (buf != nullptr) {
    if (auto written = write(*buf); !written) return written;
  } else if (const auto* bufs = std::get_if<std::vector<Buf>>(&message.body.value)) {
    for (const Buf& part : *bufs) {
      if (auto written = write(part); !written) return written;
    }
  }
  const auto* trailers = std::get_if<Headers>(&message.trailers.value);
  return trailers == nullptr ? finish()
                             : send_headers(engine::FieldSection::trailers, *trailers, true);
}

Result<> StreamState::respond(ResponseOptions options) {
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
  Message message;
  if (http3_ || !options.headers.none()) message.headers = std::move(options.headers);
  message.body = std::move(options.body);
  message.trailers = std::move(options.trailers);
  message.ends_without_body = true;
  return send(std::move(message));
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
