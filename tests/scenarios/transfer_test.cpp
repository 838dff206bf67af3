// SPDX-License-Identifier: Apache-2.0
//
// Transfers over raw streams through networks of every kind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/engine_node.h"
#include "tests/support/sim_test.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

// An echo server and a client that sends `text` on one stream and waits for it to come back.
struct EchoRun {
  World world;
  EngineNode server;
  EngineNode client;
  TestConnection* session = nullptr;
  TestStream* stream = nullptr;

  EchoRun(const Path& path, WorldOptions options, EndpointConfig server_endpoint = {})
      : world(std::move(options)),
        server(world, world.add_host("server"), std::move(server_endpoint)),
        client(world, world.add_host("client")) {
    world.connect(client.host(), server.host(), path);
    server.on_accepted = [](TestConnection& accepted) {
      accepted.on_stream_opened = [](TestStream& opened) {
        opened.on_readable = [](TestStream& self) {
          if (self.fin) self.send(self.received);
        };
      };
    };
    server.listen(server_config("echo"));
  }

  Outcome run(const std::string& text, Duration limit = 10min) {
    session = &client.connect(server, client_config("echo"));
    return world.run_until(
        [&, text] {
          if (stream == nullptr && session->handshake_completed && session->connection != nullptr) {
            stream = &session->open();
            stream->send(text);
          }
          return (stream != nullptr && stream->fin) || session->closed;
        },
        limit);
  }
};

TEST(Transfer, AHandshakeAndAnEchoWorkOnAPerfectNetwork) {
  EchoRun run({Delay{10ms}}, this_test());
  ASSERT_EQ(run.run("hello"), Outcome::reached) << run.world.report();
  ASSERT_NE(run.stream, nullptr);
  EXPECT_EQ(run.stream->received, "hello");
  EXPECT_FALSE(run.session->closed);
}

TEST(Transfer, TenMegabytesArriveUnchangedOnAPerfectNetwork) {
  EchoRun run({Delay{5ms}}, this_test());
  const std::string text = pattern(10 * 1024 * 1024);
  ASSERT_EQ(run.run(text), Outcome::reached) << run.world.report();
  EXPECT_TRUE(run.stream->received == text);
}

}  // namespace
}  // namespace quicore::test
