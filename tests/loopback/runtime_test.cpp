// SPDX-License-Identifier: Apache-2.0
//
// The runtime: threads, shards that call each other, signals, and a server on every shard.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <quicore.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <future>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace quicore::test {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<Runtime> make(RuntimeConfig config = {.shards = 1}) {
  return value_or_throw(Runtime::create(std::move(config)));
}

TEST(Runtime, RunsMainOnTheCallersThreadAndGivesItsAnswer) {
  auto runtime = make();
  const auto here = std::this_thread::get_id();
  EXPECT_EQ(runtime->run([](std::thread::id caller) -> Task<int> {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    co_await Shard::current().sleep_for(1ms);
    co_return 17;
  }(here)),
            17);
}

TEST(Runtime, AnExceptionOfMainComesOutOfRun) {
  auto runtime = make();
  EXPECT_THROW(runtime->run([]() -> Task<int> {
    throw std::runtime_error("main failed");
    co_return 0;
  }()),
               std::runtime_error);
}

TEST(Runtime, EveryShardHasAThreadOfItsOwn) {
  auto runtime = make({.shards = 3, .pin = false});
  ASSERT_EQ(runtime->size(), 3u);
  std::set<std::thread::id> threads;
  runtime->run([](Runtime& all, std::set<std::thread::id>& seen) -> Task<int> {
    for (std::uint32_t i = 0; i < all.size(); ++i) {
      Shard& shard = all.shard(i);
      EXPECT_EQ(shard.index(), i);
      seen.insert(co_await shard.call([] { return std::this_thread::get_id(); }));
    }
    co_return 0;
  }(*runtime, threads));
  EXPECT_EQ(threads.size(), 3u);
}

