// SPDX-License-Identifier: Apache-2.0
//
// The specification's EndpointConfig, by what it changes on the wire. What needs a real socket:
// tests/loopback/socket_options_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <any>
#include <limits>

#include "io/datagram.h"
#include "tests/spec/two_ends.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

// A short header to a connection nobody has (RFC 9000 10.3).
std::vector<std::byte> stray_packet() { return std::vector<std::byte>(60, std::byte{0x55}); }

// spec: EC1
TEST(SpecEndpointConfig, IsToldFromOtherValues) {
  const std::any one = EndpointConfig();
  EXPECT_TRUE(EndpointConfig::is_endpoint_config(EndpointConfig()));
  EXPECT_TRUE(EndpointConfig::is_endpoint_config(one));
  EXPECT_FALSE(EndpointConfig::is_endpoint_config(std::any(SessionConfig())));
  EXPECT_FALSE(EndpointConfig::is_endpoint_config(std::string("EndpointConfig")));
  EXPECT_FALSE(EndpointConfig::is_endpoint_config(std::any()));
}

// spec: EC29
TEST(SpecEndpointConfig, NumbersAre64BitsWideAndRefusedOutOfRange) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  ApiWorld world(this_test());
  EndpointConfig large;
  large.max_connections_total = large.max_connections_per_host = large.retry_limit = kMost;
  large.max_stateless_resets = large.max_connections_total;
  EXPECT_TRUE(Endpoint::create(world.node.shard(), large).has_value());
  EndpointConfig wrong;
  wrong.max_window = kMost;  // no QUIC integer (RFC 9000 16)
  wrong.unacknowledged_packet_threshold = 0;
  const auto refused = Endpoint::create(world.node.shard(), wrong);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().reason, testing::HasSubstr("max_window"));
  EXPECT_THAT(refused.error().reason, testing::HasSubstr("unacknowledged_packet_threshold"));
}

std::uint64_t retries_of_two_hosts(std::uint64_t lru_size) {
  TwoEnds ends(this_test(), {.address_lru_size = lru_size, .validate_address = true});
  ApiNode other(ends.world, ends.world.add_host("other"));
  ends.world.connect(other.host(), ends.server_host, {Delay{5ms}});
  ends.listen("xyz");
  // A host is kept while it has connections: each ends before the next begins.
  const auto visit = [&] {
    ends.begin("xyz").cancel();
    ends.settle(5s);
  };
  visit();
  visit();
  EXPECT_EQ(ends.server.endpoint.stats().retry_count, 1u) << "the second time it is known";
  const Session foreign =
      value_or_throw(other.endpoint.connect(ends.address(), client_config("xyz")));
  EXPECT_TRUE(ends.confirm(foreign).has_value());
  foreign.cancel();
  ends.settle(5s);
  visit();
  return ends.server.endpoint.stats().retry_count;
}

// spec: EC9
TEST(SpecEndpointConfig, AddressLruSizeBoundsHowManyValidatedHostsAreKnown) {
  EXPECT_EQ(retries_of_two_hosts(1), 3u);
  EXPECT_EQ(retries_of_two_hosts(1000), 2u);
  EXPECT_EQ(EndpointConfig().address_lru_size, 1000u);
}

// The slow-start threshold after the first loss of an upload.
double threshold_after_loss(CongestionControl algorithm) {
  std::uint64_t large = 0;
  const Drop one_packet{[&large](const Datagram& datagram, std::uint64_t) {
    return datagram.payload.size() > 1200 && ++large == 60;
  }};
  TwoEnds ends(this_test(1), {}, {.congestion_control = algorithm}, {Delay{20ms}, one_packet});
  ends.listen("xyz");
  Session session = ends.begin("xyz");
  ends.accepted.at(0).on_stream() = [](StreamEvent event) { event.stream.discard(); };
  const std::uint64_t before = session.stats().ssthresh;
  session.open({.body = std::string(1 << 20, 'x')});
  ends.until([&] { return session.stats().ssthresh != before; });
  return static_cast<double>(session.stats().ssthresh);
}

// spec: EC10
TEST(SpecEndpointConfig, CubicGivesUpLessAfterALossThanReno) {
  const double cubic = threshold_after_loss(CongestionControl::cubic);
  const double reno = threshold_after_loss(CongestionControl::reno);
  EXPECT_GT(cubic, 1.2 * reno) << "factors of 0.7 and 0.5: RFC 9438 4.6, RFC 9002 7.3.2";
  EXPECT_EQ(EndpointConfig().congestion_control, CongestionControl::cubic);
}

