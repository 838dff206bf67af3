// SPDX-License-Identifier: Apache-2.0
//
// The handshakes under way on a shard (half-open connections of servers), and how many of them began
// in the last limits::kRecentHandshake: what a client that never answers holds, it holds only so long
// as one of the latter.
//
//   count.begun(now);
//   count.finished(began_at);         // completed, or given up
//   count.total(), count.recent(now)
//
// Threading: its shard's thread. Cost: a few instructions; recent() adds up kSpans numbers. A
// handshake counts as recent for up to one kSpan longer.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "engine/limits.h"
#include "io/time.h"

namespace quicore::engine {

class HandshakeCount {
 public:
  void begun(Instant now) noexcept {
    advance(now);
    ++total_;
    ++of_span(span_);
  }

  // Of one that was counted at `began_at`.
  void finished(Instant began_at) noexcept {
    if (total_ > 0) --total_;
    const std::int64_t span = span_at(began_at);
    if (span_ - span >= kSpans) return;
    if (std::uint32_t& count = of_span(span); count > 0) --count;
  }

  std::size_t total() const noexcept { return total_; }

  std::size_t recent(Instant now) noexcept {
    advance(now);
    return std::accumulate(spans_.begin(), spans_.end(), std::size_t{0});
  }

 private:
  static constexpr std::int64_t kSpans = 8;
  static constexpr Duration kSpan = limits::kRecentHandshake / (kSpans - 1);

  static std::int64_t span_at(Instant at) noexcept { return at.time_since_epoch() / kSpan; }
  std::uint32_t& of_span(std::int64_t span) noexcept {
    return spans_[static_cast<std::size_t>(span % kSpans)];
  }
  void advance(Instant now) noexcept {
    const std::int64_t span = span_at(now);
    for (std::int64_t left = std::min(span - span_, kSpans); left > 0; --left) {
      of_span(span - left + 1) = 0;
    }
    span_ = std::max(span_, span);
  }

  std::size_t total_ = 0;
  std::int64_t span_ = 0;                      // the latest, numbered from the clock's zero
  std::array<std::uint32_t, kSpans> spans_{};  // how many of those that began in each are under way
};

}  // namespace quicore::engine
