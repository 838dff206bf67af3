// SPDX-License-Identifier: Apache-2.0
#include "io/steering.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <set>
#include <vector>

#include "io/random.h"
#include "port_world.h"

namespace quicore::io::test {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(std::initializer_list<unsigned> values) {
  Bytes bytes;
  for (const unsigned value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST(Steering, AShortHeaderIsSteeredByTheFourBytesBehindItsFirst) {
  const Bytes packet = bytes_of({0x40, 0x01, 0x02, 0x03, 0x04, 0xff});
  EXPECT_EQ(steer(packet, 7), 0x01020304U % 7);
  EXPECT_EQ(steer(packet, 1), 0u);
}

TEST(Steering, ALongHeaderIsSteeredByTheFirstFourBytesOfItsDestinationId) {
  const Bytes packet = bytes_of({0xc0, 0, 0, 0, 1, 8, 0x01, 0x02, 0x03, 0x04, 5, 6, 7, 8});
  EXPECT_EQ(steer(packet, 7), 0x01020304U % 7);
}

TEST(Steering, HeadersOfOneIdAgreeWhateverTheirForm) {
  const Bytes id = bytes_of({0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4});
  Bytes long_header = bytes_of({0xc3, 0, 0, 0, 1, 8});
  Bytes short_header = bytes_of({0x41});
  long_header.insert(long_header.end(), id.begin(), id.end());
  short_header.insert(short_header.end(), id.begin(), id.end());
  for (std::uint32_t shards = 1; shards < 100; ++shards) {
    EXPECT_EQ(steer(long_header, shards), shard_of_connection_id(id, shards));
    EXPECT_EQ(steer(short_header, shards), shard_of_connection_id(id, shards));
  }
}

TEST(Steering, WhatIsTooShortBelongsToTheFirstShard) {
  const Bytes longest_too_short = bytes_of({0xc0, 0, 0, 0, 1, 8, 0xff, 0xff, 0xff});
  for (std::size_t size = 0; size <= longest_too_short.size(); ++size) {
    EXPECT_EQ(steer(std::span(longest_too_short).first(size), 4), 0u) << size;
  }
  EXPECT_EQ(steer(bytes_of({0x40, 0xff, 0xff, 0xff}), 4), 0u);
  EXPECT_EQ(shard_of_connection_id(bytes_of({9, 9, 9}), 4), 0u);
}

TEST(Steering, AMarkedIdBelongsToItsShardAndStaysRandom) {
  Random random = Random::seeded(1);
  for (const std::uint32_t shards : {1U, 2U, 3U, 4U, 7U, 64U, 1000U}) {
    std::set<Bytes> ids;
    for (int i = 0; i < 200; ++i) {
      const auto shard = static_cast<std::uint32_t>(random.below(shards));
      Bytes id(8);
      random.fill(id);
      const Bytes tail(id.begin() + 4, id.end());
      mark_connection_id(id, shard, shards);
      EXPECT_EQ(shard_of_connection_id(id, shards), shard);
      EXPECT_TRUE(std::equal(tail.begin(), tail.end(), id.begin() + 4));
      ids.insert(id);
    }
    EXPECT_EQ(ids.size(), 200u);
  }
}

TEST(Steering, TheHighestIdsAreMarkedWithoutWrappingAround) {
  for (const std::uint32_t shards : {2U, 3U, 5U, 100U}) {
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      Bytes id = bytes_of({0xff, 0xff, 0xff, 0xff});
      mark_connection_id(id, shard, shards);
      EXPECT_EQ(shard_of_connection_id(id, shards), shard);
    }
  }
}

// Sockets of one address as four shards would have them, on real ports.
class SteeredGroupTest : public testing::TestWithParam<Kind> {
 protected:
  static constexpr std::uint32_t kShards = 4;

  void open_group(bool gro = false) {
    SocketOptions options = on_loopback();
    options.reuse_port = true;
    options.shard_count = kShards;
    options.gro = gro;
    for (std::uint32_t shard = 0; shard < kShards; ++shard) {
      shards.push_back(make_port(GetParam(), kernel));
      options.shard_index = shard;
      const auto socket = shards.back()->open(options);
      ASSERT_TRUE(socket) << to_string(socket.error());
      options.bind_address = shards.back()->local_address(*socket);
      shards.back()->wait(shards.back()->now());
    }
    address = options.bind_address;
    client = make_port(GetParam(), kernel);
  }

