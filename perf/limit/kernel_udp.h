// SPDX-License-Identifier: Apache-2.0
//
// What the kernel's UDP path can carry at best on this machine: one sender, one receiver, loopback,
// nothing done with the bytes.
//
// The traffic has the shape of a QUIC bulk transfer at its best: messages of as many datagrams as
// UDP segmentation offload takes (UDP_SEGMENT; 44 of 1472 bytes, 45 of 1452), joined again by
// UDP_GRO at the receiver, a window of unacknowledged messages, and a small acknowledgement back
// for every few of them. No loss is repaired: a lost message is counted and leaves the window when
// a later one is acknowledged, or after kSilence.
//
// On two cores both sides poll, so that no wake-up is paid, and every other message is
// acknowledged; on one core both block, so that the scheduler runs whichever has work, and a window
// is acknowledged at a time, so that it switches rarely.
//
// Threading: two threads of its own, pinned; the caller sleeps for the duration.
#pragma once

#include <cstdint>

#include "io/error.h"
#include "io/time.h"

namespace quicore::perf {

struct KernelUdpOptions {
  unsigned payload = 1472;  // bytes of UDP payload per datagram
  unsigned segments = 0;    // datagrams per message; 0: as many as fit
  unsigned window = 16;     // messages in flight; less if the receive buffer is small
  int sender_cpu = 0;
  int receiver_cpu = 1;
  Duration warm_up = std::chrono::milliseconds(200);
  Duration duration = std::chrono::seconds(2);
};

struct KernelUdpResult {
  unsigned segments = 0;  // used
  unsigned window = 0;    // used
  std::uint64_t packets = 0;
  std::uint64_t lost_packets = 0;
  double seconds = 0;
  double gbps = 0;                      // of UDP payload
  double ns_per_packet = 0;             // wall time
  double sender_cpu_ns_per_packet = 0;  // includes polling
  double receiver_cpu_ns_per_packet = 0;
};

// Errors: invalid_argument for a payload that no datagram can have, system when the kernel refuses
// a socket, an option or a CPU; the reason names the call.
Result<KernelUdpResult> measure_kernel_udp(const KernelUdpOptions& options);

// As many datagrams of `payload` bytes as one message may hold.
[[nodiscard]] unsigned most_segments(unsigned payload);

}  // namespace quicore::perf
