// SPDX-License-Identifier: Apache-2.0
#include "engine/shard_heap.h"

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/memory.h>

#include <cstdlib>

#include "io/check.h"

#ifndef QUICORE_SANITIZED
#include <mimalloc.h>
#endif

namespace quicore::engine {

namespace {

thread_local ShardHeap* current_heap = nullptr;

#ifdef QUICORE_SANITIZED

mi_heap_s* new_heap() { return nullptr; }
void delete_heap(mi_heap_s*) {}
void* heap_malloc(mi_heap_s*, std::size_t size) { return std::malloc(size); }
void* heap_calloc(mi_heap_s*, std::size_t count, std::size_t size) {
  return std::calloc(count, size);
}
void* heap_realloc(mi_heap_s*, void* block, std::size_t size) { return std::realloc(block, size); }
void* heap_aligned(mi_heap_s*, std::size_t size, std::size_t alignment) {
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}
void heap_free(void* block) { std::free(block); }

#else

mi_heap_s* new_heap() { return mi_heap_new(); }
void delete_heap(mi_heap_s* heap) { mi_heap_delete(heap); }
void* heap_malloc(mi_heap_s* heap, std::size_t size) {
  return heap != nullptr ? mi_heap_malloc(heap, size) : mi_malloc(size);
}
void* heap_calloc(mi_heap_s* heap, std::size_t count, std::size_t size) {
  return heap != nullptr ? mi_heap_calloc(heap, count, size) : mi_calloc(count, size);
}
void* heap_realloc(mi_heap_s* heap, void* block, std::size_t size) {
  return heap != nullptr ? mi_heap_realloc(heap, block, size) : mi_realloc(block, size);
}
void* heap_aligned(mi_heap_s* heap, std::size_t size, std::size_t alignment) {
  return heap != nullptr ? mi_heap_malloc_aligned(heap, size, alignment)
                         : mi_malloc_aligned(size, alignment);
}
void heap_free(void* block) { mi_free(block); }

#endif

void* wolfssl_malloc(std::size_t size) {
  return current_heap != nullptr ? current_heap->allocate(size) : heap_malloc(nullptr, size);
}
void wolfssl_free(void* block) { ShardHeap::release(block); }
void* wolfssl_realloc(void* block, std::size_t size) {
  return current_heap != nullptr ? current_heap->reallocate(block, size)
                                 : heap_realloc(nullptr, block, size);
}

// At load time: a block that malloc gave out must never reach heap_free.
const int wolfssl_hooks = wolfSSL_SetAllocators(wolfssl_malloc, wolfssl_free, wolfssl_realloc);

ShardHeap& heap_of(void* heap) { return *static_cast<ShardHeap*>(heap); }

}  // namespace

ShardHeap::ShardHeap() : heap_(new_heap()) { QUICORE_CHECK(wolfssl_hooks == 0); }

ShardHeap::~ShardHeap() {
  QUICORE_CHECK(current_heap != this);
  delete_heap(heap_);
}

ShardHeap::Scope::Scope(ShardHeap& heap) noexcept : previous_(current_heap) {
  current_heap = &heap;
}
ShardHeap::Scope::~Scope() { current_heap = previous_; }

ShardHeap* ShardHeap::current() noexcept { return current_heap; }

void* ShardHeap::allocate(std::size_t size) noexcept {
  ++allocations_;
  return heap_malloc(heap_, size);
}

void* ShardHeap::allocate_zeroed(std::size_t count, std::size_t size) noexcept {
  ++allocations_;
  return heap_calloc(heap_, count, size);
}

void* ShardHeap::reallocate(void* block, std::size_t size) noexcept {
  ++allocations_;
  return heap_realloc(heap_, block, size);
}

void* ShardHeap::allocate_aligned(std::size_t size, std::size_t alignment) noexcept {
  ++allocations_;
  return heap_aligned(heap_, size, alignment);
}

void ShardHeap::release(void* block) noexcept {
  if (block == nullptr) return;
  if (current_heap != nullptr) ++current_heap->releases_;
  heap_free(block);
}

void* shard_allocate_aligned(std::size_t size, std::size_t alignment) noexcept {
  return current_heap != nullptr ? current_heap->allocate_aligned(size, alignment)
                                 : heap_aligned(nullptr, size, alignment);
}
void shard_release(void* block) noexcept { ShardHeap::release(block); }

void* shard_malloc(std::size_t size, void* heap) noexcept { return heap_of(heap).allocate(size); }
void shard_free(void* block, void*) noexcept { ShardHeap::release(block); }
void* shard_calloc(std::size_t count, std::size_t size, void* heap) noexcept {
  return heap_of(heap).allocate_zeroed(count, size);
}
void* shard_realloc(void* block, std::size_t size, void* heap) noexcept {
  return heap_of(heap).reallocate(block, size);
}

}  // namespace quicore::engine
