// SPDX-License-Identifier: Apache-2.0
#include "engine/clone_group.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/limits.h"

namespace quicore::engine {
namespace {

class CloneGroupTest : public testing::Test {
 protected:
  ConnectionId fresh() { return make_connection_id(random_, 0, 1); }
  // Whose turn the next new IDs are.
  std::string turns(int count) {
    std::string all;
    for (int i = 0; i < count; ++i) {
      const auto shard = clones_.take_turn(fresh().span());
      all += shard ? std::to_string(*shard) : "-";
    }
    return all;
  }

  io::Random random_ = io::Random::seeded(1);
  CloneGroup clones_{random_};
};

TEST_F(CloneGroupTest, TakesOneMemberFromEachShard) {
  EXPECT_TRUE(clones_.join(2));
  EXPECT_FALSE(clones_.join(2));
  clones_.leave(2);
  EXPECT_TRUE(clones_.join(2));
}

TEST_F(CloneGroupTest, NewIdsGoToThoseWhoListenInTurn) {
  EXPECT_EQ(turns(2), "--");
  EXPECT_EQ(clones_.next(), std::nullopt);
  for (const std::uint32_t shard : {5u, 1u, 3u}) clones_.begin_listening(shard);
  EXPECT_EQ(clones_.next(), 5u);
  EXPECT_EQ(turns(7), "5135135");
}

TEST_F(CloneGroupTest, WhoBeginsToListenIsServedBehindTheOthers) {
  clones_.begin_listening(1);
  clones_.begin_listening(2);
  EXPECT_EQ(turns(1), "1");
  clones_.begin_listening(3);  // 2 is next, then 1
  EXPECT_EQ(turns(6), "213213");
  clones_.begin_listening(2);  // again: nothing changes
  EXPECT_EQ(turns(3), "213");
}

TEST_F(CloneGroupTest, WhoLeavesChangesNobodyElsesTurn) {
  for (const std::uint32_t shard : {0u, 1u, 2u}) clones_.begin_listening(shard);
  EXPECT_EQ(turns(1), "0");
  clones_.leave(0);
  EXPECT_EQ(turns(3), "121");
  clones_.end_listening(2);
  EXPECT_EQ(turns(2), "11");
  clones_.end_listening(1);
  EXPECT_EQ(turns(1), "-");
}

TEST_F(CloneGroupTest, AKnownIdStaysWithItsOwner) {
  clones_.begin_listening(0);
  clones_.begin_listening(1);
  const ConnectionId first = fresh();
  EXPECT_EQ(clones_.owner_of(first.span()), std::nullopt);
  EXPECT_EQ(clones_.take_turn(first.span()), 0u);
  EXPECT_EQ(clones_.take_turn(first.span()), 0u) << "a retransmission takes no turn";
  EXPECT_EQ(clones_.owner_of(first.span()), 0u);
  const ConnectionId own = fresh();
  clones_.remember(own, 7);
  EXPECT_EQ(clones_.take_turn(own.span()), 7u);
  EXPECT_EQ(turns(1), "1");
}

TEST_F(CloneGroupTest, ForgetsTheOldestBeyondItsLimit) {
  const ConnectionId oldest = fresh();
  const ConnectionId second = fresh();
  clones_.remember(oldest, 1);
  clones_.remember(second, 2);
  for (std::size_t i = 2; i < limits::kCloneIds; ++i) clones_.remember(fresh(), 3);
  EXPECT_EQ(clones_.owner_of(oldest.span()), 1u);
  clones_.remember(fresh(), 3);
  EXPECT_EQ(clones_.owner_of(oldest.span()), std::nullopt);
  EXPECT_EQ(clones_.owner_of(second.span()), 2u);
}

}  // namespace
}  // namespace quicore::engine
