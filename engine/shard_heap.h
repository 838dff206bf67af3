// SPDX-License-Identifier: Apache-2.0
//
// One allocator per shard, under everything the C libraries allocate.
//
// ngtcp2, nghttp3 and wolfSSL all take an allocator. Given the shard's own mimalloc heap they never
// meet another thread's lock or cache line, and what a shard holds can be counted and asserted by
// the budget tests. In builds with a sanitizer (QUICORE_SANITIZED) the functions are malloc's, so
// that the sanitizer sees every block; the counters work the same.
//
// Threading: a heap belongs to the thread that created it and allocates only there. Any thread may
// free any block (mimalloc hands it back to its owner). wolfSSL's hooks are process-wide functions
// without a user pointer, so they take the heap that is current on the calling thread
// (`ShardHeap::current`, set by `ShardHeap::Scope`); without one they take the thread's default.
//
// Lifetime: blocks outlive the heap: destroying it moves what is still in use to the default heap.
// Cost: one thread-local load and one increment above mimalloc.
#pragma once

#include <cstddef>
#include <cstdint>

// As mimalloc.h declares it.
struct mi_heap_s;

namespace quicore::engine {

class ShardHeap {
 public:
  ShardHeap();
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

  // malloc, calloc and realloc by this heap; `release` is for blocks of any heap. Each of the first
  // three counts as one allocation, whether it succeeds or not (a realloc that grows in place too:
  // the budget is about calls).
  void* allocate(std::size_t size) noexcept;
  void* allocate_zeroed(std::size_t count, std::size_t size) noexcept;
  void* reallocate(void* block, std::size_t size) noexcept;
  static void release(void* block) noexcept;

  // As `allocate` with an alignment (a power of two).
  void* allocate_aligned(std::size_t size, std::size_t alignment) noexcept;

  std::uint64_t allocations() const noexcept { return allocations_; }
  std::uint64_t releases() const noexcept { return releases_; }

 private:
  mi_heap_s* heap_ = nullptr;
  std::uint64_t allocations_ = 0;
  std::uint64_t releases_ = 0;  // by this thread while this heap was current
};

// Aligned memory for key objects: from the current heap, or from the default one without a scope.
void* shard_allocate_aligned(std::size_t size, std::size_t alignment) noexcept;
void shard_release(void* block) noexcept;

// The memory interface of ngtcp2 and nghttp3 (their `mem` structs have this very layout: user
// pointer, malloc, free, calloc, realloc). Fill theirs with a pointer to the heap as `user_data`:
//   ngtcp2_mem mem{&heap, shard_malloc, shard_free, shard_calloc, shard_realloc};
// `mem` must live as long as every connection that uses it.
void* shard_malloc(std::size_t size, void* heap) noexcept;
void shard_free(void* block, void* heap) noexcept;
void* shard_calloc(std::size_t count, std::size_t size, void* heap) noexcept;
void* shard_realloc(void* block, std::size_t size, void* heap) noexcept;

// wolfSSL's allocator is pointed at the current heap of the calling thread when the program is
// loaded, before anything can have allocated by another one: there is nothing to call.

}  // namespace quicore::engine
