// SPDX-License-Identifier: Apache-2.0
//
// Packets of several connections between the same two sockets leave in one train
// (engine/shared_train.h), and nobody can tell but by the number of trains.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "engine/limits.h"
#include "tests/support/engine_node.h"
#include "tests/support/sim_test.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

constexpr std::size_t kStep = engine::limits::kConnectionsPerStep;

struct Sent {
  std::uint64_t trains = 0;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};

Sent operator-(const Sent& a, const Sent& b) {
  return {a.trains - b.trains, a.packets - b.packets, a.bytes - b.bytes};
}

// Connections of one socket to a server that sends back what it gets. Each has made a request before,
// and path MTU discovery is over.
struct Proxy {
  explicit Proxy(std::size_t count, const Path& path = {Delay{10ms}}, Gro gro = Gro::full,
                 const EndpointConfig& config = {})
      : world(options(gro)),
        server(world, world.add_host("server"), many(config)),
        client(world, world.add_host("client"), many(config)) {
    world.connect(client.host(), server.host(), path);
    serve(server);
    for (std::size_t i = 0; i < count; ++i) add(server);
    settle();
  }

  static WorldOptions options(Gro gro) {
    WorldOptions options = this_test();
    options.gro = gro;
    return options;
  }

  static EndpointConfig many(EndpointConfig config) {
    config.max_connections_per_host = 1000;
    return config;
  }

  static void serve(EngineNode& node) {
    node.listen(server_config("echo"));
    node.on_accepted = [](TestConnection& session) {
      session.on_stream_opened = [](TestStream& stream) {
        stream.on_readable = [](TestStream& request) {
          if (request.fin) request.send(request.received);
        };
      };
    };
  }

  void add(EngineNode& to) { sessions.push_back(&client.connect(to, client_config("echo"))); }

  // All of them, or those from `first` on.
  void settle(std::size_t first = 0) {
    const auto news = sessions | std::views::drop(first);
    world.run_for(2s);
    for (TestConnection* session : news) session->open().send("the first request");
    world.run_for(2s);
    for (TestConnection* session : news) ASSERT_TRUE(session->streams.back().closed);
  }

  // Those of the first half and of the second in turn.
  void shuffle() {
    const std::vector<TestConnection*> before = std::exchange(sessions, {});
    for (std::size_t i = 0; i < before.size() / 2; ++i) {
      sessions.push_back(before[i]);
      sessions.push_back(before[before.size() / 2 + i]);
    }
  }

  static Sent sent(EngineNode& node) {
    const io::PortStats& stats = node.shard().port().stats();
    return {stats.trains_sent, stats.datagrams_sent, stats.bytes_sent};
  }

  // What the client sends at once for a request of so many bytes by each connection.
  Sent requests(const std::vector<std::size_t>& sizes) {
    const Sent before = sent(client);
    for (std::size_t i = 0; i < sessions.size(); ++i) {
      sessions[i]->open().send(pattern(sizes[i % sizes.size()], i));
    }
    world.run_for(1ms);
    return sent(client) - before;
  }

  void expect_answers(const std::vector<std::size_t>& sizes) {
    for (std::size_t i = 0; i < sessions.size(); ++i) {
      EXPECT_TRUE(sessions[i]->streams.back().received == pattern(sizes[i % sizes.size()], i));
      EXPECT_TRUE(sessions[i]->streams.back().closed);
    }
  }

  World world;
  EngineNode server;
  EngineNode client;
  std::vector<TestConnection*> sessions;
};

TEST(SharedTrain, CarriesWhatConnectionsToOnePeerSendAtOnce) {
  Proxy proxy(kStep);
  const Sent before = Proxy::sent(proxy.server);
  const Sent requests = proxy.requests({200});
  EXPECT_EQ(requests.trains, 1u);
  EXPECT_EQ(requests.packets, kStep);
  proxy.world.run_for(15ms);
  const Sent answers = Proxy::sent(proxy.server) - before;
  EXPECT_EQ(answers.trains, 1u);
  EXPECT_EQ(answers.packets, kStep);
  proxy.world.run_for(1s);
  proxy.expect_answers({200});
}

// Three packets of each, whose last one is padded.
TEST(SharedTrain, GoesOnBehindTheTrainOfAConnection) {
  Proxy proxy(kStep);
  const std::vector<std::size_t> sizes = {4200};
  const Sent requests = proxy.requests(sizes);
  EXPECT_EQ(requests.trains, 1u);
  EXPECT_EQ(requests.packets, 3 * kStep);
  EXPECT_EQ(requests.bytes % requests.packets, 0u);
  proxy.world.run_for(1s);
  proxy.expect_answers(sizes);
}

// What is a little shorter is padded, what is much shorter ends the train.
TEST(SharedTrain, IsWorthALittlePadding) {
  Proxy proxy(kStep);
  const Sent alike = proxy.requests({800, 780, 795, 760});
  EXPECT_EQ(alike.trains, 1u);
  EXPECT_LT(alike.bytes, kStep * 880);
  proxy.world.run_for(1s);
  proxy.expect_answers({800, 780, 795, 760});

  const Sent unlike = proxy.requests({800, 100});
  EXPECT_EQ(unlike.trains, kStep / 2);
  EXPECT_LT(unlike.bytes, kStep / 2 * (880 + 160));
  proxy.world.run_for(1s);
  proxy.expect_answers({800, 100});
}

