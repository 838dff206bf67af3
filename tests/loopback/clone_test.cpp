// SPDX-License-Identifier: Apache-2.0
//
// Endpoint::clone: one port, several shards, strictly in turn.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <quicore.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/loopback/both_ports.h"

namespace quicore::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kShards = 3;

// Clones of one endpoint, by shard. A handle is touched on its own shard only.
class Clones {
 public:
  explicit Clones(Runtime& runtime) : runtime_(runtime), endpoints_(runtime.size()) {}

  Task<> create(const EndpointConfig& config) {
    endpoints_[0] = value_or_throw(Endpoint::create(Shard::current(), config));
    for (std::uint32_t i = 1; i < runtime_.size(); ++i) {
      auto keep = [this, i](Endpoint clone) -> Result<> {
        endpoints_[i] = clone;
        threads_[i] = std::this_thread::get_id();
        return {};
      };
      const auto cloned = co_await endpoints_[0].clone(runtime_.shard(i), keep);
      EXPECT_TRUE(cloned.has_value()) << to_string(cloned.error());
    }
  }

  // Runs `use(endpoint)` on the shard of the clone.
  template <class F>
  Task<std::invoke_result_t<F&, Endpoint&>> on(std::uint32_t shard, F& use) {
    auto call = [this, shard, &use] { return use(endpoints_[shard]); };
    co_return co_await runtime_.shard(shard).call(call);
  }

  // From now on this clone answers every stream with the number of its shard.
  Task<> listen(std::uint32_t shard, const DevelopmentIdentity& identity) {
    auto begin = [identity, shard](Endpoint& endpoint) -> bool {
      endpoint.on_session() = [shard](Session session) {
        session.on_stream() = [shard](StreamEvent event) {
          (void)event.stream.discard();
          (void)event.respond_with({.body = std::to_string(shard)});
        };
      };
      return endpoint.listen({.alpn = {"who"}, .secure = identity.server}).has_value();
    };
    EXPECT_TRUE(co_await on(shard, begin));
  }

  // Every clone is dropped on its own shard.
  Task<> destroy() {
    for (std::uint32_t i = 0; i < runtime_.size(); ++i) {
      auto end = [](Endpoint& endpoint) -> bool {
        if (endpoint) endpoint.destroy();
        endpoint = {};
        return true;
      };
      (void)co_await on(i, end);
    }
  }

  Endpoint& first() { return endpoints_[0]; }
  const std::map<std::uint32_t, std::thread::id>& threads() const { return threads_; }

 private:
  Runtime& runtime_;
  std::vector<Endpoint> endpoints_;
  std::map<std::uint32_t, std::thread::id> threads_;
};

