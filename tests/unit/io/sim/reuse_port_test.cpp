// SPDX-License-Identifier: Apache-2.0
// Several shards on one address: the simulated kernel steers as the real one does.
#include <gmock/gmock.h>

#include "io/steering.h"
#include "tests/unit/io/sim/two_hosts.h"

namespace quicore::sim {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint32_t kShards = 4;

// A short-header packet for the connection ID that begins with `id`.
std::string packet_for(std::uint8_t id, std::size_t size = 50) {
  std::string packet(size, '\0');
  packet[0] = 0x40;
  packet[4] = static_cast<char>(id);
  return packet;
}

struct Shards {
  explicit Shards(bool steering, Gro gro = Gro::off) : world(with(gro)) {
    world.connect(client, server, {Delay{1ms}});
    for (std::uint32_t i = 0; i < kShards; ++i) {
      io::SocketOptions options = bound_to(Address::any(Family::ipv4, 443));
      options.reuse_port = true;
      options.steering = steering;
      options.shard_count = kShards;
      options.shard_index = i;
      shards.push_back(std::make_unique<Peer>(world, server, options));
    }
  }
  static WorldOptions with(Gro gro) {
    WorldOptions options = this_test();
    options.gro = gro;
    return options;
  }
  Address address() const { return server.address_with_port(443); }
  std::vector<std::size_t> counts() const {
    std::vector<std::size_t> all;
    for (const auto& shard : shards) all.push_back(shard->received.size());
    return all;
  }

  World world;
  Host& client = world.add_host("client");
  Host& server = world.add_host("server");
  std::vector<std::unique_ptr<Peer>> shards;
};

TEST(SimReusePort, ADatagramGoesToTheShardOfItsConnectionId) {
  Shards net(true);
  Peer client(net.world, net.client, any_port());
  for (std::uint8_t id = 0; id < 2 * kShards; ++id) client.send(net.address(), packet_for(id));
  EXPECT_EQ(net.world.run_until_quiet(), Outcome::quiet);
  for (std::uint32_t shard = 0; shard < kShards; ++shard) {
    ASSERT_THAT(net.shards[shard]->received, SizeIs(2));
    for (const auto& datagram : net.shards[shard]->received) {
      EXPECT_EQ(io::steer(as_bytes(datagram.payload), kShards), shard);
    }
  }
}

TEST(SimReusePort, AClientThatChangesItsPortKeepsItsShard) {
  Shards net(true);
  for (int port = 0; port < 20; ++port) {
    Peer client(net.world, net.client, any_port());
    client.send(net.address(), packet_for(2));
    EXPECT_EQ(net.world.run_until_quiet(), Outcome::quiet);
  }
  EXPECT_THAT(net.counts(), ::testing::ElementsAre(0, 0, 20, 0));
}

TEST(SimReusePort, WithoutTheFilterTheAddressPairDecides) {
  Shards net(false);
  std::size_t shards_used = 0;
  for (int port = 0; port < 20; ++port) {
    Peer client(net.world, net.client, any_port());
    const auto before = net.counts();
    for (std::uint8_t id = 0; id < kShards; ++id) client.send(net.address(), packet_for(id));
    EXPECT_EQ(net.world.run_until_quiet(), Outcome::quiet);
    // All four connection IDs went to one shard: that of this client's port.
    const auto after = net.counts();
    int changed = 0;
    for (std::uint32_t i = 0; i < kShards; ++i) changed += after[i] != before[i] ? 1 : 0;
    EXPECT_EQ(changed, 1);
  }
  for (const std::size_t count : net.counts()) shards_used += count > 0 ? 1 : 0;
  EXPECT_GT(shards_used, 1u);
}

TEST(SimReusePort, JoinedDatagramsFollowTheFirstOneToItsShard) {
  Shards net(true, Gro::full);
  Peer client(net.world, net.client, any_port());
  client.send_train(net.address(), packet_for(1) + packet_for(2) + packet_for(3), 50);
  EXPECT_EQ(net.world.run_until_quiet(), Outcome::quiet);
  EXPECT_THAT(net.counts(), ::testing::ElementsAre(0, 3, 0, 0));
}

TEST(SimReusePort, WhenASocketLeavesTheLastOneTakesItsNumber) {
  Shards net(true);
  net.shards[1].reset();
  Peer client(net.world, net.client, any_port());
  client.send(net.address(), packet_for(1));
  EXPECT_EQ(net.world.run_until_quiet(), Outcome::quiet);
  EXPECT_THAT(net.shards[3]->received, SizeIs(1));
  EXPECT_THAT(net.shards[2]->received, IsEmpty());
}

}  // namespace
}  // namespace quicore::sim
