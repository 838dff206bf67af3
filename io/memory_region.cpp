// SPDX-License-Identifier: Apache-2.0
#include "io/memory_region.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>
#include <utility>

namespace quicore::io {

namespace {

constexpr std::size_t kHugePage = 2 << 20;

std::size_t round_up(std::size_t size, std::size_t unit) noexcept {
  return (size + unit - 1) / unit * unit;
}

}  // namespace

MemoryRegion::MemoryRegion(std::size_t size) : size_(round_up(size, kHugePage)) {
  // One huge page more than needed, so that an aligned part can be cut out of the middle.
  const std::size_t mapped = size_ + kHugePage;
  void* memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  auto* start = static_cast<std::byte*>(memory);
  const auto address = reinterpret_cast<std::uintptr_t>(start);
  const std::size_t before = round_up(address, kHugePage) - address;
  data_ = start + before;
  if (before != 0) munmap(start, before);
  if (before != kHugePage) munmap(data_ + size_, kHugePage - before);
  madvise(data_, size_, MADV_HUGEPAGE);  // refused where they are switched off: only slower
}

MemoryRegion::~MemoryRegion() {
  if (data_ != nullptr) munmap(data_, size_);
}

MemoryRegion::MemoryRegion(MemoryRegion&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MemoryRegion& MemoryRegion::operator=(MemoryRegion&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace quicore::io
