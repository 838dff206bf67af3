// SPDX-License-Identifier: Apache-2.0
#include "tools/demo/demo_result.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/common/format.h"
#include "tools/common/html_report.h"
#include "tools/common/svg_chart.h"

namespace quicore::tools {
namespace {

bool is_bulk(const LoadReport& report) {
  return report.mode == "download" || report.mode == "upload";
}

std::string in_gbps(double gbps) { return format_bit_rate(gbps * 1e9); }

std::string in_time(double microseconds) {
  return format_duration(
      std::chrono::nanoseconds(static_cast<std::int64_t>(microseconds * 1e3 + 0.5)));
}

bool is_handshakes(const LoadReport& report) {
  return report.mode == "handshake" || report.mode == "resume";
}

// "12.3 Gbit/s", "53,600 requests/s": a figure in the unit of the report's mode.
std::string in_unit(const LoadReport& report, double figure) {
  if (is_bulk(report)) return in_gbps(figure);
  return format_rate(figure, is_handshakes(report) ? "handshakes" : "requests");
}

using Row = std::vector<std::string>;

const Row kHeader = {"", "measured", "limit", "ratio", "p50", "p99", "p99.9", "max"};

Row row_of(const DemoResult& result, const Measurement& measurement) {
  const LoadReport& report = measurement.report;
  const LatencySummary& latency = report.latency_us;
  const double limit = limit_of(result, report);
  Row row = {measurement.title, headline(report)};
  row.push_back(limit > 0 ? in_unit(report, limit) : "-");
  row.push_back(limit > 0 ? format_share(figure_of(report) / limit) : "-");
  // The latency of a bulk transfer is its length: it says nothing new.
  const bool shown = latency.count > 0 && !is_bulk(report);
  for (const double value : {latency.p50, latency.p99, latency.p99_9, latency.max}) {
    row.push_back(shown ? in_time(value) : "-");
  }
  return row;
}

std::vector<Row> rows_of(const DemoResult& result) {
  std::vector<Row> rows;
  rows.reserve(result.measurements.size());
  for (const Measurement& measurement : result.measurements) {
    rows.push_back(row_of(result, measurement));
  }
  return rows;
}

std::string verification_sentence(const Verification& verification) {
  if (verification.files == 0 && verification.differences.empty()) return "Nothing was fetched.";
  std::string text = format_count(verification.files) + " files (" +
                     format_size(verification.bytes) + ") fetched over HTTP/3 in " +
                     format_duration(std::chrono::nanoseconds(
                         static_cast<std::int64_t>(verification.seconds * 1e9)));
  if (verification.differences.empty()) return text + "; every SHA-256 equals the disk's.";
  return text + "; " + format_count(verification.differences.size()) + " differ from the disk.";
}

std::string limit_sentence(const DemoResult& result) {
  const MachineLimit& limit = result.limit;
  if (limit.payload == 0) return "The machine's limit was not measured.";
  const bool two = result.two_cores;
  const double kernel = two ? limit.kernel_two_cores_gbps : limit.kernel_one_core_gbps;
  char text[320];
  std::snprintf(text, sizeof text,
                "The limit of this machine in this run, %s: UDP through the kernel %.1f Gbit/s, "
                "%s %.0f ns to seal and %.0f ns to open %u bytes, both together %.1f Gbit/s.",
                two ? "on two cores" : "on one core", kernel, limit.aead.c_str(), limit.seal_ns,
                limit.open_ns, limit.payload, two ? limit.two_cores_gbps : limit.one_core_gbps);
  return text;
}

// Columns as wide as their longest cell; the first aligned left.
std::string align(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(kHeader.size(), 0);
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - row[i].size(), ' ');
      text += i == 0 ? "  " + row[i] + padding : "   " + padding + row[i];
    }
    text += '\n';
  }
  return text;
}

std::string throughput_chart(const DemoResult& result) {
  const MachineLimit& limit = result.limit;
  const bool two = result.two_cores;
  const double kernel = two ? limit.kernel_two_cores_gbps : limit.kernel_one_core_gbps;
  const double both = two ? limit.two_cores_gbps : limit.one_core_gbps;
  std::vector<Bar> bars;
  if (limit.payload > 0) {
    bars.push_back({"UDP through the kernel", kernel, in_gbps(kernel), true});
    bars.push_back({"AES-128-GCM, one core", limit.aead_gbps, in_gbps(limit.aead_gbps), true});
  }
  for (const Measurement& measurement : result.measurements) {
    if (!is_bulk(measurement.report)) continue;
    const double gbps = measurement.report.throughput_gbps;
    std::string text = in_gbps(gbps);
    if (both > 0) text += ", " + format_share(gbps / both) + " of the limit";
    bars.push_back({measurement.title, gbps, text, false});
  }
  if (both <= 0) return bar_chart(bars);
  return bar_chart(bars, ReferenceLine{"limit " + in_gbps(both), both});
}

