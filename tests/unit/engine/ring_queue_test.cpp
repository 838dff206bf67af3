// SPDX-License-Identifier: Apache-2.0
#include "engine/ring_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>

#include "io/random.h"

namespace quicore::engine {
namespace {

TEST(RingQueue, GivesBackInTheOrderGiven) {
  RingQueue<int> queue;
  for (int i = 0; i < 100; ++i) queue.push_back(i);
  EXPECT_EQ(queue.back(), 99);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(queue.take_front(), i);
  EXPECT_TRUE(queue.empty());
}

TEST(RingQueue, ReleasesAnItemWhenItIsPopped) {
  RingQueue<std::shared_ptr<int>> queue;
  auto item = std::make_shared<int>(1);
  queue.push_back(item);
  queue.push_back(item);
  EXPECT_EQ(item.use_count(), 3);
  queue.pop_front();
  EXPECT_EQ(item.use_count(), 2);
  queue.clear();
  EXPECT_EQ(item.use_count(), 1);
}

TEST(RingQueue, HoldsItemsThatCanOnlyBeMoved) {
  RingQueue<std::unique_ptr<int>> queue;
  for (int i = 0; i < 9; ++i) queue.push_back(std::make_unique<int>(i));
  for (int i = 0; i < 9; ++i) EXPECT_EQ(*queue.take_front(), i);
}

TEST(RingQueue, TakesItsItemsAlongWhenItIsMovedAndCanBeUsedAgain) {
  RingQueue<int> queue;
  for (int i = 0; i < 5; ++i) queue.push_back(i);
  RingQueue<int> taken = std::move(queue);
  EXPECT_EQ(taken.size(), 5u);
  EXPECT_EQ(taken.front(), 0);
  EXPECT_TRUE(queue.empty());  // NOLINT(bugprone-use-after-move): that is the promise
  queue.push_back(7);
  EXPECT_EQ(queue.front(), 7);
}

class RingQueueProperty : public testing::TestWithParam<std::uint64_t> {};

TEST_P(RingQueueProperty, AgreesWithADeque) {
  io::Random random = io::Random::seeded(GetParam());
  RingQueue<std::uint64_t> queue;
  std::deque<std::uint64_t> model;
  for (int step = 0; step < 5000; ++step) {
    // Phases of growing and shrinking, so that the ring wraps at many sizes.
    const bool growing = (step / 200) % 2 == 0;
    if (random.below(3) < (growing ? 2u : 1u)) {
      const std::uint64_t item = random.next();
      queue.push_back(item);
      model.push_back(item);
    } else if (!model.empty()) {
      ASSERT_EQ(queue.take_front(), model.front());
      model.pop_front();
    }
    ASSERT_EQ(queue.size(), model.size());
    if (!model.empty()) {
      const std::size_t index = random.below(model.size());
      ASSERT_EQ(queue[index], model[index]);
      ASSERT_EQ(queue.back(), model.back());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RingQueueProperty, testing::Range<std::uint64_t>(0, 5));

}  // namespace
}  // namespace quicore::engine
