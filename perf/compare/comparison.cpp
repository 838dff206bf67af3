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

// A column per core, a row per layer: nanoseconds and, behind them, the machine's limit.
std::vector<std::string> profile_header(const Comparison& comparison) {
  std::vector<std::string> header = {"layer"};
  for (const Profile& one : comparison.profiles) {
    header.push_back(one.figure + ", " + one.side + ", ns per " + one.unit);
  }
  return header;
}

std::vector<std::vector<std::string>> profile_cells(const Comparison& comparison) {
  const auto text = [](double ns) {
    return ns == 0 ? std::string("-") : std::to_string(static_cast<long>(ns + 0.5));
  };
  std::vector<std::vector<std::string>> rows;
  for (const std::string& layer : all_layers()) {
    std::vector<std::string> row = {layer};
    bool any = false;
    for (const Profile& one : comparison.profiles) {
      const auto part = one.layers.find(layer);
      const auto least = one.limit.find(layer);
      any = any || part != one.layers.end();
      std::string cell = text(part == one.layers.end() ? 0 : part->second);
      if (least != one.limit.end()) cell += " (limit " + text(least->second) + ")";
      row.push_back(std::move(cell));
    }
    if (any) rows.push_back(std::move(row));
  }
  std::vector<std::string> sum = {"sum"};
  for (const Profile& one : comparison.profiles) sum.push_back(text(one.ns));
  rows.push_back(std::move(sum));
  return rows;
}

tools::StackedBar stacked(const std::string& label, const std::map<std::string, double>& layers,
                          bool is_limit) {
  tools::StackedBar bar{.label = label, .is_limit = is_limit};
  double sum = 0;
  for (const std::string& layer : all_layers()) {
    if (const auto part = layers.find(layer); part != layers.end()) {
      bar.parts.emplace_back(layer, part->second);
      sum += part->second;
    }
  }
  bar.text = std::to_string(static_cast<long>(sum + 0.5)) + " ns";
  return bar;
}

// A chart per unit of work, each core's bar beside what the machine's limit counts.
void add_profiles(tools::HtmlReport& page, const Comparison& comparison) {
  for (const std::string unit : {"datagram", "request"}) {
    std::vector<tools::StackedBar> bars;
    for (const Profile& one : comparison.profiles) {
      if (one.unit != unit) continue;
      bars.push_back(stacked(one.figure + ", " + one.side, one.layers, false));
      bars.push_back(stacked("limit of the machine", one.limit, true));
    }
    if (!bars.empty()) {
      page.figure("CPU time of a core by layer, per " + unit, tools::stacked_bar_chart(bars));
    }
  }
  if (!comparison.profiles.empty()) {
    page.table(profile_header(comparison), profile_cells(comparison));
  }
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
  if (comparison.profiles.empty()) return text;
  text += "\nWhere the time of each core goes:\n\n";
  line(profile_header(comparison));
  line(std::vector<std::string>(comparison.profiles.size() + 1, "---"));
  for (const auto& row : profile_cells(comparison)) line(row);
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
  for (const Profile& one : comparison.profiles) {
    json["profiles"].push_back({{"figure", one.figure},
                                {"side", one.side},
                                {"unit", one.unit},
                                {"ns", one.ns},
                                {"layers", one.layers},
                                {"limit", one.limit}});
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
  add_profiles(page, comparison);
  for (const std::string& problem : comparison.problems) page.details("problem", problem);
  return page.str();
}

}  // namespace quicore::perf
