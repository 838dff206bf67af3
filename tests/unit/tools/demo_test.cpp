// SPDX-License-Identifier: Apache-2.0
//
// The demo's own conduct, with shell scripts in the place of the programs it starts: what it makes
// of their answers, their failures and their deaths. The real programs are tested elsewhere.
#include "tools/demo/demo.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tools/common/child_process.h"
#include "tools/common/workbench.h"

namespace quicore::tools {
namespace {

namespace fs = std::filesystem;

constexpr const char* kServer = R"sh(#!/bin/sh
while [ "$1" != --root ]; do shift; done
echo "$2" > "$(dirname "$0")/root"
echo $$ > "$(dirname "$0")/pid"
echo "serving" >&2
echo '{"event":"ready","port":4433,"spki":"x"}'
trap 'exit 0' TERM
while :; do sleep 0.05; done
)sh";

// Copies what the URLs name out of the server's root.
constexpr const char* kGet = R"sh(#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in --output-dir) out=$2 ;; --input-file) list=$2 ;; esac
  shift
done
root=$(cat "$(dirname "$0")/root")
while read -r url; do
  path=${url#https://127.0.0.1:4433/}
  mkdir -p "$out/$(dirname "$path")"
  cp "$root/$path" "$out/$path"
done < "$list"
)sh";

std::string prints(const std::string& line) {
  return "#!/bin/sh\ncat <<'END'\n" + line + "\nEND\n";
}

std::string load_line() {
  LoadReport report;
  report.mode = "download";
  report.seconds = 1;
  report.bytes = 1'250'000'000;
  report.requests = 10;
  report.derive_rates();
  LatencyHistogram histogram;
  for (int i = 1; i <= 100; ++i) histogram.record(std::chrono::milliseconds(i));
  report.set_latency(histogram);
  return to_json_line(report);
}

std::string limit_line() {
  MachineLimit limit;
  limit.payload = 1472;
  limit.segments = 44;
  limit.aead = "AES-128-GCM, fake";
  limit.seal_ns = limit.open_ns = 1472 * 8 / 40.0;  // 40 Gbit/s each
  limit.kernel_two_cores_rounds = limit.kernel_one_core_rounds = {40};
  limit.kernel_two_cores_gbps = limit.kernel_one_core_gbps = 40;
  limit.derive();
  return to_json_line(limit);
}

class DemoTest : public testing::Test {
 protected:
  DemoTest() {
    folder_ = fs::path(testing::TempDir()) / ("quicore_demo_" + std::to_string(getpid()));
    fs::remove_all(folder_);
    program("quicore-server", kServer);
    program("quicore-get", kGet);
    program("quicore-load", prints(load_line()));
    program("quicore-limit", prints(limit_line()));
    fs::create_directories(folder_ / "tree/sub");
    std::ofstream(folder_ / "tree/a.txt") << "aaa";
    std::ofstream(folder_ / "tree/sub/b.txt") << "bbb";
    options_.programs = folder_ / "bin";
    options_.tree = folder_ / "tree";
    options_.output = folder_ / "out";
    options_.large_size = 2'000'000;
  }
  ~DemoTest() override { fs::remove_all(folder_); }

  void program(const std::string& name, const std::string& script) {
    const fs::path path = folder_ / "bin" / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << script;
    fs::permissions(path, fs::perms::owner_all);
  }

  DemoResult run() {
    ProgressLine progress(said_, {});
    return run_demo(options_, progress);
  }

  // The one problem, or all of them, so that a failure shows them.
  static std::string problems(const DemoResult& result) {
    std::string all;
    for (const std::string& problem : result.problems) all += problem + "\n";
    return all;
  }

