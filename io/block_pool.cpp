// SPDX-License-Identifier: Apache-2.0
#include "io/block_pool.h"

#include <array>
#include <cstdlib>
#include <new>

#include "io/free_list.h"

namespace quicore::io {

namespace {

// Larger blocks are malloc's. Reason: the frame of an ordinary coroutine takes 300 to 1500 bytes.
constexpr std::size_t kLargestPooled = 2048;
constexpr std::size_t kClassSize = 64;
// Free blocks kept per class and thread; what a burst of more requests took is freed. Reason: that is
// 64 of the largest, and a hundred requests answered in one turn take as many of most classes.
constexpr std::size_t kKeptBytes = 128 * 1024;

class Pool {
 public:
  ~Pool() {
    for (FreeList& list : classes_) {
      while (void* block = list.take()) std::free(block);
    }
    destroyed = true;
  }

  void* allocate(std::size_t index) {
    void* block = classes_[index].take();
    return block != nullptr ? block : std::malloc((index + 1) * kClassSize);
  }
  void release(void* block, std::size_t index) noexcept {
    FreeList& list = classes_[index];
    // Multiplied: to divide takes some CPUs forty cycles.
    const std::size_t size = (index + 1) * kClassSize;
    if ((list.size() + 1) * size > kKeptBytes) return std::free(block);
    list.put(block);
  }

  // Objects of other thread-locals and statics may be released after the pool is gone.
  static thread_local bool destroyed;

 private:
  std::array<FreeList, kLargestPooled / kClassSize> classes_;
};

thread_local bool Pool::destroyed = false;
thread_local Pool pool;

constexpr bool pooled(std::size_t size) noexcept {
#ifdef QUICORE_SANITIZED
  return static_cast<void>(size), false;  // the sanitizer sees every block
#else
  return size <= kLargestPooled && size > 0;
#endif
}

}  // namespace

void* allocate_block(std::size_t size) {
  void* block = pooled(size) && !Pool::destroyed ? pool.allocate((size - 1) / kClassSize)
                : pooled(size) ? std::malloc((size + kClassSize - 1) / kClassSize * kClassSize)
                               : std::malloc(size);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void release_block(void* block, std::size_t size) noexcept {
  if (pooled(size) && !Pool::destroyed) {
    pool.release(block, (size - 1) / kClassSize);
  } else {
    std::free(block);
  }
}

}  // namespace quicore::io
