// SPDX-License-Identifier: Apache-2.0
//
// What BBR leaves to others on a bottleneck: perf/path with competing flows and one short run for
// each. docs/decisions/0018-bbr-and-random-loss.md has the long runs of many.
#include <gtest/gtest.h>

#include "io/sim/replay.h"
#include "perf/path/competition.h"

namespace quicore::test {
namespace {

using namespace std::chrono_literals;

// 40 Mbit/s and 50 ms, the second flow 2 s after the first.
perf::CompetitionPlan plan_of(CongestionControl second, double queue, double loss) {
  perf::CompetitionPlan plan;
  plan.path.bits_per_second = 40'000'000;
  plan.path.queue = queue;
  plan.path.loss = loss;
  plan.flows = {CongestionControl::bbr, second};
  plan.seed = sim::seed_from_environment();
  plan.stagger = 2s;
  plan.start = 8s;
  plan.duration = 20s;
  return plan;
}

perf::CompetitionResult compete(const perf::CompetitionPlan& plan) {
  auto result = perf::run_competition(plan);
  EXPECT_TRUE(result.has_value());
  return result.value_or(perf::CompetitionResult{.flows = {{}, {}}});
}

TEST(Fairness, TwoBbrFlowsShareTheBottleneckInSpiteOfRandomLoss) {
  const auto result = compete(plan_of(CongestionControl::bbr, 1, 0.001));
  EXPECT_GE(result.jain_index, 0.75);
  EXPECT_GE(result.ratio(), 0.9);
  EXPECT_LE(result.dropped_by_queue, 0.02);
}

// Two windows of BBR, which is what it has in flight at most, fit into this queue: CUBIC does not
// starve beside it, as it would where BBR decides when the queue overflows.
TEST(Fairness, CubicKeepsItsPlaceBesideBbrOverADeepQueue) {
  const auto result = compete(plan_of(CongestionControl::cubic, 4, 0));
  EXPECT_GE(result.flows[1].share, 0.2);
  EXPECT_GE(result.flows[0].share, 0.2);
  EXPECT_GE(result.ratio(), 0.95);
}

// The whole of the transition counts: what was in flight for the old rate has to drain first.
TEST(Fairness, TwoBbrFlowsFollowABottleneckThatHalves) {
  perf::CompetitionPlan plan = plan_of(CongestionControl::bbr, 1, 0);
  plan.bits_per_second_then = plan.path.bits_per_second / 2;
  const auto result = compete(plan);
  EXPECT_GE(result.jain_index, 0.75);
  EXPECT_GE(result.ratio(), 0.9);
  EXPECT_LE(result.dropped_by_queue, 0.05);
}

}  // namespace
}  // namespace quicore::test
