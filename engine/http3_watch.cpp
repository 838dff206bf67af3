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
    if (type_ == kPushPromiseFrame && side == Side::client) id_error_ = true;
  } else if (type_ == kCancelPushFrame) {
    id_error_ = true;
  }
  if (left_ == 0) frame_ends();
}

void Http3Watch::frame_ends() noexcept {
  state_ = State::type;
  if (!control_ && type_ == kHeadersFrame) headers_seen_ = true;
}

void Http3Watch::payload(Bytes piece) noexcept {
  if (!control_ || type_ != kMaxPushIdFrame) return;
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

}  // namespace quicore::engine
