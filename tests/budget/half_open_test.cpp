// SPDX-License-Identifier: Apache-2.0
//
// What a handshake that an attacker leaves half-open may cost a server (docs/limits.md,
// kMaxHalfOpenConnections), measured as memory of the process.
#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>
#include <fstream>

#include "tests/support/deaf_clients.h"
#include "tests/support/engine_node.h"
#include "tests/support/sim_test.h"

namespace quicore::test {
namespace {

using namespace std::chrono_literals;

// What limits::kMaxHalfOpenConnections reckons with.
constexpr std::size_t kMostBytesEach = 100'000;

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST(HalfOpen, AHandshakeThatNobodyFinishesCostsTheServerNoMoreThanItsLimitSays) {
#ifdef QUICORE_SANITIZED
  GTEST_SKIP() << "a sanitizer's allocator has costs of its own";
#endif
  constexpr std::size_t kClients = 300;
  sim::World world(sim::this_test());
  EndpointConfig endpoint;
  endpoint.max_connections_per_host = 10 * kClients;
  endpoint.max_connections_total = 10 * kClients;
  EngineNode server(world, world.add_host("server"), endpoint);
  server.listen(server_config("raw"));
  sim::Host& host = world.add_host("hostile");
  world.connect(host, server.host(), {sim::Delay{5ms}});
  DeafClients clients(world, host, "raw");
  clients.knock(server.address(), 20);  // what is allocated once
  world.run_for(50ms);
  clients.knock(server.address(), kClients);
  const std::size_t before = resident_bytes();
  world.run_for(50ms);
  const std::size_t half_open = server.shard().handshakes().total();
  ASSERT_GT(half_open, 100u);
  const std::size_t each = (resident_bytes() - before) / (half_open - 20);
  RecordProperty("bytes_each", static_cast<int>(each));
  EXPECT_LT(each, kMostBytesEach);
  EXPECT_GT(each, 1000u) << "nothing was measured";
}

}  // namespace
}  // namespace quicore::test
