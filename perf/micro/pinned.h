// SPDX-License-Identifier: Apache-2.0
//
// The calling thread on one CPU, and back where it was when this ends.
#pragma once

#include <sched.h>

#include "io/cpu.h"
#include "io/error.h"

namespace quicore::perf {

class Pinned {
 public:
  explicit Pinned(int cpu) {
    sched_getaffinity(0, sizeof(before_), &before_);
    value_or_throw(io::pin_this_thread(cpu));
  }
  ~Pinned() { sched_setaffinity(0, sizeof(before_), &before_); }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

 private:
  cpu_set_t before_{};
};

}  // namespace quicore::perf
