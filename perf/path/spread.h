// SPDX-License-Identifier: Apache-2.0
//
// One figure over several runs.
#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "perf/path/text.h"

namespace quicore::perf {

struct Spread {
  double mean = 0;
  double least = 0;
  double most = 0;
};

// All zero without runs.
template <class Run, class Value>
Spread spread(const std::vector<Run>& runs, Value value) {
  if (runs.empty()) return {};
  Spread all{0, std::numeric_limits<double>::max(), std::numeric_limits<double>::lowest()};
  for (const Run& run : runs) {
    const double one = value(run);
    all.mean += one;
    all.least = std::min(all.least, one);
    all.most = std::max(all.most, one);
  }
  all.mean /= static_cast<double>(runs.size());
  return all;
}

inline std::string with_range(const char* format, const Spread& all) {
  return number(format, all.mean) + " (" + number(format, all.least) + " to " +
         number(format, all.most) + ")";
}

}  // namespace quicore::perf
