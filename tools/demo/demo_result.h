// SPDX-License-Identifier: Apache-2.0
//
// What the demo found, and its three forms: a table for the terminal, JSON, and an HTML page.
#pragma once

#include <string>
#include <vector>

#include "tools/common/load_report.h"
#include "tools/common/machine_limit.h"
#include "tools/demo/verification.h"

namespace quicore::tools {

struct Measurement {
  std::string title;    // "one connection, download"
  std::string command;  // that repeats it
  LoadReport report;
};

struct DemoResult {
  std::string machine;     // "AMD EPYC, 2 CPUs, Linux 6.18"
  bool two_cores = false;  // server and client each on its own
  Verification verification;
  MachineLimit limit;
  std::vector<Measurement> measurements;
  std::vector<std::string> problems;  // anything in it: the demo failed
  double seconds = 0;                 // that all of it took
};

// What a measurement amounts to in its own unit: "12.3 Gbit/s", "53,600 requests/s".
[[nodiscard]] std::string headline(const LoadReport& report);

// What a measurement counts: Gbit/s, requests or handshakes per second, by its mode.
[[nodiscard]] double figure_of(const LoadReport& report);

// The machine's limit in the same unit; 0 where it says nothing: one request at a time is bound by
// waiting, resumption by which shortcut was taken.
[[nodiscard]] double limit_of(const DemoResult& result, const LoadReport& report);

[[nodiscard]] std::string to_table(const DemoResult& result);
[[nodiscard]] std::string to_json_text(const DemoResult& result);
[[nodiscard]] std::string to_html(const DemoResult& result);

}  // namespace quicore::tools
