// SPDX-License-Identifier: Apache-2.0
//
// From the first key to the last packet: key updates, idle times, the end, and life after a crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/echo_run.h"

namespace quicore::test {
namespace {

using namespace sim;

constexpr std::size_t kMegabyte = 1024 * 1024;

// --- key update: RFC 9001 6 -----------------------------------------------------------------------------

TEST(KeyUpdate, DuringATransferLosesNothingAndTheOtherSideFollows) {
  EchoRun run({Delay{10ms}, Bandwidth{20_Mbit, 64_KiB}, Loss{0.03}, Reorder{0.1, 20ms}});
  ASSERT_TRUE(run.echo("before"));
  ASSERT_TRUE(run.until([&] { return run.session->handshake_confirmed; }));
  const TestStream& stream = run.send(pattern(2 * kMegabyte));
  int updates = 0;
  for (int i = 0; i < 10 && !stream.closed; ++i) {
    ASSERT_EQ(run.world.run_for(150ms), Outcome::timed_out) << run.world.report();
    // Refused while the one before is not acknowledged (RFC 9001 6.1): then the next time.
    const bool by_server = i % 2 == 1;
    engine::Connection* side = by_server ? run.accepted().connection : run.session->connection;
    if (side->update_key()) ++updates;
  }
  ASSERT_GE(updates, 3);
  ASSERT_TRUE(run.until([&] { return stream.closed; }));
  EXPECT_TRUE(stream.received == pattern(2 * kMegabyte));
  EXPECT_EQ(run.client_stats().key_update_count, run.server_stats().key_update_count);
  EXPECT_EQ(run.client_stats().key_update_count, static_cast<std::uint64_t>(updates));
}

TEST(KeyUpdate, IsRefusedBeforeTheHandshakeIsConfirmed) {
  EchoRun run({Delay{10ms}});
  run.connect();
  const auto refused = run.session->connection->update_key();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, Errc::invalid_state);
}

// --- idle: RFC 9000 10.1 ----------------------------------------------------------------------------------

TEST(IdleTimeout, EndsASilentConnectionOnBothSidesWithoutAPacket) {
  EchoRun run({Delay{10ms}});
  SessionConfig config = EchoRun::client_side();
  config.transport.max_idle_timeout = 20s;
  run.connect(config);
  ASSERT_TRUE(run.echo("hello"));
  ASSERT_EQ(run.world.run_for(1s), Outcome::timed_out) << run.world.report();
  const auto sent = run.world.trace().count(What::sent);
  ASSERT_TRUE(run.until([&] { return run.session->closed && run.accepted().closed; }, 60s));
  EXPECT_EQ(run.world.trace().count(What::sent), sent);
  EXPECT_GE(run.world.elapsed(), 20s);
  EXPECT_EQ(run.session->error->kind, Errc::timed_out);
}

SessionConfig kept_alive(Duration idle_timeout) {
  SessionConfig config = EchoRun::client_side();
  config.transport.max_idle_timeout = idle_timeout;
  config.keep_alive = 10s;
  return config;
}

TEST(IdleTimeout, IsHeldOffByKeepAlive) {
  EchoRun run({Delay{10ms}});
  run.connect(kept_alive(20s));
  ASSERT_TRUE(run.echo("hello"));
  ASSERT_EQ(run.world.run_for(5min), Outcome::timed_out) << run.world.report();
  EXPECT_FALSE(run.session->closed);
  EXPECT_TRUE(run.echo("still there"));
}

// --- keep-alives and their acknowledgements: RFC 9000 13.2.4 ------------------------------------------------

struct KeepAlive : testing::Test {
  KeepAlive() {
    run.connect(kept_alive(30s));
    EXPECT_TRUE(run.echo("hello"));
    EXPECT_EQ(run.world.run_for(1min), Outcome::timed_out) << run.world.report();
  }
  // Of packets that want an acknowledgement.
  Instant last_of_server() { return run.server_stats().last_sent_packet_at; }

