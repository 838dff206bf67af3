// SPDX-License-Identifier: Apache-2.0
//
// The figures that are measured and compared: what runs, where, and what is read from it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/common/load_report.h"
#include "tools/common/machine_limit.h"

namespace quicore::perf {

// Where server and client run.
enum class Place {
  two_cores,   // one each
  one_core,    // both on the same
  two_shards,  // server and client have a shard on each
  half_core,   // one each, and the server has a rival that takes half of its own
};

// What a run measured.
struct Measurement {
  tools::LoadReport load;
  // Of the server, in the time that counts: how much its memory grew by, and the share of a core.
  double server_growth_bytes = 0;
  double server_cpu_share = 0;
};

// What a run answers.
struct Quantity {
  std::string name;   // "download"; "latency-p50"
  std::string title;  // "download, two cores"
  std::string unit;   // "Gbit/s", "requests/s", "handshakes/s", "us", "KiB", "%"
  double (*value)(const Measurement&) = nullptr;
  double (*limit)(const tools::MachineLimit&) = nullptr;  // null: the machine sets none
  bool smaller_is_better = false;
};

// What a profile of a run is told by, and what the machine's limit counts for each.
struct UnitOfWork {
  std::string name;  // "datagram"
  double (*per_second)(const tools::LoadReport&) = nullptr;
  double (*kernel_ns)(const tools::MachineLimit&) = nullptr;
  double (*server_aead_ns)(const tools::MachineLimit&) = nullptr;
  double (*client_aead_ns)(const tools::MachineLimit&) = nullptr;
};

// One run of quicore-server and quicore-load.
struct Figure {
  std::string name;
  Place place = Place::two_cores;
  std::vector<std::string> server{};
  std::vector<std::string> load{};
  // Open loop, at this multiple of what another figure reached in the same round.
  std::string rate_of{};
  double rate_factor = 0.5;
  // More is offered than can be done, so that some of it fails.
  bool may_fail = false;
  // Instead of what was asked for, where the work needs it.
  std::chrono::seconds duration{};
  std::chrono::seconds warm_up{};
  std::optional<UnitOfWork> profiled{};
  // Only when it is asked for by name.
  bool takes_long = false;
  // For percentiles: the report has a chart of their distribution.
  bool has_distribution = false;
  std::vector<Quantity> quantities{};

  // Whether a quantity of that name is read from it.
  [[nodiscard]] bool answers(std::string_view quantity) const;
};

// In the order of the report.
const std::vector<Figure>& all_figures();

}  // namespace quicore::perf
