// SPDX-License-Identifier: Apache-2.0
//
// Stream: one stream of a session, for both sides and both application protocols; Reader and
// Writer, its two ends; and what to open it or to respond on it with.
//
//   auto stream = session.open({.headers = {{":path", "/"}}});       // HTTP/3 request
//   auto answer = co_await stream->headers();
//   auto body = co_await stream->reader().read_all(1 << 20);
//
// Handles are shard-local, cheap to copy and keep the stream: when the last one goes while the
// stream is open, the peer gets RESET_STREAM and STOP_SENDING, never a FIN that would make half a
// message look whole. A body or response under way keeps the stream until it is sent.
//
// Received data goes to exactly one consumer: reader(), consume() or discard(). A second one fails
// with Errc::invalid_state. What arrived stays readable after the stream closed or was cancelled.
//
// Threading: the session's shard. Cost: a handle is one pointer.
#pragma once

#include <array>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "api/body.h"
#include "api/buffer.h"
#include "api/completion.h"
#include "api/handlers.h"
#include "api/headers.h"
#include "api/stats.h"
#include "api/task.h"
#include "api/wait.h"
#include "engine/limits.h"

namespace quicore {

class Session;
class Reader;
class Writer;
struct StreamDatagramEvent;

namespace internal {
class StreamState;
// These count the user's handles; the last one gone aborts an open stream.
void ref_retain(StreamState* stream) noexcept;
void ref_release(StreamState* stream) noexcept;

// Base of the awaitables of a stream.
class StreamWait : public CoroutineWaiter {
 protected:
  StreamWait(Ref<StreamState> stream, WaitOptions options) noexcept;
  ~StreamWait() = default;
  Ref<StreamState> stream_;
  WaitOptions options_;
};
}  // namespace internal

// Headers now, or later: a Completion or an asynchronous function.
class LaterHeaders {
 public:
  // Called when the headers are due.
  using Function = std::move_only_function<Task<Result<Headers>>()>;
  // What the kinds become.
  using Value = std::variant<std::monostate, Headers, Completion<Headers>, Function>;

  LaterHeaders() = default;
  // NOLINTBEGIN(google-explicit-constructor)
  // Fields in braces, copied.
  LaterHeaders(std::initializer_list<Field> fields) : value(Headers(fields)) {}
  // Known already.
  LaterHeaders(Headers headers) : value(std::move(headers)) {}
  // When it completes; its error resets the stream.
  LaterHeaders(Completion<Headers> completion) : value(std::move(completion)) {}
  // An asynchronous function, called when they are due.
  template <class F>
  requires std::is_same_v<std::invoke_result_t<F&>, Task<Result<Headers>>> LaterHeaders(F function)
      : value(std::in_place_type<Function>, std::move(function)) {}
  // NOLINTEND(google-explicit-constructor)

  // Nothing was given.
  bool none() const noexcept { return std::holds_alternative<std::monostate>(value); }

  // Taken by whoever sends them.
  Value value;
};

// How a stream of ours begins (SO3 to SO7). Everything is optional.
struct StreamOptions {
  bool unidirectional = false;  // only we send
  // HTTP/3 only; open() fails with not_supported elsewhere. What is missing is filled in: `:method`
  // GET, `:scheme` https, `:authority` the session's host, `:path` /.
  LaterHeaders headers{};
  // HTTP/3 only: sent after the body (SO5).
  LaterHeaders trailers{};
  // None: an HTTP/3 request ends with its headers; on any other stream writer() sends.
  Body body{};
  // Bytes queued and not acknowledged before write() waits. Unset, as with what answers a stream of
  // the peer: limits::kDefaultSendBudget of what is not on its way yet, so that no path is too long.
  std::optional<std::size_t> budget{};
  std::optional<std::uint8_t> urgency{};  // RFC 9218: 0 (first) .. 7, default 3
  // RFC 9218: worth having in parts, so it shares its turn with others.
  bool incremental = false;
};

// How a stream of the peer is answered (RO3 to RO7). Everything is optional.
struct ResponseOptions {
  LaterHeaders headers{};        // HTTP/3: `:status` is 200 when missing
  LaterHeaders trailers{};       // after the body
  std::vector<Headers> hints{};  // HTTP/3: informational (such as 103), before the headers
  Body body{};                   // none: the response has no body
};

// One stream, the same on both sides (EV20). A handle: copies are the same stream.
class Stream {
 public:
  Stream() = default;  // empty
  explicit Stream(internal::Ref<internal::StreamState> state) noexcept : state_(std::move(state)) {}
  // Whether it is a handle of one: false when made by default.
  explicit operator bool() const noexcept { return static_cast<bool>(state_); }
  // Handles of the same stream.
  friend bool operator==(const Stream&, const Stream&) = default;

