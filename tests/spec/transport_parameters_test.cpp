// SPDX-License-Identifier: Apache-2.0
//
// Every transport parameter of SessionConfig as the other side heard it: its qlog holds what arrived.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/spec/two_ends.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;
using nlohmann::json;

// What the owner of a qlog was told by its peer.
json remote_parameters(const std::string& sequence) {
  for (std::size_t at = 0; at < sequence.size();) {
    const std::size_t end = std::min(sequence.find('\n', at), sequence.size());
    const json record = json::parse(sequence.substr(at + 1, end - at - 1), nullptr, false);
    if (!record.is_discarded() && record.value("name", "") == "transport:parameters_set" &&
        record.at("data").value("owner", "") == "remote") {
      return record.at("data");
    }
    at = end + 1;
  }
  return json::object();
}

Task<> collect(QlogReader log, std::string* text) {
  while (const std::optional<std::string> records = co_await log.next()) *text += *records;
}

struct Heard {
  json by_client;
  json by_server;
};

Heard exchange(SessionConfig of_server, SessionConfig of_client) {
  TwoEnds ends(this_test());
  std::string client_log;
  std::string server_log;
  of_server.qlog = of_client.qlog = true;
  const auto logging = ends.server.endpoint.on_session().add_listener(
      [&](Session session) { ends.server.shard().spawn(collect(session.qlog(), &server_log)); });
  ends.listen(std::move(of_server));
  Session session = ends.connect(std::move(of_client));
  ends.client.shard().spawn(collect(session.qlog(), &client_log));
  EXPECT_TRUE(ends.confirm(session).has_value());
  session.close();
  ends.settle(10s);
  return {remote_parameters(client_log), remote_parameters(server_log)};
}

// Both sides announce values of their own and hear those of the other.
void expect_heard(const std::string& name, const std::function<void(TransportParams&, bool)>& set,
                  const json& from_client, const json& from_server) {
  SessionConfig of_server = server_config("xyz");
  SessionConfig of_client = client_config("xyz");
  set(of_server.transport, true);
  set(of_client.transport, false);
  const Heard heard = exchange(std::move(of_server), std::move(of_client));
  ASSERT_TRUE(heard.by_client.contains(name)) << heard.by_client;
  ASSERT_TRUE(heard.by_server.contains(name)) << heard.by_server;
  EXPECT_EQ(heard.by_client.at(name), from_server) << name;
  EXPECT_EQ(heard.by_server.at(name), from_client) << name;
}

// spec: SC40
TEST(SpecTransportParams, AckDelayExponent) {
  expect_heard(
      "ack_delay_exponent",
      [](TransportParams& to, bool server) { to.ack_delay_exponent = server ? 5 : 7; }, 7, 5);
}

// spec: SC41
TEST(SpecTransportParams, ActiveConnectionIdLimit) {
  expect_heard(
      "active_connection_id_limit",
      [](TransportParams& to, bool server) { to.active_connection_id_limit = server ? 2 : 3; }, 3,
      2);
}

// spec: SC42
TEST(SpecTransportParams, DisableActiveMigration) {
  expect_heard(
      "disable_active_migration",
      [](TransportParams& to, bool server) { to.disable_active_migration = server; }, false, true);
}

// spec: SC43
TEST(SpecTransportParams, InitialMaxData) {
  expect_heard(
      "initial_max_data",
      [](TransportParams& to, bool server) { to.initial_max_data = server ? 111'111 : 222'222; },
      222'222, 111'111);
}

// spec: SC44
TEST(SpecTransportParams, InitialMaxStreamDataBidiLocal) {
  expect_heard(
      "initial_max_stream_data_bidi_local",
      [](TransportParams& to, bool server) {
        to.initial_max_stream_data_bidi_local = server ? 11'111 : 22'222;
      },
      22'222, 11'111);
}

// spec: SC45
TEST(SpecTransportParams, InitialMaxStreamDataBidiRemote) {
  expect_heard(
      "initial_max_stream_data_bidi_remote",
      [](TransportParams& to, bool server) {
        to.initial_max_stream_data_bidi_remote = server ? 33'333 : 44'444;
      },
      44'444, 33'333);
}

// spec: SC46
TEST(SpecTransportParams, InitialMaxStreamDataUni) {
  expect_heard(
      "initial_max_stream_data_uni",
      [](TransportParams& to, bool server) {
        to.initial_max_stream_data_uni = server ? 55'555 : 66'666;
      },
      66'666, 55'555);
}

// spec: SC47
TEST(SpecTransportParams, InitialMaxStreamsBidi) {
  expect_heard(
      "initial_max_streams_bidi",
      [](TransportParams& to, bool server) { to.initial_max_streams_bidi = server ? 12 : 34; }, 34,
      12);
}

