// SPDX-License-Identifier: Apache-2.0
//
// Fixed work of client and server in the simulator, in one thread: what instruction_budget_test
// counts the instructions of. Each workload is a test of its own and leaves behind how many units
// (packets, requests, handshakes) it did.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "tests/support/api_node.h"

namespace quicore::test {
namespace {

using namespace std::chrono_literals;

sim::WorldOptions fixed() {
  sim::WorldOptions options;
  options.seed = 1;
  options.gro = sim::Gro::full;
  options.shuffle_turns = false;
  return options;
}

EndpointConfig fixed_payload() {
  EndpointConfig config;
  config.max_payload_size = 1472;
  config.path_mtu_discovery = false;
  config.max_connections_per_host = 10'000;
  return config;
}

// Read by instruction_budget_test.
void tell_units(double units) { std::printf("units %.0f\n", units); }

}  // namespace

// Counting begins here (callgrind --zero-before).
void measured_work(ApiPair& pair, Task<> task);
[[gnu::noinline]] void measured_work(ApiPair& pair, Task<> task) {
  pair.run(std::move(task));
  asm volatile("");  // no tail call: the function must return
}

namespace {

Task<> download(Session session, std::uint64_t bytes) {
  auto stream = value_or_throw(session.open({.body = "go"}));
  std::uint64_t received = 0;
  const Reader reader = stream.reader();
  while (received < bytes) {
    const auto chunk = co_await reader.next();
    if (!chunk || !*chunk) break;
    received += (*chunk)->size();
  }
  EXPECT_GE(received, bytes);
  static_cast<void>(stream.cancel());
}

TEST(Workload, BulkTransfer) {
  constexpr std::uint64_t kWarmUp = 4 << 20;
  constexpr std::uint64_t kMeasured = 8 << 20;
  ApiPair pair(fixed(), {sim::Delay{1ms}}, fixed_payload());
  pair.server.endpoint.on_session() = [](Session begun) {
    begun.on_stream() = [](StreamEvent event) {
      static const std::string kBlock(64 * 1024, 'x');
      static_cast<void>(event.stream.send(
          Body([]() -> Result<std::optional<Buf>> { return Buf::borrow(kBlock); })));
    };
  };
  pair.connect("budget");
  pair.run(download(pair.session, kWarmUp));
  const auto before = pair.session.stats().packets_received;
  measured_work(pair, download(pair.session, kMeasured));
  tell_units(static_cast<double>(pair.session.stats().packets_received - before));
}

Task<> request_again_and_again(Session session, int count, int& running) {
  for (int i = 0; i < count; ++i) {
    auto opened = co_await session.open_when_possible();
    const auto body = co_await value_or_throw(std::move(opened)).reader().read_all(1000);
    EXPECT_TRUE(body && body->size() == 512);
  }
  --running;
}

Task<> requests(Session session, int parallel, int each) {
  int running = parallel;
  for (int i = 0; i < parallel; ++i) {
    session.shard().spawn(request_again_and_again(session, each, running));
  }
  while (running > 0) co_await session.shard().sleep_for(1ms);
}

void serve_512_bytes(ApiPair& pair) {
  pair.server.endpoint.on_session() = [](Session begun) {
    begun.on_stream() = [](StreamEvent event) {
      static const std::string kBody(512, 'x');
      event.respond_with({.headers = {{"content-type", "text/plain"}, {"content-length", "512"}},
                          .body = Buf::borrow(kBody)});
    };
  };
}

TEST(Workload, RequestsHundredAtATime) {
  ApiPair pair(fixed(), {sim::Delay{1ms}}, fixed_payload());
  serve_512_bytes(pair);
  pair.connect("h3");
  pair.run(requests(pair.session, 100, 2));
  measured_work(pair, requests(pair.session, 100, 10));
  tell_units(100 * 10);
}

TEST(Workload, RequestsOneAtATime) {
  ApiPair pair(fixed(), {sim::Delay{1ms}}, fixed_payload());
  serve_512_bytes(pair);
  pair.connect("h3");
  pair.run(requests(pair.session, 1, 20));
  measured_work(pair, requests(pair.session, 1, 300));
  tell_units(300);
}

Task<> handshakes(Endpoint client, Address server, SessionConfig config, int count) {
  for (int i = 0; i < count; ++i) {
    Session session = value_or_throw(client.connect(server, config));
    const auto confirmed = co_await session.confirmed();
    EXPECT_TRUE(confirmed.has_value());
    session.cancel();
  }
}

TEST(Workload, Handshakes) {
  constexpr int kCount = 20;
  ApiPair pair(fixed(), {sim::Delay{1ms}}, fixed_payload());
  pair.connect("h3");
  SessionConfig config = client_config("h3");
  const Address server = *pair.server.endpoint.address();
  pair.run(handshakes(pair.client.endpoint, server, config, 2));
  measured_work(pair, handshakes(pair.client.endpoint, server, config, kCount));
  tell_units(kCount);
}

}  // namespace
}  // namespace quicore::test
