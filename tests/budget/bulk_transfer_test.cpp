// SPDX-License-Identifier: Apache-2.0
//
// What the data path may cost per datagram, counted, not timed: a bulk transfer between two shards
// over real loopback sockets, in one thread that turns them alternately.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>

#include "engine/endpoint.h"
#include "engine/shard.h"
#include "engine/shard_heap.h"
#include "io/port_factory.h"
#include "tests/support/engine_node.h"

namespace {

std::atomic<std::uint64_t> cxx_allocations{0};

void* count_and_allocate(std::size_t size) {
  cxx_allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// Every allocation of C++ code in this program; the C libraries' are counted by ShardHeap.
void* operator new(std::size_t size) { return count_and_allocate(size); }
void* operator new[](std::size_t size) { return count_and_allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace quicore::test {
namespace {

using namespace engine;

constexpr std::uint64_t kWarmUpBytes = 64ULL << 20;
constexpr std::uint64_t kMeasuredBytes = 128ULL << 20;
constexpr std::size_t kQueueAhead = 4 << 20;

// The receiving end: counts in place.
class Sink final : public StreamHandler, public ReceiveSink {
 public:
  std::uint64_t bytes = 0;
  void on_bytes(Bytes received, bool) noexcept override { bytes += received.size(); }
  void on_stream_headers(FieldSection, Headers) override {}
  void on_stream_readable() override {}
  void on_stream_stopped(std::uint64_t) override {}
  void on_stream_reset(std::uint64_t) override {}
  void on_stream_closed(const std::optional<Error>&) override {}
};

// The sending end: keeps the queue full from one static block.
class Source final : public StreamHandler {
 public:
  Stream* stream = nullptr;
  void fill() {
    static const std::vector<std::byte> kBlock(64 * 1024);
    while (stream != nullptr && stream->send_queue().queued() < kQueueAhead) {
      if (!stream->write(Buf::borrow(kBlock))) return;
    }
    if (stream != nullptr) stream->want_writable({.bytes = kQueueAhead});
  }
  void on_stream_headers(FieldSection, Headers) override {}
  void on_stream_readable() override {
    while (auto piece = stream->read()) stream->give_credit(piece->data.size());
    fill();
  }
  void on_stream_writable() override { fill(); }
  void on_stream_stopped(std::uint64_t) override {}
  void on_stream_reset(std::uint64_t) override {}
  void on_stream_closed(const std::optional<Error>&) override { stream = nullptr; }
};

class Peer : public ConnectionHandler, public EndpointHandler {
 public:
  explicit Peer(io::PortChoice choice, EndpointConfig config)
      : port(value_or_throw(io::open_port({.choice = choice}))),
        random(io::Random::seeded(1)),
        shard({}, *port, random) {
    io::SocketOptions options;
    options.bind_address = Address::loopback(Family::ipv4, 0);
    endpoint = value_or_throw(shard.open_endpoint(config, options));
    endpoint->set_handler(this);
  }
  // No waiting: the other shard turns next.
  void turn() { shard.turn(port->now()); }

  std::unique_ptr<io::Port> port;
  io::Random random;
  Shard shard;
  Endpoint* endpoint = nullptr;
  Source source;
  bool ready = false;
  std::optional<Error> lost;

  void on_connection(Connection& connection) override { connection.set_handler(this); }
  void on_endpoint_closed(const std::optional<Error>&) override {}
  void on_handshake_completed() override { ready = true; }
  void on_stream(Stream& stream) override {
    source.stream = &stream;
    stream.set_handler(&source);
  }
  void on_datagram(Buf, bool) override {}
  void on_closed(const std::optional<Error>& error) override {
    lost = error.value_or(Error::make(Errc::closed, "closed"));
  }
};

class BulkTransferBudget : public ::testing::TestWithParam<io::PortChoice> {};

INSTANTIATE_TEST_SUITE_P(Ports, BulkTransferBudget,
                         ::testing::Values(io::PortChoice::uring, io::PortChoice::mmsg),
                         [](const auto& test) {
                           return test.param == io::PortChoice::uring ? "uring" : "mmsg";
                         });

TEST_P(BulkTransferBudget, AllocatesNothingPerPacketAndSharesSystemCalls) {
  ShardHeap heap;
  const ShardHeap::Scope scope(heap);
  EndpointConfig config;
  config.max_payload_size = 1472;
  config.path_mtu_discovery = false;
  Peer server(GetParam(), config);
  Peer client(GetParam(), config);
  ASSERT_TRUE(server.endpoint->listen(server_config("budget")).has_value());
  Connection& connection = *value_or_throw(
      client.endpoint->connect(server.endpoint->local_address(), client_config("budget"), nullptr));
  connection.set_handler(&client);

  const auto turn_until = [&](const auto& done) {
    while (!done() && !client.lost && !server.lost) {
      server.turn();
      client.turn();
    }
  };
  turn_until([&] { return client.ready; });
  ASSERT_FALSE(client.lost) << to_string(*client.lost);
  Sink sink;
  Stream& stream = *value_or_throw(connection.open_stream(false));
  stream.set_handler(&sink);
  stream.set_sink(&sink);
  ASSERT_TRUE(stream.write(Buf::copy("go")).has_value());
  ASSERT_TRUE(stream.finish().has_value());

  turn_until([&] { return sink.bytes >= kWarmUpBytes; });
  ASSERT_FALSE(client.lost) << to_string(*client.lost);
  const std::uint64_t packets_before = client.port->stats().datagrams_received;
  const std::uint64_t trains_before =
      client.port->stats().trains_received + server.port->stats().trains_received;
  const std::uint64_t cxx_before = cxx_allocations;
  const std::uint64_t heap_before = heap.allocations();
  const std::uint64_t sent_calls_before = server.port->stats().trains_sent;
  const auto system_calls = [&] {
    return server.port->stats().system_calls + client.port->stats().system_calls;
  };
  const std::uint64_t system_calls_before = system_calls();
  turn_until([&] { return sink.bytes >= kWarmUpBytes + kMeasuredBytes; });
  ASSERT_FALSE(client.lost) << to_string(*client.lost);

  const double packets =
      static_cast<double>(client.port->stats().datagrams_received - packets_before);
  const double trains = static_cast<double>(client.port->stats().trains_received +
                                            server.port->stats().trains_received - trains_before);
  const auto cxx = static_cast<double>(cxx_allocations - cxx_before);
  const auto libraries = static_cast<double>(heap.allocations() - heap_before);
  ASSERT_GT(packets, 50'000);
  // One in a thousand packets, for tables and pools that still grow.
  EXPECT_LT(cxx / packets, 0.001) << cxx << " allocations of C++ code";
  EXPECT_LT(libraries / packets, 0.001) << libraries << " allocations of the C libraries";
  // Datagrams travel in trains: without GSO and GRO each would be its own.
  EXPECT_GT(packets / trains, 10);
  EXPECT_GT(packets / static_cast<double>(server.port->stats().trains_sent - sent_calls_before),
            20);
  const auto calls = static_cast<double>(system_calls() - system_calls_before);
  // io_uring: one call of the kernel per turn. Without it: one each to wait, receive and send.
  EXPECT_LT(calls / trains, GetParam() == io::PortChoice::uring ? 1.1 : 3.3);
}

}  // namespace
}  // namespace quicore::test
