// SPDX-License-Identifier: Apache-2.0
#include "io/mmsg_send.h"

#include <algorithm>
#include <cerrno>

#include "io/check.h"
#include "io/send_remedy.h"
#include "io/split_send.h"

namespace quicore::io {

MmsgSender::MmsgSender(KernelCalls& kernel, std::uint32_t slots, PortStats& stats)
    : kernel_(kernel), stats_(stats), slots_(slots), pending_(slots), messages_(slots) {
  queue_.reserve(slots);
  held_back_.reserve(slots);
}

SendSlot* MmsgSender::lease() noexcept {
  SendSlot* slot = slots_.lease();
  if (slot == nullptr) lease_refused_ = true;
  return slot;
}

bool MmsgSender::take_impatience() noexcept {
  const bool refused = std::exchange(lease_refused_, false);
  const bool try_again = std::exchange(try_again_, false);
  return try_again || (refused && slots_.in_use() < slots_.count());
}

void MmsgSender::queue(SendSlot* slot, MmsgSocket& socket) noexcept {
  QUICORE_DCHECK_THAT(slot->size > 0 && slot->size <= kMaxTrainSize);
  QUICORE_DCHECK_THAT(datagrams_in(slot->size, slot->segment_size) <= kMaxTrainSegments);
  pending_[slot->index] = {.socket = &socket};
  queue_.push_back(slot->index);
  ++socket.queued;
  ++stats_.trains_sent;
}

void MmsgSender::flush() noexcept {
  for (std::size_t at = 0; at < queue_.size();) at = send_from(at);
  queue_.clear();
  queue_.swap(held_back_);
}

std::size_t MmsgSender::send_from(std::size_t at) noexcept {
  const std::uint32_t slot = queue_[at];
  if (pending_[slot].socket->blocked) {
    hold_back(slot);
    return at + 1;
  }
  if (goes_whole(slot)) return send_batch(at);
  split(slot);
  return at + 1;
}

std::uint32_t MmsgSender::datagrams_left(std::uint32_t index) const noexcept {
  const SendSlot& slot = slots_.slot(index);
  return datagrams_in(slot.size - pending_[index].offset, slot.segment_size);
}

bool MmsgSender::goes_whole(std::uint32_t index) const noexcept {
  const Pending& pending = pending_[index];
  if (pending.split) return false;
  return datagrams_left(index) == 1 ||
         pending.socket->socket.segmentation_to(slots_.slot(index).remote);
}

// Prepares the trains from `at` on that can go out in one call; returns their number.
std::size_t MmsgSender::gather(std::size_t at) noexcept {
  const MmsgSocket* socket = pending_[queue_[at]].socket;
  std::size_t count = 0;
  for (; at + count < queue_.size(); ++count) {
    const std::uint32_t index = queue_[at + count];
    if (pending_[index].socket != socket || !goes_whole(index)) break;
    SendSlot& slot = slots_.slot(index);
    const std::uint32_t offset = pending_[index].offset;
    SendMessage& message = slots_.message(index);
    message.prepare(slot, {slot.bytes + offset, slot.size - offset},
                    datagrams_left(index) > 1 ? slot.segment_size : 0);
    messages_[count] = {message.header(), 0};
  }
  return count;
}

std::size_t MmsgSender::send_batch(std::size_t at) noexcept {
  const MmsgSocket& socket = *pending_[queue_[at]].socket;
  const std::size_t count = gather(at);
  const int taken =
      kernel_.send_messages(socket.socket.fd(), messages_.data(), static_cast<unsigned>(count));
  ++stats_.system_calls;
  if (taken < 0) {
    if (errno == EINTR) return at;
    failed(queue_[at], errno);
    return at + 1;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(taken); ++i) {
    const std::uint32_t slot = queue_[at + i];
    if (!sent(slot, messages_[i].msg_len)) hold_back(slot);
  }
  // The kernel took none and gives no reason: what it would not take waits for the next turn.
  if (taken == 0) hold_back(queue_[at]);
  return at + std::max<std::size_t>(1, static_cast<std::size_t>(taken));
}

// True when the whole train is dealt with.
bool MmsgSender::sent(std::uint32_t index, std::uint32_t size) noexcept {
  Pending& pending = pending_[index];
  const SendSlot& slot = slots_.slot(index);
  const std::uint32_t left = slot.size - pending.offset;
  if (size < left && slot.segment_size != 0) size -= size % slot.segment_size;
  size = std::min(size, left);
  if (size != 0) {
    stats_.bytes_sent += size;
    stats_.datagrams_sent += datagrams_in(size, slot.segment_size);
    pending.offset += size;
    pending.retried = false;
  } else if (std::exchange(pending.retried, true)) {
    drop(index);  // nothing of it goes out: not for ever
    return true;
  }
  if (pending.offset != slot.size) return false;
  finish(index);
  return true;
}

void MmsgSender::failed(std::uint32_t index, int error) noexcept {
  Pending& pending = pending_[index];
  switch (remedy_for(error, datagrams_left(index) > 1)) {
    case SendRemedy::wait_until_writable:
      pending.socket->blocked = true;
      return hold_back(index);
    case SendRemedy::split: {
      ++stats_.gso_fallbacks;
      pending.split = true;
      UdpSocket& socket = pending.socket->socket;
      const std::uint64_t before = stats_.datagrams_sent;
      const Address remote = slots_.slot(index).remote;
      split(index);
      // Segments larger than the MTU are refused with EINVAL too; then none goes out alone either.
      if (stats_.datagrams_sent != before) socket.refuse_segmentation_to(remote);
      return;
    }
    case SendRemedy::try_once_more:
      if (std::exchange(pending.retried, true)) return drop(index);
      return hold_back(index);
    case SendRemedy::drop:
      return drop(index);
  }
}

void MmsgSender::split(std::uint32_t index) noexcept {
  Pending& pending = pending_[index];
  pending.split = true;
  const SplitOutcome outcome =
      send_split(kernel_, pending.socket->socket, slots_.slot(index), pending.offset, stats_);
  if (outcome == SplitOutcome::done) return finish(index);
  pending.socket->blocked = true;
  hold_back(index);
}

void MmsgSender::hold_back(std::uint32_t index) noexcept {
  held_back_.push_back(index);
  if (!pending_[index].socket->blocked) try_again_ = true;
}

void MmsgSender::drop(std::uint32_t index) noexcept {
  stats_.send_errors += datagrams_left(index);
  finish(index);
}

void MmsgSender::finish(std::uint32_t index) noexcept {
  --pending_[index].socket->queued;
  pending_[index].socket = nullptr;
  slots_.give_back(index);
}

}  // namespace quicore::io
