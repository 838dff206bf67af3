// SPDX-License-Identifier: Apache-2.0
#include "engine/intrusive_list.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace quicore::engine {
namespace {

struct ReadyTag {};
struct OtherTag {};

struct Item : ListHook<ReadyTag>, ListHook<OtherTag> {
  explicit Item(int value) : number(value) {}
  int number;
};

using ReadyList = IntrusiveList<Item, ReadyTag>;
using OtherList = IntrusiveList<Item, OtherTag>;

std::vector<int> numbers(ReadyList& list) {
  std::vector<int> result;
  for (Item* item = list.front(); item != nullptr; item = list.after(*item)) {
    result.push_back(item->number);
  }
  return result;
}

TEST(IntrusiveList, KeepsTheOrderOfInsertion) {
  Item one(1), two(2), three(3);
  ReadyList list;
  for (Item* item : {&two, &one, &three}) list.push_back(*item);
  EXPECT_EQ(numbers(list), (std::vector{2, 1, 3}));
  EXPECT_EQ(list.pop_front(), &two);
  EXPECT_EQ(numbers(list), (std::vector{1, 3}));
}

TEST(IntrusiveList, MarkingTwiceKeepsTheFirstPlace) {
  Item one(1), two(2);
  ReadyList list;
  for (Item* item : {&one, &two, &one}) list.push_back(*item);
  EXPECT_EQ(numbers(list), (std::vector{1, 2}));
}

TEST(IntrusiveList, AnObjectLeavesItsListsWhenItDies) {
  Item one(1), three(3);
  ReadyList ready;
  OtherList other;
  auto two = std::make_unique<Item>(2);
  for (Item* item : {&one, two.get(), &three}) ready.push_back(*item);
  other.push_back(*two);
  two.reset();
  EXPECT_EQ(numbers(ready), (std::vector{1, 3}));
  EXPECT_TRUE(other.empty());
}

TEST(IntrusiveList, ListsOfDifferentTagsDontDisturbEachOther) {
  Item one(1), two(2);
  ReadyList ready;
  OtherList other;
  ready.push_back(one);
  ready.push_back(two);
  other.push_back(two);
  EXPECT_EQ(other.pop_front(), &two);
  EXPECT_EQ(numbers(ready), (std::vector{1, 2}));
}

TEST(IntrusiveList, AListThatDiesLeavesItsObjectsFree) {
  Item one(1);
  {
    ReadyList list;
    list.push_back(one);
  }
  EXPECT_FALSE(static_cast<ListHook<ReadyTag>&>(one).linked());
  ReadyList next;
  next.push_back(one);
  EXPECT_EQ(numbers(next), std::vector{1});
}

TEST(IntrusiveList, SplicingMovesEverythingBehindWhatIsThere) {
  Item one(1), two(2), three(3);
  ReadyList to, from;
  to.push_back(one);
  from.push_back(two);
  from.push_back(three);
  to.splice_back(from);
  EXPECT_EQ(numbers(to), (std::vector{1, 2, 3}));
  EXPECT_TRUE(from.empty());
  EXPECT_EQ(from.front(), nullptr);
  EXPECT_EQ(from.pop_front(), nullptr);
}

}  // namespace
}  // namespace quicore::engine
