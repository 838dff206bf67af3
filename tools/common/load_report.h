// SPDX-License-Identifier: Apache-2.0
//
// LoadReport: what one run of the load generator measured, and its JSON form.
//
// quicore-load writes it, quicore-demo and the scripts under perf/ read it; both sides use this
// file, so the format exists once. Keys are the member names. Reading accepts unknown keys (a newer
// writer) and refuses missing ones, each by name.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tools/common/latency_histogram.h"

namespace quicore::tools {

// Latencies in microseconds. What is measured is the mode's unit: a request from the moment it was
// due to the end of its answer, a handshake from connect to completion, a datagram's round trip.
struct LatencySummary {
  std::uint64_t count = 0;
  double min = 0;
  double mean = 0;
  double p50 = 0;
  double p90 = 0;
  double p99 = 0;
  double p99_9 = 0;
  double max = 0;

  [[nodiscard]] static LatencySummary of(const LatencyHistogram& histogram);
};

struct LoadReport {
  using SeriesPoint = std::array<double, 2>;  // percentile, microseconds

  std::string mode;  // download, upload, request, handshake, resume, datagram
  std::string url;
  unsigned connections = 0;
  unsigned streams = 0;     // per connection
  double offered_rate = 0;  // per second; 0: closed loop
  double seconds = 0;       // measured, without the warm-up
  std::uint64_t requests = 0;
  std::uint64_t handshakes = 0;
  std::uint64_t bytes = 0;  // of application payload, in the mode's direction
  double throughput_gbps = 0;
  double requests_per_second = 0;
  double handshakes_per_second = 0;
  std::uint64_t errors = 0;
  std::map<std::string, std::uint64_t> error_counts;  // sentence -> times
  LatencySummary latency_us;
  std::vector<SeriesPoint> latency_series;
  std::uint64_t retransmitted_packets = 0;
  double cpu_seconds = 0;
  double cpu_seconds_per_gigabit = 0;

  // Fills latency_us and latency_series.
  void set_latency(const LatencyHistogram& histogram);

  // Fills the rates from seconds, requests, handshakes, bytes and cpu_seconds.
  void derive_rates();
};

void to_json(nlohmann::ordered_json& json, const LoadReport& report);

// The report as one line of JSON, no newline at its end.
[[nodiscard]] std::string to_json_line(const LoadReport& report);

// The report in `json`, or a sentence that names the key that is missing or of the wrong type.
[[nodiscard]] std::expected<LoadReport, std::string> parse_load_report(std::string_view json);

}  // namespace quicore::tools
