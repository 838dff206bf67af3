// SPDX-License-Identifier: Apache-2.0
//
// What happens to the path during a connection: NATs that forget, clients that move, packets that
// have become too large, outages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/echo_run.h"

namespace quicore::test {
namespace {

using namespace sim;

constexpr std::size_t kMegabyte = 1024 * 1024;

// --- NAT rebinding: RFC 9000 9.3.3 ----------------------------------------------------------------------

class Rebinding : public ::testing::TestWithParam<NatChange> {};

TEST_P(Rebinding, InTheMiddleOfATransferLosesNothing) {
  EchoRun run({Delay{10ms}, Bandwidth{20_Mbit, 64_KiB}, Rebind{300ms, GetParam()}});
  ASSERT_TRUE(run.echo(pattern(kMegabyte)));
  EXPECT_GT(run.world.elapsed(), 300ms);
  EXPECT_GE(run.accepted().path_changes, 1);
  EXPECT_FALSE(run.accepted().connection->remote_address() == run.client.address());
}

TEST_P(Rebinding, WhileNothingIsSentIsNoticedWithTheNextRequest) {
  EchoRun run({Delay{10ms}, Rebind{5s, GetParam()}});
  ASSERT_TRUE(run.echo("before"));
  ASSERT_EQ(run.world.run_for(10s), Outcome::timed_out) << run.world.report();
  ASSERT_TRUE(run.echo("after"));
}

TEST_P(Rebinding, SeveralTimesUnderLossLosesNothing) {
  Path path = {Delay{10ms}, Bandwidth{20_Mbit, 64_KiB}, Loss{0.02}};
  for (int i = 1; i <= 5; ++i) path.push_back(Rebind{i * 200ms, GetParam()});
  EchoRun run(path);
  ASSERT_TRUE(run.echo(pattern(2 * kMegabyte)));
  EXPECT_GT(run.world.elapsed(), 1s);
}

INSTANTIATE_TEST_SUITE_P(Changes, Rebinding,
                         ::testing::Values(NatChange::port, NatChange::address, NatChange::both));

// --- migration: RFC 9000 9.2 -----------------------------------------------------------------------------

TEST(Migration, AClientMovesToItsOtherInterfaceDuringATransfer) {
  EchoRun run({Delay{10ms}, Bandwidth{20_Mbit, 64_KiB}});
  const Address mobile = run.world.add_address(run.client_host);
  Route& other = run.world.connect(End(run.client_host, mobile), run.server_host, {Delay{40ms}});
  ASSERT_TRUE(run.echo("before"));
  const TestStream& stream = run.send(pattern(kMegabyte));
  ASSERT_EQ(run.world.run_for(200ms), Outcome::timed_out) << run.world.report();
  ASSERT_FALSE(stream.closed);

  engine::Endpoint& endpoint = run.client.endpoint();
  const auto socket = endpoint.open_socket(mobile);
  ASSERT_TRUE(socket.has_value());
  const auto moved =
      run.session->connection->migrate(*socket, endpoint.local_address_of(*socket), false);
  ASSERT_TRUE(moved.has_value()) << moved.error().reason;
  ASSERT_TRUE(run.until([&] { return stream.closed; }));
  EXPECT_TRUE(stream.received == pattern(kMegabyte));
  EXPECT_EQ(run.accepted().connection->remote_address().host(), mobile.host());
  EXPECT_GT(other.there().link(0).stats().datagrams, 0u);

  // The old interface is not used any more.
  run.client_host.remove_address(run.client_host.address());
  ASSERT_TRUE(run.echo("after"));
}

// RFC 9000 9.5: an observer must not be able to link the two paths by a connection ID.
TEST(Migration, UsesAConnectionIdTheOldPathHasNotSeen) {
  std::set<std::string> wifi;
  std::set<std::string> mobile_ids;
  EchoRun run({Delay{10ms}});
  const Address mobile = run.world.add_address(run.client_host);
  run.world.connect(End(run.client_host, mobile), run.server_host, {Delay{40ms}});
  run.world.trace().observe([&](const Sight& sight) {
    const auto& payload = sight.datagram.payload;
    if (sight.what != What::sent || &sight.host != &run.client_host.name()) return;
    if ((std::to_integer<unsigned>(payload[0]) & 0x80) != 0) return;  // long header
    std::string id(8, '\0');
    std::memcpy(id.data(), payload.data() + 1, id.size());
    (sight.datagram.source.host() == mobile.host() ? mobile_ids : wifi).insert(id);
  });
  ASSERT_TRUE(run.echo("before"));
  ASSERT_EQ(run.world.run_for(100ms), Outcome::timed_out) << run.world.report();
  engine::Endpoint& endpoint = run.client.endpoint();
  const auto socket = endpoint.open_socket(mobile);
  ASSERT_TRUE(socket.has_value());
  ASSERT_TRUE(run.session->connection->migrate(*socket, endpoint.local_address_of(*socket), false)
                  .has_value());
  ASSERT_TRUE(run.echo("after"));
  ASSERT_FALSE(mobile_ids.empty());
  for (const std::string& id : mobile_ids) EXPECT_FALSE(wifi.contains(id));
}

// --- the size of packets: RFC 9000 14 ---------------------------------------------------------------------

TEST(PathMtu, DiscoveryFindsWhatAnEthernetCarries) {
  EchoRun run({Delay{10ms}, Mtu{1500}});
  ASSERT_TRUE(run.echo(pattern(kMegabyte)));
  EXPECT_GT(run.client_stats().max_udp_payload_size, 1400u);
  EXPECT_LE(run.client_stats().max_udp_payload_size, 1472u);
}

// Probes vanish without a word; RFC 9000 14.3: their loss is no sign of congestion.
TEST(PathMtu, ABlackHoleForLargePacketsCostsOnlyTheProbes) {
  EchoRun run({Delay{10ms}, BlackHole{.above = 1252}});
  ASSERT_TRUE(run.echo(pattern(kMegabyte)));
  EXPECT_LE(run.client_stats().max_udp_payload_size, 1252u);
  EXPECT_GT(run.route.there().link(1).stats().dropped, 0u);
  EXPECT_LT(run.route.there().link(1).stats().dropped, 30u);
}

TEST(PathMtu, TheSmallestPathQuicAllowsIsEnough) {
  EchoRun run({Delay{10ms}, Mtu{1228}, Loss{0.02}});  // 1200 bytes of payload
  ASSERT_TRUE(run.echo(pattern(kMegabyte)));
}

// --- outages ---------------------------------------------------------------------------------------------

TEST(Outage, ATransferGoesOnAfterTwentySecondsOfSilence) {
  EchoRun run({Delay{10ms}, Bandwidth{20_Mbit, 64_KiB}, BlackHole{300ms, 20s}});
  ASSERT_TRUE(run.echo(pattern(kMegabyte)));
  EXPECT_GT(run.world.elapsed(), 20s);
}

TEST(Outage, OfOneDirectionOnlyIsSurvivedToo) {
  EchoRun run({Delay{10ms}, Bandwidth{20_Mbit, 64_KiB}});
  run.route.back().replace({Delay{10ms}, BlackHole{300ms, 5s}});
  ASSERT_TRUE(run.echo(pattern(kMegabyte)));
}

TEST(Outage, LongerThanTheIdleTimeoutEndsBothSides) {
  EchoRun run({Delay{10ms}, BlackHole{1s}});
  SessionConfig config = EchoRun::client_side();
  config.transport.max_idle_timeout = 5s;
  run.connect(config);
  ASSERT_TRUE(run.echo("hello"));
  ASSERT_TRUE(run.until([&] { return run.session->closed && run.accepted().closed; }));
  EXPECT_GE(run.world.elapsed(), 5s);
  ASSERT_TRUE(run.session->error.has_value());
  EXPECT_EQ(run.session->error->kind, Errc::timed_out);
  EXPECT_EQ(run.client.shard().connection_count(), 0u);
  EXPECT_EQ(run.server->shard().connection_count(), 0u);
}

}  // namespace
}  // namespace quicore::test
