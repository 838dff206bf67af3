// SPDX-License-Identifier: Apache-2.0
//
// Body: what a stream sends, given at once or later, in one piece or in many.
//
//   .body = "Hello World"                                  // copied
//   .body = Buf::adopt(memory, size, release)              // zero copy, released when acknowledged
//   .body = File{"/var/www/index.html"}                    // in pieces, never blocks the shard
//   .body = std::vector<Buf>{...}                          // or any input range of Buf or text
//   .body = [state]() mutable -> std::optional<Buf> {...}  // a generator: nullopt ends the body
//   .body = [=]() -> Task<Result<std::optional<Buf>>> {..} // an asynchronous generator
//   .body = std::ifstream("/proc/version")                 // any std::istream, moved in
//   .body = reader.body()                                  // what another stream receives
//   .body = [] { return File{...}; }                       // a function that answers with a body,
//   .body = [=]() -> Task<Result<File>> { ... }            // ... or asynchronously
//   .body = completion                                     // Completion<Buf>, Completion<Body>
//   .body = Body::streamed()                               // Stream::writer() will write it
//
// Bytes are any contiguous range of numbers or std::byte (spans, vectors, arrays), sent as they lie
// in memory. Functions are called when sending begins.
//
// Pieces are asked for only while the stream's budget has room: a body of any length takes bounded
// memory. A body that fails or throws resets the stream (HTTP/3: H3_INTERNAL_ERROR, otherwise 0), so
// that the peer never takes half a body for a whole; closed() tells why.
//
// Threading: a value; used on the stream's shard.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <istream>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "api/completion.h"
#include "api/task.h"
#include "io/buf.h"
#include "io/error.h"

namespace quicore {

// A file, or a part of one. Opened when sending begins; a file that ends before `offset + length`
// fails the body.
struct File {
  // Opened when sending begins; one that cannot be read then resets the stream.
  std::string path;
  // Where to begin.
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length{};  // unset: to the end, as it is when opened
};

namespace internal {

template <class T>
concept Text = std::convertible_to<T, std::string_view>;

inline Buf to_buf(Buf buf) { return buf; }
inline Buf to_buf(Bytes bytes) { return Buf::copy(bytes); }
inline Buf to_buf(std::string_view text) { return Buf::copy(text); }

template <class T>
concept BufLike = requires(T&& value) {
  to_buf(std::forward<T>(value));
};

// Numbers in a row. char is text, and says so itself.
template <class R>
concept MemoryRange = std::ranges::contiguous_range<R> && std::ranges::sized_range<R> &&
    (std::is_arithmetic_v<std::ranges::range_value_t<R>> ||
     std::same_as<std::ranges::range_value_t<R>, std::byte>)&&!Text<R>;

template <class T>
struct TaskAnswer {};
template <class T>
struct TaskAnswer<Task<Result<T>>> {
  using Type = T;
};

template <class T>
struct ResultAnswer {};
template <class T>
struct ResultAnswer<Result<T>> {
  using Type = T;
};
template <>
struct ResultAnswer<Result<std::optional<Buf>>> {};  // a generator's

template <class R>
concept PieceRange = std::ranges::input_range<R> && BufLike<std::ranges::range_reference_t<R>>;

}  // namespace internal

class Body {
 public:
  // Asked for the next piece while the budget has room; nothing ends the body, an Error resets the
  // stream.
  using Generator = std::move_only_function<Result<std::optional<Buf>>()>;
  // The same, but each piece may take its time; the next one is asked for after it.
  using Source = std::move_only_function<Task<Result<std::optional<Buf>>>()>;
  // One piece, made when sending begins.
  using Function = std::move_only_function<Task<Result<Buf>>()>;
  // A body of any kind, made when sending begins.
  using Later = std::move_only_function<Task<Result<Body>>()>;
  struct Streamed {};
  // What send() makes of the kinds: those that are not here become one of these.
  using Value =
      std::variant<std::monostate, Streamed, Buf, std::vector<Buf>, File, Generator, Source,
                   Function, Completion<Buf>, Later, std::shared_ptr<std::istream>>;

