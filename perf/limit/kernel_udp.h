// SPDX-License-Identifier: Apache-2.0
//
// What the kernel's UDP path can carry at best on this machine: one sender, one receiver, loopback,
// nothing done with the bytes.
//
// The traffic has the shape of a QUIC bulk transfer at its best: messages of as many datagrams as
// UDP segmentation offload takes (UDP_SEGMENT; 44 of 1472 bytes, 45 of 1452), joined again by
// UDP_GRO at the receiver, a window of unacknowledged messages, and a small acknowledgement back
// for some of them: every other one on two cores, a window at a time on one, so that the scheduler
// switches rarely. No loss is repaired: a lost message is counted and leaves the window when a later
// one is acknowledged, or after UdpPair::kSilence.
#pragma once

#include <cstdint>

#include "io/error.h"
#include "perf/limit/udp_pair.h"

namespace quicore::perf {

struct KernelUdpOptions {
  unsigned payload = 1472;  // bytes of UDP payload per datagram
  unsigned segments = 0;    // datagrams per message; 0: as many as fit
  unsigned window = 16;     // messages in flight; less if the receive buffer is small
  PairTimes times;          // the first is the sender
};

struct KernelUdpResult {
  unsigned segments = 0;  // used
  unsigned window = 0;    // used
  double gbps = 0;        // of UDP payload
  PairSample packets;
};

// Errors: invalid_argument for a payload that no datagram can have or a CPU that cannot be used,
// system when the kernel refuses a call or lets nothing through.
Result<KernelUdpResult> measure_kernel_udp(const KernelUdpOptions& options);

// As many datagrams of `payload` bytes as one message may hold.
[[nodiscard]] unsigned most_segments(unsigned payload);

}  // namespace quicore::perf
