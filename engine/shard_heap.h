// SPDX-License-Identifier: Apache-2.0
//
// One allocator per shard, under everything the C libraries allocate.
//
// ngtcp2, nghttp3 and wolfSSL all take an allocator. Given mimalloc's they use a heap that belongs
// to the calling thread, and a shard is a thread: no lock and no cache line of another shard. A
// ShardHeap counts what its shard asks for, so that the budget tests can assert it. In builds with
// a sanitizer (QUICORE_SANITIZED) the memory is malloc's, so that the sanitizer sees every block;
// the counters work the same.
//
// Threading: the counters belong to the shard's thread. Any thread may free any block (mimalloc
// hands it back to its owner). The libraries' hooks count for the heap that is current on the
// calling thread (`ShardHeap::Scope`), or for none.
//
// Lifetime: blocks outlive the ShardHeap and the thread that asked for them.
//
// Cost: small blocks that were given back are taken again first, the last one first: mimalloc goes
// through a whole page of them before it takes one again, and a request's forty blocks would be
// fetched from the second-level cache each time. Some 20 instructions each way.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "io/free_list.h"

// As their headers declare them.
struct ngtcp2_mem;
struct nghttp3_mem;

namespace quicore::engine {

class ShardHeap {
 public:
  ShardHeap() = default;
  ~ShardHeap();
  ShardHeap(const ShardHeap&) = delete;
  ShardHeap& operator=(const ShardHeap&) = delete;

  // Makes `heap` current on this thread for as long as the scope lives. Scopes nest.
  class Scope {
   public:
    explicit Scope(ShardHeap& heap) noexcept;
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    ShardHeap* previous_;
  };

  // The heap of this thread's innermost scope, or nullptr.
  static ShardHeap* current() noexcept;

  // malloc, calloc and realloc, counted; `release` is for the blocks of any ShardHeap or none. Each
  // of the first three counts as one allocation, whether it succeeds or not (a realloc that grows
  // in place too: the budget is about calls).
  void* allocate(std::size_t size) noexcept;
  void* allocate_zeroed(std::size_t count, std::size_t size) noexcept;
  void* reallocate(void* block, std::size_t size) noexcept;
  static void release(void* block) noexcept;

  // As `allocate` with an alignment (a power of two).
  void* allocate_aligned(std::size_t size, std::size_t alignment) noexcept;

  // One that was made elsewhere, for this heap.
  void count_allocation() noexcept { ++allocations_; }
  void count_release() noexcept { ++releases_; }

  std::uint64_t allocations() const noexcept { return allocations_; }
  std::uint64_t releases() const noexcept { return releases_; }

 private:
  static constexpr std::size_t kClasses = 20;

  void* take_kept(std::size_t size) noexcept;
  bool keep(void* block) noexcept;

  std::array<io::FreeList, kClasses> kept_;
  std::uint64_t allocations_ = 0;
  std::uint64_t releases_ = 0;  // by this thread while this heap was current
};

// Aligned memory for key objects, counted for the current heap if there is one.
void* shard_allocate_aligned(std::size_t size, std::size_t alignment) noexcept;
void shard_release(void* block) noexcept;

// The memory interfaces of ngtcp2 and nghttp3, which count for the current heap. They live as long
// as the process.
const ngtcp2_mem* quic_memory() noexcept;
const nghttp3_mem* http3_memory() noexcept;

// wolfSSL's allocator is pointed at the current heap of the calling thread when the program is
// loaded, before anything can have allocated by another one: there is nothing to call.

}  // namespace quicore::engine
