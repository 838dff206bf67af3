// SPDX-License-Identifier: Apache-2.0
//
// quicore-demo: the whole project at work in under three minutes.
#include <cstdio>
#include <iostream>
#include <vector>

#include "tools/common/machine.h"
#include "tools/common/options.h"
#include "tools/common/workbench.h"
#include "tools/demo/demo.h"

namespace {

namespace fs = std::filesystem;
using quicore::tools::DemoOptions;
using quicore::tools::DemoResult;

constexpr const char* kDescription =
    "Serves a source tree and a large file over HTTP/3, fetches all of it and compares every hash\n"
    "with the disk; then measures throughput, requests and handshakes, and what the machine "
    "allows.\n"
    "Prints a table and writes OUTPUT/report.html and OUTPUT/report.json.";

constexpr int kFailed = 1;
constexpr int kInterrupted = 130;  // as a shell reports a program that SIGINT ended

bool write_file(const fs::path& path, const std::string& content) {
  if (quicore::tools::write_text(path, content)) return true;
  std::fprintf(stderr, "quicore-demo: cannot write %s\n", path.c_str());
  return false;
}

int report(const DemoResult& result, const fs::path& output) {
  std::printf("\n%s\n", to_table(result).c_str());
  const bool written = write_file(output / "report.json", to_json_text(result)) &&
                       write_file(output / "report.html", to_html(result));
  if (written) {
    std::printf("report: %s\n", fs::absolute(output / "report.html").lexically_normal().c_str());
  }
  for (const std::string& problem : result.problems) {
    const std::string first_line = problem.substr(0, problem.find('\n'));
    std::fprintf(stderr, "quicore-demo: %s\n", first_line.c_str());
  }
  if (quicore::tools::interrupted()) return kInterrupted;
  return result.problems.empty() && written ? 0 : kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  DemoOptions options;
  std::vector<int> cpus = quicore::tools::two_cpus();
  std::error_code error;
  options.programs = fs::read_symlink("/proc/self/exe", error).parent_path();

  CLI::App app(kDescription, "quicore-demo");
  quicore::tools::add_input_directory(app, "--tree", options.tree, "the folder to serve");
  app.add_option("--output", options.output, "the folder for the report, the logs and the copies")
      ->capture_default_str();
  quicore::tools::add_size(app, "--size", options.large_size, "of the generated file");
  quicore::tools::add_duration(app, "--duration", options.duration, "of each measurement");
  quicore::tools::add_cpu_list(app, "--cpus", cpus,
                               "the server's CPU and the client's: 0,1; one CPU: both on it");
  quicore::tools::add_input_directory(app, "--programs", options.programs,
                                      "the folder of quicore-server and the others");
  quicore::tools::parse_or_exit(app, argc, argv, [&] {
    fs::create_directories(options.output, error);
    if (!error) return;
    quicore::tools::refuse_option("--output", "cannot create \"" + options.output.string() +
                                                  "\": " + error.message() +
                                                  "; name a folder that this user may write to");
  });
  if (!cpus.empty()) {
    options.server_cpus = {cpus.front()};
    options.client_cpus = {cpus.back()};
  }

  quicore::tools::catch_interrupts();
  using quicore::tools::ProgressLine;
  ProgressLine progress(std::cerr, ProgressLine::style_of(2));
  const DemoResult result = run_demo(options, progress);
  progress.clear();
  return report(result, options.output);
}
