// SPDX-License-Identifier: Apache-2.0
//
// Numbers in the tables of quicore-path.
#pragma once

#include <array>
#include <cstdio>
#include <string>

namespace quicore::perf {

inline std::string number(const char* format, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

// Three digits are enough for what differs from seed to seed.
inline std::string rate(double mbps) {
  return number(mbps < 100 ? "%.1f" : "%.0f", mbps) + " Mbit/s";
}

}  // namespace quicore::perf
