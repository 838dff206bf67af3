// SPDX-License-Identifier: Apache-2.0
//
// The specification's EndpointStats: each counter moves when it should, and only then.
#include <gtest/gtest.h>

#include "tests/spec/two_ends.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

struct Traffic {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  void add(const Sight& sight) {
    ++packets;
    bytes += sight.datagram.payload.size();
  }
};

// spec: ES1 ES2 ES6 ES7
TEST(SpecEndpointStats, BytesAndPacketsAreThoseOnTheWire) {
  TwoEnds ends(this_test());
  Traffic sent;
  Traffic received;
  ends.world.trace().observe([&](const Sight& sight) {
    if (sight.host != "server") return;
    if (sight.what == What::sent) sent.add(sight);
    if (sight.what == What::received) received.add(sight);
  });
  EXPECT_EQ(ends.server.endpoint.stats().packets_received, 0u);
  ends.listen("xyz");
  Session session = ends.begin("xyz");
  ends.accepted.at(0).on_stream() = [](StreamEvent event) { event.stream.discard(); };
  session.open({.body = std::string(100'000, 'x')});
  ends.settle(1s);
  const EndpointStats stats = ends.server.endpoint.stats();
  EXPECT_GT(stats.bytes_received, 100'000u);
  EXPECT_EQ(stats.bytes_received, received.bytes);
  EXPECT_EQ(stats.packets_received, received.packets);
  EXPECT_EQ(stats.bytes_sent, sent.bytes);
  EXPECT_EQ(stats.packets_sent, sent.packets);
}

// spec: ES3 ES9
TEST(SpecEndpointStats, SessionsAreCountedBySide) {
  TwoEnds ends(this_test());
  ends.listen("xyz");
  for (std::uint64_t count = 1; count <= 3; ++count) {
    Session session = ends.begin("xyz");
    EXPECT_EQ(ends.client.endpoint.stats().client_sessions, count);
    EXPECT_EQ(ends.server.endpoint.stats().server_sessions, count);
    session.cancel();
    ends.settle();
    EXPECT_EQ(ends.client.endpoint.stats().client_sessions, count) << "in all, not at the moment";
  }
  EXPECT_EQ(ends.client.endpoint.stats().server_sessions, 0u);
  EXPECT_EQ(ends.server.endpoint.stats().client_sessions, 0u);
}

// spec: ES4 ES5 ES11
TEST(SpecEndpointStats, TimeGoesOnUntilTheEndpointIsDestroyed) {
  TwoEnds ends(this_test());
  const EndpointStats first = ends.client.endpoint.stats();
  const auto sleep = [](Shard& shard) -> Task<> { (void)co_await shard.sleep_for(3s); };
  ends.run(sleep(ends.client.shard()));
  const EndpointStats second = ends.client.endpoint.stats();
  EXPECT_EQ(second.created_at, first.created_at);
  EXPECT_GE(second.duration, first.duration + 3s);
  ends.client.endpoint.destroy();
  const EndpointStats last = ends.client.endpoint.stats();
  EXPECT_EQ(ends.client.shard().now(), last.created_at + last.duration);
  ends.run(sleep(ends.client.shard()));
  EXPECT_EQ(ends.client.endpoint.stats().duration, last.duration);
}

// spec: ES8 EC13
TEST(SpecEndpointStats, ARefusedConnectionCountsAsBusy) {
  TwoEnds ends(this_test(), {.max_connections_total = 2});
  ends.listen("xyz");
  ends.begin("xyz");
  ends.begin("xyz");
  EXPECT_EQ(ends.server.endpoint.stats().server_busy_count, 0u);
  Session third = ends.connect("xyz");
  ends.until([&] { return third.closed().ready(); });
  EXPECT_EQ(third.closed().peek()->error().code, 0x2u) << "CONNECTION_REFUSED, RFC 9000 20.1";
  EXPECT_EQ(ends.server.endpoint.stats().server_busy_count, 1u);
  EXPECT_EQ(ends.accepted.size(), 2u);
  ends.accepted.at(0).cancel();
  ends.settle(5s);
  ends.begin("xyz");  // there is room again
  EXPECT_EQ(ends.server.endpoint.stats().server_busy_count, 1u);
}

}  // namespace
}  // namespace quicore::test
