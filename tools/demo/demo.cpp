// SPDX-License-Identifier: Apache-2.0
#include "tools/demo/demo.h"

#include <algorithm>
#include <fstream>

#include "tools/common/format.h"
#include "tools/common/machine.h"
#include "tools/common/percent.h"
#include "tools/common/workbench.h"
#include "tools/demo/site.h"

namespace quicore::tools {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kWarmUp{1};
constexpr std::chrono::seconds kLimitHalf{4};
constexpr const char* kHalfRounds = "2";
// Beyond what a program should need: then it hangs.
constexpr std::chrono::seconds kSlack{30};
constexpr std::chrono::seconds kFetchTime{90};
constexpr const char* kParallelFetches = "32";
// Bytes of UDP payload per packet: what an Ethernet frame carries over IPv4.
constexpr const char* kPayload = "1472";

// A download counts bytes as they arrive, an upload bodies as they are answered for: short bodies
// keep what is under way at the end small beside what is counted.
constexpr const char* kDownloadSize = "1GiB";
constexpr const char* kUploadSize = "64MiB";

struct Plan {
  const char* name;
  const char* title;
  std::vector<std::string> arguments;
};

const std::vector<Plan> kBulkPlans = {
    {"download",
     "one connection, download",
     {"--mode", "download", "--connections", "1", "--streams", "1", "--size", kDownloadSize}},
    {"upload",
     "one connection, upload",
     {"--mode", "upload", "--connections", "1", "--streams", "1", "--size", kUploadSize}},
};

const std::vector<Plan> kSmallPlans = {
    {"requests",
     "100 connections, requests of 512 B",
     {"--mode", "request", "--connections", "100", "--streams", "1", "--size", "512"}},
    {"single",
     "1 connection, one request at a time",
     {"--mode", "request", "--connections", "1", "--streams", "1", "--size", "512"}},
    {"handshakes", "full handshakes", {"--mode", "handshake", "--connections", "32"}},
};

constexpr unsigned kSteps = 4 + 2 + 2 + 3;  // prepare, serve, fetch, compare; limits; the plans

class Demo {
 public:
  Demo(const DemoOptions& options, ProgressLine& progress)
      : options_(options),
        bench_(
            {options.programs, options.output / "logs", options.server_cpus, options.client_cpus},
            progress, kSteps),
        progress_(progress) {}

  DemoResult run() {
    const auto begin = steady_clock::now();
    result_.machine = describe_machine();
    result_.two_cores = options_.server_cpus != options_.client_cpus;
    if (auto done = all_steps(); !done) result_.problems.push_back(done.error().reason);
    if (!result_.problems.empty() && !interrupted()) show_server_log();
    result_.seconds = std::chrono::duration<double>(steady_clock::now() - begin).count();
    return std::move(result_);
  }

 private:
  Result<> all_steps() {
    std::error_code error;
    fs::create_directories(options_.output / "logs", error);
    if (error) {
      return failure(Errc::system, "cannot create " + (options_.output / "logs").string() + ": " +
                                       error.message());
    }
    bench_.begin_step("preparing files");
    const auto site = prepare_site(options_.tree, options_.output / "site", options_.large_size,
                                   [&](double share) { return bench_.tick(format_share(share)); });
    if (!site) return std::unexpected(site.error());
    bench_.begin_step("starting the server");
    if (auto started = bench_.start_server(
            {"--root", site->root.string(), "--shards", "1", "--payload", kPayload});
        !started)
      return started;
    if (auto fetched = fetch_and_compare(*site); !fetched) return fetched;
    if (auto done = measure_all(); !done) return done;
    return bench_.stop_server();
  }

  // What failed is noted; only what makes going on pointless is returned.
  Result<> go_on(const Error& error) {
    if (error.kind == Errc::cancelled) return std::unexpected(error);
    if (auto alive = bench_.check_server(); !alive) return alive;
    result_.problems.push_back(error.reason);
    progress_.say(error.reason);
    return {};
  }

