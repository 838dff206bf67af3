// SPDX-License-Identifier: Apache-2.0
//
// A shard's pool of slabs: the memory received stream data is copied into, once, and read from by
// Bufs that count it.
//
//   Slab* slab = pool.take(1200);                       // one reference, nullptr = no memory
//   std::memcpy(slab->data(), bytes, 1200);
//   Buf buf = Buf::from_storage(slab, {slab->data(), 1200});  // takes over the reference
//
// A slab goes back to its pool when the last Buf is gone. The pool may be destroyed first: what its
// slabs need outlives it, and slabs that come back later are freed.
//
// Threading: one shard. Cost: take and release are a few instructions while the cache holds a slab
// of the class, one allocation otherwise. Two classes: kSmallSlabSize and kLargeSlabSize, header
// included.
#pragma once

#include <cstddef>
#include <cstdint>

#include "io/buf.h"
#include "io/limits.h"

namespace quicore::io {

struct SlabPoolStats {
  std::size_t bytes_in_use = 0;  // of slabs that Bufs hold, headers included
  std::size_t bytes_cached = 0;
  std::uint64_t allocations = 0;
};

class SlabPool {
 public:
  class Slab;

  // Both bounds are in bytes; past `max_bytes_in_use` take() gives nullptr.
  explicit SlabPool(std::size_t max_bytes_in_use = SIZE_MAX,
                    std::size_t max_bytes_cached = kMaxCachedSlabBytes);
  ~SlabPool();
  SlabPool(const SlabPool&) = delete;
  SlabPool& operator=(const SlabPool&) = delete;

  // The smallest slab that holds `size` bytes, or the large one when none does: look at capacity().
  Slab* take(std::size_t size) noexcept;
  const SlabPoolStats& stats() const noexcept;

 private:
  struct Core;
  Core* core_;
};

// A cache line of header, then the bytes.
class alignas(64) SlabPool::Slab : public BufStorage {
 public:
  std::byte* data() noexcept { return reinterpret_cast<std::byte*>(this) + sizeof(Slab); }
  std::size_t capacity() const noexcept { return size_ - sizeof(Slab); }

 private:
  friend class SlabPool;
  Core* core_ = nullptr;
  Slab* next_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace quicore::io
