// SPDX-License-Identifier: Apache-2.0
#include "io/slab_pool.h"

#include <new>

#include "io/check.h"

namespace quicore::io {

// What pool and slabs share; lives as long as the longest of them.
struct SlabPool::Core {
  SlabPoolStats stats;
  std::size_t max_bytes_in_use = 0;
  std::size_t max_bytes_cached = 0;
  std::size_t slabs_in_use = 0;
  bool pool_alive = true;
  Slab* free_small = nullptr;
  Slab* free_large = nullptr;

  Slab*& free_list(std::size_t size) noexcept {
    return size == kSmallSlabSize ? free_small : free_large;
  }

  static void deallocate(Slab* slab) noexcept {
    slab->~Slab();
    ::operator delete(slab, std::align_val_t(alignof(Slab)));
  }

  Slab* allocate(std::size_t size) noexcept {
    void* memory = ::operator new(size, std::align_val_t(alignof(Slab)), std::nothrow);
    if (memory == nullptr) return nullptr;
    auto* slab = new (memory) Slab;
    slab->core_ = this;
    slab->size_ = size;
    slab->release = &Core::take_back;
    ++stats.allocations;
    return slab;
  }

  static void take_back(BufStorage* storage) noexcept {
    auto* slab = static_cast<Slab*>(storage);
    Core* core = slab->core_;
    const std::size_t size = slab->size_;
    core->stats.bytes_in_use -= size;
    --core->slabs_in_use;
    if (core->pool_alive && core->stats.bytes_cached + size <= core->max_bytes_cached) {
      slab->next_ = core->free_list(size);
      core->free_list(size) = slab;
      core->stats.bytes_cached += size;
      return;
    }
    deallocate(slab);
    if (!core->pool_alive && core->slabs_in_use == 0) delete core;
  }

  void free_cached(Slab*& list) noexcept {
    while (Slab* slab = list) {
      list = slab->next_;
      deallocate(slab);
    }
  }
};

SlabPool::SlabPool(std::size_t max_bytes_in_use, std::size_t max_bytes_cached) : core_(new Core) {
  core_->max_bytes_in_use = max_bytes_in_use;
  core_->max_bytes_cached = max_bytes_cached;
}

SlabPool::~SlabPool() {
  core_->pool_alive = false;
  core_->free_cached(core_->free_small);
  core_->free_cached(core_->free_large);
  if (core_->slabs_in_use == 0) delete core_;
}

SlabPool::Slab* SlabPool::take(std::size_t size) noexcept {
  const std::size_t slab_size =
      size + sizeof(Slab) <= kSmallSlabSize ? kSmallSlabSize : kLargeSlabSize;
  if (slab_size > core_->max_bytes_in_use - core_->stats.bytes_in_use) return nullptr;
  Slab*& list = core_->free_list(slab_size);
  Slab* slab = list;
  if (slab != nullptr) {
    list = slab->next_;
    core_->stats.bytes_cached -= slab_size;
    slab->references = 1;
  } else if (slab = core_->allocate(slab_size); slab == nullptr) {
    return nullptr;
  }
  core_->stats.bytes_in_use += slab_size;
  ++core_->slabs_in_use;
  return slab;
}

const SlabPoolStats& SlabPool::stats() const noexcept { return core_->stats; }

}  // namespace quicore::io
