// SPDX-License-Identifier: Apache-2.0
//
// A thousand worlds nobody drew: network, settings and events all from a seed. Each transfer must
// arrive unchanged, the checkers of the world must be content, and both sides must forget
// everything at the end. QUICORE_SEED=... runs one of them.
#include <gtest/gtest.h>

#include "tests/support/echo_run.h"

namespace quicore::test {
namespace {

using namespace sim;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  bool one_in(std::uint64_t n) { return random_.below(n) == 0; }
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    return low + random_.below(high - low + 1);
  }
  double up_to(double most) { return most * static_cast<double>(between(0, 1000)) / 1000; }
  Duration milliseconds(std::uint64_t low, std::uint64_t high) {
    return std::chrono::milliseconds(between(low, high));
  }

 private:
  Random random_;
};

Path draw_path(Dice& dice, bool retry) {
  Path path = {Delay{dice.milliseconds(0, 100), dice.milliseconds(0, 20)}};
  if (dice.one_in(2)) {
    path.push_back(Bandwidth{dice.between(1'000'000, 50'000'000), dice.between(16'000, 128'000),
                             dice.one_in(2) ? dice.between(5'000, 15'000) : 0});
  }
  if (dice.one_in(2)) path.push_back(Loss{dice.up_to(0.15)});
  if (dice.one_in(5)) path.push_back(BurstLoss{dice.up_to(0.02), 0.2 + dice.up_to(0.5)});
  if (dice.one_in(3)) path.push_back(Reorder{dice.up_to(0.3), dice.milliseconds(1, 50)});
  if (dice.one_in(3)) path.push_back(Duplicate{dice.up_to(0.3), dice.milliseconds(0, 50)});
  // A changed Retry token ends the attempt with INVALID_TOKEN (RFC 9000 8.1.3): the server reads it
  // before it can authenticate the packet.
  if (!retry && dice.one_in(4)) path.push_back(Corrupt{dice.up_to(0.1)});
  if (dice.one_in(3)) path.push_back(Mtu{static_cast<std::uint32_t>(dice.between(1280, 1500))});
  if (dice.one_in(4)) path.push_back(EcnMark{dice.up_to(0.2)});
  if (dice.one_in(6)) path.push_back(EcnBleach{dice.one_in(2) ? io::Ecn::not_ect : io::Ecn::ect1});
  if (dice.one_in(6)) {
    const Duration from = dice.milliseconds(0, 1000);
    path.push_back(BlackHole{from, from + dice.milliseconds(1, 2000)});
  }
  return path;
}

EndpointConfig draw_endpoint(Dice& dice) {
  EndpointConfig config;
  config.validate_address = dice.one_in(3);
  config.congestion_control = static_cast<CongestionControl>(dice.between(0, 2));
  config.path_mtu_discovery = !dice.one_in(4);
  config.udp.gso = !dice.one_in(4);
  config.udp.gro = !dice.one_in(4);
  config.udp.ecn = !dice.one_in(4);
  return config;
}

SessionConfig draw_session(Dice& dice, SessionConfig config) {
  if (dice.one_in(4)) config.versions = {QuicVersion::v2, QuicVersion::v1};
  if (dice.one_in(4)) {
    config.transport.initial_max_data = dice.between(5'000, 50'000);
    config.transport.initial_max_stream_data_bidi_remote = dice.between(2'000, 20'000);
    config.transport.initial_max_stream_data_bidi_local = dice.between(2'000, 20'000);
  }
  if (dice.one_in(4)) config.transport.active_connection_id_limit = dice.between(2, 4);
  return config;
}

// NATs change their mind only after the handshake: QUIC relies on a stable address until then
// (RFC 9000 9), and packets from elsewhere are dropped.
void draw_rebindings(Dice& dice, EchoRun& run) {
  while (dice.one_in(3)) {
    const auto change = static_cast<NatChange>(dice.between(0, 2));
    const bool keep_old = dice.one_in(2);
    run.world.at(dice.milliseconds(0, 2000), [&run, change, keep_old] {
      const bool confirmed = !run.server->connections.empty() &&
                             run.accepted().handshake_confirmed && run.session->handshake_confirmed;
      if (confirmed) run.world.rebind(run.route, change, keep_old);
    });
  }
}

void live_through(std::uint64_t seed) {
  WorldOptions options = this_test(seed);
  Dice dice(seed * 0x9e3779b97f4a7c15);
  options.gro = static_cast<Gro>(dice.between(0, 2));
  const EndpointConfig server_endpoint = draw_endpoint(dice);
  const EndpointConfig client_endpoint = draw_endpoint(dice);
  const Path path = draw_path(dice, server_endpoint.validate_address);
  EchoRun run(path, options, server_endpoint, client_endpoint);
  run.start_server(draw_session(dice, EchoRun::server_side()));
  SessionConfig client = draw_session(dice, EchoRun::client_side());
  // A client that only receives has nothing to send from a new address: keep-alives tell the server.
  client.keep_alive = std::chrono::seconds(10);
  run.connect(std::move(client));
  draw_rebindings(dice, run);
  if (dice.one_in(3)) {
    run.world.at(dice.milliseconds(0, 1500), [&run] {
      if (run.session->connection != nullptr && run.session->handshake_confirmed) {
        static_cast<void>(run.session->connection->update_key());
      }
    });
  }
  ASSERT_TRUE(run.echo(pattern(dice.between(1, 60'000), seed)));
  std::vector<std::pair<TestStream*, std::string>> more;
  for (std::uint64_t i = dice.between(0, 3); i > 0; --i) {
    const std::string text = pattern(dice.between(1, 10'000), seed + i);
    more.emplace_back(&run.send(text), text);
  }
  for (const auto& [stream, text] : more) {
    const TestStream& sent = *stream;
    ASSERT_TRUE(run.until([&] { return sent.closed; }));
    ASSERT_TRUE(sent.received == text) << run.world.report();
  }
  ASSERT_TRUE(run.close());
  ASSERT_EQ(run.server->shard().handshakes().total(), 0u);
}

constexpr std::uint64_t kWorlds = 1000;
constexpr std::uint64_t kSlices = 10;  // so that they run in parallel and a failure is found soon

class RandomMix : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(RandomMix, OfNetworksSettingsAndEventsIsLivedThrough) {
  const std::uint64_t first = GetParam() * (kWorlds / kSlices) + 1;
  for (const std::uint64_t seed : seeds_from_environment(first, kWorlds / kSlices)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    live_through(seed);
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Slice, RandomMix, ::testing::Range(std::uint64_t{0}, kSlices));

}  // namespace
}  // namespace quicore::test
