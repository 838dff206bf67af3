// SPDX-License-Identifier: Apache-2.0
//
// What a comparison found, and its forms: a table for the terminal, Markdown for documents, JSON,
// and an HTML page. Each value is the median of the rounds, with the lowest and the highest.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "perf/compare/figure.h"
#include "perf/compare/profile.h"
#include "tools/common/machine_limit.h"

namespace quicore::perf {

struct Row {
  Quantity quantity;
  std::vector<double> ours{};  // one value per round
  std::map<std::string, std::vector<double>> others{};

  // The best of the others by their medians; empty: there is none.
  [[nodiscard]] std::string best_other() const;
  // How many times better ours is than that one; 0 without one.
  [[nodiscard]] double ratio() const;
};

struct Comparison {
  std::string machine;
  unsigned rounds = 0;
  tools::MachineLimit limit;
  std::vector<Row> rows;
  std::vector<tools::LoadReport> latencies;  // of the last round, for the chart
  std::vector<Profile> profiles;
  std::vector<std::string> problems;
};

// "12.3 Gbit/s (11.9 to 12.5)"; "-" of none.
[[nodiscard]] std::string describe(const std::vector<double>& values, const std::string& unit);

[[nodiscard]] std::string to_table(const Comparison& comparison);
[[nodiscard]] std::string to_markdown(const Comparison& comparison);
[[nodiscard]] std::string to_json_text(const Comparison& comparison);
[[nodiscard]] std::string to_html(const Comparison& comparison);

}  // namespace quicore::perf
