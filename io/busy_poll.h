// SPDX-License-Identifier: Apache-2.0
//
// Whether a port looks for traffic for a while before it sleeps, and for how long. Waking a sleeping
// thread on another core takes 10 to 50 us; a thread that polls sees a datagram at once. But polling
// takes the core from others, and makes batches small: so it is done only
//
// - while it pays: each time it finds nothing, twice as many of the next waits go without it, up to
//   kMostWaitsWithoutPolling; the first success, or a long sleep, makes it eager again, and a failure
//   after kHitsForAMiss successes in a row counts as chance;
// - while there is time to spare, or batches are large anyway: a shard that is busy with small ones
//   sleeps, and finds more to do at once when it wakes.
//
// docs/decisions/0013.
//
//   const Duration time = poll.budget(now, stats.datagrams_received);
//   if (time == Duration::zero() || !poll.spin(now, time, deadline, look)) ... sleep ...
//   poll.woke(now);
//
// Threading: a value type, for one thread. Cost: a few instructions per wait.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "io/limits.h"
#include "io/time.h"

namespace quicore::io {

class BusyPoll {
 public:
  // Zero: never. kAlwaysPoll or more: always, whether it pays or not.
  explicit BusyPoll(Duration longest = Duration::zero()) noexcept : longest_(longest) {}

  bool enabled() const noexcept { return longest_ > Duration::zero(); }

  // The turn is over; `datagrams` were received since the port was made. How long to poll before
  // sleeping; zero: sleep at once.
  Duration budget(Instant now, std::uint64_t datagrams) noexcept {
    if (longest_ >= kAlwaysPoll || !enabled()) return longest_;
    waiting_ = true;
    idle_since_ = now;
    if (awake_since_ != Instant()) busy_ += now - awake_since_;  // else the first turn
    datagrams_ += datagrams - std::exchange(datagrams_before_, datagrams);
    ++turns_;
    forget();
    if (is_busy() && !has_large_batches()) return Duration::zero();
    if (without_ == 0) return longest_;
    --without_;
    return Duration::zero();
  }

  // Calls `look` until it is true, or `time` has passed since `begin`, or, when that leaves too little
  // of it to sleep, the deadline has come. True: there is something to do, or the deadline has come.
  template <class Look>
  bool spin(Instant begin, Duration time, Instant deadline, Look look) noexcept {
    for (;;) {
      if (look()) {
        found();
        return true;
      }
      const Instant now = std::chrono::steady_clock::now();
      if (now >= deadline) return true;
      if (now - begin >= time && now + kShortestSleep < deadline) break;
    }
    missed();
    return false;
  }

  void found() noexcept {
    penalty_ = 0;
    hits_ = std::min(hits_ + 1, kHitsForAMiss);
  }

  void missed() noexcept {
    if (longest_ >= kAlwaysPoll) return;
    // Chance: the other end was held up once.
    if (std::exchange(hits_, 0) == kHitsForAMiss) return;
    penalty_ = std::clamp<std::uint32_t>(penalty_ * 2, 1, kMostWaitsWithoutPolling);
    without_ = penalty_;
  }

  // The wait is over, whatever was done in it.
  void woke(Instant now) noexcept {
    if (!waiting_) return;
    waiting_ = false;
    awake_since_ = now;
    idle_ += now - idle_since_;
    if (now - idle_since_ < kPauseThatForgets) return;
    penalty_ = 0;  // what follows a pause has little to do with what was before it
    without_ = 0;
  }

 private:
  bool is_busy() const noexcept { return busy_ * 100 > (busy_ + idle_) * kBusyPercent; }
  bool has_large_batches() const noexcept { return datagrams_ >= turns_ * kLargeBatch; }
  // Half of what is older than the window counts.
  void forget() noexcept {
    if (busy_ + idle_ < kWindow) return;
    busy_ /= 2;
    idle_ /= 2;
    datagrams_ /= 2;
    turns_ = (turns_ + 1) / 2;
  }

  static constexpr Duration kWindow = std::chrono::milliseconds(1);

  Duration longest_;
  Duration busy_{}, idle_{};
  Instant awake_since_{}, idle_since_{};
  bool waiting_ = false;
  std::uint64_t datagrams_before_ = 0;
  std::uint64_t datagrams_ = 0;
  std::uint64_t turns_ = 0;
  std::uint32_t hits_ = 0;  // since the last miss
  std::uint32_t penalty_ = 0;
  std::uint32_t without_ = 0;  // waits to come that do not poll
};

}  // namespace quicore::io
