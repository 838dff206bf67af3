// SPDX-License-Identifier: Apache-2.0
#include "api/stream.h"

#include <utility>

#include "api/internal/shard_state.h"
#include "api/internal/stream_state.h"
#include "api/session.h"

namespace quicore {

namespace internal {

void ref_retain(StreamState* stream) noexcept { stream->retain_handle(); }
void ref_release(StreamState* stream) noexcept { stream->release_handle(); }

void chunk_retain(StreamState* stream) noexcept { stream->pin(); }
void chunk_release(StreamState* stream, std::size_t credit) noexcept {
  stream->give_credit(credit);
  stream->unpin();
}
void chunk_give_credit(StreamState* stream, std::size_t credit) noexcept {
  stream->give_credit(credit);
}

StreamWait::StreamWait(Ref<StreamState> stream, WaitOptions options) noexcept
    : CoroutineWaiter(stream->shard()), stream_(std::move(stream)), options_(std::move(options)) {}

namespace {

constexpr const char* kNotTheReader =
    "the stream's data goes to another consumer already: keep the first reader(), or do not call "
    "consume() and discard() beside it";

}  // namespace
}  // namespace internal

// --- Stream -------------------------------------------------------------------------------------

std::uint64_t Stream::id() const noexcept { return state_->id(); }
Session Stream::session() const {
  return Session(internal::Ref<internal::SessionState>(&state_->session()));
}
bool Stream::server_initiated() const noexcept { return state_->server_initiated(); }
bool Stream::unidirectional() const noexcept { return state_->unidirectional(); }
bool Stream::locked() const noexcept { return state_->locked(); }
StreamStats Stream::stats() const { return state_->stats(); }

Completion<> Stream::closed() const { return state_->closed(); }
Completion<bool> Stream::blocked() const { return state_->blocked(); }
Completion<Headers> Stream::headers() const { return state_->headers(); }
Completion<Headers> Stream::trailers() const { return state_->trailers(); }
Completion<Headers> Stream::info() const { return state_->info(); }

Reader Stream::reader() const {
  return Reader(state_, state_->take_consumer(internal::Consumption::reader));
}
Result<> Stream::consume(Consumer consumer) const { return state_->consume(std::move(consumer)); }
Result<> Stream::consume(std::shared_ptr<StreamConsumer> consumer) const {
  return state_->consume(std::move(consumer));
}
Result<> Stream::discard() const { return state_->discard(); }

Writer Stream::writer() const { return Writer(state_); }

Result<> Stream::send(Body body, LaterHeaders trailers) const {
  return state_->send(
      {.headers = nullptr, .body = body, .trailers = trailers, .ends_without_body = true});
}

Result<> Stream::respond(ResponseOptions options) const {
  return state_->respond(std::move(options));
}

Result<> Stream::send_info(const Headers& fields) const {
  return state_->send_headers(engine::FieldSection::informational, fields, false);
}
Result<> Stream::send_headers(const Headers& fields, bool fin) const {
  return state_->send_headers(engine::FieldSection::headers, fields, fin);
}
Result<> Stream::send_trailers(const Headers& fields) const {
  return state_->send_headers(engine::FieldSection::trailers, fields, true);
}
void Stream::set_priority(std::uint8_t urgency, bool incremental) const {
  state_->set_priority(urgency, incremental);
}
Result<std::uint64_t> Stream::send_datagram(Buf data) const {
  return state_->send_datagram(std::move(data));
}
std::size_t Stream::max_datagram_size() const noexcept { return state_->max_datagram_size(); }
Handlers<StreamDatagramEvent>& Stream::on_datagram() const {
  return state_->on_datagram_handlers();
}
void Stream::reset(std::uint64_t application_code) const { state_->reset(application_code); }
void Stream::stop_sending(std::uint64_t application_code) const {
  state_->stop_sending(application_code);
}
Completion<> Stream::cancel(Error reason) const { return state_->cancel(std::move(reason)); }

Result<> Responder::respond_later(Task<Result<ResponseOptions>> options) const {
  if (!stream_) return failure(Errc::invalid_state, "a unidirectional stream takes no response");
  internal::start_detached(
      [](Stream stream, Task<Result<ResponseOptions>> task) -> Task<> {
        auto response = co_await task;
        auto sent = response ? stream.respond(std::move(*response))
                             : Result<>(std::unexpected(std::move(response.error())));
        if (!sent) stream.cancel(std::move(sent.error()));
      }(stream_, std::move(options)),
      {});
  return {};
}

// --- reading ------------------------------------------------------------------------------------

bool NextChunk::await_ready() const noexcept { return !owner_ || stream_->may_read(); }

void NextChunk::await_suspend(std::coroutine_handle<> coroutine) {
  suspend(coroutine, stream_->readers(), options_);
}

Result<std::optional<Chunk>> NextChunk::await_resume() {
  if (!owner_) return failure(Errc::invalid_state, internal::kNotTheReader);
  if (stream_->may_read()) return stream_->read();
  if (auto ended = outcome(); !ended) return std::unexpected(std::move(ended.error()));
  return failure(Errc::invalid_state, "another coroutine reads from this stream as well");
}

bool ReadBytes::await_ready() const noexcept { return !owner_ || stream_->may_read(); }

void ReadBytes::await_suspend(std::coroutine_handle<> coroutine) {
  suspend(coroutine, stream_->readers(), options_);
}

Result<std::size_t> ReadBytes::await_resume() {
  if (!owner_) return failure(Errc::invalid_state, internal::kNotTheReader);
  if (stream_->may_read()) return stream_->read_into(into_);
  if (auto ended = outcome(); !ended) return std::unexpected(std::move(ended.error()));
  return failure(Errc::invalid_state, "another coroutine reads from this stream as well");
}

namespace internal {
namespace {

Task<Result<Buf>> read_all(Reader reader, Ref<StreamState> stream, std::size_t limit,
                           WaitOptions options) {
  std::vector<Buf> pieces;
  std::size_t size = 0;
  for (;;) {
    auto chunk = co_await reader.next(options);
    if (!chunk) co_return std::unexpected(std::move(chunk.error()));
    if (!*chunk) break;
    size += (*chunk)->size();
    if (size > limit) {
      stream->stop_sending(stream->stop_code());
      co_return failure(Errc::no_memory, "the stream holds more than the limit of " +
                                             std::to_string(limit) + " bytes given to read_all");
    }
    pieces.push_back(std::move(**chunk).retain());
  }
  if (pieces.empty()) co_return Buf();
  if (pieces.size() == 1) co_return std::move(pieces.front());
  std::string whole;
  whole.reserve(size);
  for (const Buf& piece : pieces) whole.append(piece.text());
  co_return Buf::copy(whole);
}

}  // namespace
}  // namespace internal

Task<Result<Buf>> Reader::read_all(std::size_t limit, WaitOptions options) const {
  return internal::read_all(*this, state_, limit, std::move(options));
}

Body Reader::body() const {
  return [reader = *this]() -> Task<Result<std::optional<Buf>>> {
    auto chunk = co_await reader.next();
    if (!chunk) co_return std::unexpected(std::move(chunk.error()));
    if (!*chunk) co_return std::nullopt;
    co_return std::move(**chunk).retain();
  };
}

// --- writing ------------------------------------------------------------------------------------

bool WriteBufs::await_ready() const noexcept {
  return stream_->sending_ended() || stream_->has_room();
}

void WriteBufs::await_suspend(std::coroutine_handle<> coroutine) {
  suspend(coroutine, stream_->wait_for_room(), options_);
}

Result<> WriteBufs::await_resume() {
  if (auto ended = outcome(); !ended) return ended;
  if (auto ok = stream_->check_writer(); !ok) return ok;
  if (!buf_.empty()) {
    if (auto written = stream_->write(std::move(buf_)); !written) return written;
  }
  for (Buf& buf : more_) {
    if (auto written = stream_->write(std::move(buf)); !written) return written;
  }
  return {};
}

bool WaitForSending::await_ready() const noexcept {
  if (stream_->sending_ended()) return true;
  return what_ == For::room ? stream_->has_room() : stream_->all_acknowledged();
}

void WaitForSending::await_suspend(std::coroutine_handle<> coroutine) {
  suspend(coroutine,
          what_ == For::room ? stream_->wait_for_room() : stream_->wait_for_acknowledgement(),
          options_);
}

Result<> WaitForSending::await_resume() {
  if (auto ended = outcome(); !ended) return ended;
  // A stream that ended well has everything acknowledged.
  if (what_ == For::acknowledgement && stream_->sent_everything()) return {};
  if (stream_->sending_ended()) return std::unexpected(stream_->send_error());
  return {};
}

Result<std::size_t> Writer::try_write(std::span<const Buf> bufs) const {
  if (auto ok = state_->check_writer(); !ok) return std::unexpected(std::move(ok.error()));
  return state_->try_write(bufs);
}

Result<> Writer::finish() const {
  if (auto ok = state_->check_writer(); !ok) return ok;
  return state_->finish();
}

void Writer::fail(std::uint64_t application_code) const { state_->reset(application_code); }
std::size_t Writer::queued() const noexcept { return static_cast<std::size_t>(state_->queued()); }

}  // namespace quicore
