// SPDX-License-Identifier: Apache-2.0
//
// Four shards behind one port: a client that changes its address keeps its connection, whether the
// kernel steers, the shards forward to each other, or GRO joins what belongs to several of them.
#include <gtest/gtest.h>
#include <quicore.h>

#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "tests/support/joining_relay.h"

namespace quicore::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kShards = 4;
constexpr std::uint32_t kSessions = 16;  // of one client socket: GRO may join their datagrams

struct SteeringCase {
  const char* name;
  bool steering;  // false: as where the kernel refuses the filter
  PortChoice port;
};

class Steering : public ::testing::TestWithParam<SteeringCase> {};

INSTANTIATE_TEST_SUITE_P(
    Loopback, Steering,
    ::testing::Values(SteeringCase{"uring_filtered", true, PortChoice::uring},
                      SteeringCase{"uring_unfiltered", false, PortChoice::uring},
                      SteeringCase{"mmsg_filtered", true, PortChoice::mmsg},
                      SteeringCase{"mmsg_unfiltered", false, PortChoice::mmsg}),
    [](const auto& test) { return std::string(test.param.name); });

// The answer names the shard that serves the session.
void answer_with_shard(Session session) {
  session.on_stream() = [](StreamEvent event) {
    (void)event.stream.discard();
    (void)event.respond_with({.body = std::to_string(Shard::current().index())});
  };
}

// Four shards that answer, and a client with one socket.
struct Setting {
  Setting(Runtime& runtime, const SteeringCase& which)
      : identity(value_or_throw(make_development_identity())),
        listener(value_or_throw(runtime.listen_on_all(
            config(which), {.alpn = {"where"}, .secure = identity.server}, answer_with_shard))),
        client(value_or_throw(Endpoint::create(Shard::current()))) {}

  static EndpointConfig config(const SteeringCase& which) {
    EndpointConfig endpoint;
    endpoint.udp.steering = which.steering;
    return endpoint;
  }

  void connect(const Address& server) {
    sessions.push_back(value_or_throw(client.connect(
        server, {.alpn = {"where"}, .hostname = "localhost", .secure = identity.client})));
  }

  Task<> connect_and_confirm(Address server) {
    for (std::uint32_t i = 0; i < kSessions; ++i) {
      connect(server);
      value_or_throw(co_await sessions.back().confirmed().wait(10s));
    }
  }

  Task<> end() {
    for (Session& session : sessions) session.cancel();
    client.destroy();
    co_await listener.close();
  }

  DevelopmentIdentity identity;
  Listener listener;
  Endpoint client;
  std::vector<Session> sessions;
};

constexpr std::size_t kQuestion = 20'000;

Task<std::string> ask(Session session, std::size_t size = kQuestion) {
  auto stream = value_or_throw(session.open({.body = std::string(size, 'q')}));
  co_return std::string(value_or_throw(co_await stream.reader().read_all(100, 10s)).text());
}

Task<int> keeps_its_shard(Runtime& runtime, SteeringCase which) {
  Setting setting(runtime, which);
  const Listener& listener = setting.listener;
  std::vector<Session>& sessions = setting.sessions;
  for (std::uint32_t i = 0; i < kSessions; ++i) setting.connect(listener.address());
  std::set<std::string> shards;
  for (Session& session : sessions) {
    value_or_throw(co_await session.confirmed().wait(10s));
    const std::string shard = co_await ask(session);
    shards.insert(shard);
    (void)co_await Shard::current().sleep_for(5ms);  // for a connection ID to spare
    const Address before = session.local_address();
    value_or_throw(session.migrate());
    EXPECT_EQ(co_await ask(session), shard) << "the session moved to another shard";
    for (int i = 0; i < 200 && session.local_address() == before; ++i) {
      (void)co_await Shard::current().sleep_for(5ms);
    }
    EXPECT_NE(session.local_address(), before) << "the new path was not validated";
    EXPECT_EQ(co_await ask(session), shard);
  }
  // All at once, from as many sockets as sessions.
  for (Session& session : sessions) EXPECT_FALSE((co_await ask(session)).empty());
  EXPECT_GT(shards.size(), 1u) << "sessions are spread over the shards";
  const EndpointStats stats = co_await listener.stats();
  if (!which.steering) {
    EXPECT_GT(stats.forwarded_count, 0u) << "without the filter shards forward to each other";
  }
  co_await setting.end();
  co_return EXIT_SUCCESS;
}

