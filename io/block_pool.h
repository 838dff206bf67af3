// SPDX-License-Identifier: Apache-2.0
//
// Memory for the small objects of requests: streams and their queues, header fields, coroutine
// frames, completions, copied pieces. What one request gave back the next one takes, while it is
// still in the cache.
//
// Threading: each thread has lists of its own; a block may be released on another thread.
// Lifetime: blocks outlive the thread that asked for them.
// Cost: a free list by size, last in, first out; malloc behind it and above 2 KiB. At most 128 KiB are
// kept per class of 64 bytes: 4 MiB a thread.
// Errors: std::bad_alloc. With a sanitizer every block is malloc's, so that it sees them all.
#pragma once

#include <cstddef>

namespace quicore::io {

void* allocate_block(std::size_t size);
// `size` as it was asked for.
void release_block(void* block, std::size_t size) noexcept;

// Base of what `new` makes in a block.
struct InBlocks {
  static void* operator new(std::size_t size) { return allocate_block(size); }
  static void operator delete(void* block, std::size_t size) noexcept {
    release_block(block, size);
  }
};

// For containers.
template <class T>
struct BlockAllocator {
  static_assert(alignof(T) <= alignof(std::max_align_t));
  using value_type = T;

  BlockAllocator() = default;
  template <class U>
  BlockAllocator(const BlockAllocator<U>&) noexcept {}  // NOLINT(google-explicit-constructor)
  T* allocate(std::size_t count) { return static_cast<T*>(allocate_block(count * kSize)); }
  void deallocate(T* items, std::size_t count) noexcept {
    release_block(static_cast<void*>(items), count * kSize);
  }
  friend bool operator==(const BlockAllocator&, const BlockAllocator&) noexcept { return true; }

 private:
  // NOLINTNEXTLINE(bugprone-sizeof-expression): T may be a pointer
  static constexpr std::size_t kSize = sizeof(T);
};

}  // namespace quicore::io
