// SPDX-License-Identifier: Apache-2.0
//
// Runs the figures round by round, ours and the others' in turn, so that a machine whose speed
// drifts is unfair to nobody.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/time.h"
#include "perf/compare/comparison.h"
#include "perf/compare/other.h"
#include "tools/common/progress_line.h"

namespace quicore::perf {

struct RunnerOptions {
  std::filesystem::path programs;  // of quicore-server and quicore-load
  std::filesystem::path output;    // logs and reports
  std::vector<int> cpus;           // the server's and the client's; one CPU: both on it
  std::vector<std::string> only;   // names of figures; empty: all
  std::vector<Other> others;
  bool profile = false;  // by layer, of the figures that have Figure::profiled
  unsigned rounds = 3;
  Duration duration = std::chrono::seconds(3);  // of each measurement
  Duration warm_up = std::chrono::milliseconds(500);
};

// What fails is noted in Comparison::problems, and the rest goes on.
Comparison run_comparison(const RunnerOptions& options, tools::ProgressLine& progress);

}  // namespace quicore::perf
