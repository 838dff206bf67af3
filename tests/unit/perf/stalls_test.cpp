// SPDX-License-Identifier: Apache-2.0
#include "perf/limit/stalls.h"

#include <gtest/gtest.h>

#include <array>

#include "io/cpu.h"

namespace quicore::perf {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A second with stalls of 10, 20 and 30 ms: 60 ms, six per cent of the moments, lie in one.
constexpr std::array<Duration, 3> kStalls{milliseconds(20), milliseconds(10), milliseconds(30)};

TEST(Stalls, OfTheLongestOneOnlyItsBeginningWaitsLong) {
  EXPECT_EQ(wait_exceeded_by(0.01, kStalls, seconds(1)), milliseconds(20));  // its first 10 ms
  EXPECT_EQ(wait_exceeded_by(0.001, kStalls, seconds(1)), milliseconds(29));
}

TEST(Stalls, AllThatLastLongerAddUp) {
  // Longer than 10 ms: 20 ms of one, 10 ms of the other. Longer than 5 ms: 25, 15 and 5.
  EXPECT_EQ(wait_exceeded_by(0.03, kStalls, seconds(1)), milliseconds(10));
  EXPECT_EQ(wait_exceeded_by(0.045, kStalls, seconds(1)), milliseconds(5));
}

TEST(Stalls, WhoStallsLessMakesNobodyWait) {
  EXPECT_EQ(wait_exceeded_by(0.06, kStalls, seconds(1)), Duration::zero());
  EXPECT_EQ(wait_exceeded_by(0.5, kStalls, seconds(1)), Duration::zero());
  EXPECT_EQ(wait_exceeded_by(0.01, {}, seconds(1)), Duration::zero());
}

TEST(Stalls, EachCpuIsObservedForTheTimeGiven) {
  const std::vector<int> cpus = io::allowed_cpus();
  const auto samples = observe_stalls(cpus, milliseconds(5));
  ASSERT_TRUE(samples) << samples.error().reason;
  ASSERT_EQ(samples->size(), cpus.size());
  for (const StallSample& sample : *samples) {
    EXPECT_GE(sample.observed, milliseconds(5));
    Duration sum{};
    for (const Duration stall : sample.stalls) {
      EXPECT_GE(stall, kShortestStall);
      sum += stall;
    }
    EXPECT_LE(sum, sample.observed);
  }
}

TEST(Stalls, ACpuThatIsNotOursIsRefused) {
  const auto samples = observe_stalls(std::array{100'000}, milliseconds(5));
  ASSERT_FALSE(samples);
  EXPECT_NE(samples.error().reason.find("100000"), std::string::npos) << samples.error().reason;
}

}  // namespace
}  // namespace quicore::perf
