// SPDX-License-Identifier: Apache-2.0
#include "api/task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

#include "tests/support/api_node.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

Task<int> add(int a, int b) { co_return a + b; }

Task<int> note(bool& ran) {
  ran = true;
  co_return 1;
}

Task<int> throw_error() {
  throw std::runtime_error("from the task");
  co_return 0;
}

TEST(Task, DoesNothingBeforeItIsAwaited) {
  ApiWorld world(this_test());
  bool ran = false;
  auto task = note(ran);
  world.settle();
  EXPECT_FALSE(ran);
  world.run([](Task<int> later) -> Task<> { EXPECT_EQ(co_await later, 1); }(std::move(task)));
  EXPECT_TRUE(ran);
}

TEST(Task, GivesItsValueToWhoAwaitsIt) {
  ApiWorld world(this_test());
  world.run([]() -> Task<> {
    EXPECT_EQ(co_await add(2, 3), 5);
    auto kept = std::make_unique<int>(7);
    auto moved = co_await [](std::unique_ptr<int> value) -> Task<std::unique_ptr<int>> {
      co_return value;
    }(std::move(kept));
    EXPECT_EQ(*moved, 7);
  }());
}

TEST(Task, AnExceptionComesOutWhereItIsAwaited) {
  ApiWorld world(this_test());
  world.run([]() -> Task<> {
    bool caught = false;
    try {
      co_await throw_error();
    } catch (const std::runtime_error& error) {
      caught = std::string(error.what()) == "from the task";
    }
    EXPECT_TRUE(caught);
  }());
}

TEST(Task, AwaitingAMillionOnesInARowDoesNotGrowTheStack) {
#if !defined(__OPTIMIZE__) || defined(QUICORE_SANITIZED)
  GTEST_SKIP() << "the compiler hands over without a call only when it optimizes";
#endif
  ApiWorld world(this_test());
  world.run([]() -> Task<> {
    int sum = 0;
    for (int i = 0; i < 1'000'000; ++i) sum += co_await add(i & 1, 0);
    EXPECT_EQ(sum, 500'000);
  }());
}

TEST(Task, DroppedUnawaitedDestroysWhatItHolds) {
  auto held = std::make_shared<int>(1);
  {
    auto task = [](std::shared_ptr<int>) -> Task<> { co_return; }(held);
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Task, ASpawnedOneLivesUntilTheShardEnds) {
  ApiWorld world(this_test());
  auto held = std::make_shared<int>(1);
  world.node.shard().spawn([](std::shared_ptr<int>) -> Task<> {
    co_await Shard::current().sleep_for(1h);
    ADD_FAILURE() << "the shard ends first";
  }(held));
  world.settle();
  EXPECT_EQ(held.use_count(), 2);
  world.node.end();
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Task, ASpawnedOneThatThrowsIsLoggedAndTheShardGoesOn) {
  ApiWorld world(this_test());
  world.node.shard().spawn([]() -> Task<> { co_await throw_error(); }());
  world.run([]() -> Task<> { EXPECT_EQ(co_await add(1, 1), 2); }());
  ASSERT_EQ(world.node.log.size(), 1u);
  EXPECT_THAT(world.node.log.front(), testing::HasSubstr("from the task"));
}

TEST(Task, ASpawnedOneThatIsDestroyedMaySpawnAnother) {
  ApiWorld world(this_test());
  struct SpawnsAtTheEnd {
    bool* spawned;
    ~SpawnsAtTheEnd() {
      Shard::current().spawn([](bool* flag) -> Task<> {
        *flag = true;
        co_await Shard::current().sleep_for(1h);
      }(spawned));
    }
  };
  bool spawned = false;
  world.node.shard().spawn([](bool* flag) -> Task<> {
    const SpawnsAtTheEnd guard{flag};
    co_await Shard::current().sleep_for(1h);
  }(&spawned));
  world.node.end();
  EXPECT_TRUE(spawned);
}

}  // namespace
}  // namespace quicore::test