std::uint64_t resets_for_stray_packets(EndpointConfig config, int packets) {
  TwoEnds ends(this_test(), std::move(config));
  ends.listen("xyz");
  for (int i = 0; i < packets; ++i) {
    ends.world.inject(ends.client_host.address_with_port(9), ends.address(), stray_packet());
    ends.settle(10ms);
  }
  const EndpointStats stats = ends.server.endpoint.stats();
  EXPECT_EQ(stats.packets_sent, stats.stateless_reset_count);
  return stats.stateless_reset_count;
}

// spec: EC11 ES10
TEST(SpecEndpointConfig, DisableStatelessResetKeepsSilent) {
  EXPECT_EQ(resets_for_stray_packets({}, 1), 1u);
  EXPECT_EQ(resets_for_stray_packets({.disable_stateless_reset = true}, 1), 0u);
}

// spec: EC15
TEST(SpecEndpointConfig, MaxStatelessResetsBoundsThemForEachHost) {
  EXPECT_EQ(resets_for_stray_packets({}, 15), 10u);
  EXPECT_EQ(resets_for_stray_packets({.max_stateless_resets = 3}, 15), 3u);
  TwoEnds ends(this_test(), {.max_stateless_resets = 3});
  Host& other = ends.world.add_host("other");
  ends.listen("xyz");
  for (int i = 0; i < 5; ++i) {
    for (Host* host : {&ends.client_host, &other}) {
      ends.world.inject(host->address_with_port(9), ends.address(), stray_packet());
    }
    ends.settle(10ms);
  }
  EXPECT_EQ(ends.server.endpoint.stats().stateless_reset_count, 6u) << "three for each host";
}

// spec: EC12 ES8
TEST(SpecEndpointConfig, The101stConnectionOfAHostIsRefusedAndCountedAsBusy) {
  TwoEnds ends(this_test());
  ApiNode other(ends.world, ends.world.add_host("other"));
  ends.world.connect(other.host(), ends.server_host, {Delay{5ms}});
  ends.listen("xyz");
  for (int i = 0; i < 100; ++i) ends.begin("xyz");
  EXPECT_EQ(ends.server.endpoint.stats().server_busy_count, 0u);
  const Session refused = ends.connect("xyz");
  ends.until([&] { return refused.closed().ready(); });
  EXPECT_EQ(refused.closed().peek()->error().code, 0x2u) << "CONNECTION_REFUSED";
  EXPECT_EQ(ends.server.endpoint.stats().server_busy_count, 1u);
  const Session foreign =
      value_or_throw(other.endpoint.connect(ends.address(), client_config("xyz")));
  EXPECT_TRUE(ends.confirm(foreign).has_value()) << "another host is welcome";
}

