// SPDX-License-Identifier: Apache-2.0
#include "io/busy_poll.h"

#include <gtest/gtest.h>

namespace quicore::io {
namespace {

using namespace std::chrono_literals;

// A port that works, waits and works again.
class Waits {
 public:
  explicit Waits(Duration longest) : poll(longest) {}

  // One turn of `work` and the wait after it, which lasts `pause` and finds `datagrams`. True: it
  // polled.
  bool wait(Duration pause, Duration work = 1us, std::uint64_t datagrams = 1) {
    now_ += work;
    const Duration budget = poll.budget(now_, received_);
    const bool polls = budget > Duration::zero();
    if (polls && pause <= budget) poll.found();
    if (polls && pause > budget) poll.missed();
    now_ += pause;
    received_ += datagrams;
    poll.woke(now_);
    return polls;
  }
  int polls_of(int waits, Duration pause, Duration work = 1us, std::uint64_t datagrams = 1) {
    int count = 0;
    for (int i = 0; i < waits; ++i) count += wait(pause, work, datagrams) ? 1 : 0;
    return count;
  }

  BusyPoll poll;

 private:
  Instant now_ = Instant(1h);
  std::uint64_t received_ = 0;
};

TEST(BusyPoll, OfNoTimeNeverPolls) { EXPECT_EQ(Waits(Duration::zero()).polls_of(100, 1us), 0); }

TEST(BusyPoll, GoesOnWhileItPays) { EXPECT_EQ(Waits(50us).polls_of(100, 20us), 100); }

TEST(BusyPoll, IsDoneLessAndLessWhereItDoesNotPay) {
  Waits port(50us);
  EXPECT_EQ(port.polls_of(1024, 60us), 10);  // after 0, 1, 2, 4 ... waits without
  port.polls_of(10'000, 60us);
  EXPECT_EQ(port.polls_of(10 * (kMostWaitsWithoutPolling + 1), 60us), 10);
}

TEST(BusyPoll, IsEagerAgainAfterItPaidOnce) {
  Waits port(50us);
  port.polls_of(10'000, 60us);
  while (!port.wait(20us)) {
  }
  EXPECT_TRUE(port.wait(60us));
  EXPECT_FALSE(port.wait(60us));  // one wait without, not a thousand
  EXPECT_TRUE(port.wait(60us));
}

TEST(BusyPoll, TakesOneFailureAfterManySuccessesForChance) {
  Waits port(50us);
  port.polls_of(kHitsForAMiss, 20us);
  EXPECT_TRUE(port.wait(60us));
  EXPECT_TRUE(port.wait(60us));  // at once: that was chance
  EXPECT_FALSE(port.wait(60us));
  EXPECT_TRUE(port.wait(60us));
}

TEST(BusyPoll, DoesNotTakeAFailureAfterFewSuccessesForChance) {
  Waits port(50us);
  port.polls_of(kHitsForAMiss - 1, 20us);
  EXPECT_TRUE(port.wait(60us));
  EXPECT_FALSE(port.wait(60us));
}

TEST(BusyPoll, IsEagerAgainAfterALongPause) {
  Waits port(50us);
  port.polls_of(10'000, 60us);
  port.wait(kPauseThatForgets - 1ns);
  EXPECT_FALSE(port.wait(60us));
  port.wait(kPauseThatForgets);
  EXPECT_TRUE(port.wait(60us));
}

TEST(BusyPoll, OfABusyShardWouldOnlyMakeItsBatchesSmall) {
  Waits busy(50us);
  busy.polls_of(1000, 1us, 20us);
  EXPECT_EQ(busy.polls_of(1000, 1us, 20us), 0);
  busy.polls_of(1000, 1us, 20us, 2 * kLargeBatch);
  EXPECT_EQ(busy.polls_of(1000, 1us, 20us, 2 * kLargeBatch), 1000);
  Waits half_busy(50us);
  EXPECT_EQ(half_busy.polls_of(1000, 20us, 20us), 1000);
}

TEST(BusyPoll, OfADedicatedCoreDoesNotAskWhetherItPays) {
  Waits port(kAlwaysPoll);
  EXPECT_EQ(port.polls_of(100, 60us), 100);
  EXPECT_EQ(port.polls_of(100, 1us, 20us), 100);
}

}  // namespace
}  // namespace quicore::io
