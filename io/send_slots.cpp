// SPDX-License-Identifier: Apache-2.0
#include "io/send_slots.h"

#include "io/check.h"

namespace quicore::io {

SendSlots::SendSlots(std::uint32_t count)
    : count_(count),
      memory_(std::size_t{count} * kSendSlotStride),
      entries_(std::make_unique<Entry[]>(count)) {
  free_.reserve(count);
  for (std::uint32_t index = count; index-- > 0;) {  // slot 0 on top of the stack
    entries_[index].slot.bytes = memory_.data() + std::size_t{index} * kSendSlotStride;
    entries_[index].slot.index = index;
    free_.push_back(index);
  }
}

SendSlot* SendSlots::lease() noexcept {
  if (free_.empty()) return nullptr;
  SendSlot& slot = entries_[free_.back()].slot;
  free_.pop_back();
  slot.size = 0;
  return &slot;
}

void SendSlots::give_back(std::uint32_t index) noexcept {
  QUICORE_DCHECK_THAT(index < count_ && free_.size() < count_);
  free_.push_back(index);
}

}  // namespace quicore::io
