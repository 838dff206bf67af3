// SPDX-License-Identifier: Apache-2.0
//
// The send slots of a port: kSendSlots places of 64 KiB, each with its message header. Free slots
// form a stack: the slot used last, still in the cache, is leased first.
//
// Threading: the port's. Cost: a lease is two loads and a store; nothing is allocated after
// construction.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "io/control_message.h"
#include "io/datagram.h"
#include "io/limits.h"
#include "io/memory_region.h"

namespace quicore::io {

class SendSlots {
 public:
  explicit SendSlots(std::uint32_t count = kSendSlots);

  SendSlot* lease() noexcept;  // nullptr: all are in use
  void give_back(std::uint32_t index) noexcept;

  SendSlot& slot(std::uint32_t index) noexcept { return entries_[index].slot; }
  const SendSlot& slot(std::uint32_t index) const noexcept { return entries_[index].slot; }
  SendMessage& message(std::uint32_t index) noexcept { return entries_[index].message; }
  std::uint32_t count() const noexcept { return count_; }
  std::uint32_t in_use() const noexcept {
    return count_ - static_cast<std::uint32_t>(free_.size());
  }

 private:
  struct alignas(64) Entry {
    SendSlot slot;
    SendMessage message;
  };

  std::uint32_t count_;
  MemoryRegion memory_;
  std::unique_ptr<Entry[]> entries_;
  std::vector<std::uint32_t> free_;
};

// Datagrams of a train of `size` bytes.
inline std::uint32_t datagrams_in(std::uint32_t size, std::uint32_t segment_size) noexcept {
  return segment_size == 0 || segment_size >= size ? 1 : (size + segment_size - 1) / segment_size;
}

}  // namespace quicore::io
