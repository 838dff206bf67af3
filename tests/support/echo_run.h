// SPDX-License-Identifier: Apache-2.0
//
// An echo server and a client in a simulated world: what the scenarios of the transport are told
// with.
//
//   EchoRun run({Delay{20ms}, Loss{0.1}}, this_test());
//   ASSERT_TRUE(run.echo(pattern(100'000)));
//
// The network's amplification limit is checked in every run.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/support/engine_node.h"
#include "tests/support/sim_test.h"

namespace quicore::test {

using namespace std::chrono_literals;

class EchoRun {
 public:
  static constexpr std::uint16_t kPort = 4433;

  explicit EchoRun(const sim::Path& path, sim::WorldOptions options = sim::this_test(),
                   const EndpointConfig& server_endpoint = {},
                   const EndpointConfig& client_endpoint = {});

  // A server on the same address as always; again after `server.reset()`.
  void start_server(SessionConfig config = server_side());
  TestConnection& connect(SessionConfig config = client_side(), const Resume* resume = nullptr);

  // Connects if that has not happened, sends `text` on a stream of its own and waits for it to come
  // back and for its stream to end. Says why not.
  ::testing::AssertionResult echo(const std::string& text, Duration limit = 30min);
  // Sends without waiting.
  TestStream& send(const std::string& text);
  ::testing::AssertionResult until(const sim::World::Condition& condition, Duration limit = 30min);
  // Closes the client's connection gracefully and waits until neither side remembers it.
  ::testing::AssertionResult close();

  // The server's end of the newest connection.
  TestConnection& accepted() { return server->connections.back(); }
  SessionStats client_stats() const;
  SessionStats server_stats();

  // Patient ones: no run fails because the network is bad for long.
  static SessionConfig server_side();
  static SessionConfig client_side();

  sim::World world;
  sim::Host& server_host;
  sim::Host& client_host;
  sim::Route& route;
  std::unique_ptr<EngineNode> server;
  EngineNode client;
  TestConnection* session = nullptr;

 private:
  std::string describe_streams();

  EndpointConfig server_endpoint_;
};

}  // namespace quicore::test
