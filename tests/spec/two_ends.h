// SPDX-License-Identifier: Apache-2.0
//
// A server and any number of clients in a simulated world, each with an endpoint configuration of
// its own. ApiPair (tests/support/api_node.h) with more to choose.
//
//   TwoEnds ends(this_test(), {.max_connections_per_host = 2});
//   ends.listen("xyz");
//   Session session = ends.connect("xyz");
//   ends.until([&] { return session.handshake().ready(); });
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/api_node.h"

namespace quicore::test {

struct TwoEnds {
  sim::World world;
  sim::Host& server_host;
  sim::Host& client_host;
  ApiNode server;
  ApiNode client;
  std::vector<Session> accepted;
  Subscription accepting;

  explicit TwoEnds(sim::WorldOptions options, EndpointConfig for_server = {},
                   EndpointConfig for_client = {},
                   const sim::Path& path = {sim::Delay{std::chrono::milliseconds(5)}})
      : world(std::move(options)),
        server_host(world.add_host("server")),
        client_host(world.add_host("client")),
        server(world, server_host, std::move(for_server)),
        client(world, client_host, std::move(for_client)) {
    world.connect(client_host, server_host, path);
    accepting = server.endpoint.on_session().add_listener(
        [this](Session begun) { accepted.push_back(std::move(begun)); });
  }

  Address address() const { return server.endpoint.address().value(); }

  void listen(SessionConfig config) { value_or_throw(server.endpoint.listen(std::move(config))); }
  void listen(std::string alpn) { listen(server_config(std::move(alpn))); }
  Session connect(SessionConfig config, std::optional<Resume> resume = {}) {
    return value_or_throw(client.endpoint.connect(address(), std::move(config), std::move(resume)));
  }
  Session connect(std::string alpn) { return connect(client_config(std::move(alpn))); }

  void until(const sim::World::Condition& condition) {
    EXPECT_EQ(world.run_until(condition), sim::Outcome::reached) << world.report();
  }
  void settle(Duration duration = std::chrono::milliseconds(200)) {
    static_cast<void>(world.run_for(duration));
  }
  // Until both sides know that the handshake is done, or it failed.
  Result<> confirm(const Session& session) {
    const auto confirmed = session.confirmed();
    until([&] { return confirmed.ready(); });
    return confirmed.ready() ? *confirmed.peek() : Result<>();
  }
  // A session whose handshake is done.
  Session begin(SessionConfig config) {
    Session session = connect(std::move(config));
    EXPECT_TRUE(confirm(session).has_value());
    return session;
  }
  Session begin(std::string alpn) { return begin(client_config(std::move(alpn))); }

  // Runs the task to its end, on the client's shard or another.
  void run(Task<> task) { run_on(client, std::move(task)); }
  void run_on(ApiNode& node, Task<> task) {
    bool ended = false;
    auto flagged = [](Task<> inner, bool* flag) -> Task<> {
      co_await inner;
      *flag = true;
    };
    node.shard().spawn(flagged(std::move(task), &ended));
    until([&] { return ended; });
  }
};

// Serves every stream with what it sent.
inline void echo_streams(Session session) {
  session.on_stream() = [](StreamEvent event) -> Task<> {
    auto body = co_await event.stream.reader().read_all(1 << 20);
    // A named value: GCC 12 sees an uninitialized one in a temporary of a coroutine's frame.
    ResponseOptions response;
    if (body) response.body = *body;
    if (body && event.respond_with) event.respond_with(std::move(response));
  };
}

// What the peer echoes of `text`.
inline Task<> expect_echo(Session session, std::string text) {
  auto stream = value_or_throw(session.open({.body = text}));
  auto answer = co_await stream.reader().read_all(1 << 20);
  EXPECT_TRUE(answer.has_value());
  if (answer) {
    EXPECT_EQ(answer->text(), text);
  }
}

}  // namespace quicore::test
