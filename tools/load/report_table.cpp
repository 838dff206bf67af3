// SPDX-License-Identifier: Apache-2.0
#include "tools/load/report_table.h"

#include <array>
#include <cstdio>

#include "tools/common/format.h"

namespace quicore::tools {

namespace {

void add_row(std::string& table, const char* name, const std::string& value) {
  std::array<char, 160> line{};
  std::snprintf(line.data(), line.size(), "%-24s %s\n", name, value.c_str());
  table += line.data();
}

std::string microseconds(double value) {
  return format_duration(std::chrono::nanoseconds(static_cast<std::int64_t>(value * 1000)));
}

std::string two_decimals(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f", value);
  return text.data();
}

}  // namespace

std::string report_table(const LoadReport& report) {
  std::string table;
  add_row(table, "mode", report.mode + " " + report.url);
  add_row(table, "connections x streams",
          format_count(report.connections) + " x " + format_count(report.streams));
  add_row(table, "measured", two_decimals(report.seconds) + " s");
  if (report.bytes > 0) add_row(table, "throughput", format_bit_rate(report.throughput_gbps * 1e9));
  if (report.requests > 0) {
    add_row(
        table, "requests",
        format_count(report.requests) + ", " + format_rate(report.requests_per_second, "requests"));
  }
  if (report.handshakes > 0) {
    add_row(table, "handshakes",
            format_count(report.handshakes) + ", " +
                format_rate(report.handshakes_per_second, "handshakes"));
  }
  const LatencySummary& latency = report.latency_us;
  if (latency.count > 0) {
    add_row(table, "latency p50 / p90",
            microseconds(latency.p50) + " / " + microseconds(latency.p90));
    add_row(table, "latency p99 / p99.9",
            microseconds(latency.p99) + " / " + microseconds(latency.p99_9));
    add_row(table, "latency max", microseconds(latency.max));
  }
  if (report.bytes > 0) {
    add_row(table, "CPU per gigabit", two_decimals(report.cpu_seconds_per_gigabit) + " s");
  }
  if (report.retransmitted_packets > 0) {
    add_row(table, "packets lost", format_count(report.retransmitted_packets));
  }
  add_row(table, "errors", format_count(report.errors));
  for (const auto& [sentence, times] : report.error_counts) {
    add_row(table, ("  " + format_count(times) + " x").c_str(), sentence);
  }
  return table;
}

}  // namespace quicore::tools
