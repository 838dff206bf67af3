// SPDX-License-Identifier: Apache-2.0
//
// Charts as inline SVG, for HtmlReport, whose style sheet colours them. Pure functions.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace quicore::tools {

// Horizontal bars from zero, one row each, in the order given.
struct Bar {
  std::string label;
  double value = 0;
  std::string text;       // written behind the bar: "12.3 Gbit/s"
  bool is_limit = false;  // drawn muted: what could be, not what was
};

// A dashed line through all rows, named in the legend.
struct ReferenceLine {
  std::string label;
  double value = 0;
};

[[nodiscard]] std::string bar_chart(const std::vector<Bar>& bars,
                                    const std::optional<ReferenceLine>& reference = {});

// Bars made of parts, one row each; every name has one colour, told in the legend. Parts that are
// zero are left out.
struct StackedBar {
  std::string label;
  std::vector<std::pair<std::string, double>> parts{};
  std::string text{};     // written behind the bar: "812 ns"
  bool is_limit = false;  // drawn fainter: what could be, not what was
};

[[nodiscard]] std::string stacked_bar_chart(const std::vector<StackedBar>& bars);

// Latency over percentile. The horizontal axis is logarithmic in the distance to 100 % (0, 50, 90,
// 99, 99.9 ... each nine as wide as the others), the vertical one logarithmic in time.
struct LatencyCurve {
  std::string name;
  std::vector<std::array<double, 2>> points;  // percentile (rising), microseconds
};

// Empty curves are left out; without any the answer is an empty string. At most five curves get
// colours of their own.
[[nodiscard]] std::string percentile_chart(const std::vector<LatencyCurve>& curves);

}  // namespace quicore::tools