  // Datagrams by the shard they arrived at, until `count` have arrived.
  std::vector<std::pair<std::uint32_t, std::string>> collect(std::size_t count) {
    std::vector<std::pair<std::uint32_t, std::string>> got;
    const Instant end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (got.size() < count && std::chrono::steady_clock::now() < end) {
      for (std::uint32_t shard = 0; shard < kShards; ++shard) {
        shards[shard]->wait(shards[shard]->now());
        for (const ReceivedTrain& train : shards[shard]->received()) {
          got.emplace_back(shard, std::string(reinterpret_cast<const char*>(train.bytes.data()),
                                              train.bytes.size()));
        }
      }
    }
    return got;
  }

  std::string random_packet() {
    std::string packet(1 + random.below(30), '\0');
    random.fill(std::as_writable_bytes(std::span(packet)));
    return packet;
  }

  FaultyKernel kernel;
  Random random = Random::seeded(42);
  std::vector<std::unique_ptr<Port>> shards;
  std::unique_ptr<Port> client;
  Address address;
};

INSTANTIATE_TEST_SUITE_P(OfTheKernel, SteeredGroupTest, testing::Values(Kind::uring, Kind::mmsg),
                         [](const auto& test) {
                           return test.param == Kind::uring ? "Uring" : "Mmsg";
                         });

TEST_P(SteeredGroupTest, TheKernelSteersThousandsOfPacketsAsSteerSays) {
  open_group();
  const SocketId socket = *client->open(on_loopback());
  constexpr int kBatches = 100;
  constexpr int kBatch = 40;
  std::array<int, kShards> hits{};
  for (int batch = 0; batch < kBatches; ++batch) {
    for (int i = 0; i < kBatch; ++i) send(*client, socket, address, random_packet());
    client->wait(client->now());
    const auto got = collect(kBatch);
    ASSERT_EQ(got.size(), static_cast<std::size_t>(kBatch));
    for (const auto& [shard, packet] : got) {
      EXPECT_EQ(steer(std::as_bytes(std::span(packet)), kShards), shard);
      ++hits[shard];
    }
  }
  for (const int count : hits) EXPECT_GT(count, 0);
}

TEST_P(SteeredGroupTest, AClientThatChangesItsPortKeepsItsShard) {
  open_group();
  for (std::uint32_t shard = 0; shard < kShards; ++shard) {
    std::string packet(40, '\x40');
    random.fill(std::as_writable_bytes(std::span(packet).subspan(1)));
    mark_connection_id(std::as_writable_bytes(std::span(packet).subspan(1)), shard, kShards);
    for (int port = 0; port < 10; ++port) {
      const SocketId socket = *client->open(on_loopback());
      send(*client, socket, address, packet);
      client->wait(client->now());
      const auto got = collect(1);
      ASSERT_EQ(got.size(), 1u);
      EXPECT_EQ(got[0].first, shard);
      client->close(socket);
    }
  }
}

TEST_P(SteeredGroupTest, ATrainOfSeveralConnectionsStaysTogetherAndCanBeTakenApart) {
  open_group(true);
  const SocketId socket = *client->open(on_loopback());
  std::string train;
  for (std::uint32_t shard = 0; shard < kShards; ++shard) {
    std::string packet(100, '\x40');
    mark_connection_id(std::as_writable_bytes(std::span(packet).subspan(1)), shard, kShards);
    train += packet;
  }
  send(*client, socket, address, train, {.segment_size = 100});
  client->wait(client->now());
  const auto got = collect(1);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].first, 0u) << "steered by its first datagram";
  ASSERT_EQ(got[0].second.size(), train.size());
  for (std::uint32_t shard = 0; shard < kShards; ++shard) {
    const auto packet = std::as_bytes(std::span(got[0].second)).subspan(shard * 100, 100);
    EXPECT_EQ(steer(packet, kShards), shard);
  }
}

TEST_P(SteeredGroupTest, WithTheFilterRefusedEveryPacketStillArrivesSomewhere) {
  kernel.refused_options[{SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF}] = EPERM;
  open_group();
  std::multiset<std::string> sent;
  for (int i = 0; i < 50; ++i) {
    const SocketId socket = *client->open(on_loopback());
    const std::string packet = random_packet();
    sent.insert(packet);
    send(*client, socket, address, packet);
  }
  client->wait(client->now());
  std::multiset<std::string> arrived;
  for (const auto& [shard, packet] : collect(50)) arrived.insert(packet);
  EXPECT_EQ(arrived, sent);
}

}  // namespace
}  // namespace quicore::io::test
