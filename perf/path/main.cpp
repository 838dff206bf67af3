// SPDX-License-Identifier: Apache-2.0
//
// quicore-path: bulk over a long path with loss, simulated, beside what theory allows.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "perf/path/competition_report.h"
#include "perf/path/report.h"
#include "tools/common/options.h"
#include "tools/common/progress_line.h"

namespace {

using namespace quicore;

constexpr const char* kDescription =
    "Downloads over a simulated path and compares with what the congestion control can reach "
    "there\n"
    "in theory (perf/path/theory.h). Virtual time and a seed: the same figures on every machine, "
    "and\n"
    "no network. The bottleneck is the server's side of the path; behind it packets are lost. With "
    "\n"
    "--flows, several downloads at once, and how they share it.";

// 12.5 MB in flight at once, in the defaults; a second of it takes about a second of one core.
struct Options {
  perf::TransferPlan plan;
  std::vector<CongestionControl> algorithms;
  std::vector<CongestionControl> flows;  // none: one transfer at a time
  Duration stagger{};
  double rate_mbps = 1000;
  double then_rate_mbps = 0;
  double loss_percent = 0.1;
  double back_loss_percent = 0;
  unsigned seeds = 3;
  bool json = false;
  bool quiet = false;
};

constexpr double kMostMbps = 100'000;
constexpr double kMostQueue = 100;
constexpr double kMostLossPercent = 50;
constexpr unsigned kMostSeeds = 1000;
constexpr std::size_t kMostFlows = 64;
constexpr std::chrono::milliseconds kShortest{1};

// In the order of the enumeration.
std::vector<std::string_view> names_of_algorithms() {
  return {perf::name_of(CongestionControl::cubic), perf::name_of(CongestionControl::reno),
          perf::name_of(CongestionControl::bbr)};
}

// "all", or one.
void add_algorithms(CLI::App& app, std::vector<CongestionControl>& target) {
  std::vector<std::string_view> names = names_of_algorithms();
  names.emplace_back("all");
  const auto read = [&target, names](const std::string& text) {
    const auto place = tools::parse_choice(text, names);
    if (!place) throw CLI::ValidationError("--cc", place.error());
    if (*place < 3) target = {static_cast<CongestionControl>(*place)};
  };
  target = {CongestionControl::reno, CongestionControl::cubic, CongestionControl::bbr};
  app.add_option_function<std::string>("--cc", read, "congestion control: cubic, reno, bbr or all")
      ->type_name("NAME")
      ->default_str("all");
}

tools::Parsed<std::vector<CongestionControl>> parse_flows(std::string_view text) {
  const std::vector<std::string_view> names = names_of_algorithms();
  std::vector<CongestionControl> flows;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const auto place = tools::parse_choice(text.substr(at, comma - at), names);
    if (!place) return std::unexpected(place.error());
    flows.push_back(static_cast<CongestionControl>(*place));
    at = comma + 1;
  }
  if (flows.size() > kMostFlows) {
    return std::unexpected("these are " + std::to_string(flows.size()) + " flows: write at most " +
                           std::to_string(kMostFlows));
  }
  return flows;
}

void add_flows(CLI::App& app, Options& options) {
  tools::add_parsed(app, "--flows", options.flows,
                    "downloads that share the path, by their congestion controls, as in "
                    "bbr,bbr,cubic",
                    parse_flows)
      ->type_name("NAMES");
  tools::add_duration(app, "--stagger", options.stagger,
                      "with --flows: from one's beginning to the next one's");
  tools::add_decimal(app, "--then-rate", options.then_rate_mbps, 0.1, kMostMbps,
                     "with --flows: Mbit/s of the bottleneck when the start is over")
      ->default_str("--rate");
}

// What makes no sense together.
void check(const CLI::App& app, const Options& options) {
  const auto given = [&](const char* name) { return app.get_option(name)->count() > 0; };
  if (!options.flows.empty() && given("--cc")) {
    tools::refuse_option("--cc",
                         "--flows names the congestion control of each flow: give one of them");
  }
  for (const char* name : {"--stagger", "--then-rate"}) {
    if (options.flows.empty() && given(name)) {
      tools::refuse_option(name, "is about several flows: name them by --flows");
    }
  }
}

