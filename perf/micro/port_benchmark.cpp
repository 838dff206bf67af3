// SPDX-License-Identifier: Apache-2.0
//
// Bulk trains from one port to another over loopback, each on a core of its own, with a window and
// an acknowledgement for every second train: what is left of the kernel's speed behind the Port
// seam. `quicore-limit` measures the same traffic without it.
//
//   quicore_microbench --benchmark_filter=Port
//
// One iteration is one train. `spin` polls instead of sleeping when there is nothing to do; with
// `one core` both ends share a core. Needs two cores unless `one core`.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "io/cpu.h"
#include "io/port_factory.h"
#include "perf/micro/pinned.h"

namespace quicore::io {
namespace {

constexpr std::uint32_t kSegment = 1472;
constexpr std::uint32_t kTrainSize = 44 * kSegment;
constexpr std::uint64_t kWindow = 16;  // trains
constexpr std::uint64_t kAcknowledgeEvery = 2;
// The start of a train or an acknowledgement: its number, or the last number received.
constexpr std::uint32_t kNumberSize = sizeof(std::uint64_t);

struct End {
  std::unique_ptr<Port> port;
  SocketId socket{};
  Address address;

  explicit End(PortChoice choice) : port(value_or_throw(open_port({.choice = choice}))) {
    SocketOptions options;
    options.bind_address = Address::loopback(Family::ipv4, 0);
    socket = value_or_throw(port->open(options));
    address = port->local_address(socket);
  }

  void send(const Address& to, std::uint64_t number, std::uint32_t size) {
    SendSlot* slot = port->lease();
    if (slot == nullptr) return;
    std::memcpy(slot->bytes, &number, kNumberSize);
    slot->size = size;
    slot->segment_size = std::min(size, kSegment);
    slot->socket = socket;
    slot->ecn = Ecn::ect0;
    slot->remote = to;
    slot->local = {};
    port->send(slot);
  }

  std::uint64_t last_received(std::uint64_t last) {
    for (const ReceivedTrain& train : port->received()) {
      std::memcpy(&last, train.bytes.data(), kNumberSize);
    }
    return last;
  }
};

void acknowledge_trains(End& end, const Address& to, bool spin, std::atomic<bool>& stop) {
  std::uint64_t unacknowledged = 0;
  while (!stop.load(std::memory_order_relaxed)) {
    end.port->wait(spin ? end.port->now() : end.port->now() + std::chrono::milliseconds(100));
    unacknowledged += end.port->received().size();
    if (unacknowledged < kAcknowledgeEvery) continue;
    end.send(to, end.last_received(0), kNumberSize);
    unacknowledged = 0;
  }
}

void transfer(benchmark::State& state, PortChoice choice) {
  const bool spin = state.range(0) != 0;
  const bool one_core = state.range(1) != 0;
  const std::vector<int> cpus = allowed_cpus();
  if (cpus.size() < 2 && !one_core) return state.SkipWithError("two cores are needed");
  End sender(choice);
  std::atomic<bool> stop{false};
  std::atomic<bool> ready{false};
  Address to;
  PortStats receiver_stats;
  std::thread receiving([&] {
    if (!pin_this_thread(cpus[one_core ? 0 : 1])) return;
    End receiver(choice);
    to = receiver.address;
    receiver.port->wait(receiver.port->now());
    ready = true;
    acknowledge_trains(receiver, sender.address, spin, stop);
    receiver_stats = receiver.port->stats();
  });
  while (!ready) std::this_thread::yield();
  const perf::Pinned pinned(cpus[0]);  // other benchmarks need both

  std::uint64_t sent = 0;
  std::uint64_t acknowledged = 0;
  for (auto _ : state) {
    while (sent - acknowledged >= kWindow) {
      sender.port->wait(spin ? sender.port->now()
                             : sender.port->now() + std::chrono::milliseconds(100));
      acknowledged = sender.last_received(acknowledged);
    }
    sender.send(to, ++sent, kTrainSize);
  }
  stop = true;
  receiving.join();
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * kTrainSize);
  const auto per_train = [&](std::uint64_t count) {
    return static_cast<double>(count) / static_cast<double>(sent);
  };
  state.counters["Gbit/s"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * kTrainSize * 8 / 1e9, benchmark::Counter::kIsRate);
  state.counters["sender_calls"] = per_train(sender.port->stats().system_calls);
  state.counters["receiver_calls"] = per_train(receiver_stats.system_calls);
  state.counters["buffers_empty"] = static_cast<double>(receiver_stats.receive_buffer_empty);
}

void port_uring(benchmark::State& state) { transfer(state, PortChoice::uring); }
void port_mmsg(benchmark::State& state) { transfer(state, PortChoice::mmsg); }

BENCHMARK(port_uring)
    ->Name("PortUring")
    ->ArgNames({"spin", "one_core"})
    ->ArgsProduct({{0, 1}, {0}})
    ->MeasureProcessCPUTime()
    ->UseRealTime();
BENCHMARK(port_uring)
    ->Name("PortUring")
    ->ArgNames({"spin", "one_core"})
    ->Args({0, 1})
    ->MeasureProcessCPUTime()
    ->UseRealTime();
BENCHMARK(port_mmsg)
    ->Name("PortMmsg")
    ->ArgNames({"spin", "one_core"})
    ->ArgsProduct({{0, 1}, {0}})
    ->MeasureProcessCPUTime()
    ->UseRealTime();
BENCHMARK(port_mmsg)
    ->Name("PortMmsg")
    ->ArgNames({"spin", "one_core"})
    ->Args({0, 1})
    ->MeasureProcessCPUTime()
    ->UseRealTime();

}  // namespace
}  // namespace quicore::io