TEST(Runtime, AShardIsPinnedToTheCpuNamedForIt) {
  cpu_set_t allowed;
  ASSERT_EQ(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
  std::uint32_t cpu = 0;
  while (!CPU_ISSET(cpu, &allowed)) ++cpu;
  for (const std::uint32_t shards : {1u, 2u}) {
    auto runtime = make({.shards = shards, .cpus = std::vector(shards, cpu)});
    runtime->run([](Runtime& all, std::uint32_t wanted) -> Task<int> {
      for (std::uint32_t i = 0; i < all.size(); ++i) {
        const cpu_set_t set = co_await all.shard(i).call([] {
          cpu_set_t mine;
          sched_getaffinity(0, sizeof(mine), &mine);
          return mine;
        });
        EXPECT_EQ(CPU_COUNT(&set), 1);
        EXPECT_TRUE(CPU_ISSET(wanted, &set));
      }
      co_return 0;
    }(*runtime, cpu));
  }
  cpu_set_t after;
  ASSERT_EQ(sched_getaffinity(0, sizeof(after), &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&after, &allowed)) << "run() left the caller's thread pinned";
}

TEST(Runtime, StopEndsRunFromAnotherThread) {
  auto runtime = make({.shards = 2, .pin = false});
  auto held = std::make_shared<int>(1);
  std::thread stopper([&] { runtime->stop(); });
  EXPECT_EQ(runtime->run([](std::shared_ptr<int>) -> Task<int> {
    co_await Shard::current().sleep_for(1h);
    co_return 5;
  }(held)),
            EXIT_SUCCESS);
  stopper.join();
  EXPECT_EQ(held.use_count(), 1);  // main was destroyed
}

TEST(Runtime, SignalsReachTheShardThatWaitsForThem) {
  auto runtime = make({.shards = 2, .pin = false});
  EXPECT_EQ(runtime->run([](Shard& other) -> Task<int> {
    Shard& here = Shard::current();
    const auto first = here.signal(SIGUSR1, SIGUSR2);
    auto there = other.call([&other] { return other.signal(SIGUSR1).ready(); });
    EXPECT_FALSE(co_await there);
    EXPECT_EQ(kill(getpid(), SIGUSR2), 0);
    auto& number = co_await first;
    co_return *number;
  }(runtime->shard(1))),
            SIGUSR2);
}

TEST(Runtime, EveryProblemOfAConfigurationIsReportedAtOnce) {
  auto created = Runtime::create({.shards = 5000, .cpus = {100000}, .busy_poll = -1us});
  ASSERT_FALSE(created.has_value());
  EXPECT_THAT(created.error().reason, testing::HasSubstr("shards"));
  EXPECT_THAT(created.error().reason, testing::HasSubstr("cpus"));
  EXPECT_THAT(created.error().reason, testing::HasSubstr("busy_poll"));
}

TEST(Runtime, TheLogHearsOfWhatGoesWrong) {
  std::string heard;
  {
    auto runtime = make({.shards = 1, .log = [&](LogLevel level, std::string_view line) {
                           if (level == LogLevel::error) heard += line;
                         }});
    runtime->run([]() -> Task<int> {
      Shard::current().spawn([]() -> Task<> {
        throw std::runtime_error("in a task");
        co_return;
      }());
      co_return 0;
    }());
  }
  EXPECT_THAT(heard, testing::HasSubstr("in a task"));
}

// --- a server on every shard --------------------------------------------------------------------

class ListenOnAll : public testing::TestWithParam<std::tuple<PortChoice, bool>> {};

INSTANTIATE_TEST_SUITE_P(Ports, ListenOnAll,
                         testing::Combine(testing::Values(PortChoice::uring, PortChoice::mmsg),
                                          testing::Bool()),
                         [](const auto& test) {
                           const std::string port =
                               std::get<0>(test.param) == PortChoice::uring ? "IoUring" : "Mmsg";
                           return port + (std::get<1>(test.param) ? "Steered" : "Forwarded");
                         });

Task<int> ask_many(Runtime& runtime, bool steering, std::set<std::string>& shards_seen) {
  const auto identity = value_or_throw(make_development_identity());
  EndpointConfig config;
  config.udp.steering = steering;
  auto listener = value_or_throw(
      runtime.listen_on_all(config, {.secure = identity.server}, [](Session session) {
        session.on_stream() = [](StreamEvent event) {
          event.respond_with({.body = std::to_string(Shard::current().index())});
        };
      }));
  auto client = value_or_throw(Endpoint::create(Shard::current()));
  int right = 0;
  for (int i = 0; i < 16; ++i) {
    auto session = value_or_throw(
        client.connect(listener.address(), {.hostname = "localhost", .secure = identity.client}));
    auto stream = value_or_throw(co_await session.open_when_possible(10s));
    auto body = co_await stream.reader().read_all(100, 10s);
    if (body) {
      ++right;
      shards_seen.emplace(body->text());
    }
    co_await session.close();
  }
  co_await client.close();
  const EndpointStats stats = co_await listener.stats();
  EXPECT_EQ(stats.server_sessions, 16u);
  co_await listener.close();
  co_return right;
}

TEST_P(ListenOnAll, EveryShardServesAndEveryClientIsServed) {
  const auto [port, steering] = GetParam();
  auto created = Runtime::create({.shards = 4, .pin = false, .port = port});
  if (!created && port == PortChoice::uring) GTEST_SKIP() << to_string(created.error());
  auto runtime = value_or_throw(std::move(created));
  std::set<std::string> shards_seen;
  EXPECT_EQ(runtime->run(ask_many(*runtime, steering, shards_seen)), 16);
  // The chance that 16 connections miss one shard of four is 4 x 0.75^16: 4%. More than one is
  // certain enough: 4 x 0.25^16.
  EXPECT_GT(shards_seen.size(), 1u);
}

Task<int> listen_badly_on(Runtime& runtime, Address taken) {
  SessionConfig session;
  session.secure.certificate = {Pem::bytes("nothing that is PEM")};
  const auto listener = runtime.listen_on_all({.address = taken}, session, {});
  EXPECT_FALSE(listener.has_value());
  co_return static_cast<int>(listener.error().kind);
}

TEST(Runtime, ABadCertificateIsToldEvenWhereThePortIsTaken) {
  auto runtime = value_or_throw(Runtime::create({.shards = 1, .pin = false}));
  auto other = value_or_throw(Endpoint::create(runtime->shard(0)));
  EXPECT_EQ(runtime->run(listen_badly_on(*runtime, *other.address())),
            static_cast<int>(Errc::invalid_argument));
}

// More than one step of a turn can send: limits::kTrainsPerStep.
constexpr int kManySessions = 100;

Task<int> serve_until_all_are_closed(std::promise<Address>* ready, TlsSettings identity) {
  Promise<> all_closed;
  int closed = 0;
  auto server = value_or_throw(Endpoint::create(Shard::current()));
  server.on_session() = [&](Session session) {
    session.closed().then([&](const Result<>&) {
      if (++closed == kManySessions) all_closed.set();
    });
  };
  SessionConfig config{.alpn = {"many"}, .secure = std::move(identity)};
  config.transport.max_idle_timeout = 1h;  // it would hide what was not closed
  value_or_throw(server.listen(std::move(config)));
  ready->set_value(*server.address());
  const Completion<> done = all_closed.completion();
  (void)co_await done;
  co_return closed;
}

Task<int> connect_many(Address server, TlsSettings identity) {
  auto client = value_or_throw(Endpoint::create(Shard::current()));
  SessionConfig config{.alpn = {"many"}, .hostname = "localhost", .secure = std::move(identity)};
  std::vector<Session> sessions;
  for (int i = 0; i < kManySessions; ++i) {
    sessions.push_back(value_or_throw(client.connect(server, config)));
    const auto confirmed = sessions.back().confirmed();
    if (!co_await confirmed) co_return i;
  }
  co_return kManySessions;
}

TEST(Runtime, TellsEveryPeerWhenItEnds) {
  const auto identity = value_or_throw(make_development_identity());
  std::promise<Address> ready;
  int closed = 0;
  std::thread server(
      [&] { closed = make()->run(serve_until_all_are_closed(&ready, identity.server)); });
  const Address address = ready.get_future().get();
  EXPECT_EQ(make()->run(connect_many(address, identity.client)), kManySessions);
  server.join();
  EXPECT_EQ(closed, kManySessions);
}

}  // namespace
}  // namespace quicore::test
