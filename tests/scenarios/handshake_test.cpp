// SPDX-License-Identifier: Apache-2.0
//
// Handshakes that meet trouble: losses at every point, Retry, versions, silence.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/echo_run.h"

namespace quicore::test {
namespace {

using namespace sim;

EndpointConfig with_retry() {
  EndpointConfig config;
  config.validate_address = true;
  return config;
}

// --- loss ----------------------------------------------------------------------------------------------

TEST(Handshake, SurvivesTheLossOfAnyOneOfItsDatagrams) {
  constexpr std::uint64_t kDatagramsOfAHandshake = 8;
  for (std::uint64_t lost = 0; lost < kDatagramsOfAHandshake; ++lost) {
    for (const bool there : {true, false}) {
      SCOPED_TRACE((there ? "from the client: #" : "from the server: #") + std::to_string(lost));
      EchoRun run({Delay{20ms}});
      (there ? run.route.there() : run.route.back()).replace({Delay{20ms}, drop_these({lost})});
      ASSERT_TRUE(run.echo("hello"));
    }
  }
}

TEST(Handshake, SurvivesTheLossOfTheWholeFirstFlightOfTheServer) {
  EchoRun run({Delay{20ms}});
  run.route.back().replace({Delay{20ms}, BlackHole{0s, 200ms}});
  ASSERT_TRUE(run.echo("hello"));
}

TEST(Handshake, SurvivesThirtyPercentLoss) {
  for (const std::uint64_t seed : seeds_from_environment(100, 20)) {
    EchoRun run({Delay{20ms}, Loss{0.3}}, this_test(seed));
    ASSERT_TRUE(run.echo("hello"));
  }
}

TEST(Handshake, SurvivesCorruption) {
  for (const std::uint64_t seed : seeds_from_environment(200, 20)) {
    EchoRun run({Delay{20ms}, Corrupt{0.3}}, this_test(seed));
    ASSERT_TRUE(run.echo("hello"));
  }
}

TEST(Handshake, SurvivesReorderingAndDuplication) {
  for (const std::uint64_t seed : seeds_from_environment(300, 20)) {
    EchoRun run({Delay{20ms}, Reorder{0.5, 60ms}, Duplicate{0.5, 60ms}}, this_test(seed));
    ASSERT_TRUE(run.echo("hello"));
  }
}

// RFC 9000 9: QUIC relies on a stable address for the duration of the handshake; packets from
// another are dropped until it is confirmed.
TEST(Handshake, EndsByItsTimeoutWhenTheAddressOfTheClientChangesInTheMiddle) {
  EchoRun run({Delay{20ms}});
  SessionConfig config = EchoRun::client_side();
  config.handshake_timeout = 5s;
  config.transport.max_idle_timeout = 5s;
  run.start_server([] {
    SessionConfig server = EchoRun::server_side();
    server.handshake_timeout = 5s;
    return server;
  }());
  // The client's Initial has arrived, its Finished has not.
  run.world.at(30ms, [&run] { run.world.rebind(run.route, NatChange::port, true); });
  run.connect(config);
  ASSERT_TRUE(run.until([&] { return run.session->closed; }, 1min));
  ASSERT_TRUE(run.session->error.has_value());
  EXPECT_EQ(run.session->error->kind, Errc::timed_out);
  ASSERT_TRUE(run.until([&] { return run.server->shard().connection_count() == 0; }, 1min));
  EXPECT_EQ(run.server->shard().handshakes().total(), 0u);
}

// --- how a server's connection begins ------------------------------------------------------------------

// A ClientHello of two datagrams, as browsers send it.
SessionConfig long_client_hello() {
  SessionConfig config = EchoRun::client_side();
  for (char name = 'a'; name < 'i'; ++name) config.alpn.emplace_back(200, name);
  return config;
}

// RFC 9000 8.1.2: what comes before its beginning is not kept for an address that nobody has validated.
TEST(Handshake, AClientHelloWhoseSecondDatagramComesFirstIsAnsweredByRetry) {
  EchoRun run({Delay{20ms}});
  run.route.there().replace({Delay{20ms}, drop_these({0})});
  run.connect(long_client_hello());
  ASSERT_TRUE(run.echo("hello"));
  EXPECT_EQ(run.server->endpoint().stats(run.world.now()).retry_count, 1u);
  EXPECT_EQ(run.server->connections.size(), 1u);
  EXPECT_EQ(run.server->shard().handshakes().total(), 0u);
}

TEST(Handshake, AClientHelloOfAValidatedAddressMayComeInAnyOrder) {
  EchoRun run({Delay{20ms}}, this_test(), with_retry());
  // The first attempt, of which Retry wants another; then the end, and the beginning with the next PTO.
  run.route.there().replace({Delay{20ms}, drop_these({2})});
  run.connect(long_client_hello());
  ASSERT_TRUE(run.echo("hello"));
  EXPECT_EQ(run.server->connections.size(), 1u);
}

TEST(Handshake, AnInitialWithoutClientHelloLeavesNothingBehind) {
  EchoRun run({Delay{20ms}});
  run.route.there().replace({Delay{20ms}, drop_these({0})});
  run.connect();
  run.world.at(10ms, [&run] { run.session->connection->close(Error{}); });
  const auto dropped = [&run] {
    return run.server->endpoint().stats(run.world.now()).dropped_count;
  };
  ASSERT_TRUE(run.until([&] { return dropped() == 1; }, 1min));
  EXPECT_TRUE(run.server->connections.empty());
  EXPECT_EQ(run.server->endpoint().stats(run.world.now()).server_sessions, 0u);
  EXPECT_EQ(run.server->shard().connection_count(), 0u);
  EXPECT_EQ(run.server->shard().handshakes().total(), 0u);
  run.client.connections.clear();
  run.session = nullptr;
  run.route.there().replace({Delay{20ms}});
  EXPECT_TRUE(run.echo("hello"));  // from the same address
}

// --- silence -------------------------------------------------------------------------------------------

TEST(Handshake, WithASilentServerEndsByItsTimeout) {
  EchoRun run({Loss{1}});
  SessionConfig config = EchoRun::client_side();
  config.handshake_timeout = 5s;
  run.connect(config);
  ASSERT_TRUE(run.until([&] { return run.session->closed; }));
  EXPECT_GE(run.world.elapsed(), 5s);
  ASSERT_TRUE(run.session->error.has_value());
  EXPECT_EQ(run.session->error->kind, Errc::timed_out);
}

// RFC 9000 8.1: the checker of the world counts what the server sends.
TEST(Handshake, AServerStopsAtThreeTimesWhatASilentClientSentAndForgetsIt) {
  EchoRun run({Delay{20ms}});
  run.route.there().replace(
      {Delay{20ms}, Drop{[](const Datagram&, std::uint64_t index) { return index > 0; }}});
  SessionConfig server = EchoRun::server_side();
  server.handshake_timeout = 5s;
  run.start_server(server);
  SessionConfig client = EchoRun::client_side();
  client.handshake_timeout = 60s;
  run.connect(client);
  ASSERT_TRUE(run.until([&] { return !run.server->connections.empty(); }));
  ASSERT_TRUE(run.until([&] { return run.server->shard().connection_count() == 0; }));
  EXPECT_EQ(run.server->shard().handshakes().total(), 0u);
}

// --- Retry: RFC 9000 8.1.2 -----------------------------------------------------------------------------

TEST(Retry, ValidatesTheAddressWithOneMoreRoundTrip) {
  EchoRun run({Delay{20ms}}, this_test(), with_retry());
  ASSERT_TRUE(run.echo("hello"));
  EXPECT_EQ(run.server->endpoint().stats(run.world.now()).retry_count, 1u);
}

TEST(Retry, SurvivesLossReorderingAndDuplication) {
  for (const std::uint64_t seed : seeds_from_environment(400, 20)) {
    EchoRun run({Delay{20ms}, Loss{0.2}, Reorder{0.3, 60ms}, Duplicate{0.3, 60ms}}, this_test(seed),
                with_retry());
    ASSERT_TRUE(run.echo("hello"));
  }
}

TEST(Retry, IsSavedByTheTokenOfTheConnectionBefore) {
  EchoRun run({Delay{20ms}}, this_test(), with_retry());
  ASSERT_TRUE(run.echo("first"));
  ASSERT_TRUE(run.until([&] {
    const auto resume = run.session->connection->resume();
    return resume.has_value() && !resume->token.empty();
  }));
  const auto resume = run.session->connection->resume();
  ASSERT_TRUE(run.close());
  run.connect(EchoRun::client_side(), &*resume);
  ASSERT_TRUE(run.echo("second"));
  EXPECT_EQ(run.server->endpoint().stats(run.world.now()).retry_count, 1u);
}

// Tokens carry the wall clock's time, not that of a clock which begins at boot.
// spec: EC21
TEST(Retry, IsSavedByATokenFromBeforeAReboot) {
  const auto retries = [](Duration away) {
    EndpointConfig config = with_retry();
    config.token_secret.emplace().fill(std::byte{7});
    EchoRun run({Delay{20ms}}, this_test(), config);
    run.server_host.set_wall_clock_offset(1h);
    EXPECT_TRUE(run.echo("first"));
    EXPECT_TRUE(run.until([&] {
      const auto resume = run.session->connection->resume();
      return resume.has_value() && !resume->token.empty();
    }));
    const auto resume = run.session->connection->resume();
    EXPECT_TRUE(run.close());
    run.server.reset();
    run.server_host.set_wall_clock_offset(1h + away);
    run.start_server();
    run.connect(EchoRun::client_side(), &*resume);
    EXPECT_TRUE(run.echo("second"));
    return run.server->endpoint().stats(run.world.now()).retry_count;
  };
  EXPECT_EQ(retries(500s), 0u);
  EXPECT_EQ(retries(700s), 1u) << "older than token_expiration, 600 s";
}

// --- versions: RFC 9000 6, RFC 9368, RFC 9369 ----------------------------------------------------------

SessionConfig speaking(SessionConfig config, std::vector<QuicVersion> versions) {
  config.versions = std::move(versions);
  return config;
}

TEST(Versions, AClientBeginsAgainWithAVersionTheServerSpeaks) {
  EchoRun run({Delay{20ms}});
  run.start_server(speaking(EchoRun::server_side(), {QuicVersion::v2}));
  run.connect(speaking(EchoRun::client_side(), {QuicVersion::v1, QuicVersion::v2}));
  ASSERT_TRUE(run.echo("hello"));
  EXPECT_EQ(run.session->connection->version(), QuicVersion::v2);
  EXPECT_GE(run.server->endpoint().stats(run.world.now()).version_negotiation_count, 1u);
}

TEST(Versions, NegotiationSurvivesLossReorderingAndDuplication) {
  for (const std::uint64_t seed : seeds_from_environment(500, 20)) {
    EchoRun run({Delay{20ms}, Loss{0.2}, Reorder{0.3, 60ms}, Duplicate{0.3, 60ms}},
                this_test(seed));
    run.start_server(speaking(EchoRun::server_side(), {QuicVersion::v2}));
    run.connect(speaking(EchoRun::client_side(), {QuicVersion::v1, QuicVersion::v2}));
    ASSERT_TRUE(run.echo("hello"));
  }
}

TEST(Versions, WithoutOneInCommonTheClientSaysSo) {
  EchoRun run({Delay{20ms}});
  run.start_server(speaking(EchoRun::server_side(), {QuicVersion::v2}));
  run.connect(speaking(EchoRun::client_side(), {QuicVersion::v1}));
  ASSERT_TRUE(run.until([&] { return run.session->closed; }));
  ASSERT_TRUE(run.session->error.has_value());
  EXPECT_EQ(run.session->error->kind, Errc::version_negotiation);
}

// RFC 9368 2.3: compatible versions need no round trip.
TEST(Versions, AServerThatPrefersVersion2UpgradesAClientThatSpeaksIt) {
  EchoRun run({Delay{20ms}});
  run.start_server(speaking(EchoRun::server_side(), {QuicVersion::v2, QuicVersion::v1}));
  run.connect(speaking(EchoRun::client_side(), {QuicVersion::v1, QuicVersion::v2}));
  ASSERT_TRUE(run.echo("hello"));
  EXPECT_EQ(run.session->connection->version(), QuicVersion::v2);
  EXPECT_EQ(run.server->endpoint().stats(run.world.now()).version_negotiation_count, 0u);
}

}  // namespace
}  // namespace quicore::test
