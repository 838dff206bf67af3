// SPDX-License-Identifier: Apache-2.0
//
// Virtual time: a clock that jumps from one event to the next. Events of one instant happen in the
// order they were scheduled, so a run depends on nothing but the seed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "io/check.h"
#include "io/time.h"

namespace quicore::sim {

// Where every world begins: far enough from zero that code which subtracts a day stays positive.
inline constexpr Instant kBeginning = Instant(std::chrono::hours(1000));

class Timeline {
 public:
  using Action = std::move_only_function<void()>;

  Instant now() const noexcept { return now_; }
  Duration elapsed() const noexcept { return now_ - kBeginning; }

  void at(Instant when, Action action) {
    QUICORE_CHECK(when >= now_);
    events_.push_back({when, next_number_++, std::move(action)});
    std::push_heap(events_.begin(), events_.end(), later);
  }
  void after(Duration delay, Action action) { at(now_ + delay, std::move(action)); }

  bool empty() const noexcept { return events_.empty(); }
  Instant next() const noexcept { return events_.empty() ? kNever : events_.front().when; }

  // Moves the clock and runs every event that is due by then, also those scheduled meanwhile.
  void advance(Instant to) {
    QUICORE_CHECK(to >= now_);
    while (next() <= to) {
      std::pop_heap(events_.begin(), events_.end(), later);
      Event event = std::move(events_.back());
      events_.pop_back();
      now_ = event.when;
      event.action();
    }
    now_ = to;
  }

 private:
  struct Event {
    Instant when;
    std::uint64_t number;
    Action action;
  };
  static bool later(const Event& a, const Event& b) noexcept {
    return a.when != b.when ? a.when > b.when : a.number > b.number;
  }

  Instant now_ = kBeginning;
  std::uint64_t next_number_ = 0;
  std::vector<Event> events_;  // a heap, the earliest in front
};

}  // namespace quicore::sim
