// SPDX-License-Identifier: Apache-2.0
#include "engine/shared_trains_parameter.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace quicore::engine {
namespace {

using Octets = std::vector<std::uint8_t>;

constexpr std::size_t kIdSize = 8;

Octets written(std::uint32_t shards) {
  Octets octets(64);
  octets.resize(write_shared_trains_parameter(octets, shards));
  return octets;
}

// RFC 9000 18: ID, length, value. The ID takes eight bytes.
TEST(SharedTrainsParameter, IsWrittenAsVarints) {
  EXPECT_EQ(written(2), (Octets{0xc0, 0, 0, 0x71, 0x63, 0x6f, 0x72, 0x65, 1, 2}));
  EXPECT_EQ(written(64), (Octets{0xc0, 0, 0, 0x71, 0x63, 0x6f, 0x72, 0x65, 2, 0x40, 64}));
}

TEST(SharedTrainsParameter, IsNotWrittenInPart) {
  for (std::size_t room = 0; room < kIdSize + 2; ++room) {
    Octets octets(room, 7);
    EXPECT_EQ(write_shared_trains_parameter(octets, 2), 0u);
    EXPECT_EQ(octets, Octets(room, 7));
  }
}

TEST(SharedTrainsParameter, IsFoundAmongOthers) {
  for (const std::uint32_t shards : {1u, 2u, 63u, 64u, 4096u, 4'000'000'000u}) {
    Octets octets = {0x01, 2, 0x40, 0x64, 0x0c, 0};  // max_idle_timeout, disable_active_migration
    const Octets ours = written(shards);
    octets.insert(octets.end(), ours.begin(), ours.end());
    octets.insert(octets.end(), {0x04, 1, 9});  // initial_max_data
    EXPECT_EQ(read_shared_trains_parameter(octets), shards);
  }
}

TEST(SharedTrainsParameter, SaysNothingWhereItIsMissingOrDamaged) {
  EXPECT_EQ(read_shared_trains_parameter({}), 0u);
  EXPECT_EQ(read_shared_trains_parameter(Octets{0x01, 1, 5}), 0u);
  EXPECT_EQ(read_shared_trains_parameter(Octets{0x01, 5, 5}), 0u);  // another one is cut off
  const Octets whole = written(64);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(read_shared_trains_parameter(std::span(whole).first(size)), 0u) << size;
  }
  Octets longer = whole;  // than its varint
  longer[kIdSize] = 3;
  longer.push_back(0);
  EXPECT_EQ(read_shared_trains_parameter(longer), 0u);
  Octets empty = whole;
  empty.resize(kIdSize);
  empty.push_back(0);
  EXPECT_EQ(read_shared_trains_parameter(empty), 0u);
  const Octets too_many = {0xc0, 0, 0, 0x71, 0x63, 0x6f, 0x72, 0x65, 8, 0xc0, 0, 0, 1, 0, 0, 0, 0};
  EXPECT_EQ(read_shared_trains_parameter(too_many), 0u);
}

}  // namespace
}  // namespace quicore::engine
