// SPDX-License-Identifier: Apache-2.0
//
// A train sent one datagram at a time, by sendmmsg: where segmentation is off or was refused.
#pragma once

#include <cstdint>

#include "io/kernel_calls.h"
#include "io/port.h"
#include "io/udp_socket.h"

namespace quicore::io {

enum class SplitOutcome : std::uint8_t {
  done,         // every datagram was sent, or refused for good and counted
  would_block,  // the socket buffer is full: go on at `offset` when it can be written again
};

// Sends the datagrams of `slot` from `offset` on, and moves `offset` behind the last one dealt
// with. `accepted` counts those the kernel took. One system call per 64 datagrams.
SplitOutcome send_split(KernelCalls& kernel, const UdpSocket& socket, SendSlot& slot,
                        std::uint32_t& offset, PortStats& stats) noexcept;

}  // namespace quicore::io
