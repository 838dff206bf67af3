// SPDX-License-Identifier: Apache-2.0
//
// Takes half of a CPU away from whatever else is busy there, as long as it lives: a thread of the same
// priority that never waits.
#pragma once

#include <thread>

#include "io/cpu.h"

namespace quicore::perf {

class Rival {
 public:
  // On a CPU that this process may use.
  explicit Rival(int cpu)
      : thread_([cpu](const std::stop_token& end) {
          if (!io::pin_this_thread(cpu)) return;  // the server could not have been there either
          while (!end.stop_requested()) io::pause_briefly();
        }) {}

 private:
  std::jthread thread_;
};

}  // namespace quicore::perf
