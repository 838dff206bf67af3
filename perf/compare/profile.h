// SPDX-License-Identifier: Apache-2.0
//
// Where the time of a run goes, by layer: perf(1) samples the cores of both sides.
//
// Needs the program `perf` (Debian: linux-perf) and the right to sample whole CPUs (root, or
// kernel.perf_event_paranoid below 1); `nm` and `addr2line` tell apart the libraries that are linked
// in, and where they are missing, what has no telling name counts as "other".
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "io/error.h"
#include "perf/compare/layer.h"
#include "tools/common/child_process.h"

namespace quicore::perf {

// What one core did.
struct Profile {
  std::string figure;  // "download"
  std::string side;    // "server", "client"
  std::string unit;    // "datagram", "request"
  double ns = 0;       // of the core for each of these
  // The part of each layer, in nanoseconds; their sum is `ns`.
  std::map<std::string, double> layers{};
  // The same of what the machine's limit counts; empty: it counts nothing.
  std::map<std::string, double> limit{};
};

// The command that samples these CPUs from `delay` on, for `duration`, into `data`. Ends by itself.
[[nodiscard]] tools::Command sampling_command(const std::vector<int>& cpus, Duration delay,
                                              Duration duration, const std::filesystem::path& data);

// Runs a program to its end and returns what it wrote. Errors: system.
using RunProgram =
    std::function<Result<std::string>(const std::string& name, std::vector<std::string> arguments)>;

// The share of each layer on each CPU, from what sampling_command wrote. `programs` holds the
// programs that ran. Errors: system, when perf cannot read the file or it has no samples.
Result<std::map<int, std::map<std::string, double>>> read_shares(
    const RunProgram& run, const std::filesystem::path& data,
    const std::filesystem::path& programs);

}  // namespace quicore::perf