TEST_P(Steering, AClientThatChangesItsPortKeepsItsConnectionWithFourShards) {
  auto runtime =
      value_or_throw(Runtime::create({.shards = kShards, .pin = false, .port = GetParam().port}));
  EXPECT_EQ(runtime->run(keeps_its_shard(*runtime, GetParam())), EXIT_SUCCESS);
}

// --- GRO joins datagrams of several connections -------------------------------------------------

struct Answers {
  std::vector<std::string> text;
  std::size_t left = 0;
  Promise<> complete;
};

Task<> ask_for(Session session, Answers& answers, std::size_t number, std::size_t size) {
  answers.text[number] = co_await ask(session, size);
  if (--answers.left == 0) answers.complete.set();
}

// All at the same time.
Task<std::vector<std::string>> ask_all(const std::vector<Session>& sessions,
                                       std::size_t size = kQuestion) {
  Answers answers;
  answers.left = sessions.size();
  answers.text.resize(sessions.size());
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    Shard::current().spawn(ask_for(sessions[i], answers, i, size));
  }
  const Completion<> complete = answers.complete.completion();
  value_or_throw(co_await complete);
  co_return std::move(answers.text);
}

Task<int> survives_mixed_trains(Runtime& runtime, SteeringCase which) {
  Setting setting(runtime, which);
  const Listener& listener = setting.listener;
  std::vector<Session>& sessions = setting.sessions;
  JoiningRelay relay(listener.address().port());
  co_await setting.connect_and_confirm(Address::loopback(Family::ipv4, relay.port()));
  const std::vector<std::string> before = co_await ask_all(sessions);
  relay.rebind();
  while (!relay.rebound()) (void)co_await Shard::current().sleep_for(1ms);
  EXPECT_EQ(co_await ask_all(sessions), before) << "a session moved to another shard";
  EXPECT_EQ(co_await ask_all(sessions), before);
  EXPECT_GT(std::set(before.begin(), before.end()).size(), 1u);
  EXPECT_GT(relay.mixed_trains(), 0u);
  const EndpointStats stats = co_await listener.stats();
  EXPECT_GT(stats.forwarded_count, 0u) << "a train goes to one shard as a whole";
  co_await setting.end();
  co_return EXIT_SUCCESS;
}

TEST_P(Steering, TrainsOfSeveralConnectionsReachTheirShardsAlsoFromAnotherPort) {
  auto runtime =
      value_or_throw(Runtime::create({.shards = kShards, .pin = false, .port = GetParam().port}));
  EXPECT_EQ(runtime->run(survives_mixed_trains(*runtime, GetParam())), EXIT_SUCCESS);
}

// --- we join datagrams of several connections ---------------------------------------------------

// Short questions of one socket, all at once, time and again: they share trains (engine/shared_train.h),
// but not with those of other shards, so that the kernel brings each train to where it belongs.
Task<int> shares_trains_by_shard(Runtime& runtime, SteeringCase which) {
  Setting setting(runtime, which);
  const Listener& listener = setting.listener;
  std::vector<Session>& sessions = setting.sessions;
  co_await setting.connect_and_confirm(listener.address());
  const std::vector<std::string> shards = co_await ask_all(sessions, 100);
  EXPECT_GT(std::set(shards.begin(), shards.end()).size(), 1u);
  const std::uint64_t forwarded = (co_await listener.stats()).forwarded_count;
  for (int i = 0; i < 50; ++i) EXPECT_EQ(co_await ask_all(sessions, 100), shards);
  if (which.steering) {
    EXPECT_EQ((co_await listener.stats()).forwarded_count, forwarded);
  }
  co_await setting.end();
  co_return EXIT_SUCCESS;
}

TEST_P(Steering, ConnectionsShareTrainsWithThoseOfTheirShard) {
  auto runtime =
      value_or_throw(Runtime::create({.shards = kShards, .pin = false, .port = GetParam().port}));
  EXPECT_EQ(runtime->run(shares_trains_by_shard(*runtime, GetParam())), EXIT_SUCCESS);
}

}  // namespace
}  // namespace quicore::test
