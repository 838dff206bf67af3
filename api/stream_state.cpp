// SPDX-License-Identifier: Apache-2.0
//
// StreamState: lifetime, facts, and how a stream ends. Receiving and sending have files of their
// own.
#include "api/internal/stream_state.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "api/internal/shard_state.h"
#include "engine/connection.h"
#include "engine/http3_error.h"
#include "engine/limits.h"

namespace quicore::internal {

namespace {

bool reset_by_peer(const engine::Rare<Error>& error) noexcept {
  return error && (error->kind == Errc::peer_reset || error->kind == Errc::rejected);
}

// RFC 9110 10.1.1: the one expectation there is, in whatever case.
bool expects_continue(const Headers& request) noexcept {
  constexpr std::string_view kContinue = "100-continue";
  const auto expect = request.get("expect");
  return expect && std::ranges::equal(*expect, kContinue,
                                      [](char a, char b) { return (a | 0x20) == (b | 0x20); });
}

static_assert(sizeof(StreamState) <= engine::limits::kPrefetchedHandlerSize,
              "the whole of it is prefetched");

}  // namespace

StreamState::Feed::Feed(StreamState& stream) noexcept : Waiter(stream.shard()), stream_(stream) {}

StreamState::StreamState(SessionState& session, engine::Stream& stream)
    : session_(&session),
      engine_(&stream),
      id_(static_cast<std::uint64_t>(engine::raw(stream.id()))),
      peer_initiated_(stream.peer_initiated()),
      http3_(stream.connection().is_http3()),
      feed_(*this) {
  stream.set_handler(this);
  shard().add_stream(*this);
}

// --- lifetime -----------------------------------------------------------------------------------

void StreamState::release_handle() noexcept {
  if (--handles_ > 0) return;
  ++pins_;  // aborting settles completions, whose callbacks may hold the last pin
  abort_if_abandoned();
  unpin();
}

void StreamState::unpin() noexcept {
  if (--pins_ == 0 && handles_ == 0) delete this;
}

// Nobody can read or write any more. Never FIN: half a message must not look whole.
void StreamState::abort_if_abandoned() noexcept {
  if (handles_ > 0 || !announced_ || message_under_way_ || engine_ == nullptr) return;
  const bool sent = !can_send() || finished_;
  if (!sent) reset(abort_code());
  const bool consumed = consumption_ != Consumption::none && consumption_ != Consumption::reader;
  if (!can_receive() || consumed) return;
  // RFC 9114 4.1: after a whole response the rest of the request is not needed, which is no error.
  if (!receiving_ended_) stop_sending(sent && can_send() ? no_error_code() : abort_code());
  engine_->discard();
}

std::uint64_t StreamState::abort_code() const noexcept {
  if (!http3_) return 0;
  return peer_initiated_ ? http3::kInternalError : http3::kRequestCancelled;
}

std::uint64_t StreamState::no_error_code() const noexcept { return http3_ ? http3::kNoError : 0; }

void StreamState::shard_ends() noexcept {
  on_stream_closed(Error::make(Errc::closed, "the runtime has ended"));
}

// --- facts --------------------------------------------------------------------------------------

StreamStats StreamState::stats() const {
  if (engine_ == nullptr) return last_stats_;
  return engine_->stats(engine_->connection().now());
}

Stream StreamState::handle() {
  announced_ = true;
  return Stream(Ref<StreamState>(this));
}

StreamEvent StreamState::event() {
  StreamEvent event;
  event.stream = handle();
  if (!unidirectional()) event.respond_with = Responder(event.stream);
  if (const auto* headers = headers_.peek(); headers != nullptr && *headers) {
    event.headers = &**headers;
  }
  return event;
}

Completion<> StreamState::closed() {
  if (closed_reported_ && !closed_.ready()) {
    closed_.set(shard(), close_error_ ? Result<>(std::unexpected(*close_error_)) : Result<>());
  }
  return closed_.get(shard());
}

Completion<bool> StreamState::blocked() {
  if (closed_reported_ || cancelled_) blocked_.set(shard(), false);
  if (engine_ != nullptr) engine_->want_blocked();
  return blocked_.get(shard());
}

Completion<Headers> StreamState::headers() {
  if (!headers_.ready()) {
    if (!http3_) {
      headers_.set(shard(), failure(Errc::not_supported,
                                    "only HTTP/3 ('h3') has headers; this session's protocol is '" +
                                        session_->protocol() + "'"));
    } else if (closed_reported_ || receive_error_) {
      headers_.set(shard(), std::unexpected(receive_error_
                                                ? *receive_error_
                                                : Error::make(Errc::closed,
                                                              "the stream ended without headers")));
    }
  }
  return headers_.get(shard());
}

Completion<Headers> StreamState::trailers() {
  if (!trailers_.ready()) {
    if (!http3_) {
      trailers_.set(shard(), failure(Errc::not_supported, "only HTTP/3 ('h3') has trailers"));
    } else if (fin_) {
      trailers_.set(shard(), Headers());
    } else if (receive_error_) {
      trailers_.set(shard(), std::unexpected(*receive_error_));
    }
  }
  return trailers_.get(shard());
}

Completion<Headers> StreamState::info() {
  if (!infos_.empty()) return info_.set_and_rearm(shard(), infos_.take_front());
  if (!http3_ || headers_.ready() || receiving_ended_) {
    info_.set(shard(), failure(http3_ ? Errc::closed : Errc::not_supported,
                               "no informational response (1xx) will come"));
  }
  return info_.get(shard());
}

// --- what the engine reports --------------------------------------------------------------------

void StreamState::on_stream_headers(engine::FieldSection section, Headers fields) {
  switch (section) {
    case engine::FieldSection::informational:
      if (info_.made()) {
        static_cast<void>(info_.set_and_rearm(shard(), std::move(fields)));
      } else {
        infos_.push_back(std::move(fields));
      }
      return;
    case engine::FieldSection::headers:
      expects_continue_ = peer_initiated_ && expects_continue(fields);
      headers_.set(shard(), std::move(fields));
      if (info_.made()) info_.set(shard(), failure(Errc::closed, "the final response has come"));
      announce_once();
      return;
    case engine::FieldSection::trailers:
      trailers_.set(shard(), std::move(fields));
      return;
  }
}

void StreamState::announce_once() {
  if (announced_ || !peer_initiated_) return;
  session_->announce(event());
}

void StreamState::on_stream_blocked() {
  if (blocked_.made()) static_cast<void>(blocked_.set_and_rearm(shard(), true));
}

void StreamState::on_stream_stopped(std::uint64_t code) {
  // ngtcp2 has answered with RESET_STREAM (RFC 9000 3.5).
  Error error = Error::application(code, "the peer asked to stop sending (STOP_SENDING)");
  error.kind = Errc::peer_stopped;
  end_sending(error);
}

void StreamState::on_stream_reset(std::uint64_t code) {
  const bool rejected = code == http3::kRequestRejected && http3_ && !peer_initiated_;
  Error error = Error::application(
      code, rejected ? "the server did not process this request: it may be sent again"
                     : "the peer gave up its side of the stream (RESET_STREAM)");
  error.kind = rejected ? Errc::rejected : Errc::peer_reset;
  end_receiving(std::move(error));
}

void StreamState::on_stream_closed(const std::optional<Error>& error) {
  const StreamPin keep(*this);
  engine::Stream& stream = *engine_;
  last_stats_ = stream.stats(stream.connection().now());
  if (last_stats_.closing_at == Instant{}) last_stats_.closing_at = stream.connection().now();
  const bool ended_well = stream.fin_received() && !stream.reset_received();
  received_ = stream.take_received();
  engine_ = nullptr;
  static_cast<engine::ListHook<StreamTag>&>(*this).unlink();
  if (ended_well) fin_ = true;
  // Most streams end well, and nobody asks.
  const auto why = [&] { return error ? *error : closed_error(); };
  end_receiving(ended_well ? std::nullopt : std::optional(why()));
  if (!finished_ || error) end_sending(why());
  const bool reset = reset_by_peer(receive_error_);
  if (error || message_error_ || reset) close_error_ = close_reason(why());
  closed_reported_ = true;
  if (closed_.made()) static_cast<void>(closed());
  writers_.wake_all();
  flushers_.wake_all();
  if (blocked_.made()) blocked_.set(shard(), false);
  settle_headers();
  if (consumption_ == Consumption::function) feed_function();
  function_ = nullptr;
  in_place_.reset();
  if (on_datagram_ != nullptr) on_datagram_->clear();  // they may hold handles of this stream
  unpin();                                             // the engine's
}

Error StreamState::closed_error() { return Error::make(Errc::closed, "the stream is closed"); }

// The most telling of what is known.
Error StreamState::close_reason(const Error& reported) const {
  if (message_error_) return *message_error_;
  if (reset_by_peer(receive_error_)) return *receive_error_;
  if (send_error_ && send_error_->kind == Errc::peer_stopped) return *send_error_;
  return reported;
}

void StreamState::settle_headers() {
  const auto why = [&] { return std::unexpected(close_error_ ? *close_error_ : closed_error()); };
  if (headers_.awaited()) headers_.set(shard(), why());
  if (info_.awaited()) info_.set(shard(), why());
  if (trailers_.awaited()) {
    trailers_.set(shard(), fin_ ? Result<Headers>(Headers()) : why());
  }
}

Completion<> StreamState::cancel(Error reason) {
  if (closed_reported_ || cancelled_) return closed();
  cancelled_ = true;
  const std::uint64_t code = reason.space == ErrorSpace::application ? reason.code : abort_code();
  const Error error = reason ? reason : Error::make(Errc::cancelled, "the stream was cancelled");
  if (engine_ != nullptr) {
    engine_->reset(code);
    engine_->stop_sending(code);
  }
  end_sending(error);
  end_receiving(error);
  if (blocked_.made()) blocked_.set(shard(), false);
  closed_.set(shard(), reason ? Result<>(std::unexpected(std::move(reason))) : Result<>());
  return closed();
}

}  // namespace quicore::internal
