// SPDX-License-Identifier: Apache-2.0
//
// Which CPUs this process may use, and pinning a shard's thread to one of them.
#pragma once

#include <vector>

#include "io/error.h"

namespace quicore::io {

// In ascending order; what taskset, cgroup cpusets and the like leave to the calling thread.
std::vector<int> allowed_cpus();

// The calling thread runs on `cpu` only. Fails with invalid_argument when the CPU does not exist or
// is not allowed; the reason names those that are.
Result<> pin_this_thread(int cpu);

// The CPU the calling thread runs on right now.
int current_cpu() noexcept;

// For loops that wait on memory: tells the processor so, and takes some tens of nanoseconds at most.
inline void pause_briefly() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

// Lets the kernel be late by kTimerSlack at most when it wakes the calling thread.
void reduce_timer_slack() noexcept;

// As `ps -L` and debuggers show it; at most 15 characters, the rest is cut off.
void name_this_thread(std::string_view name);

}  // namespace quicore::io
