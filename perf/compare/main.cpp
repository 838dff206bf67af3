// SPDX-License-Identifier: Apache-2.0
//
// quicore-compare: the figures of docs/performance.md, ours and, where they are at hand, others'.
#include <cstdio>
#include <iostream>

#include "perf/compare/runner.h"
#include "tools/common/machine.h"
#include "tools/common/options.h"
#include "tools/common/workbench.h"

namespace {

namespace fs = std::filesystem;
using namespace quicore;

constexpr const char* kDescription =
    "Measures every figure of docs/performance.md in interleaved rounds, beside the machine's "
    "limit\n"
    "and, with --others FILE, beside other implementations; perf/compare/other.h tells the form "
    "of\n"
    "that file. Prints a table and writes OUTPUT/report.{html,json,md}.";

constexpr int kFailed = 1;
constexpr unsigned kMostRounds = 1000;

std::vector<perf::Other> read_others(const std::string& path) {
  auto others = perf::parse_others(tools::read_text(path));
  if (!others) tools::refuse_option("--others", "\"" + path + "\": " + others.error());
  return std::move(*others);
}

void check_names(const std::vector<std::string>& only) {
  for (const std::string& name : only) {
    const auto& all = perf::all_figures();
    if (std::ranges::any_of(all, [&](const perf::Figure& one) { return one.name == name; })) {
      continue;
    }
    tools::refuse_option("--only", "\"" + name + "\" is not a figure: --list names them");
  }
}

int list() {
  for (const perf::Figure& figure : perf::all_figures()) {
    for (const perf::Quantity& quantity : figure.quantities) {
      std::printf("%-18s %-22s %-13s %s\n", figure.name.c_str(), quantity.name.c_str(),
                  quantity.unit.c_str(), quantity.title.c_str());
    }
  }
  return 0;
}

int report(const perf::Comparison& comparison, const fs::path& output) {
  std::printf("\n%s\n", perf::to_table(comparison).c_str());
  const bool written = tools::write_text(output / "report.json", perf::to_json_text(comparison)) &&
                       tools::write_text(output / "report.md", perf::to_markdown(comparison)) &&
                       tools::write_text(output / "report.html", perf::to_html(comparison));
  if (!written) {
    std::fprintf(stderr, "quicore-compare: cannot write to %s\n", output.c_str());
    return kFailed;
  }
  std::printf("report: %s\n", fs::absolute(output / "report.html").lexically_normal().c_str());
  return comparison.problems.empty() ? 0 : kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  perf::RunnerOptions options;
  options.cpus = tools::two_cpus();
  options.output = "build/compare";
  std::error_code error;
  options.programs = fs::read_symlink("/proc/self/exe", error).parent_path();
  std::string others;
  bool only_list = false;

  CLI::App app(kDescription, "quicore-compare");
  app.add_flag("--list", only_list, "name the figures and end");
  app.add_option("--only", options.only, "these figures only")->delimiter(',')->type_name("NAMES");
  tools::add_input_file(app, "--others", others, "what other implementations do, JSON");
  app.add_flag("--profile", options.profile,
               "and where the time goes, by layer: needs the program perf (linux-perf)");
  tools::add_number(app, "--rounds", options.rounds, 1, kMostRounds, "how often to measure each");
  tools::add_duration(app, "--duration", options.duration, "of each measurement",
                      std::chrono::milliseconds(100));
  tools::add_cpu_list(app, "--cpus", options.cpus,
                      "the server's CPU and the client's: 0,1; one CPU: both on it");
  app.add_option("--output", options.output, "the folder for the reports and the logs")
      ->capture_default_str();
  tools::parse_or_exit(app, argc, argv, [&] {
    check_names(options.only);
    if (!others.empty()) options.others = read_others(others);
    fs::create_directories(options.output, error);
    if (!error) return;
    tools::refuse_option("--output", "cannot create \"" + options.output.string() +
                                         "\": " + error.message() +
                                         "; name a folder that this user may write to");
  });
  if (only_list) return list();

  tools::catch_interrupts();
  tools::ProgressLine progress(std::cerr, tools::ProgressLine::style_of(2));
  const perf::Comparison comparison = perf::run_comparison(options, progress);
  progress.clear();
  return report(comparison, options.output);
}
