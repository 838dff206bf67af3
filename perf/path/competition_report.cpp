// SPDX-License-Identifier: Apache-2.0
#include "perf/path/competition_report.h"

#include "perf/path/conditions_json.h"
#include "perf/path/report.h"
#include "perf/path/spread.h"
#include "perf/path/text.h"
#include "tools/common/format.h"
#include "tools/common/json_members.h"

namespace quicore::perf {

namespace {

double lost_share(const FlowResult& flow) {
  return flow.packets_sent > 0
             ? static_cast<double>(flow.packets_lost) / static_cast<double>(flow.packets_sent)
             : 0;
}

std::string table_of_flows(const CompetitionPlan& plan,
                           const std::vector<CompetitionResult>& runs) {
  std::string text =
      "| flow | control | begins at | steady | share | lost |\n"
      "| --- | --- | --- | --- | --- | --- |\n";
  for (std::size_t i = 0; i < plan.flows.size(); ++i) {
    const auto steady = spread(runs, [i](const auto& run) { return run.flows[i].steady_mbps; });
    const auto share = spread(runs, [i](const auto& run) { return run.flows[i].share; });
    const auto lost = spread(runs, [i](const auto& run) { return lost_share(run.flows[i]); });
    text += "| " + std::to_string(i + 1) + " | " + std::string(name_of(plan.flows[i])) + " | " +
            tools::format_duration(plan.begins(i)) + " | " + rate(steady.mean) + " | " +
            with_range("%.3f", share) + " | " + number("%.3f %%", lost.mean * 100) + " |\n";
  }
  return text;
}

std::string table_of_bottleneck(const CompetitionPlan& plan,
                                const std::vector<CompetitionResult>& runs) {
  const auto steady = spread(runs, [](const auto& run) { return run.steady_mbps; });
  const auto theory = spread(runs, [](const auto& run) { return run.theory_mbps; });
  const auto ratio = spread(runs, [](const auto& run) { return run.ratio(); });
  const auto jain = spread(runs, [](const auto& run) { return run.jain_index; });
  const auto dropped = spread(runs, [](const auto& run) { return run.dropped_by_queue; });
  const auto queueing = spread(runs, [](const auto& run) { return run.queueing_ms; });
  const auto longest = spread(runs, [&](const auto& run) {
    return static_cast<double>(run.longest_queue) /
           static_cast<double>(plan.path.bandwidth_delay_product());
  });
  return "| queue | theory | all flows | of theory | Jain's index | dropped by the queue | "
         "queueing delay | longest queue |\n"
         "| --- | --- | --- | --- | --- | --- | --- | --- |\n| " +
         number("%.2f BDP", plan.path.queue) + " | " + rate(theory.mean) + " | " +
         rate(steady.mean) + " | " + with_range("%.3f", ratio) + " | " + with_range("%.3f", jain) +
         " | " + number("%.3f %%", dropped.mean * 100) + " | " + number("%.1f ms", queueing.mean) +
         " | " + number("%.2f BDP", longest.most) + " |\n";
}

}  // namespace

template <class Flow, class Visit>
requires std::same_as<std::remove_const_t<Flow>, FlowResult>
static void for_each_key(Flow& flow, Visit&& visit) {
  visit("steady_mbps", flow.steady_mbps);
  visit("share", flow.share);
  visit("packets_sent", flow.packets_sent);
  visit("packets_lost", flow.packets_lost);
  visit("blocked", flow.blocked);
}

static void to_json(nlohmann::ordered_json& json, const FlowResult& flow) {
  tools::members_to_json(json, flow);
}

template <class Sample, class Visit>
requires std::same_as<std::remove_const_t<Sample>, CompetitionSample>
static void for_each_key(Sample& sample, Visit&& visit) {
  visit("at", sample.at);
  visit("goodput_mbps", sample.goodput_mbps);
}

static void to_json(nlohmann::ordered_json& json, const CompetitionSample& sample) {
  tools::members_to_json(json, sample);
}

template <class Run, class Visit>
requires std::same_as<std::remove_const_t<Run>, CompetitionResult>
static void for_each_key(Run& run, Visit&& visit) {
  visit("steady_mbps", run.steady_mbps);
  visit("jain_index", run.jain_index);
  visit("dropped_by_queue", run.dropped_by_queue);
  visit("queueing_ms", run.queueing_ms);
  visit("longest_queue", run.longest_queue);
  visit("flows", run.flows);
  visit("samples", run.samples);
}

static void to_json(nlohmann::ordered_json& json, const CompetitionResult& run) {
  tools::members_to_json(json, run);
}

std::string to_markdown(const CompetitionPlan& plan, const std::vector<CompetitionResult>& runs) {
  return table_of_flows(plan, runs) + "\n" + table_of_bottleneck(plan, runs);
}

std::string to_json_line(const CompetitionPlan& plan, const std::vector<CompetitionResult>& runs) {
  nlohmann::ordered_json json;
  for (const CongestionControl algorithm : plan.flows)
    json["controls"].push_back(name_of(algorithm));
  json["stagger_seconds"] = seconds(plan.stagger);
  json["rate_mbps"] = static_cast<double>(plan.path.bits_per_second) / 1e6;
  json["rate_then_mbps"] = static_cast<double>(plan.bits_per_second_then) / 1e6;
  conditions_to_json(json, plan);
  json["theory_mbps"] = runs.empty() ? 0 : runs.front().theory_mbps;
  json["steady_mbps"] = spread(runs, [](const auto& run) { return run.steady_mbps; }).mean;
  json["ratio"] = spread(runs, [](const auto& run) { return run.ratio(); }).mean;
  json["jain_index"] = spread(runs, [](const auto& run) { return run.jain_index; }).mean;
  json["runs"] = runs;
  return tools::json_line(json);
}

}  // namespace quicore::perf
