// SPDX-License-Identifier: Apache-2.0
#include "io/mmsg_receive.h"

#include <array>
#include <cerrno>

#include "io/control_message.h"
#include "io/send_slots.h"

namespace quicore::io {

struct MmsgReceiver::Slot {
  iovec vector;
  std::array<std::byte, kReceiveNameSize> name;
  alignas(8) std::array<std::byte, kReceiveControlSize> control;
};

MmsgReceiver::MmsgReceiver(KernelCalls& kernel, std::uint32_t slots, std::uint32_t payload_size)
    : kernel_(kernel),
      memory_(std::size_t{slots} * payload_size),
      slots_(std::make_unique<Slot[]>(slots)),
      messages_(slots) {
  trains_.reserve(slots);
  for (std::size_t slot = 0; slot < slots; ++slot) {
    slots_[slot].vector = {memory_.data() + slot * payload_size, payload_size};
    prepare(slot);
  }
}

MmsgReceiver::~MmsgReceiver() = default;

// The kernel overwrites the sizes; they are restored only where it did.
void MmsgReceiver::prepare(std::size_t index) noexcept {
  Slot& slot = slots_[index];
  msghdr& header = messages_[index].msg_hdr;
  header.msg_name = slot.name.data();
  header.msg_namelen = slot.name.size();
  header.msg_iov = &slot.vector;
  header.msg_iovlen = 1;
  header.msg_control = slot.control.data();
  header.msg_controllen = slot.control.size();
}

void MmsgReceiver::recycle() noexcept {
  trains_.clear();
  for (std::size_t slot = 0; slot < used_; ++slot) prepare(slot);
  used_ = 0;
}

void MmsgReceiver::receive(const UdpSocket& socket, SocketId id, PortStats& stats) noexcept {
  const std::size_t left = messages_.size() - used_;
  if (left == 0) return;
  const int count =
      kernel_.receive_messages(socket.fd(), &messages_[used_], static_cast<unsigned>(left));
  ++stats.system_calls;
  for (int i = 0; i < count; ++i) take(messages_[used_++], socket, id, stats);
  // What is left, here and in other sockets, epoll reports again in the next turn.
  if (used_ == messages_.size()) ++stats.receive_buffer_empty;
}

void MmsgReceiver::take(const mmsghdr& message, const UdpSocket& socket, SocketId id,
                        PortStats& stats) noexcept {
  const msghdr& header = message.msg_hdr;
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    ++stats.truncated;  // without its control messages a train cannot be taken apart
    return;
  }
  if (message.msg_len == 0) return;
  ReceivedTrain& train = trains_.emplace_back();
  train.bytes = {static_cast<std::byte*>(header.msg_iov->iov_base), message.msg_len};
  train.socket = id;
  train.remote = Address::from_sockaddr(header.msg_name, header.msg_namelen);
  read_control({static_cast<const std::byte*>(header.msg_control), header.msg_controllen},
               socket.local_address().port(), train);
  if (train.segment_size == 0) train.segment_size = message.msg_len;
  ++stats.trains_received;
  stats.bytes_received += message.msg_len;
  stats.datagrams_received += datagrams_in(message.msg_len, train.segment_size);
}

}  // namespace quicore::io
