// SPDX-License-Identifier: Apache-2.0
//
// A page-aligned block of zeroed memory, on huge pages where the kernel gives them, for the slots
// that the kernel fills or reads. Pages never touched take no memory.
#pragma once

#include <cstddef>

namespace quicore::io {

class MemoryRegion {
 public:
  MemoryRegion() = default;
  // Throws std::bad_alloc when the address space or the memory limit is used up.
  explicit MemoryRegion(std::size_t size);
  ~MemoryRegion();
  MemoryRegion(MemoryRegion&& other) noexcept;
  MemoryRegion& operator=(MemoryRegion&& other) noexcept;

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace quicore::io