// An acknowledgement alone is not padded: it would count as something in flight.
TEST(SharedTrain, LeavesAcknowledgementsAsShortAsTheyAre) {
  Proxy proxy(kStep);
  proxy.requests({200});
  proxy.world.run_for(15ms);  // the answers are under way
  const Sent before = Proxy::sent(proxy.client);
  proxy.world.run_for(1s);
  const Sent acknowledgements = Proxy::sent(proxy.client) - before;
  EXPECT_GT(acknowledgements.packets, 0u);
  EXPECT_LT(acknowledgements.bytes, acknowledgements.packets * 48);
}

// A train of four times as many connections as a step serves is read in steps too.
TEST(SharedTrain, IsReadInSteps) {
  Proxy proxy(4 * kStep);
  const Sent before = Proxy::sent(proxy.server);
  const Sent requests = proxy.requests({200});
  EXPECT_EQ(requests.trains, 1u);
  proxy.world.run_for(15ms);
  const Sent answers = Proxy::sent(proxy.server) - before;
  EXPECT_EQ(answers.trains, 4u);
  EXPECT_EQ(answers.packets, 4 * kStep);
  proxy.world.run_for(1s);
  proxy.expect_answers({200});
}

TEST(SharedTrain, IsNotSharedByTwoPeers) {
  Proxy proxy(kStep);
  EngineNode other(proxy.world, proxy.world.add_host("other"));
  proxy.world.connect(proxy.client.host(), other.host(), {Delay{10ms}});
  Proxy::serve(other);
  for (std::size_t i = 0; i < kStep; ++i) proxy.add(other);
  proxy.settle();
  proxy.shuffle();
  const Sent requests = proxy.requests({200});
  EXPECT_EQ(requests.trains, 2 * kStep);
  proxy.world.run_for(1s);
  proxy.expect_answers({200});
}

// Of connections that use ECN, and others whose path has been found to lose its marks.
TEST(SharedTrain, HasOneEcnMark) {
  bool bleaching = false;
  const auto bleach = [&](Datagram& datagram, std::uint64_t) {
    if (bleaching) datagram.ecn = io::Ecn::not_ect;
  };
  Proxy proxy(kStep, {Delay{10ms}, Rewrite{bleach}});
  bleaching = true;
  for (std::size_t i = 0; i < kStep; ++i) proxy.add(proxy.server);
  proxy.settle(kStep);
  proxy.shuffle();
  EXPECT_EQ(proxy.requests({200}).trains, 2 * kStep);
  proxy.world.run_for(1s);
  proxy.expect_answers({200});
}

TEST(SharedTrain, IsNotForPacketsTooLargeToShareOne) {
  EndpointConfig config;
  config.max_payload_size = 32768;
  Proxy proxy(kStep, {Delay{10ms}, Mtu{65535}}, Gro::full, config);
  const std::vector<std::size_t> sizes = {30'000, 100};
  proxy.requests(sizes);
  proxy.world.run_for(1s);
  proxy.expect_answers(sizes);
}

// What was sent last was short, and the packets have become longer than a share of a train since.
TEST(SharedTrain, IsNotForPacketsThatHaveGrownSince) {
  EndpointConfig config;
  config.max_payload_size = 32768;
  Proxy proxy(kStep, {Delay{10ms}, Mtu{65535}}, Gro::full, config);
  const auto payload = [&] {
    return ngtcp2_conn_get_path_max_tx_udp_payload_size2(proxy.sessions.back()->connection->quic());
  };
  proxy.sessions.clear();
  for (std::size_t i = 0; i < kStep; ++i) proxy.add(proxy.server);
  proxy.world.run_for(45ms);
  ASSERT_LT(payload(), engine::limits::kLargestSharedPart);
  for (int i = 0; payload() <= engine::limits::kLargestSharedPart; ++i) {
    ASSERT_LT(i, 2000) << "path MTU discovery has not found it";
    if (i % 40 == 0) proxy.requests({100});
    proxy.world.run_for(1ms);
  }
  proxy.requests({20'000});
  proxy.world.run_for(1s);
  proxy.expect_answers({20'000});
}

// Whatever lengths follow each other, on paths that lose, reorder and mark, while others end: what does
// not fit has been written behind the others by then, and finds a place of its own.
class SharedTrainOfAnything : public ::testing::TestWithParam<Gro> {};

TEST_P(SharedTrainOfAnything, LosesNothing) {
  Proxy proxy(3 * kStep,
              {Delay{10ms}, Loss{0.02}, Reorder{0.02, 1ms}, EcnMark{0.05}, Duplicate{0.02}},
              GetParam());
  const std::vector<std::size_t> sizes = {1,    90,   100, 1200, 1300, 1260, 30, 5000, 4500, 20'000,
                                          1400, 1401, 700, 701,  640,  8000, 16, 8192, 2900};
  for (std::size_t round = 0; round < 20; ++round) {
    const std::vector<std::size_t> from_here(
        sizes.begin() + static_cast<std::ptrdiff_t>(round % (sizes.size() - 1)), sizes.end());
    proxy.requests(from_here);
    if (round % 4 == 3) {  // in the turn in which the others ask
      proxy.sessions.back()->connection->close(Error::application(77, "enough"));
      proxy.sessions.pop_back();
    }
    proxy.world.run_for(5s);
    proxy.expect_answers(from_here);
  }
}

INSTANTIATE_TEST_SUITE_P(Trains, SharedTrainOfAnything,
                         ::testing::Values(Gro::off, Gro::random, Gro::full),
                         [](const auto& instance) {
                           return instance.param == Gro::off      ? "Apart"
                                  : instance.param == Gro::random ? "AtRandom"
                                                                  : "Joined";
                         });

}  // namespace
}  // namespace quicore::test
