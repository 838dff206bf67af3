// SPDX-License-Identifier: Apache-2.0
//
// The public API in a simulated world: a shard on a host, and two of them that talk.
//
//   ApiPair pair(this_test());
//   pair.server.endpoint.on_session() = [&](Session session) { ... };
//   pair.connect("xyz");
//   pair.run([](Session session) -> Task<> { ... }(pair.session));
#pragma once

#include <gtest/gtest.h>
#include <quicore.h>

#include <memory>
#include <string>
#include <vector>

#include "api/internal/shard_state.h"
#include "io/sim/world.h"
#include "tests/support/engine_node.h"
#include "tests/support/sim_test.h"

namespace quicore::test {

class ApiNode {
 public:
  ApiNode(sim::World& world, sim::Host& host, EndpointConfig config = {});
  ~ApiNode();
  ApiNode(const ApiNode&) = delete;
  ApiNode& operator=(const ApiNode&) = delete;

  sim::Host& host() noexcept { return host_; }
  Shard& shard() noexcept { return state_->shard(); }
  internal::ShardState& state() noexcept { return *state_; }
  // Ends the shard, as the end of a runtime would.
  void end() {
    endpoint = {};
    state_.reset();
  }

  Endpoint endpoint;
  std::vector<std::string> log;  // what the library had to say

 private:
  sim::World& world_;
  sim::Host& host_;
  std::unique_ptr<sim::SimPort> port_;
  std::unique_ptr<internal::ShardState> state_;
};

// A world of one node without traffic: tasks, completions, timers.
struct ApiWorld {
  sim::World world;
  ApiNode node;

  explicit ApiWorld(sim::WorldOptions options)
      : world(std::move(options)), node(world, world.add_host("node")) {}

  // Runs the task to its end.
  void run(Task<> task);
  // Runs what is runnable now.
  void settle() { static_cast<void>(world.run_for(Duration(1))); }
};

// "name=value;" for each field, to compare with.
inline std::string text_of(const Headers& fields) {
  std::string text;
  for (const auto [name, value, sensitive] : fields) {
    text.append(name).append("=").append(value).append(";");
  }
  return text;
}

struct ApiPair {
  sim::World world;
  ApiNode server;
  ApiNode client;
  sim::Route* route = nullptr;  // from the client to the server
  Session session;              // the client's
  Session accepted;             // the server's, once connect() returned

  explicit ApiPair(sim::WorldOptions options,
                   const sim::Path& path = {sim::Delay{std::chrono::milliseconds(5)}},
                   EndpointConfig server_endpoint = {});

  // Listens and connects; returns when the handshake is done on both sides. Handlers of the server
  // may be set before, through server.endpoint.on_session().
  void connect(std::string alpn);
  void connect(SessionConfig server_config, SessionConfig client_config);

  // Runs the task on the client's shard to its end; fails the test when it does not end.
  void run(Task<> task);
  void run_until(const sim::World::Condition& condition);
  void settle(Duration duration = std::chrono::milliseconds(100)) {
    static_cast<void>(world.run_for(duration));
  }

 private:
  Subscription accepting_;
};

}  // namespace quicore::test
