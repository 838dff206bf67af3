// SPDX-License-Identifier: Apache-2.0
//
// The loop of every measurement of pure computation.
#pragma once

#include <cstdint>

#include "io/time.h"

namespace quicore::perf {

// Calls `pass`, which handles `items`, once to warm up and then for `duration`: nanoseconds per
// item, or 0 if a pass returned false.
template <class Pass>
double time_passes(unsigned items, Duration duration, Pass&& pass) {
  if (!pass()) return 0;
  const auto begin = std::chrono::steady_clock::now();
  std::uint64_t passes = 0;
  Duration taken{};
  do {
    if (!pass()) return 0;
    ++passes;
    taken = std::chrono::steady_clock::now() - begin;
  } while (taken < duration);
  return static_cast<double>(taken.count()) / (static_cast<double>(passes) * items);
}

}  // namespace quicore::perf
