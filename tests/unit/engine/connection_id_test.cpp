// SPDX-License-Identifier: Apache-2.0
#include "engine/connection_id.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <vector>

#include "io/steering.h"

namespace quicore::engine {
namespace {

std::vector<std::uint8_t> counting(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{1});
  return bytes;
}

TEST(ConnectionId, SurvivesTheWayThroughTheLibrary) {
  for (std::size_t size = 0; size <= limits::kMaxConnectionIdLength; ++size) {
    const ConnectionId id = ConnectionId::from(counting(size));
    const ngtcp2_cid cid = id.to_ngtcp2();
    ASSERT_EQ(cid.datalen, size);
    EXPECT_EQ(ConnectionId::from(cid), id);
    EXPECT_EQ(std::vector<std::uint8_t>(id.span().begin(), id.span().end()), counting(size));
  }
}

TEST(ConnectionId, APrefixIsAnotherId) {
  const std::vector<std::uint8_t> zeros(9, 0);
  EXPECT_NE(ConnectionId::from(std::span(zeros).first(8)), ConnectionId::from(zeros));
}

TEST(ConnectionId, IsPrintedAsHexDigits) {
  const std::vector<std::uint8_t> bytes = {0x00, 0x9f, 0xff};
  EXPECT_EQ(ConnectionId::from(bytes).to_hex(), "009fff");
  EXPECT_EQ(ConnectionId().to_hex(), "");
}

TEST(ConnectionId, LongerThanTwentyBytesIsRefused) {
  const auto bytes = counting(21);
  EXPECT_DEATH(ConnectionId::from(bytes), "kMaxConnectionIdLength");
}

TEST(MakeConnectionId, SteersToItsShardForEveryCountAndLength) {
  io::Random random = io::Random::seeded(1);
  for (std::uint32_t count : {1u, 2u, 3u, 7u, 64u, 1000u}) {
    for (std::uint32_t index : {0u, count / 2, count - 1}) {
      for (std::size_t length : {std::size_t{4}, std::size_t{8}, std::size_t{20}}) {
        const ConnectionId id = make_connection_id(random, index, count, length);
        ASSERT_EQ(id.size, length);
        EXPECT_EQ(io::shard_of_connection_id(std::as_bytes(id.span()), count), index);
      }
    }
  }
}

TEST(MakeConnectionId, NeverGivesTheSameIdTwice) {
  io::Random random = io::Random::seeded(2);
  std::set<std::string> seen;
  for (int i = 0; i < 10000; ++i) {
    EXPECT_TRUE(seen.insert(make_connection_id(random, 1, 4).to_hex()).second);
  }
}

TEST(MakeConnectionId, EveryBitBehindTheSteeringWordIsRandom) {
  io::Random random = io::Random::seeded(3);
  constexpr int kIds = 4000;
  std::vector<int> ones(64);
  for (int i = 0; i < kIds; ++i) {
    const ConnectionId id = make_connection_id(random, 0, 4);
    for (std::size_t bit = 0; bit < ones.size(); ++bit) {
      ones[bit] += (id.bytes[bit / 8] >> (7 - bit % 8)) & 1;
    }
  }
  for (std::size_t bit = 0; bit < ones.size(); ++bit) {
    const bool names_the_shard = bit == 30 || bit == 31;  // of four shards, number 0
    EXPECT_NEAR(ones[bit], names_the_shard ? 0 : kIds / 2, names_the_shard ? 0 : kIds / 10) << bit;
  }
}

TEST(MakeConnectionId, IsAFunctionOfTheSeed) {
  io::Random one = io::Random::seeded(4);
  io::Random same = io::Random::seeded(4);
  EXPECT_EQ(make_connection_id(one, 1, 3), make_connection_id(same, 1, 3));
}

}  // namespace
}  // namespace quicore::engine
