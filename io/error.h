// SPDX-License-Identifier: Apache-2.0
//
// The one error type of the whole library, and Result<T>.
//
// Every failure a user can see is a Result whose Error says what kind it is (to branch on), which
// code in which space (to compare with an RFC), and one sentence that says what to do. No exception
// is thrown on the data path; `value_or_throw` is there for programs that prefer exceptions.
//
// Threading: a value type, free to move between threads. Cost: sizeof(Error) is 64 bytes; it
// allocates only for reasons longer than the small-string size, never on the data path.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace quicore {

// What kind of failure it is: for decisions of a program.
enum class Errc : std::uint8_t {
  ok,
  invalid_argument,     // a value the caller gave cannot be used; the reason names the field
  invalid_state,        // right call, wrong moment (a second consumer, a handle already closed)
  closed,               // the object is gone
  closing,              // graceful close has begun; nothing new may be started
  cancelled,            // cancel(), destroy() or a stop token ended the operation
  timed_out,            // idle timeout, handshake timeout, or the timeout given to an await
  blocked,              // would exceed a budget or a flow-control limit; try again later
  stream_limit,         // the peer's MAX_STREAMS does not allow another stream yet
  not_supported,        // cannot be had with this protocol, kernel or library; the reason says why
  tls,                  // the handshake failed; `code` is the TLS alert
  certificate,          // the peer's certificate was not accepted
  peer_reset,           // RESET_STREAM received; `code` is the application's
  peer_stopped,         // STOP_SENDING received; `code` is the application's
  transport,            // CONNECTION_CLOSE with a transport code, sent or received
  application,          // CONNECTION_CLOSE with an application code, sent or received
  version_negotiation,  // no QUIC version in common
  rejected,             // HTTP/3: the server did not process the request: it may be sent again
  stateless_reset,      // the peer lost its state
  busy,                 // the server refused the connection (CONNECTION_REFUSED)
  no_memory,            // a pool or a limit of memory is used up
  system,               // the kernel refused; `code` is errno
};

// Which list `Error::code` comes from.
enum class ErrorSpace : std::uint8_t { library, transport, application, tls_alert, os };

// Why something failed: a kind to decide by, a code of a protocol, and a sentence for people.
struct [[nodiscard]] Error {
  // `ok` for no error.
  Errc kind{};
  // What `code` means.
  ErrorSpace space{};
  // As the peer or the kernel gave it, or as it is sent.
  std::uint64_t code{};
  // A sentence that names what is wrong and says what to do. From the peer: its own words.
  std::string reason;
  // What the user gave to cancel(reason) or destroy(reason), handed back untouched.
  std::shared_ptr<const void> user;

  // True for an error, false for `ok`.
  explicit operator bool() const noexcept { return kind != Errc::ok; }

  // One of this library's own.
  static Error make(Errc kind, std::string reason) {
    return {kind, ErrorSpace::library, 0, std::move(reason), nullptr};
  }
  // For CONNECTION_CLOSE with a code of RFC 9000 20.1.
  static Error transport(std::uint64_t code, std::string reason) {
    return {Errc::transport, ErrorSpace::transport, code, std::move(reason), nullptr};
  }
  // With a code of the application protocol, below 2^62.
  static Error application(std::uint64_t code, std::string reason) {
    return {Errc::application, ErrorSpace::application, code, std::move(reason), nullptr};
  }
  // Of a system call, with its errno.
  static Error system(int errno_value, std::string reason) {
    return {Errc::system, ErrorSpace::os, static_cast<std::uint64_t>(errno_value),
            std::move(reason), nullptr};
  }
};

// A value, or why there is none.
template <class T = void>
using Result = std::expected<T, Error>;

// For `return failure(...)` in a function that gives a Result.
inline std::unexpected<Error> failure(Errc kind, std::string reason) {
  return std::unexpected(Error::make(kind, std::move(reason)));
}

// "invalid_argument", "timed_out", ... as spelled above.
std::string_view to_string(Errc kind) noexcept;
// "transport"; a static view.
std::string_view to_string(ErrorSpace space) noexcept;

// One line for logs: "transport error 0xa (PROTOCOL_VIOLATION): reason".
std::string to_string(const Error& error);

// What value_or_throw throws; the library itself throws none.
class Exception : public std::runtime_error {
 public:
  // what() is the error's sentence.
  explicit Exception(Error error)
      : std::runtime_error(to_string(error)), error_(std::move(error)) {}
  // Why.
  const Error& error() const noexcept { return error_; }

 private:
  Error error_;
};

// For programs and tests whose callers catch: the value, or an Exception with the Error.
template <class T>
T value_or_throw(Result<T> result) {
  if (!result) throw Exception(std::move(result.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace quicore
