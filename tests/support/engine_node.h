// SPDX-License-Identifier: Apache-2.0
//
// The engine in a simulated world, without the api: a shard on a host, and handlers that write down
// what happened. Tests that need the public API use its own support instead.
//
//   World world(this_test());
//   EngineNode server(world, world.add_host("server")), client(...);
//   world.connect(client.host(), server.host(), {Delay{10ms}});
//   server.listen(raw_server());
//   TestConnection& session = client.connect(server, raw_client());
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/connection.h"
#include "engine/endpoint.h"
#include "engine/shard.h"
#include "io/random.h"
#include "io/sim/world.h"

namespace quicore::test {

class TestConnection;

// Writes down what a stream receives; sends what it is told.
class TestStream final : public engine::StreamHandler {
 public:
  TestStream(TestConnection& connection, engine::Stream& stream);

  engine::Stream* stream = nullptr;  // null once closed
  TestConnection& connection;
  std::vector<std::pair<engine::FieldSection, Headers>> headers;
  std::string received;
  std::vector<std::string> datagrams;  // HTTP/3
  bool fin = false;
  bool closed = false;
  bool flushed = false;
  int blocked = 0;
  std::optional<std::uint64_t> reset_code;
  std::optional<std::uint64_t> stopped_code;
  std::optional<Error> error;
  bool keep_credit = false;  // never give flow-control credit back
  bool any_early = false;
  std::function<void(TestStream&)> on_readable;  // after `received` has grown, or at the end

  // Queues text and, unless told otherwise, the end.
  void send(std::string_view text, bool finish = true);
  const Headers* section(engine::FieldSection wanted) const;

 private:
  void on_stream_headers(engine::FieldSection section, Headers fields) override;
  void on_stream_readable() override;
  void on_stream_blocked() override { ++blocked; }
  void on_stream_datagram(Buf data, bool) override { datagrams.emplace_back(data.text()); }
  void on_stream_flushed() override { flushed = true; }
  void on_stream_stopped(std::uint64_t code) override { stopped_code = code; }
  void on_stream_reset(std::uint64_t code) override { reset_code = code; }
  void on_stream_closed(const std::optional<Error>& reason) override;
};

class TestConnection final : public engine::ConnectionHandler {
 public:
  explicit TestConnection(engine::Connection& connection);

  engine::Connection* connection = nullptr;  // null once closed
  std::deque<TestStream> streams;            // of both sides, in the order they appeared
  bool handshake_completed = false;
  bool handshake_confirmed = false;
  bool closed = false;
  int tickets = 0;
  int path_changes = 0;
  std::optional<Error> error;
  std::vector<std::string> datagrams;
  std::vector<std::pair<std::uint64_t, engine::DatagramStatus>> datagram_statuses;
  std::function<void(TestStream&)> on_stream_opened;  // by the peer
  SessionStats last_stats;                            // at on_closed

  TestStream& open(bool unidirectional = false);

 private:
  void on_handshake_completed() override { handshake_completed = true; }
  void on_handshake_confirmed() override { handshake_confirmed = true; }
  void on_stream(engine::Stream& stream) override;
  void on_datagram(Buf data, bool early) override;
  void on_datagram_status(std::uint64_t id, engine::DatagramStatus status) override {
    datagram_statuses.emplace_back(id, status);
  }
  void on_session_ticket() override { ++tickets; }
  void on_path_changed() override { ++path_changes; }
  void on_closed(const std::optional<Error>& reason) override;
};

class EngineNode final : public engine::EndpointHandler {
 public:
  EngineNode(sim::World& world, sim::Host& host, EndpointConfig config = {});
  ~EngineNode() override;

  sim::Host& host() noexcept { return host_; }
  engine::Shard& shard() noexcept { return *shard_; }
  engine::Endpoint& endpoint() noexcept { return *endpoint_; }
  Address address() const { return endpoint_->local_address(); }

  void listen(SessionConfig config);
  TestConnection& connect(EngineNode& server, SessionConfig config, const Resume* resume = nullptr);

  std::deque<TestConnection> connections;  // accepted and opened
  std::function<void(TestConnection&)> on_accepted;
  bool closed = false;

 private:
  void on_connection(engine::Connection& connection) override;
  void on_endpoint_closed(const std::optional<Error>&) override { closed = true; }

  sim::Host& host_;
  std::unique_ptr<sim::SimPort> port_;
  io::Random random_;
  std::unique_ptr<engine::Shard> shard_;
  engine::Endpoint* endpoint_ = nullptr;
};

// Configurations that trust each other: a development certificate made once per process.
SessionConfig server_config(std::string alpn);
SessionConfig client_config(std::string alpn);

// Bytes that tell a wrong offset: no two windows of 8 bytes are the same within a gigabyte.
std::string pattern(std::size_t size, std::uint64_t seed = 0);

}  // namespace quicore::test
