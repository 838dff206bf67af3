// SPDX-License-Identifier: Apache-2.0
//
// Time as the whole program sees it: nanoseconds of a monotonic clock. Only a Port reads a clock
// (once per turn); everything above is handed `now`, so that the simulator can own time.
#pragma once

#include <chrono>
#include <cstdint>

namespace quicore {

// Whole nanoseconds: up to 292 years.
using Duration = std::chrono::nanoseconds;
// Of the monotonic clock; the first one stands for "never".
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;

// "No deadline": waits with it end only by traffic or a wake-up.
inline constexpr Instant kNever = Instant::max();

namespace io {

// Of this moment: the wall clock is set now and then.
inline Duration wall_clock_offset() noexcept {
  return std::chrono::system_clock::now().time_since_epoch() -
         std::chrono::steady_clock::now().time_since_epoch();
}

}  // namespace io

inline constexpr std::uint64_t to_nanoseconds(Instant instant) noexcept {
  return static_cast<std::uint64_t>(instant.time_since_epoch().count());
}

// The inverse of to_nanoseconds, at the border to C libraries.
inline constexpr Instant from_nanoseconds(std::uint64_t nanoseconds) noexcept {
  return Instant(Duration(static_cast<Duration::rep>(nanoseconds)));
}

}  // namespace quicore