// spec: SC48
TEST(SpecTransportParams, InitialMaxStreamsUni) {
  expect_heard(
      "initial_max_streams_uni",
      [](TransportParams& to, bool server) { to.initial_max_streams_uni = server ? 56 : 78; }, 78,
      56);
}

// spec: SC49
TEST(SpecTransportParams, MaxAckDelay) {
  expect_heard(
      "max_ack_delay",
      [](TransportParams& to, bool server) { to.max_ack_delay = server ? 10ms : 40ms; }, 40, 10);
}

// spec: SC50
TEST(SpecTransportParams, MaxDatagramFrameSize) {
  expect_heard(
      "max_datagram_frame_size",
      [](TransportParams& to, bool server) { to.max_datagram_frame_size = server ? 500 : 0; }, 0,
      500);
}

// spec: SC51
TEST(SpecTransportParams, MaxIdleTimeout) {
  expect_heard(
      "max_idle_timeout",
      [](TransportParams& to, bool server) { to.max_idle_timeout = server ? 7s : 9s; }, 9000, 7000);
}

// spec: SC52 SC53
TEST(SpecTransportParams, PreferredAddresses) {
  SessionConfig config = server_config("xyz");
  config.transport.preferred_address_ipv4 = value_or_throw(Address::parse("192.0.2.1", 4433));
  config.transport.preferred_address_ipv6 = value_or_throw(Address::parse("2001:db8::1", 4434));
  SessionConfig ignoring = client_config("xyz");
  ignoring.use_preferred_address = false;
  const Heard heard = exchange(std::move(config), std::move(ignoring));
  const json& preferred = heard.by_client.at("preferred_address");
  EXPECT_EQ(preferred.at("ip_v4"), "c0000201");
  EXPECT_EQ(preferred.at("port_v4"), 4433);
  EXPECT_EQ(preferred.at("ip_v6"), "20010db8000000000000000000000001");
  EXPECT_EQ(preferred.at("port_v6"), 4434);
  EXPECT_FALSE(heard.by_server.contains("preferred_address"));
}

// --- and they are obeyed ------------------------------------------------------------------------

// spec: SC43 SC45
TEST(SpecTransportParams, ASenderStopsAtTheCreditOfItsPeer) {
  for (const bool whole_session : {false, true}) {
    TwoEnds ends(this_test());
    SessionConfig config = server_config("xyz");
    if (whole_session) {
      config.transport.initial_max_data = 5000;
    } else {
      config.transport.initial_max_stream_data_bidi_remote = 5000;
    }
    ends.listen(std::move(config));
    Session session = ends.begin("xyz");
    auto stream = value_or_throw(session.open({.body = std::string(20'000, 'x')}));
    ends.settle(2s);  // nobody reads
    EXPECT_EQ(stream.stats().bytes_sent, 5000u) << (whole_session ? "session" : "stream");
  }
}

// spec: SC47 SC48
TEST(SpecTransportParams, NoMoreStreamsAreOpenedThanThePeerAllows) {
  TwoEnds ends(this_test());
  SessionConfig config = server_config("xyz");
  config.transport.initial_max_streams_bidi = 1;
  config.transport.initial_max_streams_uni = 2;
  ends.listen(std::move(config));
  Session session = ends.begin("xyz");
  std::vector<Stream> kept;
  for (const bool unidirectional : {false, true, true}) {
    kept.push_back(
        value_or_throw(session.open({.unidirectional = unidirectional, .body = Body::streamed()})));
  }
  EXPECT_EQ(session.open({.body = "x"}).error().kind, Errc::stream_limit);
  EXPECT_EQ(session.open({.unidirectional = true, .body = "x"}).error().kind, Errc::stream_limit);
}

// spec: SC50
TEST(SpecTransportParams, DatagramsObeyThePeersFrameSize) {
  TwoEnds ends(this_test());
  SessionConfig config = server_config("xyz");
  config.transport.max_datagram_frame_size = 100;
  ends.listen(std::move(config));
  Session session = ends.begin("xyz");
  EXPECT_LT(session.max_datagram_size(), 100u);
  EXPECT_FALSE(session.datagram(std::string(100, 'x')));
  EXPECT_TRUE(session.datagram(std::string(session.max_datagram_size(), 'x')));
}

// spec: SC51
TEST(SpecTransportParams, TheShorterIdleTimeoutCounts) {
  TwoEnds ends(this_test());
  SessionConfig config = server_config("xyz");
  config.transport.max_idle_timeout = 3s;
  ends.listen(std::move(config));
  Session session = ends.begin("xyz");  // its own is 30 s
  const Instant before = ends.world.now();
  const auto closed = session.closed();
  ends.until([&] { return closed.ready(); });
  EXPECT_GE(ends.world.now() - before, 2900ms);
  EXPECT_LE(ends.world.now() - before, 4s);
}

}  // namespace
}  // namespace quicore::test
