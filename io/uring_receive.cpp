// SPDX-License-Identifier: Apache-2.0
#include "io/uring_receive.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string>

#include "io/check.h"
#include "io/control_message.h"
#include "io/send_slots.h"

namespace quicore::io {

namespace {

constexpr int kBufferGroup = 0;
constexpr std::uint32_t kHeaderSize =
    sizeof(io_uring_recvmsg_out) + kReceiveNameSize + kReceiveControlSize;
static_assert(kHeaderSize % 64 == 0, "payloads begin on a cache line");

}  // namespace

Result<std::unique_ptr<UringReceiver>> UringReceiver::open(UringRing& ring, std::uint32_t slots,
                                                           std::uint32_t payload_size) {
  std::unique_ptr<UringReceiver> receiver(new UringReceiver(ring, slots, payload_size));
  int error = 0;
  receiver->buffers_ =
      io_uring_setup_buf_ring(ring.get(), receiver->ring_entries_, kBufferGroup, 0, &error);
  if (receiver->buffers_ == nullptr) {
    return std::unexpected(Error::system(
        -error, std::string("io_uring_register of the buffer ring: ") + std::strerror(-error) +
                    "; raise the limit of locked memory (ulimit -l)"));
  }
  receiver->recycle();
  return receiver;
}

UringReceiver::UringReceiver(UringRing& ring, std::uint32_t slots, std::uint32_t payload_size)
    : ring_(ring),
      slots_(slots),
      ring_entries_(std::bit_ceil(slots)),
      slot_size_(kHeaderSize + payload_size),
      memory_(std::size_t{slots} * slot_size_),
      wanted_(std::min(slots, kFirstReceiveSlots)) {
  layout_.msg_namelen = kReceiveNameSize;
  layout_.msg_controllen = kReceiveControlSize;
  trains_.reserve(slots);
  idle_.reserve(slots);
  for (std::uint32_t buffer = slots; buffer-- > 0;) {
    idle_.push_back(static_cast<std::uint16_t>(buffer));
  }
}

UringReceiver::~UringReceiver() {
  if (buffers_ != nullptr) {
    io_uring_free_buf_ring(ring_.get(), buffers_, ring_entries_, kBufferGroup);
  }
}

void UringReceiver::arm(std::uint32_t socket, int fd, std::uint64_t user_data) noexcept {
  io_uring_sqe* sqe = ring_.next();
  const bool by_index = ring_.has_file_table();
  io_uring_prep_recvmsg_multishot(sqe, by_index ? static_cast<int>(socket) : fd, &layout_,
                                  MSG_TRUNC);
  sqe->flags |= IOSQE_BUFFER_SELECT | (by_index ? IOSQE_FIXED_FILE : 0U);
  sqe->buf_group = kBufferGroup;
  sqe->user_data = user_data;
}

void UringReceiver::recycle() noexcept {
  most_used_ = std::max(most_used_, static_cast<std::uint32_t>(trains_.size()));
  trains_.clear();
  if (++turns_ == kReceiveSlotsReviewTurns) review();
  const int mask = io_uring_buf_ring_mask(ring_entries_);
  int given = 0;
  for (std::size_t held = slots_ - idle_.size(); held < wanted_; ++held, ++given) {
    const std::uint16_t buffer = idle_.back();
    idle_.pop_back();
    io_uring_buf_ring_add(buffers_, memory_.data() + std::size_t{buffer} * slot_size_, slot_size_,
                          buffer, mask, given);
  }
  if (given != 0) io_uring_buf_ring_advance(buffers_, given);
}

void UringReceiver::grow() noexcept { wanted_ = std::min(slots_, wanted_ * 2); }

void UringReceiver::review() noexcept {
  wanted_ = std::min(slots_, std::max(kFirstReceiveSlots, 2 * most_used_));
  most_used_ = 0;
  turns_ = 0;
}

void UringReceiver::take(const Completion& completion, SocketId socket, std::uint16_t local_port,
                         PortStats& stats) noexcept {
  const auto buffer = static_cast<std::uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
  QUICORE_CHECK(buffer < slots_);
  idle_.push_back(buffer);
  std::byte* slot = memory_.data() + std::size_t{buffer} * slot_size_;
  io_uring_recvmsg_out* out = io_uring_recvmsg_validate(slot, completion.result, &layout_);
  if (out == nullptr || (out->flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    ++stats.truncated;  // without its control messages a train cannot be taken apart
    return;
  }
  const auto size = io_uring_recvmsg_payload_length(out, completion.result, &layout_);
  if (size == 0) return;
  ReceivedTrain& train = trains_.emplace_back();
  train.bytes = {static_cast<std::byte*>(io_uring_recvmsg_payload(out, &layout_)), size};
  train.socket = socket;
  train.remote = Address::from_sockaddr(io_uring_recvmsg_name(out), out->namelen);
  const std::byte* control = slot + sizeof(*out) + kReceiveNameSize;
  read_control({control, out->controllen}, local_port, train);
  if (train.segment_size == 0) train.segment_size = size;
  ++stats.trains_received;
  stats.bytes_received += size;
  stats.datagrams_received += datagrams_in(size, train.segment_size);
}

}  // namespace quicore::io
