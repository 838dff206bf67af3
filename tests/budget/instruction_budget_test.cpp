// SPDX-License-Identifier: Apache-2.0
//
// What the work of workload_test.cpp may cost, in instructions: counted by callgrind, so whatever
// else the machine is doing does not matter. Counted are the turns of both shards, client and
// server, without what the simulated port does when it sends and waits.
//
// baseline.txt holds one line per workload: its name and instructions per unit. A change that makes
// one dearer by more than kTolerance fails; one that makes it cheaper should lower the line:
//
//   QUICORE_WRITE_BASELINE=1 build/test/bin/budget --gtest_filter='*InstructionBudget*'
//
// The figures hold for the compiler and the libraries of Debian 12 and an x86-64 CPU with AVX2
// (valgrind shows no more than that to a program); elsewhere the tests are skipped.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "tools/common/child_process.h"

namespace quicore::test {
namespace {

namespace fs = std::filesystem;

constexpr double kTolerance = 0.03;

const fs::path kBaseline = fs::path(QUICORE_SOURCE_DIR) / "tests/budget/baseline.txt";

std::map<std::string, double> read_baseline() {
  std::map<std::string, double> figures;
  std::ifstream file(kBaseline);
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string name;
    double figure = 0;
    if (!line.starts_with('#') && fields >> name >> figure) figures[name] = figure;
  }
  return figures;
}

void write_baseline(const std::map<std::string, double>& figures) {
  std::ofstream file(kBaseline);
  file << "# Instructions per unit (packet, request, handshake), client and server together:\n"
          "# instruction_budget_test.cpp says how they are counted and written.\n";
  for (const auto& [name, figure] : figures) {
    file << name << ' ' << static_cast<long long>(figure) << '\n';
  }
}

// The number behind the last `label` of a file; 0 when there is none.
double number_after(const fs::path& file, const std::string& label) {
  std::ifstream stream(file);
  double number = 0;
  for (std::string line; std::getline(stream, line);) {
    const std::size_t at = line.find(label);
    if (at != std::string::npos) number = std::atof(line.c_str() + at + label.size());
  }
  return number;
}

// Why it cannot be counted here; empty if it can.
std::string obstacle() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return "valgrind does not run what a sanitizer instrumented";
#elif !defined(__x86_64__) || !defined(QUICORE_HAVE_IPSEC_MB)
  return "the baseline is of x86-64 with intel-ipsec-mb";
#else
  if (!fs::exists("/usr/bin/valgrind")) return "valgrind is not installed";
  if (!__builtin_cpu_supports("avx2")) return "the baseline is of a CPU with AVX2";
  return "";
#endif
}

class InstructionBudget : public ::testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Of, InstructionBudget,
                         ::testing::Values("BulkTransfer", "RequestsHundredAtATime",
                                           "RequestsOneAtATime", "Handshakes"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST_P(InstructionBudget, IsKept) {
  if (const std::string why = obstacle(); !why.empty()) GTEST_SKIP() << why;
  const std::string name = GetParam();
  const fs::path output = fs::path(testing::TempDir()) / ("quicore-budget-" + name);
  const fs::path errors = output.native() + ".err";
  auto child = tools::ChildProcess::start(
      {.arguments = {"/usr/bin/valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                     "--toggle-collect=quicore::internal::ShardState::turn*",
                     "--toggle-collect=quicore::sim::SimPort::wait(*",
                     "--toggle-collect=quicore::sim::SimPort::send(*",
                     "--zero-before=quicore::test::measured_work*", QUICORE_BIN_DIR "/budget",
                     "--gtest_filter=Workload." + name},
       .output = output,
       .errors = errors});
  ASSERT_TRUE(child) << child.error().reason;
  const auto ended = child->wait_for(std::chrono::minutes(4));
  ASSERT_TRUE(ended && ended->success()) << (ended ? ended->to_string() : "it takes too long");
  const double units = number_after(output, "units ");
  const double instructions = number_after(errors, "Collected : ");
  ASSERT_GT(units, 0);
  ASSERT_GT(instructions, 0);
  const double figure = instructions / units;
  RecordProperty("instructions_per_unit", static_cast<int>(figure));

  auto baseline = read_baseline();
  if (std::getenv("QUICORE_WRITE_BASELINE") != nullptr) {
    baseline[name] = figure;
    write_baseline(baseline);
  }
  ASSERT_TRUE(baseline.contains(name)) << "no line in " << kBaseline;
  EXPECT_LT(figure, baseline[name] * (1 + kTolerance))
      << "dearer than the baseline of " << baseline[name] << " instructions";
  if (figure < baseline[name] * (1 - kTolerance)) {
    std::printf("cheaper than the baseline of %.0f: lower its line in %s to %.0f\n", baseline[name],
                kBaseline.c_str(), figure);
  }
}

}  // namespace
}  // namespace quicore::test
