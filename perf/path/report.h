// SPDX-License-Identifier: Apache-2.0
//
// What quicore-path prints: for each congestion control the mean of its seeds, and JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "perf/path/spread.h"
#include "perf/path/transfer.h"

namespace quicore::perf {

std::string_view name_of(CongestionControl algorithm) noexcept;

// The runs of one algorithm over one path, a seed each.
struct PathRow {
  TransferPlan plan;  // of the first seed
  std::vector<TransferResult> runs;

  double theory_mbps() const noexcept;
  // Of the runs, in the share of the theory that they reached when the start was over.
  Spread ratio() const noexcept;
  // In Mbit/s, start and all.
  double mean_steady() const noexcept;
  double mean_whole() const noexcept;
};

std::string to_markdown(const std::vector<PathRow>& rows);
// One line.
std::string to_json_line(const std::vector<PathRow>& rows);

}  // namespace quicore::perf
