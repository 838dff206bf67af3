// SPDX-License-Identifier: Apache-2.0
//
// The control messages beside a datagram: destination address (IP_PKTINFO, IPV6_PKTINFO), ECN mark
// (IP_TOS, IPV6_TCLASS; RFC 3168) and segment size (UDP_GRO, UDP_SEGMENT).
//
// Dual stack: an IPv6 socket that also serves IPv4 shows IPv4 addresses as ::ffff:a.b.c.d, as the
// kernel does, and takes them back in that form; the IPv4 messages are used for them.
//
// Threading: none of its own. Cost: one pass over at most 144 bytes per train.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "io/datagram.h"

namespace quicore::io {

// Reads what the kernel wrote about a message into `train`: segment_size (0 when the kernel joined
// nothing), ecn, local (its port is `local_port`).
void read_control(std::span<const std::byte> control, std::uint16_t local_port,
                  ReceivedTrain& train) noexcept;

// A msghdr for one train, kept between uses so that only what changed is written again. Does not
// move: the msghdr points into it.
class SendMessage {
 public:
  SendMessage() noexcept;
  SendMessage(const SendMessage&) = delete;
  SendMessage& operator=(const SendMessage&) = delete;

  // Points the msghdr at `bytes`; `segment_size` 0 sends them as one datagram.
  // Both stay where they are until the kernel is done.
  void prepare(SendSlot& slot, std::span<std::byte> bytes, std::uint32_t segment_size) noexcept;
  msghdr& header() noexcept { return header_; }

 private:
  void write_control(const Address& local, bool ipv4, Ecn ecn, std::uint32_t segment_size) noexcept;

  // IPV6_PKTINFO 40, IP_TOS or IPV6_TCLASS 24, UDP_SEGMENT 24.
  static constexpr std::size_t kControlSize = 88;
  msghdr header_{};
  iovec vector_{};
  // What control_ says now.
  Address local_;
  std::uint32_t segment_size_ = 0;
  Ecn ecn_{};
  bool ipv4_ = false;
  alignas(8) std::array<std::byte, kControlSize> control_{};
};

}  // namespace quicore::io
