// SPDX-License-Identifier: Apache-2.0
#include "io/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace quicore::io {
namespace {

TEST(Random, TheBlockFunctionGivesTheVectorOfRfc8439Section232) {
  std::array<std::uint32_t, 8> key{};
  for (std::uint32_t i = 0; i < 8; ++i) key[i] = 0x03020100U + 0x04040404U * i;
  std::array<std::byte, 64> block{};
  chacha20_block(key, 1, {0x09000000, 0x4a000000, 0}, block);
  constexpr std::array<unsigned, 16> kFirst = {0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15,
                                               0x50, 0x0f, 0xdd, 0x1f, 0xa3, 0x20, 0x71, 0xc4};
  for (std::size_t i = 0; i < kFirst.size(); ++i) {
    EXPECT_EQ(std::to_integer<unsigned>(block[i]), kFirst[i]) << i;
  }
  EXPECT_EQ(std::to_integer<unsigned>(block[63]), 0x4eU);
}

TEST(Random, TheSameSeedGivesTheSameBytesHoweverTheyAreAskedFor) {
  Random whole = Random::seeded(7);
  Random pieces = Random::seeded(7);
  std::vector<std::byte> a(5000), b(5000);
  whole.fill(a);
  for (std::size_t at = 0, size = 1; at < b.size(); at += size, size = size % 97 + 1) {
    pieces.fill(std::span(b).subspan(at, std::min(size, b.size() - at)));
  }
  EXPECT_EQ(a, b);
}

TEST(Random, OtherSeedsAndTheSystemGiveOtherBytes) {
  std::set<std::uint64_t> seen = {Random::seeded(1).next(), Random::seeded(2).next(),
                                  Random::seeded(1ULL << 32).next(), Random::system().next(),
                                  Random::system().next()};
  EXPECT_EQ(seen.size(), 5u);
}

TEST(Random, BytesDoNotRepeatAcrossRefills) {
  Random random = Random::seeded(3);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 10000; ++i) seen.insert(random.next());
  EXPECT_EQ(seen.size(), 10000u);
}

TEST(Random, BelowReachesEveryValueUnderTheBoundAndNoOther) {
  Random random = Random::seeded(11);
  std::array<int, 5> hits{};
  for (int i = 0; i < 5000; ++i) ++hits.at(random.below(5));
  for (const int count : hits) EXPECT_NEAR(count, 1000, 150);
  EXPECT_EQ(random.below(1), 0u);
}

TEST(Random, UnitStaysBelowOne) {
  Random random = Random::seeded(13);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    const double value = random.unit();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.02);
}

}  // namespace
}  // namespace quicore::io