  // RFC 9000 2.1: its two lowest bits tell who began it and in which directions (ST10).
  std::uint64_t id() const noexcept;
  // Which it belongs to (ST15).
  Session session() const;
  // Whether the server opened it (ST16).
  bool server_initiated() const noexcept;
  // Whether only the side that opened it sends (ST25).
  bool unidirectional() const noexcept;
  bool locked() const noexcept;  // a consumer was taken
  StreamStats stats() const;     // stops changing when the stream closes

  // Both directions are done. Fails when the stream was reset by the peer, the session ended, or
  // cancel() had a reason.
  Completion<> closed() const;
  // True each time flow control or congestion stops sending, then armed anew; false once closed.
  Completion<bool> blocked() const;

  // HTTP/3: the peer's headers, its trailers (empty when it sent none), and the next informational
  // section (hints). On other protocols: Errc::not_supported.
  Completion<Headers> headers() const;
  // What came after the body (ST24). Fails with not_supported without HTTP/3.
  Completion<Headers> trailers() const;
  // Client: the next informational (1xx) section; ask again for the one after it.
  Completion<Headers> info() const;

  // --- receiving: one of these ---
  // Pulls, with back-pressure. Where a consumer was taken before, every call of the reader fails.
  Reader reader() const;
  // Pushes: what is queued already in one call, then whatever arrives; no back-pressure. The views
  // live during the call. A function that fails or throws cancels the stream.
  using Consumer = std::move_only_function<Result<>(std::span<const Bytes> chunks, bool done)>;
  // Every chunk as it arrives, without back-pressure (ST17 to ST22). Fails with invalid_state when
  // somebody has the stream already.
  Result<> consume(Consumer consumer) const;
  // The same for a function that cannot fail.
  template <class F>
  requires std::is_void_v < std::invoke_result_t < F&, std::span<const Bytes>,
  bool >> Result<> consume(F function) const {
    return consume(Consumer([function = std::move(function)](std::span<const Bytes> chunks,
                                                             bool done) mutable -> Result<> {
      function(chunks, done);
      return {};
    }));
  }
  // Pushes without any copy, while the packet is being processed (RECEIVE phase).
  Result<> consume(std::shared_ptr<class StreamConsumer> consumer) const;
  // Takes what arrives and forgets it, so that the peer is never held up.
  Result<> discard() const;

  // --- sending: a Body (open, respond, send), or the writer ---
  // The side that sends, piece by piece. Fails later, when it is used, on streams that cannot
  // send.
  Writer writer() const;
  // Sends the body, then the trailers, then FIN. Fails with invalid_state when sending has begun.
  Result<> send(Body body, LaterHeaders trailers = {}) const;
  // Answers a stream of the peer, as StreamEvent::respond_with does.
  Result<> respond(ResponseOptions options) const;
  // HTTP/3. Informational sections, then headers, then (after the body) trailers, which end it.
  Result<> send_info(const Headers& fields) const;
  // HTTP/3: headers by hand, before anything is written; `fin` ends the stream with them.
  Result<> send_headers(const Headers& fields, bool fin = false) const;
  // HTTP/3: after what was written; they end the stream.
  Result<> send_trailers(const Headers& fields) const;
  // HTTP/3 (RFC 9218): `urgency` 0 is first, 7 last. A client tells the server.
  void set_priority(std::uint8_t urgency, bool incremental) const;

  // --- datagrams of this request (RFC 9297), unreliable and unordered ---
  // HTTP/3 with Http3Settings::datagrams on both sides, while our side of the stream is open; no
  // copy. The id is what Session::on_datagram_status reports. Fails with invalid_state before the
  // peer's SETTINGS (Session::http3_settings()), not_supported, or as Session::send_datagram does.
  Result<std::uint64_t> send_datagram(Buf data) const;
  std::size_t max_datagram_size() const noexcept;  // 0: none may be sent (yet)
  // What arrives before somebody listens is dropped: listen in the handler of on_stream, or right
  // after open().
  Handlers<StreamDatagramEvent>& on_datagram() const;

