// SPDX-License-Identifier: Apache-2.0
#include "engine/replay_filter.h"

#include <gtest/gtest.h>

#include <array>

namespace quicore::engine {
namespace {

using namespace std::chrono_literals;
constexpr Instant kStart = from_nanoseconds(1'000'000'000);

std::array<std::uint8_t, 16> ticket(std::uint8_t number) { return {number, 1, 2}; }

TEST(ReplayFilter, LetsEachTicketThroughOnce) {
  ReplayFilter filter;
  EXPECT_TRUE(filter.first_time(ticket(1), kStart));
  EXPECT_TRUE(filter.first_time(ticket(2), kStart));
  EXPECT_FALSE(filter.first_time(ticket(1), kStart));
  EXPECT_FALSE(filter.first_time(ticket(2), kStart + 1s));
}

TEST(ReplayFilter, RemembersForAtLeastOnePeriod) {
  ReplayFilter filter;
  ASSERT_TRUE(filter.first_time(ticket(1), kStart));
  const Instant late = kStart + limits::kReplayPeriod - 1ns;
  ASSERT_TRUE(filter.first_time(ticket(2), late));
  EXPECT_FALSE(filter.first_time(ticket(2), late + limits::kReplayPeriod - 1ns));
  EXPECT_FALSE(filter.first_time(ticket(2), late + limits::kReplayPeriod));
}

TEST(ReplayFilter, ForgetsAfterTwoPeriods) {
  ReplayFilter filter;
  ASSERT_TRUE(filter.first_time(ticket(1), kStart));
  ASSERT_TRUE(filter.first_time(ticket(2), kStart + limits::kReplayPeriod));
  EXPECT_TRUE(filter.first_time(ticket(1), kStart + 2 * limits::kReplayPeriod));
  EXPECT_FALSE(filter.first_time(ticket(2), kStart + 2 * limits::kReplayPeriod));
}

TEST(ReplayFilter, AFullOneLetsNobodyThrough) {
  ReplayFilter filter(2);
  ASSERT_TRUE(filter.first_time(ticket(1), kStart));
  ASSERT_TRUE(filter.first_time(ticket(2), kStart));
  EXPECT_FALSE(filter.first_time(ticket(3), kStart));
  EXPECT_TRUE(filter.first_time(ticket(3), kStart + limits::kReplayPeriod));
}

}  // namespace
}  // namespace quicore::engine