std::string latency_chart(const DemoResult& result) {
  std::vector<LatencyCurve> curves;
  for (const Measurement& measurement : result.measurements) {
    if (is_bulk(measurement.report)) continue;
    curves.push_back({measurement.title, measurement.report.latency_series});
  }
  return percentile_chart(curves);
}

std::string commands_of(const DemoResult& result) {
  std::string text;
  for (const Measurement& measurement : result.measurements) text += measurement.command + "\n";
  return text;
}

}  // namespace

double figure_of(const LoadReport& report) {
  if (is_bulk(report)) return report.throughput_gbps;
  return is_handshakes(report) ? report.handshakes_per_second : report.requests_per_second;
}

std::string headline(const LoadReport& report) { return in_unit(report, figure_of(report)); }

double limit_of(const DemoResult& result, const LoadReport& report) {
  const MachineLimit& limit = result.limit;
  const bool two = result.two_cores;
  if (is_bulk(report)) return two ? limit.two_cores_gbps : limit.one_core_gbps;
  if (report.mode == "handshake") {
    return two ? limit.handshakes_two_cores : limit.handshakes_one_core;
  }
  const bool one_at_a_time = report.connections * report.streams <= 1;
  if (report.mode != "request" || one_at_a_time) return 0;
  return two ? limit.requests_two_cores : limit.requests_one_core;
}

std::string to_table(const DemoResult& result) {
  std::vector<Row> rows = {kHeader};
  for (Row& row : rows_of(result)) rows.push_back(std::move(row));
  std::string text = verification_sentence(result.verification) + "\n";
  text += limit_sentence(result) + "\n\n" + align(rows);
  return text;
}

std::string to_json_text(const DemoResult& result) {
  using Json = nlohmann::ordered_json;
  Json json;
  json["machine"] = result.machine;
  json["two_cores"] = result.two_cores;
  json["seconds"] = result.seconds;
  json["verification"] = {{"files", result.verification.files},
                          {"bytes", result.verification.bytes},
                          {"seconds", result.verification.seconds},
                          {"differences", result.verification.differences}};
  json["limit"] = result.limit;
  json["measurements"] = Json::array();
  for (const Measurement& measurement : result.measurements) {
    const double limit = limit_of(result, measurement.report);
    Json entry = {{"title", measurement.title}, {"command", measurement.command}};
    if (limit > 0) {
      entry["limit"] = limit;
      entry["ratio"] = figure_of(measurement.report) / limit;
    }
    entry["report"] = measurement.report;
    json["measurements"].push_back(std::move(entry));
  }
  json["problems"] = result.problems;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_html(const DemoResult& result) {
  HtmlReport page("quicore demo");
  page.paragraph(result.machine + ". " +
                 (result.two_cores ? "Server and client each on a core of its own."
                                   : "Server and client on the same core."));
  if (!result.problems.empty()) {
    page.heading("This run failed");
    for (const std::string& problem : result.problems) page.paragraph(problem);
  }
  page.paragraph(verification_sentence(result.verification));
  page.heading("Figures");
  page.table(kHeader, rows_of(result));
  page.paragraph(limit_sentence(result) +
                 " The limit counts the kernel's work and one AEAD operation for each packet on "
                 "the busier core, and nothing for QUIC. That of requests counts a datagram each "
                 "way, that of handshakes the public-key operations.");
  page.heading("Throughput and what the machine allows");
  page.figure(
      "Application payload, one connection, one stream. The dashed line is what kernel "
      "and AEAD together allow.",
      throughput_chart(result));
  if (const std::string chart = latency_chart(result); !chart.empty()) {
    page.heading("Latency");
    page.figure("Each nine of the percentile is as wide as the others. Dots: 50, 90 and 99 %.",
                chart);
  }
  page.details("Commands that repeat the measurements", commands_of(result));
  return page.str();
}

}  // namespace quicore::tools
