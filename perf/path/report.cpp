// SPDX-License-Identifier: Apache-2.0
#include "perf/path/report.h"

#include <array>

#include "perf/path/conditions_json.h"
#include "perf/path/text.h"
#include "tools/common/json_members.h"

namespace quicore::perf {

template <class Sample, class Visit>
requires std::same_as<std::remove_const_t<Sample>, TransferSample>
static void for_each_key(Sample& sample, Visit&& visit) {
  visit("at", sample.at);
  visit("goodput_mbps", sample.goodput_mbps);
  visit("cwnd", sample.cwnd);
  visit("in_flight", sample.in_flight);
  visit("queued", sample.queued);
  visit("rtt_ms", sample.rtt_ms);
  visit("lost", sample.lost);
}

static void to_json(nlohmann::ordered_json& json, const TransferSample& sample) {
  tools::members_to_json(json, sample);
}

template <class Run, class Visit>
requires std::same_as<std::remove_const_t<Run>, TransferResult>
static void for_each_key(Run& run, Visit&& visit) {
  visit("steady_mbps", run.steady_mbps);
  visit("whole_mbps", run.whole_mbps);
  visit("packets_sent", run.packets_sent);
  visit("packets_lost", run.packets_lost);
  visit("dropped_by_loss", run.dropped_by_loss);
  visit("dropped_by_queue", run.dropped_by_queue);
  visit("longest_queue", run.longest_queue);
  visit("blocked", run.blocked);
  visit("samples", run.samples);
}

static void to_json(nlohmann::ordered_json& json, const TransferResult& run) {
  tools::members_to_json(json, run);
}

std::string_view name_of(CongestionControl algorithm) noexcept {
  constexpr std::array<std::string_view, 3> kNames = {"cubic", "reno", "bbr"};
  return kNames[static_cast<std::size_t>(algorithm)];
}

double PathRow::theory_mbps() const noexcept { return runs.empty() ? 0 : runs.front().theory_mbps; }

Spread PathRow::ratio() const noexcept {
  return spread(runs, [](const TransferResult& run) { return run.ratio(); });
}

double PathRow::mean_steady() const noexcept {
  return spread(runs, [](const TransferResult& run) { return run.steady_mbps; }).mean;
}

double PathRow::mean_whole() const noexcept {
  return spread(runs, [](const TransferResult& run) { return run.whole_mbps; }).mean;
}

std::string to_markdown(const std::vector<PathRow>& rows) {
  std::string text =
      "| control | queue | theory | steady | of theory | start and all | of theory |\n"
      "| --- | --- | --- | --- | --- | --- | --- |\n";
  for (const PathRow& row : rows) {
    const double theory = row.theory_mbps();
    text += "| " + std::string(name_of(row.plan.algorithm)) + " | " +
            number("%.2f BDP", row.plan.path.queue) + " | " + rate(theory) + " | " +
            rate(row.mean_steady()) + " | " + with_range("%.3f", row.ratio()) + " | " +
            rate(row.mean_whole()) + " | " +
            number("%.3f", theory > 0 ? row.mean_whole() / theory : 0) + " |\n";
  }
  return text;
}

std::string to_json_line(const std::vector<PathRow>& rows) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const PathRow& row : rows) {
    nlohmann::ordered_json json;
    json["control"] = name_of(row.plan.algorithm);
    json["rate_mbps"] = static_cast<double>(row.plan.path.bits_per_second) / 1e6;
    conditions_to_json(json, row.plan);
    json["theory_mbps"] = row.theory_mbps();
    json["steady_mbps"] = row.mean_steady();
    json["whole_mbps"] = row.mean_whole();
    json["ratio"] = row.ratio().mean;
    json["runs"] = row.runs;
    all.push_back(std::move(json));
  }
  return tools::json_line(all);
}

}  // namespace quicore::perf