  // RESET_STREAM: gives up sending. STOP_SENDING: asks the peer to.
  void reset(std::uint64_t application_code) const;
  // Asks the peer to send no more (STOP_SENDING); what arrived stays readable.
  void stop_sending(std::uint64_t application_code) const;
  // Both, at once: what is queued to send is abandoned, what was received stays readable. An error
  // of kind `application` names the code. closed() completes, with the reason if one is given.
  Completion<> cancel(Error reason = {}) const;

 private:
  internal::Ref<internal::StreamState> state_;
};

// Sees received bytes in place: no copy, no allocation. It runs in the RECEIVE phase: look and
// count, call nothing of the library.
class StreamConsumer {
 public:
  virtual ~StreamConsumer() = default;
  // Called in the RECEIVE phase: no call into the library from there. `fin` on the last one.
  virtual void on_bytes(Bytes bytes, bool fin) noexcept = 0;
};

// --- reading ------------------------------------------------------------------------------------

// co_await gives the next chunk, nothing at the end of the stream, or the error that cut it short.
class [[nodiscard]] NextChunk final : internal::StreamWait {
 public:
  NextChunk(internal::Ref<internal::StreamState> stream, WaitOptions options, bool owner) noexcept
      : StreamWait(std::move(stream), std::move(options)), owner_(owner) {}
  bool await_ready() const noexcept;
  void await_suspend(std::coroutine_handle<> coroutine);
  Result<std::optional<Chunk>> await_resume();

 private:
  bool owner_;
};

// co_await gives the number of bytes copied into the caller's memory, 0 at the end of the stream.
class [[nodiscard]] ReadBytes final : internal::StreamWait {
 public:
  ReadBytes(internal::Ref<internal::StreamState> stream, std::span<std::byte> into,
            WaitOptions options, bool owner) noexcept
      : StreamWait(std::move(stream), std::move(options)), into_(into), owner_(owner) {}
  bool await_ready() const noexcept;
  void await_suspend(std::coroutine_handle<> coroutine);
  Result<std::size_t> await_resume();

 private:
  std::span<std::byte> into_;
  bool owner_;
};

// Reads with back-pressure: the peer may send more as far as chunks are released.
class Reader {
 public:
  // A reader that is not the owner answers every call with invalid_state.
  Reader(internal::Ref<internal::StreamState> state, bool owner) noexcept
      : state_(std::move(state)), owner_(owner) {}

  // Waits only when nothing has arrived; a chunk that is there costs no suspension.
  NextChunk next(WaitOptions options = {}) const {
    return NextChunk(state_, std::move(options), owner_);
  }
  // Copies what has arrived, at least one byte; 0 at the end.
  ReadBytes read(std::span<std::byte> into, WaitOptions options = {}) const {
    return ReadBytes(state_, into, std::move(options), owner_);
  }
  // Everything to the end, in one Buf. More than `limit` bytes: Errc::no_memory, and the peer is
  // asked to stop.
  Task<Result<Buf>> read_all(std::size_t limit, WaitOptions options = {}) const;
  // What arrives here, as a body to send elsewhere: no faster than the other peer takes it.
  Body body() const;
  // Calls `function(Bytes)` for every chunk to the end. A lambda whose captures have destructors is
  // given by name (AwaitSafe, api/wait.h).
  template <class F>
  Task<Result<>> for_each(F&& function, WaitOptions options = {}) const {
    static_assert(internal::AwaitSafe<F>, "name the lambda first: for_each(lambda)");
    return for_each_of<std::remove_cvref_t<F>>(*this, std::forward<F>(function),
                                               std::move(options));
  }

 private:
  template <class F>
  static Task<Result<>> for_each_of(Reader reader, F function, WaitOptions options) {
    for (;;) {
      auto chunk = co_await reader.next(options);
      if (!chunk) co_return std::unexpected(std::move(chunk.error()));
      if (!*chunk) co_return {};
      function((*chunk)->bytes());
    }
  }

  internal::Ref<internal::StreamState> state_;
  bool owner_;
};

// --- writing ------------------------------------------------------------------------------------

// co_await gives success once the budget had room and the bytes are queued.
class [[nodiscard]] WriteBufs final : internal::StreamWait {
 public:
  WriteBufs(internal::Ref<internal::StreamState> stream, Buf buf, WaitOptions options) noexcept
      : StreamWait(std::move(stream), std::move(options)), buf_(std::move(buf)) {}
  WriteBufs(internal::Ref<internal::StreamState> stream, std::vector<Buf> bufs,
            WaitOptions options) noexcept
      : StreamWait(std::move(stream), std::move(options)), more_(std::move(bufs)) {}
  bool await_ready() const noexcept;
  void await_suspend(std::coroutine_handle<> coroutine);
  Result<> await_resume();

