// SPDX-License-Identifier: Apache-2.0
//
// An HTTP/3 server and a client that is connected to it, in a simulated world.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "tests/support/engine_node.h"
#include "tests/support/sim_test.h"

namespace quicore::test {

// A server, and a client whose handshake is done. `serve` is called for every finished request.
struct Web {
  std::deque<std::string> hostile_bytes;  // outlive the connections
  sim::World world;
  EngineNode server;
  EngineNode client;
  TestConnection* session = nullptr;
  std::function<void(TestStream&)> serve = [](TestStream& request) { respond(request, "ok"); };

  explicit Web(sim::WorldOptions options,
               const sim::Path& path = {sim::Delay{std::chrono::milliseconds(5)}},
               std::uint64_t requests_at_once = engine::limits::kInitialMaxStreams)
      : world(std::move(options)),
        server(world, world.add_host("server")),
        client(world, world.add_host("client")) {
    world.connect(client.host(), server.host(), path);
    server.on_accepted = [this](TestConnection& accepted) {
      accepted.on_stream_opened = [this](TestStream& opened) {
        opened.on_readable = [this](TestStream& request) {
          if (request.fin && request.stream != nullptr) serve(request);
        };
      };
    };
    auto config = server_config("h3");
    config.transport.initial_max_streams_bidi = requests_at_once;
    server.listen(config);
    session = &client.connect(server, client_config("h3"));
    const sim::Outcome outcome = world.run_until([this] { return session->handshake_completed; });
    EXPECT_EQ(outcome, sim::Outcome::reached) << world.report();
  }

  TestConnection& accepted() { return server.connections.front(); }

  // Opens a stream and sends these headers; the request ends with them unless told otherwise.
  TestStream& request(const Headers& fields, bool fin = true) {
    TestStream& stream = session->open();
    send_headers(stream, engine::FieldSection::headers, fields, fin);
    return stream;
  }

  void run_until(const sim::World::Condition& condition) {
    EXPECT_EQ(world.run_until(condition), sim::Outcome::reached) << world.report();
  }
  void run_until_closed(const TestStream& stream) {
    run_until([&] { return stream.closed; });
  }

  static void send_headers(TestStream& stream, engine::FieldSection section, const Headers& fields,
                           bool fin = false) {
    const auto sent = stream.stream->send_headers(section, fields, fin);
    EXPECT_TRUE(sent.has_value()) << (sent ? "" : sent.error().reason);
  }
  static void respond(TestStream& request, std::string_view body, const Headers& fields = {}) {
    send_headers(request, engine::FieldSection::headers, fields);
    request.send(body);
  }
};

// "name=value;" for every field.
inline std::string text_of(const Headers* fields) {
  if (fields == nullptr) return "(none)";
  std::string text;
  for (const Field field : *fields) {
    text.append(field.name).append("=").append(field.value).append(";");
  }
  return text;
}

}  // namespace quicore::test