  Body() = default;  // none
  // What is converted implicitly is what people write after `.body =`.
  // NOLINTBEGIN(google-explicit-constructor)
  template <internal::Text T>
  Body(const T& text) : value(Buf::copy(std::string_view(text))) {}
  // A copy of the bytes.
  Body(Bytes bytes) : value(Buf::copy(bytes)) {}
  // One buffer, sent as it is.
  Body(Buf buf) : value(std::move(buf)) {}
  // Pieces, in this order.
  Body(std::vector<Buf> bufs) : value(std::move(bufs)) {}
  // Read in pieces on a thread for what blocks.
  Body(File file) : value(std::move(file)) {}
  // One piece, when it completes; its error resets the stream.
  Body(Completion<Buf> completion) : value(std::move(completion)) {}
  // The first stream it is given to sends it.
  template <class C>
  requires std::same_as<C, Completion<Body>> Body(C completion)
      : value(from_completion(std::move(completion))) {}
  // Read in pieces, without blocking the shard (B6).
  template <class S>
  requires std::derived_from<S, std::istream> Body(S stream)
      : value(std::shared_ptr<std::istream>(std::make_shared<S>(std::move(stream)))) {}
  // For streams that cannot be moved.
  Body(std::unique_ptr<std::istream> stream)
      : value(std::shared_ptr<std::istream>(std::move(stream))) {}
  // A copy of the bytes of a contiguous range (B2 to B4).
  template <class R>
  requires internal::MemoryRange<const R> Body(const R& memory)
      : value(Buf::copy(
            std::as_bytes(std::span(std::ranges::data(memory), std::ranges::size(memory))))) {}
  // A generator, or a function that gives a piece or a body, at once or later (B9 to B12).
  template <class F>
  requires std::invocable<F&> Body(F function) : value(from_function(std::move(function))) {}
  // Any input range of Buf or text; it must last as long as the body, or be moved in (B9).
  template <class R>
  requires(internal::PieceRange<std::remove_cvref_t<R>&> && !internal::Text<R> &&
           !std::same_as<std::remove_cvref_t<R>, std::vector<Buf>>) Body(R&& range)
      : value(from_range(std::forward<R>(range))) {}
  // NOLINTEND(google-explicit-constructor)

  // The stream stays open for Stream::writer().
  static Body streamed() {
    Body body;
    body.value = Streamed{};
    return body;
  }

  // Nothing was given: headers alone.
  bool none() const noexcept { return std::holds_alternative<std::monostate>(value); }

  // Taken by whoever sends it.
  Value value;

 private:
  template <class F>
  static Value from_function(F function);
  template <class C>
  static Later from_completion(C completion);
  template <class R>
  static Generator from_range(R range);
};

template <class F>
Body::Value Body::from_function(F function) {
  using Answer = std::invoke_result_t<F&>;
  if constexpr (std::same_as<Answer, Task<Result<std::optional<Buf>>>>) {
    return Value(std::in_place_type<Source>, std::move(function));
  } else if constexpr (std::same_as<Answer, Task<Result<Buf>>>) {
    return Value(std::in_place_type<Function>, std::move(function));
  } else if constexpr (requires { typename internal::ResultAnswer<Answer>::Type; }) {
    return Value(std::in_place_type<Later>,
                 [function = std::move(function)]() mutable -> Task<Result<Body>> {
                   auto answer = function();
                   if (!answer) co_return std::unexpected(std::move(answer.error()));
                   co_return Body(std::move(*answer));
                 });
  } else if constexpr (std::convertible_to<Answer, Result<std::optional<Buf>>> &&
                       !std::convertible_to<Answer, Buf>) {
    return Value(std::in_place_type<Generator>, std::move(function));
  } else if constexpr (requires { typename internal::TaskAnswer<Answer>::Type; }) {
    return Value(std::in_place_type<Later>,
                 [function = std::move(function)]() mutable -> Task<Result<Body>> {
                   auto answer = co_await function();
                   if (!answer) co_return std::unexpected(std::move(answer.error()));
                   co_return Body(std::move(*answer));
                 });
  } else {
    // Answers once, with anything a Body can be made of.
    return Value(std::in_place_type<Later>,
                 [function = std::move(function)]() mutable -> Task<Result<Body>> {
                   co_return Body(function());
                 });
  }
}

template <class C>
Body::Later Body::from_completion(C completion) {
  return Later([completion = std::move(completion)]() -> Task<Result<Body>> {
    const Result<Body>& given = co_await completion;
    if (!given) co_return std::unexpected(given.error());
    // Bodies are not copied: it moves from where it was kept.
    co_return std::move(const_cast<Body&>(*given));
  });
}

template <class R>
Body::Generator Body::from_range(R range) {
  // The range moves into shared memory first: its iterators must not outlive a move of it.
  auto owned = std::make_shared<R>(std::move(range));
  return Generator([owned, next = std::ranges::begin(*owned),
                    end = std::ranges::end(*owned)]() mutable -> Result<std::optional<Buf>> {
    if (next == end) return std::nullopt;
    Buf piece = internal::to_buf(*next);
    ++next;
    return piece;
  });
}

}  // namespace quicore
