// SPDX-License-Identifier: Apache-2.0
#include "perf/compare/comparison.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/common/format.h"
#include "tools/common/html_report.h"
#include "tools/common/svg_chart.h"

namespace quicore::perf {
namespace {

using tools::median;

std::string number(double value, const std::string& unit) {
  char text[64];
  if (unit.ends_with("/s") && unit != "Gbit/s") {
    return tools::format_count(static_cast<std::uint64_t>(value + 0.5));
  }
  std::snprintf(text, sizeof text, value < 100 ? "%.1f" : "%.0f", value);
  return text;
}

std::string times(double ratio) {
  if (ratio == 0) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f x", ratio);
  return text;
}

std::string limit_text(const Row& row, const tools::MachineLimit& limit) {
  if (row.quantity.limit == nullptr) return "-";
  const double bound = row.quantity.limit(limit);
  if (bound == 0 || row.ours.empty()) return "-";
  char share[32];
  std::snprintf(share, sizeof share, "%.2f", median(row.ours) / bound);
  return std::string(share) + " of " + number(bound, row.quantity.unit);
}

const std::vector<std::string> kHeader = {"figure", "ours", "best other", "ours : other",
                                          "of the limit"};

std::vector<std::vector<std::string>> cells(const Comparison& comparison) {
  std::vector<std::vector<std::string>> all;
  for (const Row& row : comparison.rows) {
    const std::string other = row.best_other();
    std::string best = "-";
    if (!other.empty()) best = other + ": " + describe(row.others.at(other), row.quantity.unit);
    all.push_back({row.quantity.title, describe(row.ours, row.quantity.unit), best,
                   times(row.ratio()), limit_text(row, comparison.limit)});
  }
  return all;
}

std::string about(const Comparison& comparison) {
  return comparison.machine + "; medians of " + std::to_string(comparison.rounds) +
         " interleaved rounds, the range in brackets.";
}

}  // namespace

std::string Row::best_other() const {
  std::string best;
  for (const auto& [name, values] : others) {
    if (values.empty()) continue;
    const bool better =
        best.empty() || (quantity.smaller_is_better ? median(values) < median(others.at(best))
                                                    : median(values) > median(others.at(best)));
    if (better) best = name;
  }
  return best;
}

double Row::ratio() const {
  const std::string best = best_other();
  if (best.empty() || ours.empty()) return 0;
  const double mine = median(ours);
  const double theirs = median(others.at(best));
  if (mine == 0 || theirs == 0) return 0;
  return quantity.smaller_is_better ? theirs / mine : mine / theirs;
}

std::string describe(const std::vector<double>& values, const std::string& unit) {
  if (values.empty()) return "-";
  const auto [low, high] = std::ranges::minmax(values);
  std::string text = number(median(values), unit) + " " + unit;
  if (values.size() > 1) text += " (" + number(low, unit) + " to " + number(high, unit) + ")";
  return text;
}

std::string to_table(const Comparison& comparison) {
  auto all = cells(comparison);
  all.insert(all.begin(), kHeader);
  std::vector<std::size_t> widths(kHeader.size());
  for (const auto& row : all) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text = about(comparison) + "\n\n";
  for (const auto& row : all) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string to_markdown(const Comparison& comparison) {
  std::string text = about(comparison) + "\n\n";
  const auto line = [&text](const std::vector<std::string>& row) {
    for (const std::string& cell : row) text += "| " + cell + " ";
    text += "|\n";
  };
  line(kHeader);
  line(std::vector<std::string>(kHeader.size(), "---"));
  for (const auto& row : cells(comparison)) line(row);
  return text;
}

std::string to_json_text(const Comparison& comparison) {
  nlohmann::ordered_json json;
  json["machine"] = comparison.machine;
  json["rounds"] = comparison.rounds;
  json["limit"] = comparison.limit;
  for (const Row& row : comparison.rows) {
    nlohmann::ordered_json entry = {{"name", row.quantity.name},
                                    {"title", row.quantity.title},
                                    {"unit", row.quantity.unit},
                                    {"ours", row.ours}};
    for (const auto& [name, values] : row.others) entry["others"][name] = values;
    json["figures"].push_back(std::move(entry));
  }
  json["problems"] = comparison.problems;
  return json.dump(2) + "\n";
}

std::string to_html(const Comparison& comparison) {
  tools::HtmlReport page("quicore, compared");
  page.paragraph(about(comparison));
  page.table(kHeader, cells(comparison));
  for (const std::string unit : {"Gbit/s", "requests/s", "handshakes/s", "us"}) {
    std::vector<tools::Bar> bars;
    for (const Row& row : comparison.rows) {
      if (row.quantity.unit != unit || row.ours.empty()) continue;
      const auto bar = [&](const std::string& label, double value, bool muted) {
        bars.push_back({label, value, number(value, unit) + " " + unit, muted});
      };
      bar(row.quantity.title, median(row.ours), false);
      for (const auto& [name, values] : row.others) {
        if (!values.empty()) bar("  " + name, median(values), true);
      }
      if (row.quantity.limit != nullptr && row.quantity.limit(comparison.limit) > 0) {
        bar("  limit of the machine", row.quantity.limit(comparison.limit), true);
      }
    }
    if (!bars.empty()) page.figure(unit, tools::bar_chart(bars));
  }
  std::vector<tools::LatencyCurve> curves;
  for (const tools::LoadReport& report : comparison.latencies) {
    const std::string rate =
        report.offered_rate > 0
            ? ", " + tools::format_count(static_cast<std::uint64_t>(report.offered_rate)) + "/s"
            : "";
    curves.push_back(
        {std::to_string(report.connections) + " connections" + rate, report.latency_series});
  }
  if (const std::string chart = tools::percentile_chart(curves); !chart.empty()) {
    page.figure("latency by percentile", chart);
  }
  for (const std::string& problem : comparison.problems) page.details("problem", problem);
  return page.str();
}

}  // namespace quicore::perf