  EchoRun run{{Delay{10ms}}};
};

TEST_F(KeepAlive, CostsOneDatagramEachWay) {
  const auto sent = run.world.trace().count(What::sent);
  const Instant last = last_of_server();
  ASSERT_EQ(run.world.run_for(5min), Outcome::timed_out) << run.world.report();
  EXPECT_EQ(run.world.trace().count(What::sent) - sent, 60u);
  EXPECT_EQ(last_of_server(), last);
}

// Otherwise the server would list for ever what has come before the gap and after it.
TEST_F(KeepAlive, IsAnsweredByAPingWhereOneWasLost) {
  const Instant last = last_of_server();
  const Duration now = run.world.elapsed();
  run.route.there().replace({Delay{10ms}, BlackHole{now, now + 10s + 15ms}});
  ASSERT_EQ(run.world.run_for(1min), Outcome::timed_out) << run.world.report();
  EXPECT_GT(last_of_server(), last);
  const Instant after_loss = last_of_server();
  ASSERT_EQ(run.world.run_for(5min), Outcome::timed_out) << run.world.report();
  EXPECT_EQ(last_of_server(), after_loss);
}

// --- the end: RFC 9000 10.2 -------------------------------------------------------------------------------

TEST(Close, IsSeenByBothSidesAndLeavesNothingBehind) {
  EchoRun run({Delay{10ms}});
  ASSERT_TRUE(run.echo("hello"));
  ASSERT_TRUE(run.close());
  EXPECT_TRUE(run.session->closed);
  EXPECT_FALSE(run.session->error.has_value());
  EXPECT_TRUE(run.accepted().closed);
}

TEST(Close, WithAnErrorReachesThePeerAlsoWhenItsPacketIsLostOnce) {
  EchoRun run({Delay{10ms}});
  ASSERT_TRUE(run.echo("hello"));
  ASSERT_TRUE(run.until([&] { return run.accepted().streams.front().closed; }));
  // The first packet from now on is lost. The server goes on sending and is told again.
  const Duration now = run.world.elapsed();
  run.route.there().replace({Delay{10ms}, BlackHole{now, now + 5ms}});
  run.session->connection->close(Error::application(77, "enough"));
  run.world.at(now + 20ms, [&run] { run.accepted().open().send("are you there?"); });
  ASSERT_TRUE(run.until([&] { return run.accepted().closed; }, 5s));
  ASSERT_TRUE(run.accepted().error.has_value());
  EXPECT_EQ(run.accepted().error->kind, Errc::application);
  EXPECT_EQ(run.accepted().error->code, 77u);
}

// --- stateless reset: RFC 9000 10.3 -----------------------------------------------------------------------

EndpointConfig with_reset_secret() {
  EndpointConfig config;
  config.reset_token_secret.emplace();
  config.reset_token_secret->fill(std::byte{42});
  return config;
}

// spec: EC8 ES10
TEST(StatelessReset, AServerThatLostItsMemoryEndsTheConnectionOfItsClient) {
  EchoRun run({Delay{10ms}}, this_test(), with_reset_secret());
  ASSERT_TRUE(run.echo("hello"));
  run.server.reset();
  run.start_server();
  run.send("who am I?");
  ASSERT_TRUE(run.until([&] { return run.session->closed; }, 5s));
  ASSERT_TRUE(run.session->error.has_value());
  EXPECT_EQ(run.session->error->kind, Errc::stateless_reset);
  EXPECT_GE(run.server->endpoint().stats(run.world.now()).stateless_reset_count, 1u);

  // And the client can begin again.
  run.connect();
  EXPECT_TRUE(run.echo("hello again"));
}

// spec: EC8
TEST(StatelessReset, WithAnotherSecretMeansNothingToTheClient) {
  EchoRun run({Delay{10ms}});  // every server makes a secret of its own
  SessionConfig config = EchoRun::client_side();
  config.transport.max_idle_timeout = 10s;
  run.connect(config);
  ASSERT_TRUE(run.echo("hello"));
  run.server.reset();
  run.start_server();
  run.send("who am I?");
  ASSERT_TRUE(run.until([&] { return run.session->closed; }, 60s));
  EXPECT_EQ(run.session->error->kind, Errc::timed_out);
}

// RFC 9000 10.3.3: two endpoints that know nothing must not send each other resets for ever.
TEST(StatelessReset, DoesNotAnswerWhatIsTooSmallToBeLargerThanItself) {
  EchoRun run({Delay{10ms}}, this_test(), with_reset_secret());
  run.start_server();
  std::vector<std::byte> packet(20, std::byte{0x40});
  run.world.inject(run.client_host.address_with_port(9), run.server->address(), packet);
  ASSERT_EQ(run.world.run_until_quiet(), Outcome::quiet) << run.world.report();
  EXPECT_EQ(run.server->endpoint().stats(run.world.now()).stateless_reset_count, 0u);
  packet.resize(60, std::byte{0x55});
  run.world.inject(run.client_host.address_with_port(9), run.server->address(), packet);
  ASSERT_EQ(run.world.run_until_quiet(), Outcome::quiet) << run.world.report();
  EXPECT_EQ(run.server->endpoint().stats(run.world.now()).stateless_reset_count, 1u);
}

}  // namespace
}  // namespace quicore::test
