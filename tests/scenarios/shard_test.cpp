// SPDX-License-Identifier: Apache-2.0
//
// The turn of a shard that serves many connections.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/limits.h"
#include "tests/support/engine_node.h"
#include "tests/support/http3_web.h"
#include "tests/support/sim_test.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

// Those that HTTP/3 needs before a body.
void send_headers(TestStream& stream) {
  if (!stream.stream->connection().is_http3()) return;
  Web::send_headers(stream, engine::FieldSection::headers, {{"x-often", "the same"}});
}

// Answers each request with itself, and notes how many packets had been sent when it was read.
void echo_and_note(EngineNode& server, std::vector<std::uint64_t>& sent_when_read) {
  server.on_accepted = [&](TestConnection& session) {
    session.on_stream_opened = [&](TestStream& stream) {
      stream.on_readable = [&](TestStream& request) {
        if (!request.fin) return;
        sent_when_read.push_back(server.endpoint().counters().packets_sent);
        send_headers(request);
        request.send(request.received);
      };
    };
  };
}

// Connections to one server, each of a host of its own, that have completed their handshakes.
struct Crowd {
  explicit Crowd(std::size_t count, const std::string& protocol = "echo") {
    server.listen(server_config(protocol));
    echo_and_note(server, sent_when_read);
    for (std::size_t i = 0; i < count; ++i) {
      Host& host = world.add_host("client " + std::to_string(i));
      world.connect(host, server.host(), {Delay{10ms}});
      clients.push_back(std::make_unique<EngineNode>(world, host));
      sessions.push_back(&clients.back()->connect(server, client_config(protocol)));
    }
    world.run_for(1s);
  }

  World world{this_test()};
  EngineNode server{world, world.add_host("server")};
  std::vector<std::uint64_t> sent_when_read;
  std::vector<std::unique_ptr<EngineNode>> clients;
  std::vector<TestConnection*> sessions;
};

// Requests of four times as many connections as a step serves, all in one turn.
TEST(ShardTurn, ThoseWhoCameFirstAreAnsweredBeforeTheLastAreRead) {
  constexpr std::size_t kClients = 4 * engine::limits::kConnectionsPerStep;
  Crowd crowd(kClients);
  World& world = crowd.world;
  EngineNode& server = crowd.server;
  const std::vector<TestConnection*>& sessions = crowd.sessions;
  const std::vector<std::uint64_t>& sent_when_read = crowd.sent_when_read;
  const std::uint64_t sent_before = server.endpoint().counters().packets_sent;
  for (TestConnection* session : sessions) session->open().send("request");
  world.run_for(1s);

  ASSERT_EQ(sent_when_read.size(), kClients);
  EXPECT_EQ(sent_when_read.front(), sent_before);
  const std::set<std::uint64_t> steps(sent_when_read.begin(), sent_when_read.end());
  EXPECT_EQ(steps.size(), 4u);
  for (TestConnection* session : sessions) {
    ASSERT_EQ(session->streams.size(), 1u);
    EXPECT_EQ(session->streams.front().received, "request");
    EXPECT_TRUE(session->streams.front().closed);
  }
}

class ManyConnections : public testing::TestWithParam<std::string> {};

void request(TestConnection& session, std::string_view body) {
  TestStream& stream = session.open();
  send_headers(stream);
  stream.send(body);
}

// So many that what the next ones need is prefetched; of a third the server has just let go, and of
// another third a stream was reset, when the next requests of all arrive in one turn.
TEST_P(ManyConnections, AreServedWhenSomeHaveJustEnded) {
  constexpr std::size_t kClients = 3 * engine::limits::kPrefetchFrom;
  Crowd crowd(kClients, GetParam());
  World& world = crowd.world;
  EngineNode& server = crowd.server;
  const std::vector<TestConnection*>& sessions = crowd.sessions;
  ASSERT_EQ(server.shard().connection_count(), kClients);
  for (TestConnection* session : sessions) {
    for (std::size_t i = 0; i < 2 * engine::limits::kPrefetchedStreams; ++i) {
      request(*session, "request");
    }
  }
  world.run_for(15ms);  // the requests have arrived, their answers not
  for (std::size_t i = 0; i < kClients; ++i) {
    const auto served =
        std::ranges::find(server.connections, sessions[i]->connection->local_address(),
                          [](TestConnection& it) { return it.connection->remote_address(); });
    ASSERT_NE(served, server.connections.end());
    if (i % 3 == 0) served->connection->close(Error::application(77, "enough"));
    if (i % 3 == 1) sessions[i]->streams.front().stream->reset(7);
    request(*sessions[i], "another");
  }
  world.run_for(1s);

  for (std::size_t i = 0; i < kClients; ++i) {
    EXPECT_EQ(sessions[i]->closed, i % 3 == 0);
    if (i % 3 == 0) continue;
    EXPECT_EQ(sessions[i]->streams.back().received, "another");
    EXPECT_TRUE(sessions[i]->streams.back().closed);
  }
}

