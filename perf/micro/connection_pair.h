// SPDX-License-Identifier: Apache-2.0
//
// A server's shard and a client's, joined in memory (memory_port.h), in one thread that turns them
// alternately; time passes between their turns only. For benchmarks of whole connections.
//
//   ConnectionPair pair({.payload = 1452, .alpn = "raw"});
//   Connection& connection = pair.connect(handler);
//   pair.turn_until([&] { return connection.handshake_confirmed(); });
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "engine/connection.h"
#include "engine/endpoint.h"
#include "engine/shard.h"
#include "engine/shard_heap.h"
#include "io/random.h"
#include "perf/micro/memory_port.h"

namespace quicore::perf {

// One end: a shard with one endpoint.
class PairEnd {
 public:
  PairEnd(const Address& local, const Instant& clock, std::uint32_t slots, std::uint64_t payload);

  // Receives what the other end sent in its last turn, and sends what it may.
  void turn() {
    shard.turn();
    port.finish_turn();
  }

  MemoryPort port;
  io::Random random;
  engine::Shard shard;
  engine::Endpoint* endpoint;
};

struct PairOptions {
  std::uint64_t payload = 1452;                     // of UDP, both ways
  std::uint32_t server_trains = 8;                  // at most, in a turn
  std::string alpn = "raw";                         // "h3": HTTP/3
  Duration pause = std::chrono::microseconds(100);  // between turns: half of the round trip
};

class ConnectionPair {
 public:
  // `handler` hears of new connections of the server.
  ConnectionPair(const PairOptions& options, engine::EndpointHandler& handler);

  // Begins a connection of the client; its handler is to be set. It trusts the server.
  engine::Connection& connect();

  // A turn of each, the server first.
  void turn() {
    server.turn();
    client.turn();
    pass_time();
  }
  void pass_time() noexcept { now += options_.pause; }
  void pass_time(Duration duration) noexcept { now += duration; }
  // False when it is not so after very many turns.
  template <class Condition>
  [[nodiscard]] bool turn_until(Condition&& condition) {
    for (int turns = 0; turns < kMaxTurns; ++turns) {
      if (condition()) return true;
      turn();
    }
    return condition();
  }

 private:
  static constexpr int kMaxTurns = 100'000;
  engine::ShardHeap heap_;
  engine::ShardHeap::Scope scope_{heap_};
  PairOptions options_;

 public:
  Instant now{std::chrono::hours(1)};
  PairEnd server;
  PairEnd client;

 private:
  SessionConfig client_config_;
};

}  // namespace quicore::perf