std::size_t largest_datagram(EndpointConfig config, Family family) {
  World world(this_test());
  Host& server_host = world.add_host("server");
  Host& client_host = world.add_host("client");
  world.connect(client_host, server_host, {Delay{5ms}});
  EndpointConfig of_server;
  config.address = client_host.address(family);
  of_server.address = server_host.address(family);
  ApiNode server(world, server_host, of_server);
  ApiNode client(world, client_host, config);
  std::size_t largest = 0;
  world.trace().observe([&](const Sight& sight) {
    if (sight.what != What::sent || sight.host != "client") return;
    largest = std::max(largest, sight.datagram.payload.size());
  });
  server.endpoint.on_session() = [](Session session) {
    session.on_stream() = [](StreamEvent event) { event.stream.discard(); };
  };
  value_or_throw(server.endpoint.listen(server_config("xyz")));
  Session session =
      value_or_throw(client.endpoint.connect(*server.endpoint.address(), client_config("xyz")));
  const auto confirmed = session.confirmed();
  EXPECT_EQ(world.run_until([&] { return confirmed.ready(); }), Outcome::reached);
  session.open({.body = std::string(200'000, 'x')});
  static_cast<void>(world.run_for(2s));
  return largest;
}

// spec: EC14
TEST(SpecEndpointConfig, MaxPayloadSizeBoundsEveryDatagram) {
  EXPECT_EQ(largest_datagram({.path_mtu_discovery = false}, Family::ipv4), 1252u);
  EXPECT_EQ(largest_datagram({.path_mtu_discovery = false}, Family::ipv6), 1232u);
  EXPECT_EQ(largest_datagram({.max_payload_size = 1300, .path_mtu_discovery = false}, Family::ipv4),
            1300u);
  EXPECT_LE(largest_datagram({.max_payload_size = 1380}, Family::ipv4), 1380u);
  EXPECT_GT(largest_datagram({}, Family::ipv4), 1252u) << "discovery found more";
}

// spec: EC14
TEST(SpecEndpointConfig, TheLargestPayloadIsWhatOneMessageHolds) {
  EXPECT_EQ(
      largest_datagram({.max_payload_size = 65507, .path_mtu_discovery = false}, Family::ipv4),
      io::kMaxTrainSize);
  EXPECT_EQ(largest_datagram({.max_payload_size = 65507}, Family::ipv4), io::kMaxTrainSize)
      << "by discovery";
}

// Most bytes on the way during an upload, with credit of 64 KiB that may grow.
std::uint64_t most_in_flight(EndpointConfig receiver, bool narrow_session) {
  TwoEnds ends(this_test(1), std::move(receiver), {}, {Delay{50ms}, Bandwidth{400_Mbit, 4096_KiB}});
  SessionConfig config = server_config("xyz");
  config.transport.initial_max_stream_data_bidi_remote = 65536;
  if (narrow_session) {
    config.transport.initial_max_data = 65536;
    config.transport.initial_max_stream_data_bidi_remote = 1 << 24;
  }
  ends.listen(std::move(config));
  Session session = ends.begin("xyz");
  ends.accepted.at(0).on_stream() = [](StreamEvent event) { event.stream.discard(); };
  const auto stream = value_or_throw(session.open({.body = std::string(8 << 20, 'x')}));
  std::uint64_t most = 0;
  const auto end = ends.world.now() + 5s;
  ends.until([&] {
    most = std::max(most, session.stats().bytes_in_flight);
    return ends.world.now() >= end || stream.stats().max_offset_acknowledged >= (8u << 20);
  });
  return most;
}

constexpr std::uint64_t kWindow = 65536;
constexpr std::uint64_t kWindowAndHeaders = kWindow + kWindow / 10;

// spec: EC16
TEST(SpecEndpointConfig, MaxStreamWindowEndsTheGrowthOfAStreamsWindow) {
  EXPECT_LE(most_in_flight({.max_stream_window = kWindow}, false), kWindowAndHeaders);
  EXPECT_GT(most_in_flight({}, false), 2 * kWindow) << "it grows by itself";
}

// spec: EC17
TEST(SpecEndpointConfig, MaxWindowEndsTheGrowthOfTheSessionsWindow) {
  EXPECT_LE(most_in_flight({.max_window = kWindow}, true), kWindowAndHeaders);
  EXPECT_GT(most_in_flight({}, true), 2 * kWindow) << "it grows by itself";
}

// Retries sent to a client that never hears them.
std::uint64_t retries_to_a_deaf_client(EndpointConfig config) {
  config.validate_address = true;
  const Drop answers{[](const Datagram& datagram, std::uint64_t) {
    return (datagram.payload[0] & std::byte{0xf0}) == std::byte{0xf0};  // Retry, RFC 9000 17.2.5
  }};
  TwoEnds ends(this_test(), std::move(config), {}, {Delay{5ms}, answers});
  ends.listen("xyz");
  std::vector<Session> sessions;
  for (int i = 0; i < 12; ++i) sessions.push_back(ends.connect("xyz"));
  ends.settle(3s);
  EXPECT_GT(ends.server.endpoint.stats().dropped_count, 0u);
  return ends.server.endpoint.stats().retry_count;
}

// spec: EC18
TEST(SpecEndpointConfig, RetryLimitBoundsTheRetriesForAHost) {
  EXPECT_EQ(retries_to_a_deaf_client({.retry_limit = 3}), 3u);
  EXPECT_EQ(retries_to_a_deaf_client({}), 10u);
}

Result<> handshake_with_retry(std::chrono::seconds expiration, Duration one_way) {
  TwoEnds ends(this_test(), {.retry_token_expiration = expiration, .validate_address = true}, {},
               {Delay{one_way}});
  ends.listen("xyz");
  Session session = ends.connect("xyz");
  return ends.confirm(session);
}

// spec: EC19
TEST(SpecEndpointConfig, RetryTokenExpirationMakesAnOldTokenWorthless) {
  EXPECT_TRUE(handshake_with_retry(600s, 600ms).has_value());
  EXPECT_TRUE(handshake_with_retry(1s, 100ms).has_value());
  const auto late = handshake_with_retry(1s, 600ms);
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, 0xbu) << "INVALID_TOKEN, RFC 9000 20.1";
  EXPECT_EQ(EndpointConfig().retry_token_expiration, 600s);
}

// spec: EC20
TEST(SpecEndpointConfig, RxPacketLossLosesWhatArrives) {
  TwoEnds deaf(this_test(), {.rx_packet_loss = 1.0});
  deaf.listen("xyz");
  SessionConfig hasty = client_config("xyz");
  hasty.handshake_timeout = 1s;
  const Session session = deaf.connect(std::move(hasty));
  deaf.until([&] { return session.closed().ready(); });
  EXPECT_TRUE(deaf.accepted.empty());
  EXPECT_GT(deaf.server.endpoint.stats().packets_received, 0u);

  TwoEnds hard_of_hearing(this_test(), {.rx_packet_loss = 0.2});
  hard_of_hearing.server.endpoint.on_session() = echo_streams;
  hard_of_hearing.listen("xyz");
  const Session heard = hard_of_hearing.begin("xyz");
  hard_of_hearing.run(expect_echo(heard, std::string(300'000, 'x')));
  EXPECT_GT(heard.stats().packets_lost, 0u);
}

// spec: EC22
TEST(SpecEndpointConfig, TxPacketLossLosesWhatIsSent) {
  TwoEnds mute(this_test(), {.tx_packet_loss = 1.0});
  std::uint64_t sent = 0;
  mute.world.trace().observe([&](const Sight& sight) {
    if (sight.what == What::sent && sight.host == "server") ++sent;
  });
  mute.listen("xyz");
  SessionConfig hasty = client_config("xyz");
  hasty.handshake_timeout = 1s;
  const Session session = mute.connect(std::move(hasty));
  mute.until([&] { return session.closed().ready(); });
  EXPECT_EQ(mute.accepted.size(), 1u);
  EXPECT_GT(mute.server.endpoint.stats().packets_sent, 0u);
  EXPECT_EQ(sent, 0u);

  TwoEnds stammering(this_test(), {.tx_packet_loss = 0.2});
  stammering.server.endpoint.on_session() = echo_streams;
  stammering.listen("xyz");
  const Session heard = stammering.begin("xyz");
  stammering.run(expect_echo(heard, std::string(300'000, 'x')));
  EXPECT_GT(stammering.accepted.at(0).stats().packets_lost, 0u);
}

// Datagrams the receiver of an upload sends.
std::uint64_t acknowledgements(std::optional<std::uint64_t> threshold) {
  TwoEnds ends(this_test(1), {.unacknowledged_packet_threshold = threshold}, {},
               {Delay{5ms}, Bandwidth{20_Mbit, 1024_KiB}});
  ends.listen("xyz");
  Session session = ends.begin("xyz");
  ends.accepted.at(0).on_stream() = [](StreamEvent event) { event.stream.discard(); };
  const std::uint64_t before = ends.server.endpoint.stats().packets_sent;
  session.open({.body = std::string(1 << 20, 'x')});
  ends.settle(3s);
  return ends.server.endpoint.stats().packets_sent - before;
}

// spec: EC27
TEST(SpecEndpointConfig, UnacknowledgedPacketThresholdSaysHowOftenIsAcknowledged) {
  const std::uint64_t each = acknowledgements(1);
  const std::uint64_t of_ten = acknowledgements(10);
  EXPECT_GT(each, 2 * of_ten);
  EXPECT_GE(of_ten, 20u);
}

// spec: EC28
TEST(SpecEndpointConfig, ValidateAddressSendsARetryToEveryUnknownAddress) {
  for (const bool validate : {false, true}) {
    TwoEnds ends(this_test(), {.validate_address = validate});
    ends.listen("xyz");
    ends.begin("xyz");
    EXPECT_EQ(ends.server.endpoint.stats().retry_count, validate ? 1u : 0u);
  }
  EXPECT_FALSE(EndpointConfig().validate_address);
}

}  // namespace
}  // namespace quicore::test