Task<std::string> ask(Session session) {
  auto stream = value_or_throw(session.open({.body = std::string(20'000, 'q')}));
  co_return std::string(value_or_throw(co_await stream.reader().read_all(100, 10s)).text());
}

// Connects and asks who answers; a new client socket each time, so that the kernel's choice of the
// receiving socket differs.
Task<std::string> who_serves(Address address, const DevelopmentIdentity& identity) {
  auto client = value_or_throw(Endpoint::create(Shard::current()));
  auto session = value_or_throw(client.connect(
      address, {.alpn = {"who"}, .hostname = "localhost", .secure = identity.client}));
  value_or_throw(co_await session.confirmed().wait(10s));
  std::string answer = co_await ask(session);
  session.cancel();
  client.destroy();
  co_return answer;
}

Task<std::string> who_serve(int times, Address address, const DevelopmentIdentity& identity) {
  std::string all;
  for (int i = 0; i < times; ++i) all += co_await who_serves(address, identity);
  co_return all;
}

class EndpointClone : public OnBothPorts {
 protected:
  EndpointClone() : OnBothPorts({.shards = kShards, .pin = false}) {}
  void run(Task<int> (*main)(Runtime& runtime)) {
    EXPECT_EQ(runtime_->run(main(*runtime_)), EXIT_SUCCESS);
  }
};

INSTANTIATE_TEST_SUITE_P(Ports, EndpointClone, kBothPorts, name_of_port);

Task<int> lives_on_another_thread(Runtime& runtime) {
  Clones clones(runtime);
  const EndpointConfig defaults;
  co_await clones.create(defaults);
  EXPECT_EQ(clones.threads().size(), kShards - 1);
  const Address address = clones.first().address().value();
  for (std::uint32_t i = 1; i < kShards; ++i) {
    EXPECT_NE(clones.threads().at(i), std::this_thread::get_id());
    auto its_address = [](Endpoint& endpoint) { return endpoint.address().value(); };
    EXPECT_EQ(co_await clones.on(i, its_address), address) << "one port";
  }
  auto nothing = [](Endpoint) -> Result<> { return {}; };
  const auto twice = co_await clones.first().clone(runtime.shard(1), nothing);
  EXPECT_EQ(twice.error().kind, Errc::invalid_argument) << "that shard has one";
  co_await clones.destroy();
  co_return EXIT_SUCCESS;
}

// spec: E18 E19
TEST_P(EndpointClone, LivesOnAnotherThreadOnTheSamePort) { run(lives_on_another_thread); }

Task<int> takes_turns(Runtime& runtime) {
  const auto identity = value_or_throw(make_development_identity());
  Clones clones(runtime);
  const EndpointConfig defaults;
  co_await clones.create(defaults);
  const Address address = clones.first().address().value();
  for (std::uint32_t i = 0; i < kShards; ++i) co_await clones.listen(i, identity);
  EXPECT_EQ(co_await who_serve(12, address, identity), "012012012012");
  co_await clones.destroy();
  co_return EXIT_SUCCESS;
}

// spec: E21 E22
TEST_P(EndpointClone, ListeningClonesGetNewConnectionsStrictlyInTurn) { run(takes_turns); }

// Datagrams that a shard passed on to another while `connections` clients came.
Task<std::uint64_t> forwarded(Runtime& runtime, DispatchPolicy dispatch, std::uint32_t listening,
                              int connections, std::string& answers) {
  const auto identity = value_or_throw(make_development_identity());
  Clones clones(runtime);
  EndpointConfig config;
  config.dispatch = dispatch;
  co_await clones.create(config);
  const Address address = clones.first().address().value();
  for (std::uint32_t i = 0; i < listening; ++i) co_await clones.listen(i, identity);
  answers = co_await who_serve(connections, address, identity);
  std::uint64_t sum = 0;
  auto count = [](Endpoint& endpoint) { return endpoint.stats().forwarded_count; };
  for (std::uint32_t i = 0; i < runtime.size(); ++i) sum += co_await clones.on(i, count);
  co_await clones.destroy();
  co_return sum;
}

Task<int> stays_where_it_came(Runtime& runtime) {
  constexpr int kClients = 24;  // the chance that turns and the kernel always agree: 3 to the -24
  std::string answers;
  EXPECT_GT(co_await forwarded(runtime, DispatchPolicy::round_robin, kShards, kClients, answers),
            0u);
  EXPECT_EQ(answers, "012012012012012012012012");
  EXPECT_EQ(co_await forwarded(runtime, DispatchPolicy::initial_hash, kShards, kClients, answers),
            0u);
  EXPECT_NE(answers, "012012012012012012012012");
  for (const char shard : {'0', '1', '2'}) EXPECT_THAT(answers, testing::Contains(shard));
  // Where nobody listens it goes to one who does, in turn.
  EXPECT_GT(co_await forwarded(runtime, DispatchPolicy::initial_hash, 1, kClients, answers), 0u);
  EXPECT_EQ(answers, std::string(kClients, '0'));
  co_return EXIT_SUCCESS;
}

// spec: E22
TEST_P(EndpointClone, TheKernelMayChooseInsteadOfTurns) { run(stays_where_it_came); }

Task<int> takes_turns_with_retry(Runtime& runtime) {
  const auto identity = value_or_throw(make_development_identity());
  Clones clones(runtime);
  EndpointConfig config;
  config.validate_address = true;
  config.address_lru_size = 0;  // every connection gets its Retry
  co_await clones.create(config);
  const Address address = clones.first().address().value();
  for (std::uint32_t i = 0; i < kShards; ++i) co_await clones.listen(i, identity);
  EXPECT_EQ(co_await who_serve(9, address, identity), "012012012");
  co_await clones.destroy();
  co_return EXIT_SUCCESS;
}

// The Initial that comes back with a token is no new connection: its turn was the Retry's.
// spec: E22
TEST_P(EndpointClone, ARetryTakesNoSecondTurn) { run(takes_turns_with_retry); }

Task<int> rotation_follows(Runtime& runtime) {
  const auto identity = value_or_throw(make_development_identity());
  Clones clones(runtime);
  const EndpointConfig defaults;
  co_await clones.create(defaults);
  const Address address = clones.first().address().value();
  co_await clones.listen(1, identity);
  EXPECT_EQ(co_await who_serve(2, address, identity), "11") << "only who listens";
  co_await clones.listen(2, identity);
  EXPECT_EQ(co_await who_serve(4, address, identity), "1212");
  co_await clones.listen(0, identity);
  EXPECT_EQ(co_await who_serve(6, address, identity), "120120");
  auto close = [](Endpoint& endpoint) -> bool {
    endpoint.close();
    return endpoint.closing() || !endpoint.listening();
  };
  EXPECT_TRUE(co_await clones.on(1, close));
  EXPECT_EQ(co_await who_serve(4, address, identity), "2020") << "a closed clone has no turn";
  auto destroy = [](Endpoint& endpoint) -> bool {
    endpoint.destroy();
    return !endpoint.listening();
  };
  EXPECT_TRUE(co_await clones.on(0, destroy));  // the one they were cloned of
  EXPECT_EQ(co_await who_serve(3, address, identity), "222");
  co_await clones.destroy();
  co_return EXIT_SUCCESS;
}

// spec: E23 E20
TEST_P(EndpointClone, TheRotationFollowsWhoListensAndWhoIsClosed) { run(rotation_follows); }

Task<int> independent_clients(Runtime& runtime) {
  const auto identity = value_or_throw(make_development_identity());
  auto server = value_or_throw(Endpoint::create(Shard::current()));
  server.on_session() = [](Session session) {
    session.on_stream() = [](StreamEvent event) {
      (void)event.stream.discard();
      const Address remote = event.stream.session().remote_address();
      (void)event.respond_with({.body = remote.to_string()});
    };
  };
  value_or_throw(server.listen({.alpn = {"who"}, .secure = identity.server}));
  const Address server_address = server.address().value();
  Clones clones(runtime);
  const EndpointConfig defaults;
  co_await clones.create(defaults);
  const Address address = clones.first().address().value();
  co_await clones.listen(2, identity);
  // Each clone as a client, by tasks of its own shard; clone 2 serves meanwhile.
  std::mutex lock;
  std::vector<std::string> answers;
  for (std::uint32_t i = 0; i < kShards; ++i) {
    auto begin = [&, identity](Endpoint& endpoint) -> bool {
      auto talk = [](Endpoint from, Address to, DevelopmentIdentity who, std::mutex& guard,
                     std::vector<std::string>& into) -> Task<> {
        auto session = value_or_throw(
            from.connect(to, {.alpn = {"who"}, .hostname = "localhost", .secure = who.client}));
        value_or_throw(co_await session.confirmed().wait(10s));
        std::string answer = co_await ask(session);
        session.cancel();
        const std::lock_guard hold(guard);
        into.push_back(std::move(answer));
      };
      endpoint.shard().spawn(talk(endpoint, server_address, identity, lock, answers));
      return true;
    };
    EXPECT_TRUE(co_await clones.on(i, begin));
  }
  EXPECT_EQ(co_await who_serve(2, address, identity), "22");
  const auto count = [&] {
    const std::lock_guard hold(lock);
    return answers.size();
  };
  for (int i = 0; i < 1000 && count() < kShards; ++i)
    (void)co_await Shard::current().sleep_for(10ms);
  EXPECT_THAT(answers,
              testing::ElementsAre(address.to_string(), address.to_string(), address.to_string()))
      << "all from the one port";
  for (std::uint32_t i = 0; i < kShards; ++i) {
    auto sessions = [](Endpoint& endpoint) { return endpoint.stats(); };
    const EndpointStats stats = co_await clones.on(i, sessions);
    EXPECT_EQ(stats.client_sessions, 1u);
    EXPECT_EQ(stats.server_sessions, i == 2 ? 2u : 0u);
  }
  co_await clones.destroy();
  server.destroy();
  co_return EXIT_SUCCESS;
}

// spec: E20
TEST_P(EndpointClone, EachIsAClientAndServerOfItsOwn) { run(independent_clients); }

Task<int> closing_refuses_clones(Runtime& runtime) {
  auto endpoint = value_or_throw(Endpoint::create(Shard::current()));
  endpoint.destroy();
  auto nothing = [](Endpoint) -> Result<> { return {}; };
  const auto cloned = co_await endpoint.clone(runtime.shard(1), nothing);
  EXPECT_FALSE(cloned.has_value());
  auto other = value_or_throw(Endpoint::create(Shard::current()));
  auto failing = [](Endpoint) -> Result<> { return failure(Errc::cancelled, "not wanted"); };
  EXPECT_EQ((co_await other.clone(runtime.shard(1), failing)).error().kind, Errc::cancelled);
  other.destroy();
  co_return EXIT_SUCCESS;
}

TEST_P(EndpointClone, IsRefusedOfAnEndpointThatEnded) { run(closing_refuses_clones); }

}  // namespace
}  // namespace quicore::test
