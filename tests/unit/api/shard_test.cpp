// SPDX-License-Identifier: Apache-2.0
#include "api/shard.h"

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

Task<> sleep_then_note(Duration duration, std::vector<int>& into, int what) {
  co_await Shard::current().sleep_for(duration);
  into.push_back(what);
}

TEST(Shard, SleepersWakeInTheOrderOfTheirDeadlines) {
  ApiWorld world(this_test());
  std::vector<int> seen;
  world.node.shard().spawn(sleep_then_note(30ms, seen, 3));
  world.node.shard().spawn(sleep_then_note(10ms, seen, 1));
  world.node.shard().spawn(sleep_then_note(20ms, seen, 2));
  static_cast<void>(world.world.run_for(15ms));
  EXPECT_THAT(seen, ElementsAre(1));
  static_cast<void>(world.world.run_for(15ms));
  EXPECT_THAT(seen, ElementsAre(1, 2, 3));
}

TEST(Shard, SleepsExactlyAsLongAsAsked) {
  ApiWorld world(this_test());
  world.run([](World& clock) -> Task<> {
    Shard& shard = Shard::current();
    co_await shard.sleep_for(0ms);
    const Duration before = clock.elapsed();
    EXPECT_TRUE((co_await shard.sleep_for(1234us)).has_value());
    EXPECT_EQ(clock.elapsed() - before, 1234us);
  }(world.world));
}

TEST(Shard, AStopTokenEndsASleep) {
  ApiWorld world(this_test());
  std::stop_source source;
  world.world.at(5ms, [&] { source.request_stop(); });
  world.run([](std::stop_token stop, World& clock) -> Task<> {
    auto slept = co_await Shard::current().sleep_for(1h, std::move(stop));
    EXPECT_EQ(slept.error().kind, Errc::cancelled);
    EXPECT_LT(clock.elapsed(), 1h);
  }(source.get_token(), world.world));
}

TEST(Shard, RunsWhatOtherThreadsPostInOrder) {
  ApiWorld world(this_test());
  std::vector<int> seen;
  std::thread([&] {
    for (int i = 0; i < 3; ++i) world.node.shard().post([&seen, i] { seen.push_back(i); });
  }).join();
  EXPECT_TRUE(seen.empty());
  world.settle();
  EXPECT_THAT(seen, ElementsAre(0, 1, 2));
}

TEST(Shard, APostedFunctionThatThrowsIsLoggedAndTheOthersRun) {
  ApiWorld world(this_test());
  bool ran = false;
  world.node.shard().post([] { throw std::runtime_error("from the post"); });
  world.node.shard().post([&] { ran = true; });
  world.settle();
  EXPECT_TRUE(ran);
  ASSERT_EQ(world.node.log.size(), 1u);
  EXPECT_THAT(world.node.log.front(), testing::HasSubstr("from the post"));
}

TEST(Shard, CallsAnotherShardAndGetsItsAnswer) {
  World world(this_test());
  ApiNode here(world, world.add_host("here"));
  ApiNode there(world, world.add_host("there"));
  int answer = 0;
  here.shard().spawn([](Shard& home, Shard& other, int& into) -> Task<> {
    into = co_await other.call([&other] { return &Shard::current() == &other ? 42 : -1; });
    EXPECT_EQ(&Shard::current(), &home);
  }(here.shard(), there.shard(), answer));
  EXPECT_EQ(answer, 0);
  EXPECT_EQ(world.run_until([&] { return answer != 0; }), Outcome::reached);
  EXPECT_EQ(answer, 42);
}

TEST(Shard, AnExceptionOfACallComesBack) {
  World world(this_test());
  ApiNode here(world, world.add_host("here"));
  ApiNode there(world, world.add_host("there"));
  bool caught = false;
  here.shard().spawn([](Shard& other, bool& flag) -> Task<> {
    try {
      co_await other.call([] { throw std::runtime_error("over there"); });
    } catch (const std::runtime_error&) {
      flag = true;
    }
  }(there.shard(), caught));
  EXPECT_EQ(world.run_until([&] { return caught; }), Outcome::reached);
}

TEST(Shard, WithoutARuntimeSignalsAreRefused) {
  ApiWorld world(this_test());
  world.run([]() -> Task<> {
    const auto received = co_await Shard::current().signal(1);
    EXPECT_EQ(received.error().kind, Errc::not_supported);
  }());
}

}  // namespace
}  // namespace quicore::test
