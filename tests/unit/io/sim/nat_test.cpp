// SPDX-License-Identifier: Apache-2.0
// RFC 9000 9.3.3: what a peer sees when the NAT before it changes its mind.
#include <gmock/gmock.h>

#include "tests/unit/io/sim/two_hosts.h"

namespace quicore::sim {
namespace {

using ::testing::ElementsAre;

// A datagram from a each second, answered by b at once.
void ping(TwoHosts& net, int times) {
  const Instant start = net.world.now();
  for (int i = 0; i < times; ++i) {
    net.a.send(net.b.address(), "ping" + std::to_string(i));
    const auto count = net.b.received.size();
    ASSERT_EQ(net.world.run_until([&] { return net.b.received.size() > count; }, 900ms),
              Outcome::reached)
        << net.world.report();
    net.b.send(net.b.received.back().remote, "pong" + std::to_string(i));
    const Instant next = start + std::chrono::seconds(i + 1);
    ASSERT_EQ(net.world.run_for(next - net.world.now()), Outcome::timed_out) << net.world.report();
  }
}

TEST(SimNat, ChangesNothingBeforeTheRebinding) {
  TwoHosts net({Delay{10ms}, Rebind{5s}});
  ping(net, 2);
  EXPECT_EQ(net.b.received[1].remote, net.a.address());
  EXPECT_THAT(net.a.payloads(), ElementsAre("pong0", "pong1"));
}

TEST(SimNat, ANewPortKeepsTheIpAddressAndAnswersFindTheWayBack) {
  TwoHosts net({Delay{10ms}, Rebind{1s, NatChange::port}});
  ping(net, 3);
  const Address before = net.b.received[0].remote;
  const Address after = net.b.received[1].remote;
  EXPECT_EQ(before.host(), after.host());
  EXPECT_NE(before.port(), after.port());
  EXPECT_EQ(after, net.b.received[2].remote);
  EXPECT_THAT(net.a.payloads(), ElementsAre("pong0", "pong1", "pong2"));
  EXPECT_EQ(net.a.received[1].local, net.a.address());
  EXPECT_EQ(net.a.received[1].remote, net.b.address());
}

TEST(SimNat, ANewAddressKeepsThePort) {
  TwoHosts net({Delay{10ms}, Rebind{1s, NatChange::address}});
  ping(net, 2);
  EXPECT_NE(net.b.received[0].remote.host(), net.b.received[1].remote.host());
  EXPECT_EQ(net.b.received[0].remote.port(), net.b.received[1].remote.port());
  EXPECT_THAT(net.a.payloads(), ElementsAre("pong0", "pong1"));
}

TEST(SimNat, BothCanChangeAndSeveralRebindingsFollowEachOther) {
  TwoHosts net({Rebind{1s, NatChange::both}, Delay{10ms}, Rebind{2s, NatChange::port}});
  ping(net, 3);
  const auto remote = [&net](std::size_t i) { return net.b.received.at(i).remote; };
  EXPECT_NE(remote(0).host(), remote(1).host());
  EXPECT_NE(remote(0).port(), remote(1).port());
  EXPECT_EQ(remote(1).host(), remote(2).host());
  EXPECT_NE(remote(1).port(), remote(2).port());
  EXPECT_THAT(net.a.payloads(), ElementsAre("pong0", "pong1", "pong2"));
}

TEST(SimNat, TheAddressBeforeTheRebindingIsDeadUnlessItIsKept) {
  for (const bool keep_old : {false, true}) {
    TwoHosts net({Delay{10ms}, Rebind{1s, NatChange::port, keep_old}});
    ping(net, 2);
    net.b.send(net.b.received[0].remote, "to the old address");
    net.settle();
    EXPECT_EQ(net.a.received.size(), keep_old ? 3u : 2u);
  }
}

TEST(SimNat, BehindItTwoSocketsGetDifferentPorts) {
  TwoHosts net({Delay{10ms}, Rebind{0s, NatChange::both}});
  Peer other(net.world, net.first, any_port());
  net.a.send(net.b.address(), "a");
  other.send(net.b.address(), "other");
  net.settle();
  ASSERT_EQ(net.b.received.size(), 2u);
  const auto& one = net.b.received[0];
  const auto& two = net.b.received[1];
  EXPECT_EQ(one.remote.host(), two.remote.host());
  EXPECT_NE(one.remote.port(), two.remote.port());
  net.b.send(one.payload == "a" ? one.remote : two.remote, "for a");
  net.b.send(one.payload == "a" ? two.remote : one.remote, "for the other");
  net.settle();
  EXPECT_THAT(net.a.payloads(), ElementsAre("for a"));
  EXPECT_THAT(other.payloads(), ElementsAre("for the other"));
}

TEST(SimNat, CanBeChangedByHandDuringTheRun) {
  TwoHosts net({Delay{10ms}});
  ping(net, 1);
  net.world.rebind(net.route, NatChange::port);
  ping(net, 1);
  EXPECT_NE(net.b.received[0].remote, net.b.received[1].remote);
  EXPECT_THAT(net.a.payloads(), ElementsAre("pong0", "pong0"));
}

}  // namespace
}  // namespace quicore::sim
