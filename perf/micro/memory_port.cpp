// SPDX-License-Identifier: Apache-2.0
#include "perf/micro/memory_port.h"

namespace quicore::perf {

MemoryPort::MemoryPort(const Address& local, const Instant& clock, std::uint32_t slots)
    : local_(local), clock_(clock), now_(clock), slots_(slots) {}

void MemoryPort::join(MemoryPort& one, MemoryPort& other) noexcept {
  one.other_ = &other;
  other.other_ = &one;
}

void MemoryPort::finish_turn() noexcept {
  received_.clear();
  for (const std::uint32_t index : being_read_) other_->slots_.give_back(index);
  being_read_.clear();
}

void MemoryPort::wait(Instant) {
  finish_turn();
  now_ = clock_;
  for (const io::SendSlot* slot : other_->sent_) {
    received_.push_back({.bytes = {slot->bytes, slot->size},
                         .segment_size = slot->segment_size,
                         .socket = {},
                         .ecn = slot->ecn,
                         .remote = other_->local_,
                         .local = local_});
    being_read_.push_back(slot->index);
    stats_.datagrams_received += io::datagrams_in(slot->size, slot->segment_size);
    stats_.bytes_received += slot->size;
  }
  stats_.trains_received += received_.size();
  other_->sent_.clear();
}

void MemoryPort::send(io::SendSlot* slot) noexcept {
  stats_.datagrams_sent += io::datagrams_in(slot->size, slot->segment_size);
  stats_.bytes_sent += slot->size;
  ++stats_.trains_sent;
  sent_.push_back(slot);
}

}  // namespace quicore::perf
