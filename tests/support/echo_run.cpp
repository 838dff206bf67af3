// SPDX-License-Identifier: Apache-2.0
#include "tests/support/echo_run.h"

#include <sstream>

#include <utility>

#include "io/check.h"

namespace quicore::test {
namespace {

// The bytes of the development certificate's chain and every frame of the handshake fit many times.
constexpr Duration kPatience = 10min;

void echo_streams_of(TestConnection& accepted) {
  accepted.on_stream_opened = [](TestStream& opened) {
    opened.on_readable = [](TestStream& self) {
      if (self.fin && self.stream != nullptr) self.send(self.received);
    };
  };
}

std::string describe(const TestConnection& connection) {
  if (!connection.closed) return "the connection is open";
  return "the connection was closed: " +
         (connection.error ? to_string(*connection.error) : std::string("without an error"));
}

}  // namespace

EchoRun::EchoRun(const sim::Path& path, sim::WorldOptions options,
                 const EndpointConfig& server_endpoint, const EndpointConfig& client_endpoint)
    : world(std::move(options)),
      server_host(world.add_host("server")),
      client_host(world.add_host("client")),
      route(world.connect(client_host, server_host, path)),
      client(world, client_host, client_endpoint),
      server_endpoint_(server_endpoint) {
  server_endpoint_.address = server_host.address_with_port(kPort);
  world.limit_amplification(server_host);
}

void EchoRun::start_server(SessionConfig config) {
  server = std::make_unique<EngineNode>(world, server_host, server_endpoint_);
  server->on_accepted = echo_streams_of;
  server->listen(std::move(config));
}

TestConnection& EchoRun::connect(SessionConfig config, const Resume* resume) {
  if (server == nullptr) start_server();
  session = &client.connect(*server, std::move(config), resume);
  return *session;
}

TestStream& EchoRun::send(const std::string& text) {
  QUICORE_CHECK(session != nullptr && session->connection != nullptr);
  TestStream& stream = session->open();
  stream.send(text);
  return stream;
}

::testing::AssertionResult EchoRun::until(const sim::World::Condition& condition, Duration limit) {
  const sim::Outcome outcome = world.run_until(condition, limit);
  if (outcome == sim::Outcome::reached) return ::testing::AssertionSuccess();
  auto failure = ::testing::AssertionFailure();
  if (session != nullptr) failure << describe(*session) << "\n";
  return failure << world.report();
}

::testing::AssertionResult EchoRun::echo(const std::string& text, Duration limit) {
  if (session == nullptr) connect();
  auto handshake = until([this] { return session->handshake_completed || session->closed; }, limit);
  if (!handshake) return handshake;
  if (session->closed) {
    return ::testing::AssertionFailure() << describe(*session) << "\n" << world.report();
  }
  const TestStream& stream = send(text);
  auto end = until([this, &stream] { return stream.closed || session->closed; }, limit);
  if (!end) return end << "\n" << describe_streams();
  if (stream.fin && stream.received == text) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << "of " << text.size() << " bytes " << stream.received.size() << " came back, "
         << (text.starts_with(stream.received) ? "unchanged" : "changed") << "; "
         << describe(*session) << "\n"
         << world.report();
}

// Where both ends of every open stream stand.
std::string EchoRun::describe_streams() {
  std::ostringstream text;
  const auto add = [&text](const char* side, TestConnection& connection) {
    for (TestStream& it : connection.streams) {
      if (it.stream == nullptr) continue;
      const auto& queue = it.stream->send_queue();
      text << side << " stream " << engine::raw(it.stream->id()) << ": received "
           << it.received.size() << (it.stream->fin_received() ? " to the end" : "") << ", sent "
           << queue.sent() << " of " << queue.end() << (queue.fin_sent() ? " and FIN" : "")
           << ", acknowledged " << queue.acknowledged() << "\n";
    }
  };
  add("client's", *session);
  add("server's", accepted());
  return text.str();
}

::testing::AssertionResult EchoRun::close() {
  if (session->connection != nullptr) session->connection->close_gracefully();
  return until([this] {
    return client.shard().connection_count() == 0 && server->shard().connection_count() == 0;
  });
}

SessionStats EchoRun::client_stats() const {
  return session->connection != nullptr ? session->connection->stats(world.now())
                                        : session->last_stats;
}

SessionStats EchoRun::server_stats() {
  TestConnection& end = accepted();
  return end.connection != nullptr ? end.connection->stats(world.now()) : end.last_stats;
}

SessionConfig EchoRun::server_side() {
  SessionConfig config = server_config("echo");
  config.handshake_timeout = kPatience;
  config.transport.max_idle_timeout = kPatience;
  return config;
}

SessionConfig EchoRun::client_side() {
  SessionConfig config = client_config("echo");
  config.handshake_timeout = kPatience;
  config.transport.max_idle_timeout = kPatience;
  return config;
}

}  // namespace quicore::test
