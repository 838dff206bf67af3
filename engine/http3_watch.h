// SPDX-License-Identifier: Apache-2.0
//
// Reads the frames of one HTTP/3 stream beside nghttp3, for what nghttp3 keeps to itself:
//   - whether a request stream ended before any HEADERS (RFC 9114 4.1: H3_REQUEST_INCOMPLETE);
//   - push: CANCEL_PUSH, MAX_PUSH_ID that shrinks, PUSH_PROMISE and push streams that nobody allowed
//     are H3_ID_ERROR (RFC 9114 4.6, 7.2.3, 7.2.5, 7.2.7).
//
// Threading: the shard. Lifetime: of its Stream, or of the Http3Session for what has none.
// Cost: a few instructions per frame; no allocation. Never fails: bytes that make no sense are
// nghttp3's to refuse.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/tls_settings.h"
#include "io/buf.h"

namespace quicore::engine {

class Http3Watch {
 public:
  // Bytes of the stream, in order. `side` is ours.
  void read(Side side, bool unidirectional, Bytes bytes) noexcept;

  // Neither inside of a frame nor behind a HEADERS frame.
  bool nothing_asked() const noexcept {
    return !headers_seen_ && state_ == State::type && !partial_;
  }
  bool any_bytes() const noexcept { return any_bytes_; }
  bool headers_seen() const noexcept { return headers_seen_; }
  // A unidirectional stream of another type than control.
  bool sees_nothing_more() const noexcept { return state_ == State::opaque; }
  // A push that was not allowed.
  bool id_error() const noexcept { return id_error_; }

 private:
  enum class State : std::uint8_t { stream_type, type, length, payload, opaque };
  bool take_varint(std::uint8_t octet) noexcept;
  void frame_begins(Side side) noexcept;
  void frame_ends() noexcept;
  void payload(Bytes piece) noexcept;

  State state_ = State::type;
  bool any_bytes_ = false;
  bool partial_ = false;  // a variable-length integer has begun
  bool headers_seen_ = false;
  bool id_error_ = false;
  bool control_ = false;
  std::uint8_t varint_left_ = 0;
  std::uint64_t varint_ = 0;
  std::uint64_t type_ = 0;
  std::uint64_t left_ = 0;
  std::uint64_t push_limit_ = 0;  // one more than the last MAX_PUSH_ID
};

}  // namespace quicore::engine
