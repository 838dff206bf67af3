// SPDX-License-Identifier: Apache-2.0
//
// Stalls: when a thread that does nothing but read the clock did not run, because the kernel or, on
// a virtual machine, its host had taken the core. No answer can be sent meanwhile, so that they
// bound the latencies of an open loop from below, however good a server is:
//
//   A request that is due in a stall of g waits for what is left of it. Of the time T, a part of
//   max(0, g - x) / T has to wait longer than x. The share q of all requests waits longer than the
//   x for which the sum of these parts over all stalls is q.
//
// Requests that wait behind those that waited are not in it: it is a lower bound.
#pragma once

#include <span>
#include <vector>

#include "io/error.h"
#include "io/time.h"

namespace quicore::perf {

// Shorter gaps are interrupts and what reading the clock takes.
inline constexpr Duration kShortestStall = std::chrono::microseconds(20);

struct StallSample {
  std::vector<Duration> stalls;
  Duration observed{};
};

// Occupies each of `cpus` with a thread for `duration`; a sample for each, in their order.
// Errors: a CPU that this process may not use.
Result<std::vector<StallSample>> observe_stalls(std::span<const int> cpus, Duration duration);

// What `share` (0.01: one per cent) of the moments has to wait longer than. Stalls of two cores, of
// which a request needs both, are given together, `observed` being the time of one.
Duration wait_exceeded_by(double share, std::span<const Duration> stalls, Duration observed);

}  // namespace quicore::perf
