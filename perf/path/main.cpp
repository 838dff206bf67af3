// SPDX-License-Identifier: Apache-2.0
//
// quicore-path: bulk over a long path with loss, simulated, beside what theory allows.
#include <cstdio>
#include <iostream>

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
    "no network. The bottleneck is the server's side of the path; behind it packets are lost.";

// 12.5 MB in flight at once, in the defaults; a second of it takes about a second of one core.
struct Options {
  perf::TransferPlan plan;
  std::vector<CongestionControl> algorithms;
  double rate_mbps = 1000;
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
constexpr std::chrono::milliseconds kShortest{1};

// "all", or one.
void add_algorithms(CLI::App& app, std::vector<CongestionControl>& target) {
  const std::vector<std::string_view> names = {perf::name_of(CongestionControl::cubic),
                                               perf::name_of(CongestionControl::reno),
                                               perf::name_of(CongestionControl::bbr), "all"};
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

Options parse(int argc, char** argv) {
  Options options;
  perf::PathShape& path = options.plan.path;
  CLI::App app(kDescription, "quicore-path");
  add_algorithms(app, options.algorithms);
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
  tools::parse_or_exit(app, argc, argv);
  path.bits_per_second = static_cast<std::uint64_t>(options.rate_mbps * 1e6);
  path.loss = options.loss_percent / 100;
  path.back_loss = options.back_loss_percent / 100;
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  auto style = tools::ProgressLine::style_of(2);
  style.quiet = options.quiet;
  tools::ProgressLine progress(std::cerr, style);
  std::vector<perf::PathRow> rows;
  for (const CongestionControl algorithm : options.algorithms) {
    perf::PathRow& row = rows.emplace_back();
    row.plan = options.plan;
    row.plan.algorithm = algorithm;
    for (unsigned i = 0; i < options.seeds; ++i) {
      progress.update(std::chrono::steady_clock::now(),
                      "quicore-path: " + std::string(perf::name_of(algorithm)) + ", run " +
                          std::to_string(i + 1) + " of " + std::to_string(options.seeds));
      perf::TransferPlan plan = row.plan;
      plan.seed += i;
      auto result = perf::run_transfer(plan);
      if (!result) {
        progress.clear();
        std::fprintf(stderr, "quicore-path: the transfer ended early, with seed %llu: %s\n",
                     static_cast<unsigned long long>(plan.seed), result.error().reason.c_str());
        return 1;
      }
      row.runs.push_back(std::move(*result));
    }
  }
  progress.clear();
  if (options.json) {
    std::printf("%s\n", perf::to_json_line(rows).c_str());
  } else {
    std::fputs(perf::to_markdown(rows).c_str(), stdout);
  }
  return 0;
}
