// SPDX-License-Identifier: Apache-2.0
//
// Bulk over 50 ms, 1 Gbit/s and 0.1 % of random loss, beside theory: perf/path, with a short run and
// one seed for each. docs/performance.md has the long runs of many.
#include <gtest/gtest.h>

#include "io/sim/replay.h"
#include "perf/path/transfer.h"

namespace quicore::test {
namespace {

using namespace std::chrono_literals;

perf::TransferResult transfer(CongestionControl algorithm, Duration start, Duration duration) {
  perf::TransferPlan plan;
  plan.algorithm = algorithm;
  plan.seed = sim::seed_from_environment();
  plan.start = start;
  plan.duration = duration;
  auto result = perf::run_transfer(plan);
  EXPECT_TRUE(result.has_value());
  return result.value_or(perf::TransferResult());
}

// The best controller, within 5 % of theory. Three intervals of ProbeRTT, each of which halves the
// window for a quarter of a second, so that every seed pays for three of them: seeds 1 to 4 reach
// 0.962 to 0.966. The draft's reaction to any loss would reach 0.88 (docs/decisions/0018), a budget
// that counted what is on its way 0.09.
TEST(LongPath, BbrComesWithinATwentiethOfTheoryInSpiteOfTheLoss) {
  const perf::TransferResult result = transfer(CongestionControl::bbr, 4s, 15s);
  EXPECT_GE(result.ratio(), 0.95);
  EXPECT_LE(result.ratio(), 1.0);
}

// The flow is held up by neither its windows nor its budget, and its window is as large as the
// response functions of RFC 5348 and RFC 9438 say. Some 150 losses leave room to chance.
TEST(LongPath, RenoReachesItsTheory) {
  const perf::TransferResult result = transfer(CongestionControl::reno, 20s, 200s);
  EXPECT_GE(result.ratio(), 0.9);
  EXPECT_LE(result.ratio(), 1.15);
  EXPECT_EQ(result.dropped_by_queue, 0u);
}

// Its Reno-friendly region grows like Reno above the last maximum, which the formula leaves out.
TEST(LongPath, CubicReachesItsTheory) {
  const perf::TransferResult result = transfer(CongestionControl::cubic, 20s, 200s);
  EXPECT_GE(result.ratio(), 0.9);
  EXPECT_LE(result.ratio(), 1.25);
  EXPECT_EQ(result.dropped_by_queue, 0u);
}

}  // namespace
}  // namespace quicore::test
