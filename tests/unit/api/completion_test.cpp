// SPDX-License-Identifier: Apache-2.0
#include "api/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/support/api_node.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;
using testing::ElementsAre;

Task<> record(Completion<int> completion, std::vector<int>& into, int who) {
  auto& result = co_await completion;
  into.push_back(result ? who * 100 + *result : -who);
}

TEST(Completion, ManyAwaitersGetTheValueInTheOrderInWhichTheyCame) {
  ApiWorld world(this_test());
  const Promise<int> promise(world.node.state());
  std::vector<int> seen;
  for (int who = 1; who <= 3; ++who) {
    world.node.shard().spawn(record(promise.completion(), seen, who));
  }
  promise.completion().then([&](const Result<int>& result) { seen.push_back(*result); });
  promise.set(7);
  world.settle();
  EXPECT_THAT(seen, ElementsAre(107, 207, 307, 7));
}

TEST(Completion, NobodyRunsInsideTheSetter) {
  ApiWorld world(this_test());
  const Promise<int> promise(world.node.state());
  std::vector<int> seen;
  world.node.shard().spawn(record(promise.completion(), seen, 1));
  promise.completion().then([&](const Result<int>&) { seen.push_back(0); });
  promise.set(7);
  EXPECT_TRUE(seen.empty());
  world.settle();
  EXPECT_EQ(seen.size(), 2u);
}

TEST(Completion, ACallbackOfAReadyOneDoesNotRunInsideThen) {
  ApiWorld world(this_test());
  const Promise<int> promise(world.node.state());
  promise.set(7);
  bool called = false;
  promise.completion().then([&](const Result<int>&) { called = true; });
  EXPECT_FALSE(called);
  world.settle();
  EXPECT_TRUE(called);
}

TEST(Completion, AwaitingAReadyOneDoesNotSuspend) {
  ApiWorld world(this_test());
  const Promise<int> promise(world.node.state());
  promise.set(7);
  std::vector<int> seen;
  world.node.shard().spawn(record(promise.completion(), seen, 1));
  EXPECT_THAT(seen, ElementsAre(107));  // no turn was made
}

TEST(Completion, TheFirstValueCountsAndStays) {
  ApiWorld world(this_test());
  const Promise<int> promise(world.node.state());
  const auto completion = promise.completion();
  EXPECT_EQ(completion.peek(), nullptr);
  promise.set(1);
  promise.set(2);
  ASSERT_NE(completion.peek(), nullptr);
  EXPECT_EQ(completion.peek()->value(), 1);
}

TEST(Completion, AWaitEndsByItsTimeoutAndMayBeMadeAgain) {
  ApiWorld world(this_test());
  const Promise<int> promise(world.node.state());
  world.run([](Completion<int> completion, World& clock) -> Task<> {
    const Duration before = clock.elapsed();
    auto result = co_await completion.wait(50ms);
    EXPECT_EQ(result.error().kind, Errc::timed_out);
    EXPECT_EQ(clock.elapsed() - before, 50ms);
  }(promise.completion(), world.world));
  promise.set(3);
  world.run([](Completion<int> completion) -> Task<> {
    auto result = co_await completion.wait(50ms);
    EXPECT_EQ(result.value(), 3);
  }(promise.completion()));
}

TEST(Completion, AWaitThatGaveUpTakesNothingFromTheOthers) {
  ApiWorld world(this_test());
  const Promise<int> promise(world.node.state());
  std::vector<int> seen;
  world.node.shard().spawn([](Completion<int> completion) -> Task<> {
    (void)co_await completion.wait(1ms);
  }(promise.completion()));
  world.node.shard().spawn(record(promise.completion(), seen, 1));
  static_cast<void>(world.world.run_for(10ms));
  promise.set(5);
  world.settle();
  EXPECT_THAT(seen, ElementsAre(105));
}

TEST(Completion, AStopTokenOfAnotherThreadEndsAWait) {
  ApiWorld world(this_test());
  const Promise<int> promise(world.node.state());
  std::stop_source source;
  bool ended = false;
  world.node.shard().spawn(
      [](Completion<int> completion, std::stop_token stop, bool& flag) -> Task<> {
        auto result = co_await completion.wait(std::move(stop));
        EXPECT_EQ(result.error().kind, Errc::cancelled);
        flag = true;
      }(promise.completion(), source.get_token(), ended));
  world.settle();
  EXPECT_FALSE(ended);
  std::thread([&] { source.request_stop(); }).join();
  EXPECT_FALSE(ended);  // it runs on its shard, not on the other thread
  world.settle();
  EXPECT_TRUE(ended);
}

TEST(Completion, AStopTokenThatWasTriggeredBeforeEndsAWait) {
  ApiWorld world(this_test());
  const Promise<int> promise(world.node.state());
  std::stop_source source;
  source.request_stop();
  world.run([](Completion<int> completion, std::stop_token stop) -> Task<> {
    auto result = co_await completion.wait(std::move(stop));
    EXPECT_EQ(result.error().kind, Errc::cancelled);
  }(promise.completion(), source.get_token()));
}

TEST(Completion, AValueThatComesWithTheTimeoutIsNotLost) {
  ApiWorld world(this_test());
  const Promise<int> promise(world.node.state());
  world.world.at(50ms, [&] { promise.set(9); });
  world.run([](Completion<int> completion) -> Task<> {
    auto result = co_await completion.wait(50ms);
    EXPECT_EQ(result.value(), 9);
  }(promise.completion()));
}

TEST(Completion, APromiseThatDiesUnsetCancelsItsWaiters) {
  ApiWorld world(this_test());
  std::vector<int> seen;
  Errc kind = Errc::ok;
  {
    const Promise<int> promise(world.node.state());
    world.node.shard().spawn(record(promise.completion(), seen, 4));
    promise.completion().then([&](const Result<int>& result) { kind = result.error().kind; });
  }
  world.settle();
  EXPECT_THAT(seen, ElementsAre(-4));
  EXPECT_EQ(kind, Errc::cancelled);
}

TEST(Completion, ACallbackThatThrowsIsLogged) {
  ApiWorld world(this_test());
  const Promise<int> promise(world.node.state());
  promise.set(1);
  promise.completion().then(
      [](const Result<int>&) { throw std::runtime_error("from the callback"); });
  world.settle();
  ASSERT_EQ(world.node.log.size(), 1u);
  EXPECT_THAT(world.node.log.front(), testing::HasSubstr("from the callback"));
}

TEST(Completion, ADestroyedCoroutineIsNotResumed) {
  ApiWorld world(this_test());
  const Promise<int> promise(world.node.state());
  std::vector<int> seen;
  world.node.shard().spawn(record(promise.completion(), seen, 1));
  promise.set(1);  // it is in the ready queue now
  world.node.end();
  EXPECT_TRUE(seen.empty());
}

}  // namespace
}  // namespace quicore::test