  fs::path folder_;
  DemoOptions options_;
  std::ostringstream said_;
};

TEST_F(DemoTest, AllIsFetchedComparedAndMeasured) {
  const DemoResult result = run();
  EXPECT_EQ(problems(result), "");
  EXPECT_EQ(result.verification.files, 3U);
  EXPECT_EQ(result.verification.bytes, 2'000'006U);
  ASSERT_EQ(result.measurements.size(), 5U);
  EXPECT_EQ(result.measurements[0].title, "one connection, download");
  EXPECT_NE(result.measurements[0].command.find("--mode download"), std::string::npos);
  EXPECT_NE(result.measurements[0].command.find("https://127.0.0.1:4433/"), std::string::npos);
  EXPECT_EQ(result.limit.kernel_one_core_rounds.size(), 2U) << "two halves";
  EXPECT_FALSE(fs::exists(folder_ / "out/fetched")) << "the copies are removed";
}

TEST_F(DemoTest, TheRatioIsOfTheLimitForAsManyCoresAsWereUsed) {
  options_.server_cpus = options_.client_cpus = {};
  DemoResult result = run();
  ASSERT_FALSE(result.measurements.empty());
  EXPECT_FALSE(result.two_cores);
  EXPECT_NEAR(limit_of(result, result.measurements[0].report), 40.0 / 3, 1e-6);
  result.two_cores = true;
  EXPECT_NEAR(limit_of(result, result.measurements[0].report), 20.0, 1e-6);
}

TEST(DemoLimit, EachModeIsComparedInItsOwnUnit) {
  DemoResult result;
  result.two_cores = true;
  result.limit.two_cores_gbps = 40;
  result.limit.requests_two_cores = 400'000;
  result.limit.handshakes_two_cores = 5'000;
  LoadReport report;
  report.connections = 100;
  report.streams = 1;
  report.throughput_gbps = 10;
  report.requests_per_second = 50'000;
  report.handshakes_per_second = 2'000;
  const auto shown = [&](const char* mode) {
    report.mode = mode;
    return std::pair(figure_of(report), limit_of(result, report));
  };
  EXPECT_EQ(shown("upload"), std::pair(10.0, 40.0));
  EXPECT_EQ(shown("request"), std::pair(50'000.0, 400'000.0));
  EXPECT_EQ(shown("handshake"), std::pair(2'000.0, 5'000.0));
  EXPECT_EQ(shown("resume"), std::pair(2'000.0, 0.0));
  EXPECT_EQ(headline(report), "2,000 handshakes/s");
  report.connections = 1;
  EXPECT_EQ(shown("request"), std::pair(50'000.0, 0.0)) << "bound by waiting";
}

TEST_F(DemoTest, AFileThatArrivesChangedFailsTheDemo) {
  program("quicore-get", std::string(kGet) + "printf X >> \"$out/tree/a.txt\"\n");
  const DemoResult result = run();
  EXPECT_EQ(problems(result),
            "1 fetched files differ from the disk, the first: "
            "tree/a.txt has 4 bytes instead of 3\n");
  EXPECT_EQ(result.measurements.size(), 5U) << "the rest goes on";
  EXPECT_TRUE(fs::exists(folder_ / "out/fetched/tree/a.txt")) << "kept to be looked at";
}

TEST_F(DemoTest, AServerThatDoesNotStartIsToldWithItsLog) {
  program("quicore-server", "#!/bin/sh\necho 'port in use' >&2\nexit 1\n");
  const DemoResult result = run();
  EXPECT_EQ(problems(result), "quicore-server ended by itself: exit status 1\n");
  EXPECT_NE(said_.str().find("port in use"), std::string::npos);
}

TEST_F(DemoTest, AServerThatDiesUnderwayEndsTheDemo) {
  program("quicore-load", "#!/bin/sh\nkill -KILL $(cat \"$(dirname \"$0\")/pid\")\nsleep 60\n");
  const DemoResult result = run();
  EXPECT_EQ(problems(result), "quicore-server ended by itself: killed by signal 9 (Killed)\n");
  EXPECT_TRUE(result.measurements.empty());
}

TEST_F(DemoTest, AnInterruptEndsThePrograms) {
  program("quicore-load",
          "#!/bin/sh\necho $$ > \"$(dirname \"$0\")/load_pid\"\n"
          "kill -INT $PPID\nexec sleep 1000\n");
  // In a process of its own: the flag that an interrupt sets stays set.
  const auto interrupted_run = [&] {
    catch_interrupts();
    const DemoResult result = run();
    for (const char* name : {"pid", "load_pid"}) {
      const pid_t pid = std::stoi(read_text(folder_ / "bin" / name));
      if (kill(pid, 0) == 0) _exit(2);
    }
    _exit(problems(result) == "interrupted\n" ? 0 : 1);
  };
  EXPECT_EXIT(interrupted_run(), testing::ExitedWithCode(0), "");
}

TEST_F(DemoTest, AFailedMeasurementIsToldAndTheOthersGoOn) {
  program("quicore-load",
          "#!/bin/sh\ncase \"$*\" in *upload*) echo 'no luck' >&2; exit 3 ;; esac\n" +
              prints(load_line()));
  const DemoResult result = run();
  EXPECT_EQ(problems(result), "quicore-load failed with exit status 3:\nno luck\n\n");
  EXPECT_EQ(result.measurements.size(), 4U);
}

TEST_F(DemoTest, AFigureWithErrorsInItFailsTheDemo) {
  auto json = nlohmann::ordered_json::parse(load_line());
  json["errors"] = 2;
  json["error_counts"] = {{"the stream was reset", 2}};
  program("quicore-load", prints(json.dump()));
  const DemoResult result = run();
  ASSERT_EQ(result.problems.size(), 5U);
  EXPECT_EQ(result.problems[0],
            "one connection, download: 2 failed, such as: the stream was reset");
}

TEST_F(DemoTest, AnAnswerThatIsNoReportIsRefused) {
  program("quicore-load", prints("oops"));
  const DemoResult result = run();
  ASSERT_FALSE(result.problems.empty());
  EXPECT_EQ(result.problems[0], "the load report is not a JSON object");
}

TEST_F(DemoTest, AServerThatDoesNotCloseGracefullyFailsTheDemo) {
  program("quicore-server",
          "#!/bin/sh\nwhile [ \"$1\" != --root ]; do shift; done\necho \"$2\" > "
          "\"$(dirname \"$0\")/root\"\necho '{\"event\":\"ready\",\"port\":4433}'\n"
          "trap 'exit 7' TERM\nwhile :; do sleep 0.05; done\n");
  const DemoResult result = run();
  EXPECT_EQ(problems(result), "quicore-server did not close gracefully: exit status 7\n");
}

TEST_F(DemoTest, TheTableShowsEachFigureItsLimitAndItsRatio) {
  const std::string table = to_table(run());
  EXPECT_NE(table.find("3 files (1.91 MiB) fetched over HTTP/3"), std::string::npos) << table;
  EXPECT_NE(table.find("every SHA-256 equals the disk's"), std::string::npos);
  EXPECT_NE(table.find("10.0 Gbit/s   13.3 Gbit/s    75 %"), std::string::npos) << table;
}

TEST_F(DemoTest, TheJsonHoldsEveryReport) {
  const auto json = nlohmann::json::parse(to_json_text(run()));
  EXPECT_EQ(json.at("measurements").size(), 5U);
  EXPECT_NEAR(json.at("measurements").at(0).at("ratio"), 0.75, 1e-6);
  EXPECT_EQ(json.at("measurements").at(0).at("report").at("requests"), 10);
  EXPECT_EQ(json.at("limit").at("payload"), 1472);
  EXPECT_EQ(json.at("verification").at("files"), 3);
  EXPECT_TRUE(json.at("problems").empty());
}

TEST_F(DemoTest, ThePageShowsTheTableAndSaysWhenTheRunFailed) {
  DemoResult result = run();
  std::string page = to_html(result);
  EXPECT_NE(page.find("<td>one connection, upload</td>"), std::string::npos);
  EXPECT_NE(page.find("75 % of the limit"), std::string::npos);
  EXPECT_EQ(page.find("This run failed"), std::string::npos);
  result.problems.push_back("the <cause>");
  page = to_html(result);
  EXPECT_NE(page.find("This run failed"), std::string::npos);
  EXPECT_NE(page.find("the &lt;cause&gt;"), std::string::npos);
}

}  // namespace
}  // namespace quicore::tools
