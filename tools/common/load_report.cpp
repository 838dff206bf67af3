// SPDX-License-Identifier: Apache-2.0
#include "tools/common/load_report.h"

#include <concepts>
#include <type_traits>

#include "tools/common/json_members.h"

namespace quicore::tools {
namespace {

double microseconds(LatencyHistogram::Nanoseconds value) {
  return static_cast<double>(value.count()) / 1e3;
}

constexpr double kGiga = 1e9;

}  // namespace

// Found by json_members.h and the JSON library through the namespace of their arguments.
template <class Latency, class Visit>
requires std::same_as<std::remove_const_t<Latency>, LatencySummary>
static void for_each_key(Latency& latency, Visit&& visit) {
  visit("count", latency.count);
  visit("min", latency.min);
  visit("mean", latency.mean);
  visit("p50", latency.p50);
  visit("p90", latency.p90);
  visit("p99", latency.p99);
  visit("p99_9", latency.p99_9);
  visit("max", latency.max);
}

template <class Report, class Visit>
requires std::same_as<std::remove_const_t<Report>, LoadReport>
static void for_each_key(Report& report, Visit&& visit) {
  visit("mode", report.mode);
  visit("url", report.url);
  visit("connections", report.connections);
  visit("streams", report.streams);
  visit("offered_rate", report.offered_rate);
  visit("seconds", report.seconds);
  visit("requests", report.requests);
  visit("handshakes", report.handshakes);
  visit("bytes", report.bytes);
  visit("throughput_gbps", report.throughput_gbps);
  visit("requests_per_second", report.requests_per_second);
  visit("handshakes_per_second", report.handshakes_per_second);
  visit("errors", report.errors);
  visit("error_counts", report.error_counts);
  visit("latency_us", report.latency_us);
  visit("latency_series", report.latency_series);
  visit("retransmitted_packets", report.retransmitted_packets);
  visit("cpu_seconds", report.cpu_seconds);
  visit("cpu_seconds_per_gigabit", report.cpu_seconds_per_gigabit);
}

static void to_json(nlohmann::ordered_json& json, const LatencySummary& latency) {
  members_to_json(json, latency);
}

static void from_json(const nlohmann::ordered_json& json, LatencySummary& latency) {
  for_each_key(latency, [&](const char* key, auto& member) { json.at(key).get_to(member); });
}

void to_json(nlohmann::ordered_json& json, const LoadReport& report) {
  members_to_json(json, report);
}

LatencySummary LatencySummary::of(const LatencyHistogram& histogram) {
  LatencySummary summary;
  summary.count = histogram.count();
  summary.min = microseconds(histogram.min());
  summary.mean = histogram.mean_ns() / 1e3;
  summary.p50 = microseconds(histogram.value_at(0.5));
  summary.p90 = microseconds(histogram.value_at(0.9));
  summary.p99 = microseconds(histogram.value_at(0.99));
  summary.p99_9 = microseconds(histogram.value_at(0.999));
  summary.max = microseconds(histogram.max());
  return summary;
}

void LoadReport::set_latency(const LatencyHistogram& histogram) {
  latency_us = LatencySummary::of(histogram);
  latency_series.clear();
  for (const LatencyHistogram::Point& point : histogram.series()) {
    latency_series.push_back({point.percentile, microseconds(point.value)});
  }
}

void LoadReport::derive_rates() {
  const double gigabits = static_cast<double>(bytes) * 8.0 / kGiga;
  throughput_gbps = seconds > 0 ? gigabits / seconds : 0;
  requests_per_second = seconds > 0 ? static_cast<double>(requests) / seconds : 0;
  handshakes_per_second = seconds > 0 ? static_cast<double>(handshakes) / seconds : 0;
  cpu_seconds_per_gigabit = gigabits > 0 ? cpu_seconds / gigabits : 0;
}

std::string to_json_line(const LoadReport& report) { return json_line(report); }

std::expected<LoadReport, std::string> parse_load_report(std::string_view json) {
  return members_from_json<LoadReport>(json, "load report");
}

}  // namespace quicore::tools
