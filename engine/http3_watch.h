// SPDX-License-Identifier: Apache-2.0
//
// Reads the frames of one HTTP/3 stream beside nghttp3, for what nghttp3 keeps to itself:
//   - how many field lines a section has: nghttp3 leaves out lines with forbidden characters without
//     a word, while RFC 9114 4.2 and 10.3 want the whole message refused;
//   - whether a request stream ended before any HEADERS (RFC 9114 4.1: H3_REQUEST_INCOMPLETE);
//   - push: CANCEL_PUSH, MAX_PUSH_ID that shrinks, PUSH_PROMISE and push streams that nobody allowed
//     are H3_ID_ERROR (RFC 9114 4.6, 7.2.3, 7.2.5, 7.2.7).
// Lines of a section can be counted without the tables of QPACK: RFC 9204 4.5 says where each ends.
//
// Threading: the shard. Lifetime: of its Stream, or of the Http3Session for what has none. Cost: one step per byte of HEADERS, one per frame of
// everything else; no allocation. Never fails: bytes that make no sense are nghttp3's to refuse.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "engine/limits.h"
#include "engine/tls_settings.h"
#include "io/buf.h"

namespace quicore::engine {

// Counts the lines of one encoded field section (RFC 9204 4.5).
class FieldLineCounter {
 public:
  void read(Bytes bytes) noexcept;
  std::uint32_t lines() const noexcept { return lines_; }

 private:
  enum class Part : std::uint8_t { insert_count, base, line, name, value, text };
  void begin_integer(std::uint8_t first, unsigned prefix, Part meaning) noexcept;
  void integer_read() noexcept;
  void step(std::uint8_t octet) noexcept;

  Part part_ = Part::insert_count;  // what comes next, or whose integer is being read
  bool in_integer_ = false;
  bool value_follows_ = false;  // behind the index or the name
  unsigned shift_ = 0;
  std::uint64_t number_ = 0;
  std::uint64_t text_left_ = 0;
  std::uint32_t lines_ = 0;
};

class Http3Watch {
 public:
  // Bytes of the stream, in order. `side` is ours.
  void read(Side side, bool unidirectional, Bytes bytes) noexcept;

  // The next field section that arrived whole, in order: its lines. Nothing when too many waited.
  std::optional<std::uint32_t> next_section() noexcept;
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
  bool lost_count_ = false;
  std::uint8_t varint_left_ = 0;
  std::uint8_t waiting_ = 0;
  std::uint64_t varint_ = 0;
  std::uint64_t type_ = 0;
  std::uint64_t left_ = 0;
  std::uint64_t push_limit_ = 0;  // one more than the last MAX_PUSH_ID
  FieldLineCounter counter_;
  // Whole, but not decoded yet: QPACK blocks the stream.
  std::array<std::uint32_t, limits::kWatchedFieldSections> sections_{};
};

}  // namespace quicore::engine
