// SPDX-License-Identifier: Apache-2.0
//
// One download between two hosts of a simulated world, through the public API: a client asks, the
// server answers without end, and the bytes that reach the client are counted. Each flow has
// endpoints of its own, so that flows over the same path may differ in their congestion control.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "api/session.h"
#include "api/stream.h"
#include "engine/config.h"
#include "io/error.h"
#include "io/sim/world.h"
#include "perf/path/theory.h"

namespace quicore::perf {

// A handshake that loses packets again and again still has to end.
inline constexpr Duration kHandshakePatience = std::chrono::minutes(1);

double mbps(std::uint64_t bytes, Duration duration) noexcept;

// Of a world in which flows meet.
sim::WorldOptions world_options(std::uint64_t seed);

// In the order in which the server's packets meet them; the way back in the same order.
sim::Path there(const PathShape& path);
sim::Path back(const PathShape& path);

class Flow {
 public:
  Flow(sim::World& world, sim::Host& server, sim::Host& client, CongestionControl algorithm,
       const PathShape& path);
  ~Flow();
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  // Begins the handshake; the world has to run until connected(), or until it ended().
  Result<> connect();
  bool connected() const;
  // What the client does next: asks.
  Result<> request();
  // What ended the session, if anything did.
  std::optional<Error> ended() const;

  std::uint64_t received() const noexcept;  // bytes of the stream, by the client
  SessionStats stats() const;               // of the server's end
  std::uint64_t queued() const;             // bytes of the stream, not acknowledged

 private:
  class Node;
  class Counter;

  std::unique_ptr<Node> server_;
  std::unique_ptr<Node> client_;
  Session session_;   // the client's
  Session accepted_;  // the server's
  Stream answering_;
  std::shared_ptr<Counter> counter_;
};

}  // namespace quicore::perf
