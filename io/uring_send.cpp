// SPDX-License-Identifier: Apache-2.0
#include "io/uring_send.h"

#include <algorithm>

#include "io/check.h"
#include "io/send_remedy.h"
#include "io/split_send.h"
#include "io/uring_tag.h"

namespace quicore::io {

UringSender::UringSender(UringRing& ring, KernelCalls& kernel, std::uint32_t slots,
                         PortStats& stats)
    : ring_(ring), kernel_(kernel), stats_(stats), slots_(slots), pending_(slots) {
  to_split_.reserve(slots);
}

SendSlot* UringSender::lease() noexcept {
  SendSlot* slot = slots_.lease();
  if (slot == nullptr) lease_refused_ = true;
  return slot;
}

void UringSender::queue(SendSlot* slot, UringSocket& socket) noexcept {
  QUICORE_DCHECK_THAT(slot->size > 0 && slot->size <= kMaxTrainSize);
  QUICORE_DCHECK_THAT(datagrams_in(slot->size, slot->segment_size) <= kMaxTrainSegments);
  Pending& pending = pending_[slot->index];
  pending = {.socket = &socket};
  ++socket.sends_in_flight;
  ++stats_.trains_sent;
  const bool is_train = datagrams_in(slot->size, slot->segment_size) > 1;
  if (is_train && !socket.socket.segmentation_to(slot->remote)) {
    pending.split = true;
    to_split_.push_back(slot->index);
    return;
  }
  submit(slot->index, Mode::immediate);
}

void UringSender::flush() noexcept {
  for (const std::uint32_t slot : to_split_) split(slot);
  to_split_.clear();
}

// Submits one datagram of a split train, everything that is left of any other.
void UringSender::submit(std::uint32_t index, Mode mode) noexcept {
  Pending& pending = pending_[index];
  SendSlot& slot = slots_.slot(index);
  const std::uint32_t left = slot.size - pending.offset;
  pending.mode = mode;
  pending.length = pending.split ? std::min(left, slot.segment_size) : left;
  SendMessage& message = slots_.message(index);
  const bool is_train = datagrams_in(pending.length, slot.segment_size) > 1;
  message.prepare(slot, {slot.bytes + pending.offset, pending.length},
                  is_train ? slot.segment_size : 0);

  const UringSocket& socket = *pending.socket;
  const bool by_index = ring_.has_file_table();
  io_uring_sqe* sqe = ring_.next();
  io_uring_prep_sendmsg(sqe, by_index ? static_cast<int>(socket.index) : socket.socket.fd(),
                        &message.header(), mode == Mode::immediate ? MSG_DONTWAIT : 0);
  if (by_index) sqe->flags |= IOSQE_FIXED_FILE;
  sqe->user_data = UringTag{UringOperation::send, index}.user_data();
  if (mode == Mode::immediate) ++immediate_;
}

void UringSender::complete(std::uint32_t index, std::int32_t result) noexcept {
  if (pending_[index].mode == Mode::immediate) --immediate_;
  if (result >= 0) {
    sent(index, static_cast<std::uint32_t>(result));
  } else {
    failed(index, -result);
  }
}

void UringSender::sent(std::uint32_t index, std::uint32_t size) noexcept {
  Pending& pending = pending_[index];
  const SendSlot& slot = slots_.slot(index);
  if (size < pending.length && slot.segment_size != 0) size -= size % slot.segment_size;
  size = std::min(size, pending.length);
  if (size != 0) {
    stats_.bytes_sent += size;
    stats_.datagrams_sent += datagrams_in(size, slot.segment_size);
    pending.offset += size;
    pending.retried = false;
  } else if (std::exchange(pending.retried, true)) {
    return drop(index);  // nothing of it goes out: not for ever
  }
  if (pending.offset == slot.size) return finish(index);
  if (pending.split) return split(index);
  submit(index, Mode::immediate);
}

void UringSender::failed(std::uint32_t index, int error) noexcept {
  Pending& pending = pending_[index];
  const SendSlot& slot = slots_.slot(index);
  const bool is_train = datagrams_in(pending.length, slot.segment_size) > 1;
  switch (remedy_for(error, is_train)) {
    case SendRemedy::wait_until_writable:
      return submit(index, Mode::patient);
    case SendRemedy::split:
      return fall_back(index);
    case SendRemedy::try_once_more:
      if (!std::exchange(pending.retried, true)) return submit(index, pending.mode);
      return drop(index);
    case SendRemedy::drop:
      return drop(index);
  }
}

// Gives up on the submission under way; a split train goes on with its next datagram.
void UringSender::drop(std::uint32_t index) noexcept {
  Pending& pending = pending_[index];
  const SendSlot& slot = slots_.slot(index);
  stats_.send_errors += datagrams_in(pending.length, slot.segment_size);
  pending.offset += pending.length;
  pending.retried = false;
  if (pending.offset >= slot.size) return finish(index);
  split(index);
}

// EINVAL may also say that the segments are larger than the device's MTU. Only when they do go out
// one by one, segmentation was what the device could not do.
void UringSender::fall_back(std::uint32_t index) noexcept {
  Pending& pending = pending_[index];
  ++stats_.gso_fallbacks;
  pending.split = true;
  const std::uint64_t before = stats_.datagrams_sent;
  UdpSocket& socket = pending.socket->socket;
  const Address remote = slots_.slot(index).remote;
  split(index);
  if (stats_.datagrams_sent != before) socket.refuse_segmentation_to(remote);
}

void UringSender::split(std::uint32_t index) noexcept {
  Pending& pending = pending_[index];
  const SplitOutcome outcome =
      send_split(kernel_, pending.socket->socket, slots_.slot(index), pending.offset, stats_);
  if (outcome == SplitOutcome::done) return finish(index);
  submit(index, Mode::patient);
}

void UringSender::finish(std::uint32_t index) noexcept {
  --pending_[index].socket->sends_in_flight;
  pending_[index].socket = nullptr;
  slots_.give_back(index);
}

}  // namespace quicore::io
