// SPDX-License-Identifier: Apache-2.0
#include "engine/connection_table.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "io/random.h"

namespace quicore::engine {
namespace {

// The table never looks into a connection.
Connection* fake_connection(std::uintptr_t number) {
  return reinterpret_cast<Connection*>(number * 16 + 16);
}

ConnectionId id_of(std::uint64_t number, std::size_t size) {
  std::array<std::uint8_t, limits::kMaxConnectionIdLength> bytes{};
  for (std::size_t i = 0; i < sizeof(number); ++i) {
    bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
  }
  return ConnectionId::from(std::span(bytes).first(size));
}

TEST(ConnectionTable, FindsWhatWasInsertedUntilItIsErased) {
  ConnectionTable table(1, 2);
  const ConnectionId id = id_of(7, 8);
  EXPECT_EQ(table.find(id.span()), nullptr);
  EXPECT_TRUE(table.insert(id, fake_connection(1)));
  EXPECT_EQ(table.find(id.span()), fake_connection(1));
  table.erase(id);
  EXPECT_EQ(table.find(id.span()), nullptr);
  EXPECT_EQ(table.size(), 0u);
}

TEST(ConnectionTable, ASecondConnectionCannotTakeAnId) {
  ConnectionTable table(1, 2);
  EXPECT_TRUE(table.insert(id_of(7, 8), fake_connection(1)));
  EXPECT_FALSE(table.insert(id_of(7, 8), fake_connection(2)));
  EXPECT_EQ(table.find(id_of(7, 8).span()), fake_connection(1));
  EXPECT_EQ(table.size(), 1u);
}

TEST(ConnectionTable, IdsThatDifferOnlyInLengthAreDifferent) {
  ConnectionTable table(1, 2);
  for (std::size_t size = 0; size <= limits::kMaxConnectionIdLength; ++size) {
    EXPECT_TRUE(table.insert(id_of(0, size), fake_connection(size)));
  }
  for (std::size_t size = 0; size <= limits::kMaxConnectionIdLength; ++size) {
    EXPECT_EQ(table.find(id_of(0, size).span()), fake_connection(size));
  }
}

TEST(ConnectionTable, AnIdLongerThanAnyOfOursIsUnknown) {
  ConnectionTable table(1, 2);
  EXPECT_TRUE(table.insert(id_of(0, 20), fake_connection(1)));
  const std::vector<std::uint8_t> longer(21, 0);
  EXPECT_EQ(table.find(longer), nullptr);
}

TEST(ConnectionTable, ErasingAnUnknownIdChangesNothing) {
  ConnectionTable table(1, 2);
  EXPECT_TRUE(table.insert(id_of(1, 8), fake_connection(1)));
  table.erase(id_of(2, 8));
  EXPECT_EQ(table.size(), 1u);
}

class ConnectionTableProperty : public testing::TestWithParam<std::uint64_t> {};

// Few distinct IDs and as many erasures as insertions: long runs, many gaps, many shifts.
TEST_P(ConnectionTableProperty, AgreesWithAnOrderedMap) {
  io::Random random = io::Random::seeded(GetParam());
  ConnectionTable table(random.next(), random.next());
  std::map<std::string, std::pair<ConnectionId, Connection*>> model;
  const std::uint64_t ids = 1 + random.below(3000);
  for (int step = 0; step < 20000; ++step) {
    const ConnectionId id = id_of(random.below(ids), 8 + random.below(2));
    const auto known = model.find(id.to_hex());
    switch (random.below(3)) {
      case 0: {
        Connection* connection = fake_connection(random.below(1000));
        ASSERT_EQ(table.insert(id, connection), known == model.end());
        model.try_emplace(id.to_hex(), id, connection);
        break;
      }
      case 1:
        table.erase(id);
        model.erase(id.to_hex());
        break;
      default:
        ASSERT_EQ(table.find(id.span()), known == model.end() ? nullptr : known->second.second);
    }
    ASSERT_EQ(table.size(), model.size());
  }
  for (const auto& [text, entry] : model) {
    ASSERT_EQ(table.find(entry.first.span()), entry.second) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ConnectionTableProperty, testing::Range<std::uint64_t>(0, 10));

TEST(KeyedHash, IsAnotherFunctionUnderAnotherSecret) {
  // IDs whose places agree under one secret must be scattered under another.
  const HashSecret known{1, 2};
  const HashSecret secret{3, 4};
  std::map<std::uint64_t, int> places;
  int colliding = 0;
  for (std::uint64_t i = 0; colliding < 256; ++i) {
    if (keyed_hash(known, {i, 0, 8}) % 64 != 0) continue;
    ++colliding;
    ++places[keyed_hash(secret, {i, 0, 8}) % 64];
  }
  EXPECT_GT(places.size(), 50u);
  for (const auto& [place, count] : places) EXPECT_LT(count, 20) << place;
}

TEST(KeyedHash, EveryWordOfTheKeyCounts) {
  const HashSecret secret{1, 2};
  const std::uint64_t hash = keyed_hash(secret, {5, 6, 7});
  EXPECT_NE(hash, keyed_hash(secret, {4, 6, 7}));
  EXPECT_NE(hash, keyed_hash(secret, {5, 4, 7}));
  EXPECT_NE(hash, keyed_hash(secret, {5, 6, 4}));
  EXPECT_NE(hash, keyed_hash({1, 3}, {5, 6, 7}));
  EXPECT_NE(hash, keyed_hash({0, 2}, {5, 6, 7}));
}

}  // namespace
}  // namespace quicore::engine
