// SPDX-License-Identifier: Apache-2.0
//
// Queues: what a stream keeps until it is acknowledged, and the lists by which the phases of a turn
// hand connections and streams to each other. They are touched for every packet: are they as cheap
// as they claim?
//
//   quicore_microbench --benchmark_filter='SendQueue|RingQueue|IntrusiveList'
//
// One iteration is one packet for SendQueue, one object in and one out for the others.
#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "engine/intrusive_list.h"
#include "engine/ring_queue.h"
#include "engine/send_queue.h"
#include "io/buf.h"

namespace quicore::engine {
namespace {

void count_items(benchmark::State& state) { state.SetItemsProcessed(state.iterations()); }

// --- SendQueue ----------------------------------------------------------------------------------

constexpr std::uint64_t kPayload = 1400;       // stream bytes in a packet
constexpr std::uint64_t kInFlight = 64 << 10;  // sent, not acknowledged yet

// The life of a packet's bytes: pushed (when a new Buf is needed), gathered, sent, acknowledged.
class Sending {
 public:
  explicit Sending(std::size_t buf_size) {
    std::string text(buf_size, '\0');
    for (std::size_t i = 0; i < buf_size; ++i) text[i] = static_cast<char>(i * 7);
    buf_ = Buf::copy(text);
  }

  void packet() noexcept {
    while (queue_.unsent() < kPayload) queue_.push(buf_);
    bool to_end = false;
    count_ = queue_.gather(pieces_, to_end);
    queue_.advance_sent(kPayload);
    if (queue_.sent() > kInFlight) queue_.acknowledge_to(queue_.sent() - kInFlight);
  }

  // Whether gather gives what was pushed, at the place that was sent last.
  bool gives_what_was_pushed() {
    const std::uint64_t begin = queue_.sent();
    packet();
    std::uint64_t at = begin;
    for (std::size_t i = 0; i < count_ && at < begin + kPayload; ++i) {
      for (const std::byte byte : pieces_[i]) {
        if (byte != buf_.bytes()[at++ % buf_.size()]) return false;
      }
    }
    return at >= begin + kPayload && queue_.queued() >= kInFlight;
  }

 private:
  Buf buf_;
  SendQueue queue_;
  std::array<Bytes, 16> pieces_;  // as many as the engine takes
  std::size_t count_ = 0;
};

void send_and_acknowledge(benchmark::State& state) {
  Sending sending(static_cast<std::size_t>(state.range(0)));
  for (std::uint64_t sent = 0; sent < 2 * kInFlight; sent += kPayload) sending.packet();
  for (auto _ : state) sending.packet();
  if (!sending.gives_what_was_pushed()) state.SkipWithError("the bytes are not those pushed");
  count_items(state);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kPayload));
}
BENCHMARK(send_and_acknowledge)
    ->Name("SendQueue/packet")
    ->ArgName("bytes_of_a_buf")
    ->Arg(512)
    ->Arg(16 << 10)
    ->Arg(256 << 10);

// --- RingQueue ----------------------------------------------------------------------------------

// At a steady depth: the ring does not grow.
void push_and_take(benchmark::State& state) {
  const auto depth = static_cast<std::size_t>(state.range(0));
  const Buf buf = Buf::copy("some bytes");
  RingQueue<Buf> queue;
  while (queue.size() < depth) queue.push_back(buf);
  for (auto _ : state) {
    queue.push_back(buf);
    benchmark::DoNotOptimize(queue.take_front());
  }
  if (queue.size() != depth || queue.front().text() != buf.text()) {
    state.SkipWithError("the queue is not what it was before");
  }
  count_items(state);
}
BENCHMARK(push_and_take)
    ->Name("RingQueue/push_and_take")
    ->ArgName("depth")
    ->Arg(1)
    ->Arg(64)
    ->Arg(4096);

// --- IntrusiveList ------------------------------------------------------------------------------

struct Tag {};
// A cache line of a connection stands for the rest of it.
struct alignas(64) Object : ListHook<Tag> {};
using List = IntrusiveList<Object, Tag>;

class Objects {
 public:
  explicit Objects(std::size_t count) : objects_(std::make_unique<Object[]>(count)), count_(count) {
    for (std::size_t i = 0; i < count; ++i) list.push_back(objects_[i]);
  }
  ~Objects() { list.clear(); }
  Objects(const Objects&) = delete;
  Objects& operator=(const Objects&) = delete;

  Object& first() noexcept { return objects_[0]; }
  bool all_listed() {
    std::size_t listed = 0;
    while (list.pop_front() != nullptr) ++listed;
    return listed == count_;
  }

  List list;

 private:
  std::unique_ptr<Object[]> objects_;
  std::size_t count_;
};

// A turn takes a connection from the list and puts it back: there is more to send.
void pop_and_push(benchmark::State& state) {
  Objects objects(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) objects.list.push_back(*objects.list.pop_front());
  if (!objects.all_listed()) state.SkipWithError("objects were lost");
  count_items(state);
}
BENCHMARK(pop_and_push)
    ->Name("IntrusiveList/pop_and_push")
    ->ArgName("objects")
    ->Arg(1)
    ->Arg(1'000)
    ->Arg(100'000);

// Marked as ready once more: nothing to do.
void push_again(benchmark::State& state) {
  Objects objects(1'000);
  Object* object = &objects.first();
  for (auto _ : state) {
    benchmark::DoNotOptimize(object);
    objects.list.push_back(*object);
  }
  if (!objects.all_listed()) state.SkipWithError("objects were lost, or listed twice");
  count_items(state);
}
BENCHMARK(push_again)->Name("IntrusiveList/push_again");

}  // namespace
}  // namespace quicore::engine
