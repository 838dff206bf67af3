// SPDX-License-Identifier: Apache-2.0
//
// Sends what open(), respond() or send() were given and what is not at hand at once: headers that
// come later, generators, files. One coroutine per such message; it asks for the next piece only
// while the stream's budget has room.
#include <exception>
#include <istream>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "api/internal/blocking.h"
#include "api/internal/file_blocks.h"
#include "api/internal/file_source.h"
#include "api/internal/shard_state.h"
#include "api/internal/stream_state.h"

namespace quicore::internal {

namespace {

// Waits for room in the budget without being a handle: Errc as sending ends.
class Room final : public CoroutineWaiter {
 public:
  explicit Room(StreamState& stream) noexcept : CoroutineWaiter(stream.shard()), stream_(stream) {}
  bool await_ready() const noexcept { return stream_.sending_ended() || stream_.has_room(); }
  void await_suspend(std::coroutine_handle<> coroutine) {
    suspend(coroutine, stream_.wait_for_room(), {});
  }
  Result<> await_resume() const {
    if (stream_.sending_ended()) return std::unexpected(stream_.send_error());
    return {};
  }

 private:
  StreamState& stream_;
};

Task<Result<Headers>> resolve(LaterHeaders later) {
  if (auto* headers = std::get_if<Headers>(&later.value)) co_return std::move(*headers);
  if (auto* completion = std::get_if<Completion<Headers>>(&later.value)) {
    auto& result = co_await *completion;
    co_return result;
  }
  if (auto* function = std::get_if<LaterHeaders::Function>(&later.value)) {
    co_return co_await (*function)();
  }
  co_return Headers();
}

Result<> send_pieces(StreamState& stream, const std::vector<Buf>& bufs) {
  for (const Buf& buf : bufs) {
    if (auto written = stream.write(buf); !written) return written;
  }
  return {};
}

Task<Result<>> send_generated(StreamState& stream, Body::Generator& generator) {
  for (;;) {
    if (auto room = co_await Room(stream); !room) co_return room;
    auto piece = generator();
    if (!piece) co_return std::unexpected(std::move(piece.error()));
    if (!*piece) co_return {};
    if (auto written = stream.write(std::move(**piece)); !written) co_return written;
  }
}

Task<Result<>> send_source(StreamState& stream, Body::Source& source) {
  for (;;) {
    if (auto room = co_await Room(stream); !room) co_return room;
    auto piece = co_await source();
    if (!piece) co_return std::unexpected(std::move(piece.error()));
    if (!*piece) co_return {};
    if (auto written = stream.write(std::move(**piece)); !written) co_return written;
  }
}

Task<Result<>> send_file(StreamState& stream, File file) {
  FileSource source(stream.shard(), std::move(file));
  if (auto opened = co_await source.open(); !opened) co_return opened;
  while (source.left() > 0) {
    if (auto room = co_await Room(stream); !room) co_return room;
    auto piece = co_await source.next();
    if (!piece) co_return std::unexpected(std::move(piece.error()));
    if (auto written = stream.write(std::move(*piece)); !written) co_return written;
  }
  co_return {};
}

// Reads on the blocking thread: nobody knows what a stream buffer does.
Task<Result<>> send_istream(StreamState& stream, std::shared_ptr<std::istream> input) {
  struct Answer {
    std::streamsize count = 0;
    bool failed = false;
    bool ended = false;
  };
  for (;;) {
    if (auto room = co_await Room(stream); !room) co_return room;
    FileBlocks::Block* block = stream.shard().file_blocks().take();
    const Buf whole = Buf::from_storage(block, {block->bytes, kFileBlockSize});
    const auto read = [input, into = reinterpret_cast<char*>(block->bytes)] {
      input->exceptions(std::ios::goodbit);
      input->read(into, kFileBlockSize);
      return Answer{input->gcount(), input->bad() || (input->fail() && !input->eof()),
                    input->eof()};
    };
    const Answer got = co_await run_blocking(stream.shard(), read);
    if (got.failed) co_return failure(Errc::system, "the std::istream given as a body failed");
    auto written = stream.write(whole.slice(0, static_cast<std::size_t>(got.count)));
    if (!written || got.ended) co_return written;
  }
}

Task<Result<>> send_body(StreamState& stream, Body& body) {
  if (auto* buf = std::get_if<Buf>(&body.value)) co_return stream.write(std::move(*buf));
  if (auto* bufs = std::get_if<std::vector<Buf>>(&body.value)) co_return send_pieces(stream, *bufs);
  if (auto* file = std::get_if<File>(&body.value)) co_return co_await send_file(stream, *file);
  if (auto* generator = std::get_if<Body::Generator>(&body.value)) {
    co_return co_await send_generated(stream, *generator);
  }
  if (auto* source = std::get_if<Body::Source>(&body.value)) {
    co_return co_await send_source(stream, *source);
  }
  if (auto* function = std::get_if<Body::Function>(&body.value)) {
    auto whole = co_await (*function)();
    if (!whole) co_return std::unexpected(std::move(whole.error()));
    co_return stream.write(std::move(*whole));
  }
  if (auto* completion = std::get_if<Completion<Buf>>(&body.value)) {
    auto& whole = co_await *completion;
    if (!whole) co_return std::unexpected(whole.error());
    co_return stream.write(*whole);
  }
  if (auto* input = std::get_if<std::shared_ptr<std::istream>>(&body.value)) {
    co_return co_await send_istream(stream, *input);
  }
  if (auto* later = std::get_if<Body::Later>(&body.value)) {
    auto given = co_await (*later)();
    if (!given) co_return std::unexpected(std::move(given.error()));
    if (std::holds_alternative<Body::Streamed>(given->value)) {
      co_return failure(Errc::invalid_argument,
                        "Body::streamed() is given at once, not by a function or completion");
    }
    co_return co_await send_body(stream, *given);
  }
  co_return {};
}

Task<Result<>> send_parts(StreamState& stream, StreamState::Message& message) {
  const bool streamed = std::holds_alternative<Body::Streamed>(message.body.value);
  const bool ends = message.body.none() ? message.ends_without_body : !streamed;
  if (message.headers) {
    auto headers = co_await resolve(std::move(*message.headers));
    if (!headers) co_return std::unexpected(std::move(headers.error()));
    const bool fin = ends && message.body.none() && message.trailers.none();
    auto sent = stream.send_headers(engine::FieldSection::headers, *headers, fin);
    if (!sent || fin) co_return sent;
  }
  if (!ends) co_return {};
  if (auto sent = co_await send_body(stream, message.body); !sent) co_return sent;
  if (message.trailers.none()) co_return stream.finish();
  auto trailers = co_await resolve(std::move(message.trailers));
  if (!trailers) co_return std::unexpected(std::move(trailers.error()));
  co_return stream.send_headers(engine::FieldSection::trailers, *trailers, true);
}

}  // namespace

Task<> send_message(StreamPin stream, StreamState::Message message) {
  Result<> sent;
  try {
    sent = co_await send_parts(*stream, message);
  } catch (...) {
    stream->shard().report_exception("a body", std::current_exception());
    sent = failure(Errc::cancelled, "the body threw an exception");
  }
  if (!sent) stream->message_failed(sent.error());
  stream->message_ends();
}

}  // namespace quicore::internal
