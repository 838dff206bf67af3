// SPDX-License-Identifier: Apache-2.0
#include "api/handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/support/api_node.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;
using testing::ElementsAre;

TEST(Handlers, TheSlotIsCalledFirstThenListenersInOrder) {
  Handlers<int> handlers;
  std::vector<int> seen;
  const auto second = handlers.add_listener([&](int event) { seen.push_back(event + 2); });
  const auto third = handlers.add_listener([&](int event) { seen.push_back(event + 3); });
  handlers = [&](int event) { seen.push_back(event + 1); };
  handlers.emit(10);
  EXPECT_THAT(seen, ElementsAre(11, 12, 13));
}

TEST(Handlers, TheSlotHoldsOneHandler) {
  Handlers<int> handlers;
  std::vector<int> seen;
  handlers = [&](int) { seen.push_back(1); };
  handlers = [&](int) { seen.push_back(2); };
  handlers.emit(0);
  EXPECT_THAT(seen, ElementsAre(2));
  handlers = nullptr;
  handlers.emit(0);
  EXPECT_EQ(seen.size(), 1u);
  EXPECT_TRUE(handlers.empty());
}

TEST(Handlers, ASubscriptionEndsWhenItDies) {
  Handlers<int> handlers;
  int calls = 0;
  {
    const auto subscription = handlers.add_listener([&](int) { ++calls; });
    EXPECT_FALSE(handlers.empty());
    handlers.emit(0);
  }
  EXPECT_TRUE(handlers.empty());
  handlers.emit(0);
  EXPECT_EQ(calls, 1);
  handlers.add_listener([&](int) { ++calls; }).keep();
  handlers.emit(0);
  EXPECT_EQ(calls, 2);
}

TEST(Handlers, AHandlerMayReplaceItselfAndCancelOthersWhileItRuns) {
  Handlers<int> handlers;
  std::vector<int> seen;
  auto other = handlers.add_listener([&](int) { seen.push_back(9); });
  handlers = [&](int) {
    seen.push_back(1);
    other.cancel();
    handlers = [&](int) { seen.push_back(2); };
    handlers.add_listener([&](int) { seen.push_back(3); }).keep();
    seen.push_back(4);  // the lambda that runs is still alive
  };
  handlers.emit(0);
  EXPECT_THAT(seen, ElementsAre(1, 4));
  handlers.emit(0);
  EXPECT_THAT(seen, ElementsAre(1, 4, 2, 3));
}

TEST(Handlers, ACoroutineKeepsItsLambdaAliveWhenTheSlotIsReplaced) {
  ApiWorld world(this_test());
  Handlers<int> handlers;
  auto captured = std::make_shared<int>(5);
  int seen = 0;
  handlers = [captured, &seen](int event) -> Task<> {
    co_await Shard::current().sleep_for(1ms);
    seen = event + *captured;  // through the lambda's own captures
  };
  {
    const internal::ShardState::Scope scope(world.node.state());
    handlers.emit(10);
  }
  handlers = nullptr;
  EXPECT_EQ(captured.use_count(), 2);
  static_cast<void>(world.world.run_for(10ms));
  EXPECT_EQ(seen, 15);
  EXPECT_EQ(captured.use_count(), 1);
}

}  // namespace
}  // namespace quicore::test
