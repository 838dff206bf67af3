// SPDX-License-Identifier: Apache-2.0
#include "engine/http3_watch.h"

#include <algorithm>

namespace quicore::engine {

namespace {

// RFC 9114 6.2 and 7.2.
constexpr std::uint64_t kControlStream = 0x00;
constexpr std::uint64_t kPushStream = 0x01;
constexpr std::uint64_t kHeadersFrame = 0x01;
constexpr std::uint64_t kCancelPushFrame = 0x03;
constexpr std::uint64_t kPushPromiseFrame = 0x05;
constexpr std::uint64_t kMaxPushIdFrame = 0x0d;

}  // namespace

// --- FieldLineCounter ------------------------------------------------------------------------------

void FieldLineCounter::begin_integer(std::uint8_t first, unsigned prefix, Part meaning) noexcept {
  const unsigned limit = (1u << prefix) - 1;
  part_ = meaning;
  number_ = first & limit;
  shift_ = 0;
  in_integer_ = number_ == limit;
  if (!in_integer_) integer_read();
}

// `number_` is whole: what it was decides what follows.
void FieldLineCounter::integer_read() noexcept {
  switch (part_) {
    case Part::insert_count:
      part_ = Part::base;
      return;
    case Part::base:
      part_ = Part::line;
      return;
    case Part::line:  // an index
      if (value_follows_) {
        part_ = Part::value;
      } else {
        ++lines_;
      }
      return;
    case Part::name:
    case Part::value:
      value_follows_ = part_ == Part::name;
      text_left_ = number_;
      if (!value_follows_) ++lines_;
      part_ = text_left_ > 0 ? Part::text : value_follows_ ? Part::value : Part::line;
      return;
    case Part::text:
      return;
  }
}

void FieldLineCounter::step(std::uint8_t octet) noexcept {
  if (in_integer_) {
    constexpr unsigned kMaxShift = 56;  // RFC 9204 4.1.1: 62 bits are enough; more is no integer
    if (shift_ <= kMaxShift) number_ += std::uint64_t{octet & 0x7fu} << shift_;
    shift_ += 7;
    in_integer_ = (octet & 0x80) != 0;
    if (!in_integer_) integer_read();
    return;
  }
  switch (part_) {
    case Part::insert_count:
      return begin_integer(octet, 8, Part::insert_count);
    case Part::base:
      return begin_integer(octet, 7, Part::base);
    case Part::value:
      return begin_integer(octet, 7, Part::value);
    default:
      break;
  }
  // RFC 9204 4.5.2 to 4.5.6, by the upper bits.
  value_follows_ = (octet & 0x80) == 0 && (octet & 0xf0) != 0x10;
  if ((octet & 0x80) != 0) return begin_integer(octet, 6, Part::line);
  if ((octet & 0x40) != 0) return begin_integer(octet, 4, Part::line);
  if ((octet & 0x20) != 0) return begin_integer(octet, 3, Part::name);
  begin_integer(octet, (octet & 0x10) != 0 ? 4 : 3, Part::line);
}

void FieldLineCounter::read(Bytes bytes) noexcept {
  while (!bytes.empty()) {
    if (part_ == Part::text && !in_integer_) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(text_left_, bytes.size()));
      text_left_ -= size;
      bytes = bytes.subspan(size);
      if (text_left_ == 0) part_ = value_follows_ ? Part::value : Part::line;
      continue;
    }
    step(static_cast<std::uint8_t>(bytes.front()));
    bytes = bytes.subspan(1);
  }
}

// --- Http3Watch ------------------------------------------------------------------------------------

bool Http3Watch::take_varint(std::uint8_t octet) noexcept {  // RFC 9000 16
  if (!partial_) {
    varint_ = octet & 0x3f;
    varint_left_ = static_cast<std::uint8_t>((1u << (octet >> 6)) - 1);
  } else {
    varint_ = varint_ << 8 | octet;
    --varint_left_;
  }
  partial_ = varint_left_ > 0;
  return !partial_;
}

void Http3Watch::frame_begins(Side side) noexcept {
  state_ = State::payload;
  if (!control_) {
    if (type_ == kHeadersFrame) counter_ = {};
    if (type_ == kPushPromiseFrame && side == Side::client) id_error_ = true;
  } else if (type_ == kCancelPushFrame) {
    id_error_ = true;
  }
  if (left_ == 0) frame_ends();
}

void Http3Watch::frame_ends() noexcept {
  state_ = State::type;
  if (control_ || type_ != kHeadersFrame) return;
  headers_seen_ = true;
  lost_count_ = lost_count_ || waiting_ == sections_.size();
  if (!lost_count_) sections_[waiting_++] = counter_.lines();
}

void Http3Watch::payload(Bytes piece) noexcept {
  if (!control_) {
    if (type_ == kHeadersFrame) counter_.read(piece);
    return;
  }
  if (type_ != kMaxPushIdFrame) return;
  for (const std::byte octet : piece) {
    if (!take_varint(static_cast<std::uint8_t>(octet))) continue;
    if (varint_ + 1 < push_limit_) id_error_ = true;
    push_limit_ = varint_ + 1;
  }
}

void Http3Watch::read(Side side, bool unidirectional, Bytes bytes) noexcept {
  if (bytes.empty()) return;
  if (!any_bytes_ && unidirectional) state_ = State::stream_type;
  any_bytes_ = true;
  while (!bytes.empty() && state_ != State::opaque) {
    if (state_ == State::payload) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
      payload(bytes.first(size));
      left_ -= size;
      bytes = bytes.subspan(size);
      if (left_ == 0) {
        partial_ = false;
        frame_ends();
      }
      continue;
    }
    const bool whole = take_varint(static_cast<std::uint8_t>(bytes.front()));
    bytes = bytes.subspan(1);
    if (!whole) continue;
    if (state_ == State::stream_type) {
      control_ = varint_ == kControlStream;
      id_error_ = varint_ == kPushStream && side == Side::client;
      state_ = control_ ? State::type : State::opaque;
    } else if (state_ == State::type) {
      type_ = varint_;
      state_ = State::length;
    } else {
      left_ = varint_;
      frame_begins(side);
    }
  }
}

std::optional<std::uint32_t> Http3Watch::next_section() noexcept {
  if (waiting_ == 0 || lost_count_) return std::nullopt;
  const std::uint32_t lines = sections_.front();
  std::shift_left(sections_.begin(), sections_.end(), 1);
  --waiting_;
  return lines;
}

}  // namespace quicore::engine