 private:
  Buf buf_;
  std::vector<Buf> more_;
};

// co_await gives success once the budget has room (writable) or everything is acknowledged
// (flushed).
class [[nodiscard]] WaitForSending final : internal::StreamWait {
 public:
  // What to wait for.
  enum class For : std::uint8_t { room, acknowledgement };
  WaitForSending(internal::Ref<internal::StreamState> stream, For what,
                 WaitOptions options) noexcept
      : StreamWait(std::move(stream), std::move(options)), what_(what) {}
  bool await_ready() const noexcept;
  void await_suspend(std::coroutine_handle<> coroutine);
  Result<> await_resume();

 private:
  For what_;
};

// Writes with back-pressure: write() waits while the budget (StreamOptions) is used up.
class Writer {
 public:
  explicit Writer(internal::Ref<internal::StreamState> state) noexcept : state_(std::move(state)) {}

  // Waits while the budget is used up, then queues all of it. No copy: a Buf is pinned until the
  // peer acknowledged it. Fails once the peer stopped us, the stream was reset, or finish().
  WriteBufs write(Buf buf, WaitOptions options = {}) const {
    return WriteBufs(state_, std::move(buf), std::move(options));
  }
  // All of them, in this order.
  WriteBufs write(std::vector<Buf> bufs, WaitOptions options = {}) const {
    return WriteBufs(state_, std::move(bufs), std::move(options));
  }
  // A copy of the characters.
  WriteBufs write(std::string_view text, WaitOptions options = {}) const {
    return WriteBufs(state_, Buf::copy(text), std::move(options));
  }
  // Never waits: queues what the budget has room for and tells how many bytes that was.
  Result<std::size_t> try_write(std::span<const Buf> bufs) const;

  // Waits until half of the budget is free.
  WaitForSending writable(WaitOptions options = {}) const {
    return WaitForSending(state_, WaitForSending::For::room, std::move(options));
  }
  // The peer has acknowledged everything queued so far, and FIN after finish().
  WaitForSending flushed(WaitOptions options = {}) const {
    return WaitForSending(state_, WaitForSending::For::acknowledgement, std::move(options));
  }
  Result<> finish() const;                          // FIN
  void fail(std::uint64_t application_code) const;  // RESET_STREAM
  std::size_t queued() const noexcept;              // bytes not acknowledged

 private:
  internal::Ref<internal::StreamState> state_;
};

// --- streams the peer opens ---------------------------------------------------------------------

// Calls Stream::respond; empty on unidirectional streams. Keeps the stream while it exists.
class Responder {
 public:
  Responder() = default;
  // Empty for streams that cannot be answered.
  explicit Responder(Stream stream) noexcept : stream_(std::move(stream)) {}
  // False on unidirectional streams (EV10).
  explicit operator bool() const noexcept { return static_cast<bool>(stream_); }
  // Answers with values, or with what will be them (EV9). Fails with invalid_state the second
  // time.
  Result<> operator()(ResponseOptions options) const { return stream_.respond(std::move(options)); }
  // Options that come later. (A template, so that `respond_with({})` means the other.)
  template <std::same_as<Task<Result<ResponseOptions>>> T>
  Result<> operator()(T options) const {
    return respond_later(std::move(options));
  }

 private:
  Result<> respond_later(Task<Result<ResponseOptions>> options) const;
  Stream stream_;
};

// An HTTP datagram that belongs to a stream (RFC 9297 2.1).
struct StreamDatagramEvent {
  // Its payload, without the quarter stream ID.
  Buf datagram;
  bool early = false;  // arrived as 0-RTT data: may be a replay
  // Which it belongs to.
  Stream stream;
};

// A stream that the peer began (EV7 to EV10).
struct StreamEvent {
  // As the specification calls it (EV7).
  static constexpr std::string_view name = "stream";
  // The new one (EV8).
  Stream stream;
  // Answers it, where it can be answered.
  Responder respond_with;
  // HTTP/3: the request's headers, which have arrived; nullptr elsewhere. Lives as long as
  // `stream`.
  const Headers* headers = nullptr;
};

}  // namespace quicore
