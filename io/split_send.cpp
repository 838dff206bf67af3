// SPDX-License-Identifier: Apache-2.0
#include "io/split_send.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "io/control_message.h"
#include "io/send_slots.h"

namespace quicore::io {

namespace {

using Messages = std::array<mmsghdr, kMaxTrainSegments>;
using Vectors = std::array<iovec, kMaxTrainSegments>;

// One message per datagram; they differ in their bytes only.
unsigned fill(Messages& messages, Vectors& vectors, const msghdr& header, const SendSlot& slot,
              std::uint32_t offset) noexcept {
  const std::uint32_t stride = slot.segment_size == 0 ? slot.size : slot.segment_size;
  unsigned count = 0;
  for (; offset < slot.size && count < messages.size(); ++count, offset += stride) {
    vectors[count] = {slot.bytes + offset, std::min(stride, slot.size - offset)};
    messages[count].msg_hdr = header;
    messages[count].msg_hdr.msg_iov = &vectors[count];
    messages[count].msg_len = 0;
  }
  return count;
}

}  // namespace

SplitOutcome send_split(KernelCalls& kernel, const UdpSocket& socket, SendSlot& slot,
                        std::uint32_t& offset, PortStats& stats) noexcept {
  SendMessage message;
  message.prepare(slot, {slot.bytes, slot.size}, 0);
  Messages messages;
  Vectors vectors;
  while (offset < slot.size) {
    const unsigned count = fill(messages, vectors, message.header(), slot, offset);
    const int sent = kernel.send_messages(socket.fd(), messages.data(), count);
    ++stats.system_calls;
    if (sent > 0) {
      for (int i = 0; i < sent; ++i) {
        const auto size = static_cast<std::uint32_t>(vectors[i].iov_len);
        stats.bytes_sent += size;
        offset += size;
      }
      stats.datagrams_sent += static_cast<unsigned>(sent);
      continue;
    }
    if (errno == EAGAIN) return SplitOutcome::would_block;
    if (errno == EINTR) continue;
    // This datagram is refused for good (EMSGSIZE: a probe too large for the path); the next may
    // not be.
    ++stats.send_errors;
    offset += static_cast<std::uint32_t>(vectors[0].iov_len);
  }
  return SplitOutcome::done;
}

}  // namespace quicore::io