Options parse(int argc, char** argv) {
  Options options;
  perf::PathShape& path = options.plan.path;
  CLI::App app(kDescription, "quicore-path");
  add_algorithms(app, options.algorithms);
  add_flows(app, options);
  tools::add_decimal(app, "--rate", options.rate_mbps, 0.1, kMostMbps, "Mbit/s of the bottleneck")
      ->default_str("1000");
  tools::add_duration(app, "--rtt", path.round_trip, "round trip of an empty path", kShortest);
  tools::add_decimal(app, "--queue", path.queue, 0.01, kMostQueue,
                     "of the bottleneck, in bandwidth-delay products")
      ->default_str("1");
  tools::add_decimal(app, "--loss", options.loss_percent, 0, kMostLossPercent,
                     "percent of the server's packets that are lost at random")
      ->default_str("0.1");
  tools::add_decimal(app, "--back-loss", options.back_loss_percent, 0, kMostLossPercent,
                     "the same of the client's, which are acknowledgements")
      ->default_str("0");
  tools::add_number(app, "--payload", path.payload, 1200, 65507, "bytes of UDP payload");
  tools::add_duration(app, "--start", options.plan.start,
                      "of each run, not counted in its steady state", kShortest);
  tools::add_duration(app, "--duration", options.plan.duration, "of each run after that",
                      kShortest);
  tools::add_number(app, "--seed", options.plan.seed, 0, UINT64_MAX, "of the first run");
  tools::add_number(app, "--seeds", options.seeds, 1, kMostSeeds,
                    "runs of each congestion control, with one seed after the other");
  tools::add_duration(app, "--sample", options.plan.sample,
                      "with --json: how the transfer stood each time this passed; 0: left out");
  app.add_flag("--json", options.json, "print one line of JSON instead of the table");
  app.add_flag("--quiet", options.quiet, "no progress line");
  tools::parse_or_exit(app, argc, argv, [&] { check(app, options); });
  path.bits_per_second = static_cast<std::uint64_t>(options.rate_mbps * 1e6);
  path.loss = options.loss_percent / 100;
  path.back_loss = options.back_loss_percent / 100;
  return options;
}

// One run after the other, with a line of progress. False, after a sentence, when one ended early.
class Runs {
 public:
  explicit Runs(const Options& options)
      : seeds_(options.seeds), progress_(std::cerr, style(options)) {}

  template <class Plan, class Outcome>
  bool of_each_seed(Plan plan, const std::string& name, Result<Outcome> (*run)(const Plan&),
                    std::vector<Outcome>& outcomes) {
    for (unsigned i = 0; i < seeds_; ++i, ++plan.seed) {
      progress_.update(std::chrono::steady_clock::now(), "quicore-path: " + name + ", run " +
                                                             std::to_string(i + 1) + " of " +
                                                             std::to_string(seeds_));
      auto outcome = run(plan);
      if (!outcome) {
        progress_.clear();
        std::fprintf(stderr, "quicore-path: the transfer ended early, with seed %llu: %s\n",
                     static_cast<unsigned long long>(plan.seed), outcome.error().reason.c_str());
        return false;
      }
      outcomes.push_back(std::move(*outcome));
    }
    return true;
  }

 private:
  static tools::ProgressLine::Style style(const Options& options) {
    auto style = tools::ProgressLine::style_of(2);
    style.quiet = options.quiet;
    return style;
  }

  const unsigned seeds_;
  tools::ProgressLine progress_;
};

// What is printed; nothing when a run ended early.
std::optional<std::string> run_alone(const Options& options) {
  Runs runs(options);
  std::vector<perf::PathRow> rows;
  for (const CongestionControl algorithm : options.algorithms) {
    perf::PathRow& row = rows.emplace_back();
    row.plan = options.plan;
    row.plan.algorithm = algorithm;
    const std::string name(perf::name_of(algorithm));
    if (!runs.of_each_seed(row.plan, name, perf::run_transfer, row.runs)) return std::nullopt;
  }
  return options.json ? perf::to_json_line(rows) + "\n" : perf::to_markdown(rows);
}

std::optional<std::string> run_together(const Options& options) {
  perf::CompetitionPlan plan;
  plan.path = options.plan.path;
  plan.flows = options.flows;
  plan.seed = options.plan.seed;
  plan.stagger = options.stagger;
  plan.start = options.plan.start;
  plan.duration = options.plan.duration;
  plan.bits_per_second_then = static_cast<std::uint64_t>(options.then_rate_mbps * 1e6);
  plan.sample = options.plan.sample;
  Runs runs(options);
  std::vector<perf::CompetitionResult> results;
  const std::string name = std::to_string(plan.flows.size()) + " flows";
  if (!runs.of_each_seed(plan, name, perf::run_competition, results)) return std::nullopt;
  return options.json ? perf::to_json_line(plan, results) + "\n" : perf::to_markdown(plan, results);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const auto text = options.flows.empty() ? run_alone(options) : run_together(options);
  if (!text) return 1;
  std::fputs(text->c_str(), stdout);
  return 0;
}
