// SPDX-License-Identifier: Apache-2.0
//
// Memory: what ngtcp2, nghttp3, wolfSSL and the keys allocate from (ShardHeap) beside malloc, and
// the pools of the data path, which exist so that it does not allocate: slabs for received bytes,
// slots for trains to send, counted Bufs. Is each cheaper than what it stands in for?
//
//   quicore_microbench --benchmark_filter='ShardHeap|Malloc|SlabPool|Buf/|SendSlots'
//
// One iteration is one block given back and one taken. Other blocks are alive meanwhile and the
// oldest goes first, as with what packets keep until they are acknowledged.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/shard_heap.h"
#include "io/buf.h"
#include "io/send_slots.h"
#include "io/slab_pool.h"

namespace quicore::engine {
namespace {

constexpr std::size_t kAlive = 1024;

// Each block is written to, at its beginning, and must still hold that when it is given back.
template <class Take, class GiveBack>
void take_and_give_back(benchmark::State& state, std::size_t alive, Take take, GiveBack give_back) {
  const auto mark = [](std::size_t number) { return static_cast<unsigned char>(number * 7); };
  std::vector<unsigned char*> blocks(alive);
  for (std::size_t i = 0; i < alive; ++i) {
    blocks[i] = static_cast<unsigned char*>(take());
    *blocks[i] = mark(i);
  }
  std::size_t at = 0;
  std::size_t damaged = 0;
  for (auto _ : state) {
    damaged += *blocks[at] == mark(at) ? 0 : 1;
    give_back(blocks[at]);
    blocks[at] = static_cast<unsigned char*>(take());
    benchmark::DoNotOptimize(blocks[at]);
    *blocks[at] = mark(at);
    if (++at == alive) at = 0;
  }
  for (unsigned char* block : blocks) give_back(block);
  if (damaged != 0) state.SkipWithError("two blocks share memory");
  state.SetItemsProcessed(state.iterations());
}

// --- the heap ---------------------------------------------------------------------------------------

void shard_heap(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  ShardHeap heap;
  const ShardHeap::Scope scope(heap);
  take_and_give_back(
      state, kAlive, [&] { return heap.allocate(size); },
      [](void* block) { ShardHeap::release(block); });
  if (heap.allocations() != heap.releases()) state.SkipWithError("the heap counts wrong");
}

void plain_malloc(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  take_and_give_back(
      state, kAlive, [&] { return std::malloc(size); }, [](void* block) { std::free(block); });
}

// A stream's frame, a packet's entry, a key, a stream's buffer.
void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("bytes")->Arg(64)->Arg(256)->Arg(1'100)->Arg(16 << 10);
}
BENCHMARK(shard_heap)->Name("ShardHeap/allocate_and_release")->Apply(sizes);
BENCHMARK(plain_malloc)->Name("Malloc/allocate_and_release")->Apply(sizes);

// --- the pools --------------------------------------------------------------------------------------

// What a received packet's bytes are copied into, without the copy.
void slabs(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  constexpr std::size_t kSlabs = 16;  // within what the pool caches
  io::SlabPool pool;
  std::vector<Buf> bufs(kSlabs);
  const auto take = [&] {
    auto* slab = pool.take(size);
    return Buf::from_storage(slab, {slab->data(), size});
  };
  for (Buf& buf : bufs) buf = take();
  const std::uint64_t allocations = pool.stats().allocations;
  std::size_t at = 0;
  for (auto _ : state) {
    bufs[at] = Buf();
    bufs[at] = take();
    at = (at + 1) % kSlabs;
  }
  if (pool.stats().allocations != allocations) state.SkipWithError("the pool allocates");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(slabs)->Name("SlabPool/take_and_release")->ArgName("bytes")->Arg(1'200)->Arg(16'000);

void slots(benchmark::State& state) {
  io::SendSlots slots;
  std::vector<io::SendSlot*> leased(slots.count() / 2);
  for (io::SendSlot*& slot : leased) slot = slots.lease();
  std::size_t at = 0;
  for (auto _ : state) {
    slots.give_back(leased[at]->index);
    leased[at] = slots.lease();
    if (++at == leased.size()) at = 0;
  }
  std::ranges::sort(leased);
  if (leased.front() == nullptr || std::ranges::adjacent_find(leased) != leased.end()) {
    state.SkipWithError("a slot was leased twice");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(slots)->Name("SendSlots/give_back_and_lease");

// --- Buf --------------------------------------------------------------------------------------------

// An allocation and a copy.
void copy_buf(benchmark::State& state) {
  const std::string text(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) {
    const Buf buf = Buf::copy(text);
    benchmark::DoNotOptimize(buf.data());
  }
  if (Buf::copy(text).text() != text) state.SkipWithError("the copy is another text");
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(copy_buf)->Name("Buf/copy")->ArgName("bytes")->Arg(512)->Arg(16 << 10);

// One more reference, to a part.
void share_buf(benchmark::State& state) {
  const Buf whole = Buf::copy(std::string(16 << 10, 'x'));
  for (auto _ : state) {
    const Buf part = whole.slice(100, 1'200);
    benchmark::DoNotOptimize(part.data());
  }
  if (whole.slice(100, 1'200).data() != whole.data() + 100) {
    state.SkipWithError("the slice is elsewhere");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(share_buf)->Name("Buf/slice");

}  // namespace
}  // namespace quicore::engine
