// SPDX-License-Identifier: Apache-2.0
//
// Whether the thread of a port has hardly any time to spare: of the last whole window it worked more
// than kOverloadPercent. What the kernel takes for handing over sends counts as spare, because it is
// done in the wait; so a thread that mostly sends is not found busy.
//
//   meter.waited(begin, end);   // after each wait; both the same when it could not have slept
//
// Threading: a value type, for one thread. Cost: a few instructions per wait; no clock of its own.
#pragma once

#include "io/limits.h"
#include "io/time.h"

namespace quicore::io {

class LoadMeter {
 public:
  void waited(Instant begin, Instant end) noexcept {
    idle_ += end - begin;
    const Duration passed = end - since_;
    if (passed < kLoadWindow) return;
    const bool first = since_ == Instant();
    busy_ = !first && (passed - idle_) * 100 > passed * kOverloadPercent;
    idle_ = Duration::zero();
    since_ = end;
  }

  bool is_busy() const noexcept { return busy_; }

 private:
  Instant since_;
  Duration idle_{};
  bool busy_ = false;
};

}  // namespace quicore::io
