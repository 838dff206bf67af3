// SPDX-License-Identifier: Apache-2.0
#include "perf/path/competition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "perf/path/competition_report.h"

namespace quicore::perf {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(JainIndex, IsOneForEqualSharesAndOneOfAllForAMonopoly) {
  EXPECT_DOUBLE_EQ(jain_index(std::array{3.0, 3.0, 3.0, 3.0}), 1);
  EXPECT_DOUBLE_EQ(jain_index(std::array{5.0, 0.0, 0.0, 0.0}), 0.25);
  EXPECT_DOUBLE_EQ(jain_index(std::array{1.0, 3.0}), 0.8);
  EXPECT_EQ(jain_index(std::array{0.0, 0.0}), 0);
  EXPECT_EQ(jain_index({}), 0);
}

CompetitionPlan small_plan() {
  CompetitionPlan plan;
  plan.path.bits_per_second = 10'000'000;
  plan.path.round_trip = 20ms;
  plan.path.loss = 0;
  plan.flows = {CongestionControl::cubic, CongestionControl::reno};
  plan.stagger = 1s;
  plan.start = 2s;
  plan.duration = 3s;
  plan.sample = 500ms;
  return plan;
}

TEST(Competition, FlowsBeginOneAfterTheOtherAndFillTheBottleneck) {
  const CompetitionPlan plan = small_plan();
  EXPECT_EQ(plan.steady_from(), 3s);
  EXPECT_EQ(plan.ends(), 6s);
  const auto result = run_competition(plan);
  ASSERT_TRUE(result.has_value()) << result.error().reason;
  ASSERT_EQ(result->flows.size(), 2u);
  EXPECT_NEAR(result->flows[0].share + result->flows[1].share, 1, 1e-9);
  EXPECT_GT(result->ratio(), 0.9);
  EXPECT_LE(result->ratio(), 1.0);
  EXPECT_GT(result->queueing_ms, 0);
  EXPECT_LE(result->longest_queue, plan.path.queue_bytes());
  ASSERT_EQ(result->samples.size(), 12u);
  EXPECT_GT(result->samples[1].goodput_mbps[0], 0) << "the first one is on its way";
  EXPECT_EQ(result->samples[1].goodput_mbps[1], 0) << "the second one has not begun";
  EXPECT_GT(result->samples[11].goodput_mbps[1], 0);
}

TEST(Competition, GivesTheSameFiguresForTheSameSeed) {
  CompetitionPlan plan = small_plan();
  plan.path.loss = 0.01;
  const auto one = run_competition(plan);
  const auto two = run_competition(plan);
  ASSERT_TRUE(one.has_value() && two.has_value());
  EXPECT_EQ(to_json_line(plan, {*one}), to_json_line(plan, {*two}));
}

TEST(Competition, IsComparedWithTheRateThatTheBottleneckHasThen) {
  CompetitionPlan plan = small_plan();
  plan.bits_per_second_then = 5'000'000;
  const auto result = run_competition(plan);
  ASSERT_TRUE(result.has_value());
  EXPECT_LT(result->theory_mbps, 5);
  EXPECT_GT(result->ratio(), 0.9);
}

TEST(Competition, IsReportedByFlowAndForTheBottleneck) {
  const CompetitionPlan plan = small_plan();
  CompetitionResult result;
  result.flows = {{.steady_mbps = 6, .share = 0.75, .packets_sent = 1000, .packets_lost = 5},
                  {.steady_mbps = 2, .share = 0.25}};
  result.theory_mbps = 10;
  result.steady_mbps = 8;
  result.jain_index = 0.8;
  result.dropped_by_queue = 0.0125;
  result.queueing_ms = 7.25;
  result.longest_queue = 12'500;
  const std::string text = to_markdown(plan, {result, result});
  EXPECT_THAT(text,
              HasSubstr("| 1 | cubic | 0 ns | 6.0 Mbit/s | 0.750 (0.750 to 0.750) | 0.500 % |"));
  EXPECT_THAT(text,
              HasSubstr("| 2 | reno | 1.00 s | 2.0 Mbit/s | 0.250 (0.250 to 0.250) | 0.000 % |"));
  EXPECT_THAT(text, HasSubstr("| 1.00 BDP | 10.0 Mbit/s | 8.0 Mbit/s | 0.800 (0.800 to 0.800) | "
                              "0.800 (0.800 to 0.800) | 1.250 % | 7.2 ms | 0.50 BDP |"));
}

}  // namespace
}  // namespace quicore::perf
