// SPDX-License-Identifier: Apache-2.0
//
// A server that has more to do than time: docs/decisions/0034.
#include <gtest/gtest.h>

#include "engine/limits.h"
#include "tests/support/deaf_clients.h"
#include "tests/support/echo_run.h"

namespace quicore::test {
namespace {

using namespace sim;

constexpr std::size_t kBeforeRetry = engine::limits::kRecentHandshakesBeforeRetryWhenBusy;

// Beside its client, a host of which many others knock and never answer.
class Flood {
 public:
  explicit Flood(bool busy)
      : run({Delay{20ms}}, this_test(), of_large_hosts()),
        host_(run.world.add_host("deaf")),
        clients_(run.world, host_, "echo") {
    run.world.connect(host_, run.server_host, {Delay{5ms}});
    run.start_server();
    run.server_host.set_busy(busy);
  }

  void knock(std::size_t count) {
    clients_.knock(run.server->address(), count);
    run.world.run_for(10ms);
  }

  std::size_t under_way() { return run.server->shard().handshakes().total(); }
  std::uint64_t retries() { return run.server->endpoint().stats(run.world.now()).retry_count; }

  EchoRun run;

 private:
  static EndpointConfig of_large_hosts() {
    EndpointConfig config;
    config.max_connections_per_host = config.max_connections_total = 10 * kBeforeRetry;
    return config;
  }

  Host& host_;
  DeafClients clients_;
};

TEST(Overload, ABusyServerHasAddressesProvenEarlierAndServesWhoProvesHis) {
  Flood flood(true);
  flood.knock(2 * kBeforeRetry);
  EXPECT_EQ(flood.under_way(), kBeforeRetry);
  const std::uint64_t retries = flood.retries();
  EXPECT_GT(retries, 0u);
  ASSERT_TRUE(flood.run.echo("hello"));
  EXPECT_EQ(flood.retries(), retries + 1);
}

TEST(Overload, AServerWithTimeToSpareTakesAsManyAtOnce) {
  Flood flood(false);
  flood.knock(2 * kBeforeRetry);
  EXPECT_EQ(flood.under_way(), 2 * kBeforeRetry);
  ASSERT_TRUE(flood.run.echo("hello"));
  EXPECT_EQ(flood.retries(), 0u);
}

TEST(Overload, WhoDoesNotAnswerABusyServerStandsInNobodysWayForLong) {
  Flood flood(true);
  flood.knock(kBeforeRetry);
  flood.run.world.run_for(engine::limits::kRecentHandshake * 8 / 7);
  ASSERT_EQ(flood.under_way(), kBeforeRetry) << "they are forgotten only by their timeout";
  ASSERT_TRUE(flood.run.echo("hello"));
  EXPECT_EQ(flood.retries(), 0u);
}

}  // namespace
}  // namespace quicore::test
