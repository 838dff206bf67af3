// SPDX-License-Identifier: Apache-2.0
#include "engine/shard_heap.h"

#include <nghttp3/nghttp3.h>
#include <ngtcp2/ngtcp2.h>
#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/memory.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "io/check.h"

#ifndef QUICORE_SANITIZED
#include <mimalloc.h>
#endif

namespace quicore::engine {

namespace {

thread_local ShardHeap* current_heap = nullptr;

#ifdef QUICORE_SANITIZED

void* heap_malloc(std::size_t size) { return std::malloc(size); }
void* heap_calloc(std::size_t count, std::size_t size) { return std::calloc(count, size); }
void* heap_realloc(void* block, std::size_t size) { return std::realloc(block, size); }
void* heap_aligned(std::size_t size, std::size_t alignment) {
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}
void heap_free(void* block) { std::free(block); }
void* tls_malloc(std::size_t size) { return std::malloc(size); }
void* tls_realloc(void* block, std::size_t size) { return std::realloc(block, size); }

#else

void* heap_malloc(std::size_t size) { return mi_malloc(size); }
void* heap_calloc(std::size_t count, std::size_t size) { return mi_calloc(count, size); }
void* heap_realloc(void* block, std::size_t size) { return mi_realloc(block, size); }
void* heap_aligned(std::size_t size, std::size_t alignment) {
  return mi_malloc_aligned(size, alignment);
}
void heap_free(void* block) { mi_free(block); }

// Blocks that are kept, by the sizes that mimalloc has: what it gives for one of them is that long.
constexpr std::array<std::size_t, 20> kClassSizes = {
    16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024};
constexpr std::size_t kUnit = 16;
constexpr std::size_t kLargestKept = kClassSizes.back();
// Of each size. Reason: what a hundred requests of a turn give back; at most 0.6 MiB a shard.
constexpr std::size_t kKeptBlocks = 256;
constexpr std::size_t kKeptBytes = 48 * 1024;

// How many of each size: a table, for the sake of CPUs that take forty cycles to divide.
constexpr auto kKept = [] {
  std::array<std::size_t, kClassSizes.size()> result{};
  for (std::size_t index = 0; index < result.size(); ++index) {
    result[index] = std::min(kKeptBlocks, kKeptBytes / kClassSizes[index]);
  }
  return result;
}();

using ClassOfUnits = std::array<std::uint8_t, kLargestKept / kUnit + 1>;
// The smallest that has room for so many units.
constexpr ClassOfUnits kClassFor = [] {
  ClassOfUnits result{};
  for (std::size_t units = 0; units < result.size(); ++units) {
    while (kClassSizes[result[units]] < units * kUnit) ++result[units];
  }
  return result;
}();
// The largest that a block of so many units (one or more) serves.
constexpr ClassOfUnits kClassWithin = [] {
  ClassOfUnits result{};
  for (std::size_t units = 1; units < result.size(); ++units) {
    while (result[units] + 1u < kClassSizes.size() &&
           kClassSizes[result[units] + 1u] <= units * kUnit) {
      ++result[units];
    }
  }
  return result;
}();

// What a handshake takes is given back at its end. On pages of their own those blocks leave whole
// pages free; between blocks that connections keep they would leave holes (docs/decisions/0016).
mi_heap_t* tls_heap() {
  thread_local mi_heap_t* const kHeap = mi_heap_new();
  return kHeap != nullptr ? kHeap : mi_heap_get_default();
}
void* tls_malloc(std::size_t size) { return mi_heap_malloc(tls_heap(), size); }
void* tls_realloc(void* block, std::size_t size) {
  return mi_heap_realloc(tls_heap(), block, size);
}

#endif

// Of the TLS library, whose blocks must stay on pages of their own.
void counted_tls_free(void* block) {
  if (block == nullptr) return;
  if (current_heap != nullptr) current_heap->count_release();
  heap_free(block);
}
void* counted_tls_malloc(std::size_t size) {
  if (current_heap != nullptr) current_heap->count_allocation();
  return tls_malloc(size);
}
void* counted_tls_realloc(void* block, std::size_t size) {
  if (current_heap != nullptr) current_heap->count_allocation();
  return tls_realloc(block, size);
}

void* counted_malloc(std::size_t size) {
  return current_heap != nullptr ? current_heap->allocate(size) : heap_malloc(size);
}
void* counted_calloc(std::size_t count, std::size_t size) {
  return current_heap != nullptr ? current_heap->allocate_zeroed(count, size)
                                 : heap_calloc(count, size);
}
void* counted_realloc(void* block, std::size_t size) {
  return current_heap != nullptr ? current_heap->reallocate(block, size)
                                 : heap_realloc(block, size);
}
void counted_free(void* block) { ShardHeap::release(block); }

// What both of them call, with a user pointer that is not needed.
template <class Memory>
constexpr Memory kMemory{
    nullptr, [](std::size_t size, void*) { return counted_malloc(size); },
    [](void* block, void*) { counted_free(block); },
    [](std::size_t count, std::size_t size, void*) { return counted_calloc(count, size); },
    [](void* block, std::size_t size, void*) { return counted_realloc(block, size); }};

// At load time: a block that malloc gave out must never reach heap_free.
const int kHooksOfWolfssl =
    wolfSSL_SetAllocators(counted_tls_malloc, counted_tls_free, counted_tls_realloc);

}  // namespace

ShardHeap::~ShardHeap() {
  QUICORE_CHECK(current_heap != this && kHooksOfWolfssl == 0);
  for (io::FreeList& list : kept_) {
    while (void* block = list.take()) heap_free(block);
  }
}

ShardHeap::Scope::Scope(ShardHeap& heap) noexcept : previous_(current_heap) {
  current_heap = &heap;
}
ShardHeap::Scope::~Scope() { current_heap = previous_; }

ShardHeap* ShardHeap::current() noexcept { return current_heap; }

void* ShardHeap::allocate(std::size_t size) noexcept {
  ++allocations_;
  void* block = take_kept(size);
  return block != nullptr ? block : heap_malloc(size);
}

void* ShardHeap::allocate_zeroed(std::size_t count, std::size_t size) noexcept {
  ++allocations_;
  std::size_t bytes = 0;
  if (!__builtin_mul_overflow(count, size, &bytes)) {
    if (void* block = take_kept(bytes)) return std::memset(block, 0, bytes);
  }
  return heap_calloc(count, size);
}

void* ShardHeap::reallocate(void* block, std::size_t size) noexcept {
  ++allocations_;
  return heap_realloc(block, size);
}

void* ShardHeap::allocate_aligned(std::size_t size, std::size_t alignment) noexcept {
  ++allocations_;
  return heap_aligned(size, alignment);
}

void ShardHeap::release(void* block) noexcept {
  if (block == nullptr) return;
  if (current_heap != nullptr) {
    ++current_heap->releases_;
    if (current_heap->keep(block)) return;
  }
  heap_free(block);
}

#ifdef QUICORE_SANITIZED

void* ShardHeap::take_kept(std::size_t) noexcept { return nullptr; }
bool ShardHeap::keep(void*) noexcept { return false; }

#else

void* ShardHeap::take_kept(std::size_t size) noexcept {
  if (size > kLargestKept) return nullptr;
  return kept_[kClassFor[(size + kUnit - 1) / kUnit]].take();
}

bool ShardHeap::keep(void* block) noexcept {
  static_assert(kClassSizes.size() == kClasses);
  const std::size_t size = mi_usable_size(block);
  if (size > kLargestKept || size < kUnit) return false;
  const std::size_t index = kClassWithin[size / kUnit];
  io::FreeList& list = kept_[index];
  if (list.size() >= kKept[index]) return false;
  list.put(block);
  return true;
}

#endif

void* shard_allocate_aligned(std::size_t size, std::size_t alignment) noexcept {
  return current_heap != nullptr ? current_heap->allocate_aligned(size, alignment)
                                 : heap_aligned(size, alignment);
}
void shard_release(void* block) noexcept { ShardHeap::release(block); }

const ngtcp2_mem* quic_memory() noexcept { return &kMemory<ngtcp2_mem>; }
const nghttp3_mem* http3_memory() noexcept { return &kMemory<nghttp3_mem>; }

}  // namespace quicore::engine
