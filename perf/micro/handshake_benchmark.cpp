// SPDX-License-Identifier: Apache-2.0
//
// Handshakes: a whole engine connects to another, in memory (connection_pair.h). What do a server
// and a client of ours spend on a connection, the kernel left out? `quicore-limit` measures the
// public-key operations in it.
//
//   quicore_microbench --benchmark_filter=Handshake
//
// One iteration is one connection of both ends: a full handshake with X25519 and a P-256
// certificate that the client verifies, up to HANDSHAKE_DONE, a close, and the closing period, in
// which timers end and memory is freed.
#include <benchmark/benchmark.h>

#include <chrono>
#include <optional>

#include "perf/micro/connection_pair.h"

namespace quicore::perf {
namespace {

using engine::Connection;

class Ends final : public engine::EndpointHandler, public engine::ConnectionHandler {
 public:
  int closed = 0;

 private:
  void on_connection(Connection& connection) override { connection.set_handler(this); }
  void on_endpoint_closed(const std::optional<Error>&) override {}
  void on_handshake_completed() override {}
  void on_stream(engine::Stream&) override {}
  void on_datagram(Buf, bool) override {}
  void on_closed(const std::optional<Error>&) override { ++closed; }
};

// False when there was none.
bool live_and_die(ConnectionPair& pair, Ends& ends) {
  Connection& connection = pair.connect();
  connection.set_handler(&ends);
  const int closed = ends.closed;
  const bool connected =
      pair.turn_until([&] { return ends.closed != closed || connection.handshake_confirmed(); });
  if (!connected || ends.closed != closed) return false;
  connection.close({});
  return pair.turn_until([&] {
    pair.pass_time(std::chrono::milliseconds(10));
    return pair.server.shard.connection_count() + pair.client.shard.connection_count() == 0;
  }) && ends.closed == closed + 2;
}

void handshake(benchmark::State& state, const char* alpn) {
  Ends ends;
  ConnectionPair pair({.alpn = alpn}, ends);
  if (!live_and_die(pair, ends)) return state.SkipWithError("there was no connection");
  bool good = true;
  for (auto _ : state) good = live_and_die(pair, ends) && good;
  if (!good) state.SkipWithError("a connection failed");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(handshake, raw, "raw")->Name("Handshake/raw")->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(handshake, h3, "h3")->Name("Handshake/h3")->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace quicore::perf