  Result<> fetch_and_compare(const Site& site) {
    bench_.begin_step("fetching " + format_count(site.tree.size() + 1) + " files, " +
                      format_size(site.tree_bytes() + site.large.size));
    std::vector<DemoFile> files = site.tree;
    files.push_back(site.large);
    const fs::path list = options_.output / "urls.txt";
    std::ofstream urls(list);
    for (const DemoFile& file : files)
      urls << bench_.url() << percent_encode_path(file.path) << '\n';
    urls.close();
    const fs::path fetched = options_.output / "fetched";
    std::error_code ignored;
    fs::remove_all(fetched, ignored);

    const auto begin = steady_clock::now();
    const auto got = bench_.run("get",
                                {"quicore-get", "--insecure", "--output-dir", fetched.string(),
                                 "--parallel", kParallelFetches, "--input-file", list.string()},
                                kFetchTime);
    const std::chrono::duration<double> taken = steady_clock::now() - begin;
    if (!got) {
      if (auto next = go_on(got.error()); !next) return next;
    }
    bench_.begin_step("comparing with the disk");
    auto compared = compare_with_disk(
        files, fetched, [&](double share) { return bench_.tick(format_share(share)); });
    if (!compared) return std::unexpected(compared.error());
    result_.verification = std::move(*compared);
    result_.verification.seconds = taken.count();
    const auto& differences = result_.verification.differences;
    if (!differences.empty()) {
      result_.problems.push_back(
          format_count(differences.size()) +
          " fetched files differ from the disk, the first: " + differences.front());
    } else {
      fs::remove_all(fetched, ignored);  // a second copy of everything
    }
    return {};
  }

  Result<> measure_all() {
    if (auto done = measure_limit("first half"); !done) return done;
    for (const Plan& plan : kBulkPlans) {
      if (auto done = measure(plan); !done) return done;
    }
    if (auto done = measure_limit("second half"); !done) return done;
    for (const Plan& plan : kSmallPlans) {
      if (auto done = measure(plan); !done) return done;
    }
    return {};
  }

  Result<> measure_limit(const char* half) {
    bench_.begin_step(std::string("the machine's limit, ") + half);
    std::vector<std::string> arguments = {
        "quicore-limit", "--json",    "--payload", kPayload,
        "--rounds",      kHalfRounds, "--seconds", std::to_string(kLimitHalf.count())};
    if (!options_.server_cpus.empty()) {
      std::string cpus = std::to_string(options_.server_cpus.front());
      if (result_.two_cores) cpus += "," + std::to_string(options_.client_cpus.front());
      arguments.insert(arguments.end(), {"--cpus", cpus});
    }
    const auto output = bench_.run_unpinned("limit", std::move(arguments), kLimitHalf + kSlack);
    if (!output) return go_on(output.error());
    const auto limit = parse_machine_limit(*output);
    if (!limit) return go_on(Error::make(Errc::system, limit.error()));
    result_.limit = result_.limit.payload == 0 ? *limit : result_.limit.joined_with(*limit);
    return {};
  }

  Result<> measure(const Plan& plan) {
    bench_.begin_step(plan.title);
    std::vector<std::string> arguments = {"quicore-load", "--insecure", "--json", "--payload",
                                          kPayload};
    arguments.insert(arguments.end(), plan.arguments.begin(), plan.arguments.end());
    arguments.insert(arguments.end(), {"--duration", duration_option(options_.duration), "--warmup",
                                       duration_option(kWarmUp)});
    if (!options_.client_cpus.empty()) {
      arguments.insert(arguments.end(), {"--cpus", std::to_string(options_.client_cpus.front())});
    }
    arguments.push_back(bench_.url());
    std::string command;
    for (const std::string& argument : arguments) {
      command += (command.empty() ? "" : " ") + argument;
    }
    const auto output =
        bench_.run(plan.name, std::move(arguments), options_.duration + kWarmUp + kSlack);
    if (!output) return go_on(output.error());
    const auto report = parse_load_report(*output);
    if (!report) return go_on(Error::make(Errc::system, report.error()));
    result_.measurements.push_back({plan.title, std::move(command), *report});
    progress_.say("  " + std::string(plan.title) + ": " + headline(*report));
    return check_report(plan, *report);
  }

  // A figure that counts failures, or nothing at all, is no figure.
  Result<> check_report(const Plan& plan, const LoadReport& report) {
    const std::string title = plan.title;
    if (report.errors > 0) {
      const std::string first =
          report.error_counts.empty() ? "" : ", such as: " + report.error_counts.begin()->first;
      return go_on(Error::make(Errc::system,
                               title + ": " + format_count(report.errors) + " failed" + first));
    }
    if (report.bytes == 0 && report.requests == 0 && report.handshakes == 0) {
      return go_on(Error::make(Errc::system, title + ": nothing was transferred"));
    }
    return {};
  }

  void show_server_log() {
    const std::string log = bench_.server_log();
    if (log.empty()) return;
    progress_.say("The server's last lines (all in " +
                  (options_.output / "logs/server.err").string() + "):\n" + log);
  }

  const DemoOptions& options_;
  Workbench bench_;
  ProgressLine& progress_;
  DemoResult result_;
};

}  // namespace

DemoResult run_demo(const DemoOptions& options, ProgressLine& progress) {
  return Demo(options, progress).run();
}

}  // namespace quicore::tools
