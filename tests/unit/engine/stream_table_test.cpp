// SPDX-License-Identifier: Apache-2.0
#include "engine/stream_table.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "engine/stream.h"

namespace quicore::engine {
namespace {

struct Item {
  explicit Item(std::int64_t id, int* alive = nullptr) : id_(id), alive_(alive) {
    if (alive_ != nullptr) ++*alive_;
  }
  ~Item() {
    if (alive_ != nullptr) --*alive_;
  }
  Item(const Item&) = delete;
  Item& operator=(const Item&) = delete;
  StreamId id() const { return StreamId{id_}; }

  std::int64_t id_;
  int* alive_;
  Item* next_in_table_ = nullptr;
};

using Table = StreamTable<Item>;

Item& add(Table& table, std::int64_t id, int* alive = nullptr) {
  auto item = std::make_unique<Item>(id, alive);
  Item& added = *item;
  table.add(std::move(item));
  return added;
}

std::set<std::int64_t> ids_of(const Table& table) {
  std::set<std::int64_t> ids;
  for (const Item& item : table) EXPECT_TRUE(ids.insert(item.id_).second) << item.id_;
  return ids;
}

TEST(StreamTable, FindsWhatWasAddedAndNothingElse) {
  Table table;
  EXPECT_EQ(table.find(0), nullptr);
  EXPECT_TRUE(ids_of(table).empty());
  Item& first = add(table, 0);
  Item& other_kind = add(table, 1);
  EXPECT_EQ(table.find(0), &first);
  EXPECT_EQ(table.find(1), &other_kind);
  EXPECT_EQ(table.find(2), nullptr);
  EXPECT_EQ(table.find(4), nullptr);
  EXPECT_EQ(ids_of(table), (std::set<std::int64_t>{0, 1}));
}

TEST(StreamTable, AgreesWithAMapWhateverIsAddedAndRemoved) {
  std::mt19937 random(17);
  Table table;
  std::map<std::int64_t, Item*> model;
  for (int step = 0; step < 20'000; ++step) {
    const auto id = static_cast<std::int64_t>(random() % (step < 10'000 ? 4000 : 40));
    if (const auto known = model.find(id); known != model.end()) {
      ASSERT_EQ(table.find(id), known->second);
      if (random() % 2 == 0) {
        ASSERT_EQ(table.remove(*known->second).get(), known->second);
        model.erase(known);
      }
    } else {
      ASSERT_EQ(table.find(id), nullptr);
      model.emplace(id, &add(table, id));
    }
    ASSERT_EQ(table.size(), model.size());
  }
  std::set<std::int64_t> expected;
  for (const auto& [id, item] : model) expected.insert(id);
  EXPECT_EQ(ids_of(table), expected);
}

TEST(StreamTable, ConsecutiveStreamsOfOneKindHaveChainsOfTheirOwn) {
  Table table;
  for (std::int64_t id = 0; id < 4 * 1000; id += 4) add(table, id);
  EXPECT_GE(table.chains(), table.size());
  for (const Item& item : table) EXPECT_EQ(item.next_in_table_, nullptr) << item.id_;
}

TEST(StreamTable, WhatIsNotInItCannotBeRemoved) {
  Table table;
  Item elsewhere(4);
  EXPECT_EQ(table.remove(elsewhere), nullptr);
  Item& here = add(table, 4);
  EXPECT_EQ(table.remove(elsewhere), nullptr);
  EXPECT_EQ(table.find(4), &here);
}

TEST(StreamTable, DestroysWhatItHoldsAndHandsOverWhatIsTaken) {
  int alive = 0;
  std::vector<std::unique_ptr<Item>> taken;
  {
    Table table;
    for (std::int64_t id = 0; id < 400; id += 4) add(table, id, &alive);
    table.move_to(taken);
    EXPECT_TRUE(table.empty());
    EXPECT_EQ(table.find(0), nullptr);
    for (std::int64_t id = 0; id < 40; id += 4) add(table, id, &alive);
    EXPECT_EQ(alive, 110);
  }
  EXPECT_EQ(alive, 100);
  EXPECT_EQ(taken.size(), 100u);
}

TEST(StreamTable, GivesALargeTableBackWhenTheLastStreamGoes) {
  Table table;
  std::vector<Item*> items;
  for (std::int64_t id = 0; id < 4000; id += 4) items.push_back(&add(table, id));
  for (Item* item : items) table.remove(*item);
  EXPECT_EQ(table.chains(), 0u);
  Item& small = add(table, 4);
  table.remove(small);
  EXPECT_GT(table.chains(), 0u);  // no new one for each of the streams that come one by one
}

}  // namespace
}  // namespace quicore::engine
