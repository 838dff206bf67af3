// SPDX-License-Identifier: Apache-2.0
//
// When to allow the peer more streams (MAX_STREAMS, RFC 9000 4.6). One frame per stream that ended
// would cost a packet and an acknowledgement for every request; so they are collected while the peer
// has enough left.
//
// Threading: a value type.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

namespace quicore::engine {

class StreamAllowance {
 public:
  StreamAllowance() = default;
  // `at_once`: how many may be open at a time.
  explicit StreamAllowance(std::uint64_t at_once) noexcept : at_once_(at_once), allowed_(at_once) {}

  // The peer opened the stream of that number, counted from 0 (RFC 9000 2.1: the ID divided by 4).
  void opened(std::uint64_t number) noexcept { opened_ = std::max(opened_, number + 1); }

  // Whether the peer may open, or have opened, the stream of that number.
  bool allows(std::uint64_t number) const noexcept { return number < allowed_; }

  // One of its streams ended. Returns how many more to allow now.
  std::uint64_t closed() noexcept {
    ++collected_;
    const std::uint64_t quarter = at_once_ / 4;
    const std::uint64_t left = allowed_ - std::min(allowed_, opened_);
    if (collected_ < quarter && left >= quarter) return 0;
    allowed_ += collected_;
    return std::exchange(collected_, 0);
  }

 private:
  std::uint64_t at_once_ = 0;
  std::uint64_t allowed_ = 0;    // as announced
  std::uint64_t opened_ = 0;     // up to the highest number seen
  std::uint64_t collected_ = 0;  // ended, not allowed anew yet
};

}  // namespace quicore::engine
