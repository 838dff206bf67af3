// SPDX-License-Identifier: Apache-2.0
#include "engine/deadline_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>

#include "io/random.h"

namespace quicore::engine {
namespace {

struct Timer : DeadlineEntry {};

Instant at(std::int64_t nanoseconds) { return Instant(Duration(nanoseconds)); }

TEST(DeadlineQueue, AnEmptyOneHasNoDeadline) {
  DeadlineQueue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.next(), kNever);
  EXPECT_EQ(queue.pop_expired(kNever), nullptr);
}

TEST(DeadlineQueue, GivesOutExpiredEntriesNearestFirst) {
  DeadlineQueue queue;
  Timer first, second, third;
  queue.schedule(third, at(30));
  queue.schedule(first, at(10));
  queue.schedule(second, at(20));
  EXPECT_EQ(queue.next(), at(10));
  EXPECT_EQ(queue.pop_expired(at(20)), &first);
  EXPECT_EQ(queue.pop_expired(at(20)), &second);
  EXPECT_EQ(queue.pop_expired(at(20)), nullptr);
  EXPECT_FALSE(first.scheduled());
  EXPECT_EQ(first.deadline(), kNever);
  EXPECT_TRUE(third.scheduled());
  queue.cancel(third);
}

TEST(DeadlineQueue, ExpiresAtTheDeadlineAndNotANanosecondBefore) {
  DeadlineQueue queue;
  Timer timer;
  queue.schedule(timer, at(10));
  EXPECT_EQ(queue.pop_expired(at(9)), nullptr);
  EXPECT_EQ(queue.pop_expired(at(10)), &timer);
}

TEST(DeadlineQueue, SchedulingAgainMovesTheEntryBothWays) {
  DeadlineQueue queue;
  Timer moved, fixed;
  queue.schedule(moved, at(10));
  queue.schedule(fixed, at(20));
  queue.schedule(moved, at(30));
  EXPECT_EQ(queue.next(), at(20));
  queue.schedule(moved, at(5));
  EXPECT_EQ(queue.next(), at(5));
  EXPECT_EQ(queue.size(), 2u);
  queue.cancel(moved);
  queue.cancel(fixed);
}

// As every packet puts an idle timeout off.
TEST(DeadlineQueue, AFarDeadlineThatIsPutOffExpiresInTimeAndStillInOrder) {
  const auto seconds = [](int n) { return Instant(std::chrono::seconds(n)); };
  DeadlineQueue queue;
  Timer put_off, other;
  queue.schedule(put_off, seconds(30));
  queue.schedule(other, seconds(50));
  for (int now = 1; now <= 25; ++now) {
    EXPECT_EQ(queue.pop_expired(seconds(now)), nullptr);
    queue.schedule(put_off, seconds(now + 30));
    EXPECT_EQ(put_off.deadline(), seconds(now + 30));
    EXPECT_LE(queue.next(), seconds(50));
  }
  EXPECT_EQ(queue.pop_expired(seconds(49)), nullptr);
  EXPECT_EQ(queue.next(), seconds(50));
  EXPECT_EQ(queue.pop_expired(seconds(60)), &other);
  EXPECT_EQ(queue.pop_expired(seconds(60)), &put_off);  // since 55
  EXPECT_TRUE(queue.empty());
}

TEST(DeadlineQueue, WhatWasPutOffMayBecomeNearerAgain) {
  const auto seconds = [](int n) { return Instant(std::chrono::seconds(n)); };
  DeadlineQueue queue;
  Timer timer;
  queue.schedule(timer, seconds(30));
  queue.schedule(timer, seconds(60));
  queue.schedule(timer, seconds(40));  // between the two
  EXPECT_EQ(queue.pop_expired(seconds(39)), nullptr);
  EXPECT_EQ(queue.next(), seconds(40));
  queue.schedule(timer, seconds(80));
  queue.schedule(timer, seconds(41));
  EXPECT_EQ(queue.pop_expired(seconds(41) - Duration(1)), nullptr);
  EXPECT_EQ(queue.next(), seconds(41));
  EXPECT_EQ(queue.pop_expired(seconds(41)), &timer);
}

TEST(DeadlineQueue, SchedulingForNeverCancels) {
  DeadlineQueue queue;
  Timer timer;
  queue.schedule(timer, at(10));
  queue.schedule(timer, kNever);
  EXPECT_FALSE(timer.scheduled());
  queue.schedule(timer, kNever);
  EXPECT_TRUE(queue.empty());
}

TEST(DeadlineQueue, CancellingTwiceIsHarmless) {
  DeadlineQueue queue;
  Timer timer;
  queue.schedule(timer, at(10));
  queue.cancel(timer);
  queue.cancel(timer);
  EXPECT_TRUE(queue.empty());
}

#if defined(QUICORE_DCHECK) && QUICORE_DCHECK
TEST(DeadlineQueue, AnEntryThatDiesScheduledIsABugThatIsSeen) {
  EXPECT_DEATH(
      {
        DeadlineQueue queue;
        Timer timer;
        queue.schedule(timer, at(10));
      },
      "scheduled");
}
#endif

class DeadlineQueueProperty : public testing::TestWithParam<std::uint64_t> {};

TEST_P(DeadlineQueueProperty, AgreesWithAnOrderedSet) {
  io::Random random = io::Random::seeded(GetParam());
  DeadlineQueue queue;
  std::deque<Timer> timers(1 + random.below(200));
  std::map<DeadlineEntry*, Instant> deadlines;
  std::multiset<Instant> order;
  const auto forget = [&](DeadlineEntry* timer) {
    if (auto found = deadlines.find(timer); found != deadlines.end()) {
      order.erase(order.find(found->second));
      deadlines.erase(found);
    }
  };
  Instant now{};
  for (int step = 0; step < 20000; ++step) {
    Timer& timer = timers[random.below(timers.size())];
    const std::uint64_t choice = random.below(10);
    if (choice < 6) {
      const Instant deadline = now + Duration(random.below(100));
      queue.schedule(timer, deadline);
      forget(&timer);
      deadlines[&timer] = deadline;
      order.insert(deadline);
    } else if (choice < 8) {
      queue.cancel(timer);
      forget(&timer);
    } else {
      now += Duration(random.below(30));
      while (DeadlineEntry* expired = queue.pop_expired(now)) {
        ASSERT_TRUE(deadlines.contains(expired));
        ASSERT_EQ(deadlines[expired], *order.begin());
        ASSERT_LE(*order.begin(), now);
        forget(expired);
      }
      ASSERT_TRUE(order.empty() || *order.begin() > now);
    }
    ASSERT_EQ(queue.next(), order.empty() ? kNever : *order.begin());
    ASSERT_EQ(queue.size(), deadlines.size());
    ASSERT_EQ(timer.scheduled(), deadlines.contains(&timer));
    ASSERT_EQ(timer.deadline(), timer.scheduled() ? deadlines[&timer] : kNever);
  }
  for (Timer& timer : timers) queue.cancel(timer);
  EXPECT_TRUE(queue.empty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, DeadlineQueueProperty, testing::Range<std::uint64_t>(0, 10));

}  // namespace
}  // namespace quicore::engine
