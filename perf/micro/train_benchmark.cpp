// SPDX-License-Identifier: Apache-2.0
//
// Trains of 1-RTT packets: a whole engine sends, another receives, in memory (connection_pair.h).
// What does a packet cost each of them, without a kernel, and what do many connections add?
//
//   quicore_microbench --benchmark_filter=Train
//
// One iteration is a turn of each end: the server acts on acknowledgements and fills up to eight
// trains, one of a connection (pacing); the client opens them, counts the stream's bytes in place, and
// acknowledges. `send_ns` and `receive_ns` are the CPU time of the server's and of the client's
// turns per packet of the server's. What is sent is one block of 64 KiB again and again, in the
// cache.
#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "perf/micro/connection_pair.h"

namespace quicore::perf {
namespace {

using engine::Connection;
using engine::Stream;

constexpr std::size_t kBlockSize = 64 << 10;
constexpr std::size_t kQueueAhead = 1 << 20;

Bytes block() {
  static const auto kBlock = [] {
    std::array<std::byte, kBlockSize> bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<std::byte>(i * 7 + i / 256);
    return bytes;
  }();
  return kBlock;
}

// Keeps a stream of the server full.
class Source final : public engine::StreamHandler {
 public:
  explicit Source(Stream& stream) : stream_(&stream) { stream.set_handler(this); }

 private:
  void fill() {
    while (stream_->send_queue().queued() < kQueueAhead) {
      if (!stream_->write(Buf::borrow(block()))) return;
    }
    stream_->want_writable({.bytes = kQueueAhead});
  }
  void on_stream_headers(engine::FieldSection, Headers) override {}
  void on_stream_readable() override {
    while (auto piece = stream_->read()) stream_->give_credit(piece->data.size());
    fill();
  }
  void on_stream_writable() override { fill(); }
  void on_stream_stopped(std::uint64_t) override {}
  void on_stream_reset(std::uint64_t) override {}
  void on_stream_closed(const std::optional<Error>&) override {}

  Stream* stream_;
};

// Counts what arrives, and compares it while `compares`.
class Sink final : public engine::StreamHandler, public engine::ReceiveSink {
 public:
  std::uint64_t bytes = 0;
  bool compares = true;
  bool same = true;

 private:
  void on_bytes(Bytes received, bool) noexcept override {
    if (compares) compare(received);
    bytes += received.size();
  }
  void compare(Bytes received) noexcept {
    for (std::size_t at = bytes % kBlockSize; !received.empty(); at = 0) {
      const std::size_t size = std::min(received.size(), kBlockSize - at);
      same = same && std::ranges::equal(received.first(size), block().subspan(at, size));
      received = received.subspan(size);
    }
  }
  void on_stream_headers(engine::FieldSection, Headers) override {}
  void on_stream_readable() override {}
  void on_stream_stopped(std::uint64_t) override {}
  void on_stream_reset(std::uint64_t) override {}
  void on_stream_closed(const std::optional<Error>&) override {}
};

// Downloads without an end, one on each connection.
class Downloads final : public engine::EndpointHandler, public engine::ConnectionHandler {
 public:
  Downloads(std::uint64_t payload, std::size_t connections) : pair_({.payload = payload}, *this) {
    std::deque<Connection*> opened;
    for (std::size_t i = 0; i < connections; ++i) {
      opened.push_back(&pair_.connect());
      opened.back()->set_handler(this);
    }
    ready_ = pair_.turn_until([&] {
      return lost_ || std::ranges::all_of(
                          opened, [](Connection* one) { return one->handshake_confirmed(); });
    });
    for (Connection* connection : opened) {
      if (ready_ && !lost_) start(*connection);
    }
    // Beyond slow start, and so that every connection has its share.
    ready_ = ready_ && pair_.turn_until([&] {
      return lost_ || std::ranges::all_of(
                          sinks_, [](const Sink& sink) { return sink.bytes > kWarmUpBytes; });
    });
    for (Sink& sink : sinks_) {
      ready_ = ready_ && sink.same;
      sink.compares = false;
    }
  }

  ConnectionPair& pair() noexcept { return pair_; }
  // Every connection is there, and what arrived was what had been sent.
  bool good() const noexcept { return ready_ && !lost_; }

 private:
  static constexpr std::uint64_t kWarmUpBytes = 512 << 10;

  void start(Connection& connection) {
    Stream& stream = *value_or_throw(connection.open_stream(false));
    Sink& sink = sinks_.emplace_back();
    stream.set_handler(&sink);
    stream.set_sink(&sink);
    value_or_throw(stream.write(Buf::borrow("go")));
    value_or_throw(stream.finish());
  }

  void on_connection(Connection& connection) override { connection.set_handler(this); }
  void on_endpoint_closed(const std::optional<Error>&) override {}
  void on_handshake_completed() override {}
  void on_stream(Stream& stream) override { sources_.emplace_back(stream); }
  void on_datagram(Buf, bool) override {}
  void on_closed(const std::optional<Error>&) override { lost_ = true; }

  std::deque<Source> sources_;
  std::deque<Sink> sinks_;
  bool ready_ = false;
  bool lost_ = false;
  ConnectionPair pair_;  // dies first: its connections call the others
};

double cpu_seconds() noexcept {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void train(benchmark::State& state) {
  Downloads downloads(static_cast<std::uint64_t>(state.range(0)),
                      static_cast<std::size_t>(state.range(1)));
  if (!downloads.good()) return state.SkipWithError("a download did not begin as it should");
  ConnectionPair& pair = downloads.pair();
  const io::PortStats before = pair.server.port.stats();
  double sending = 0;
  double receiving = 0;
  for (auto _ : state) {
    const double begin = cpu_seconds();
    pair.server.turn();
    const double sent = cpu_seconds();
    pair.client.turn();
    receiving += cpu_seconds() - sent;
    sending += sent - begin;
    pair.pass_time();
  }
  const io::PortStats& after = pair.server.port.stats();
  const auto packets = static_cast<double>(after.datagrams_sent - before.datagrams_sent);
  if (!downloads.good() || packets == 0) return state.SkipWithError("a download ended");
  state.SetItemsProcessed(static_cast<std::int64_t>(packets));
  state.SetBytesProcessed(static_cast<std::int64_t>(after.bytes_sent - before.bytes_sent));
  state.counters["send_ns"] = sending * 1e9 / packets;
  state.counters["receive_ns"] = receiving * 1e9 / packets;
  state.counters["packets_per_train"] =
      packets / static_cast<double>(after.trains_sent - before.trains_sent);
}
BENCHMARK(train)
    ->Name("Train/send_and_receive")
    ->ArgNames({"bytes", "connections"})
    ->Args({1452, 1})
    ->Args({1452, 10})
    ->Args({1452, 100})
    ->Args({8972, 1})
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace quicore::perf