INSTANTIATE_TEST_SUITE_P(Protocols, ManyConnections, testing::Values("echo", "h3"),
                         [](const auto& info) { return info.param; });

// A server and a client whose datagrams arrive in trains.
struct Pair {
  explicit Pair(Duration delay) {
    world.connect(client.host(), server.host(), {Delay{delay}});
    server.listen(server_config("echo"));
  }
  static WorldOptions with_trains() {
    WorldOptions options = this_test();
    options.gro = Gro::full;
    return options;
  }

  World world{with_trains()};
  EngineNode server{world, world.add_host("server")};
  EngineNode client{world, world.add_host("client")};
};

// As the first with the streams of one connection, whose requests come in one train of three datagrams.
TEST(ShardTurn, StreamsThatCameFirstAreAnsweredBeforeTheLastAreRead) {
  constexpr std::size_t kStreams = 3 * engine::limits::kStreamsOfConnectionPerStep;
  Pair pair(10ms);
  World& world = pair.world;
  std::vector<std::uint64_t> sent_when_read;
  echo_and_note(pair.server, sent_when_read);
  TestConnection& session = pair.client.connect(pair.server, client_config("echo"));
  world.run_for(1s);
  for (std::size_t i = 0; i < kStreams; ++i) session.open().send(pattern(30, i));
  world.run_for(1s);

  ASSERT_EQ(sent_when_read.size(), kStreams);
  const std::set<std::uint64_t> steps(sent_when_read.begin(), sent_when_read.end());
  EXPECT_EQ(steps.size(), 2u);
  ASSERT_EQ(session.streams.size(), kStreams);
  for (std::size_t i = 0; i < kStreams; ++i) {
    EXPECT_TRUE(session.streams[i].received == pattern(30, i));
    EXPECT_TRUE(session.streams[i].closed);
  }
}

// A train for each of many connections, all in one turn: who has nothing to say but that it arrived takes
// turns, so that those who get another one meanwhile say it for both.
TEST(ShardTurn, ManyThatReceiveAcknowledgeByTurns) {
  constexpr std::size_t kConnections = 4 * engine::limits::kConnectionsPerStep;
  constexpr std::size_t kSize = 40'000;
  Pair pair(100us);
  World& world = pair.world;
  EngineNode& server = pair.server;
  EngineNode& client = pair.client;
  server.on_accepted = [](TestConnection& session) {
    session.on_stream_opened = [](TestStream& stream) {
      stream.on_readable = [](TestStream& request) {
        if (request.fin) request.send(pattern(request.received == "first" ? 1 << 20 : kSize));
      };
    };
  };
  std::vector<TestConnection*> sessions;
  sessions.reserve(kConnections);
  for (std::size_t i = 0; i < kConnections; ++i) {
    sessions.push_back(&client.connect(server, client_config("echo")));
  }
  world.run_for(1s);
  const auto all_download = [&](std::string_view request) {
    for (TestConnection* session : sessions) session->open().send(request);
  };
  all_download("first");  // until the congestion windows are larger than a train
  world.run_for(5s);
  std::vector<std::uint64_t> sent_when_read;
  all_download("second");
  for (TestConnection* session : sessions) {
    session->streams.back().on_readable = [&](TestStream&) {
      sent_when_read.push_back(client.endpoint().counters().packets_sent);
    };
  }
  world.run_for(5s);

  for (const TestConnection* session : sessions) {
    EXPECT_EQ(session->streams.back().received.size(), kSize);
    EXPECT_TRUE(session->streams.back().closed);
  }
  ASSERT_GE(sent_when_read.size(), kConnections);
  const std::uint64_t first = sent_when_read.front();
  const std::uint64_t last = sent_when_read[kConnections - 1];
  EXPECT_EQ(last - first, 3 * engine::limits::kAcknowledgementsPerStep);
  for (const TestConnection& session : server.connections) {
    EXPECT_TRUE(session.streams.back().closed);  // acknowledged to the end
    EXPECT_EQ(session.connection->stats(world.now()).packets_lost, 0u);
  }
}

}  // namespace
}  // namespace quicore::test
