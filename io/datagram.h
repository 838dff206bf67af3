// SPDX-License-Identifier: Apache-2.0
//
// What crosses the seam between the kernel (or the simulator) and the engine: trains of datagrams.
//
// A *train* is up to 64 datagrams of one size (the last may be shorter) that share one address pair
// and one ECN mark: exactly what UDP_GRO delivers and UDP_SEGMENT sends. All per-call costs are
// paid per train, never per datagram.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "io/address.h"
#include "io/time.h"

namespace quicore::io {

// RFC 3168: the two ECN bits of the IP header.
enum class Ecn : std::uint8_t { not_ect = 0, ect1 = 1, ect0 = 2, ce = 3 };

// Names an open UDP socket of a Port. Small and dense: an index.
enum class SocketId : std::uint16_t {};

// A received train. The bytes belong to the Port and live until the next Port::wait().
struct ReceivedTrain {
  std::span<std::byte> bytes;
  std::uint32_t segment_size = 0;  // stride; the last datagram may be shorter
  SocketId socket{};
  Ecn ecn{};
  Address remote;
  Address local;  // destination address of the datagrams (IP_PKTINFO), with the socket's port
};

// A leased place to write a train into. The engine fills `bytes[0, size)` and hands it to
// Port::send, which owns it until the kernel is done with it.
struct SendSlot {
  std::byte* bytes = nullptr;  // capacity kSendSlotSize, cache-line aligned
  std::uint32_t size = 0;
  std::uint32_t segment_size = 0;
  SocketId socket{};
  Ecn ecn{};
  // A probe of path MTU discovery: dropped, not fragmented, if it does not fit (always true here:
  // every datagram goes out with don't-fragment set, RFC 9000 14).
  Address remote;
  Address local;            // source address to send from; empty = the kernel chooses
  std::uint32_t index = 0;  // private to the Port
};

// Largest train. A message may hold 65,507 bytes, but together with its IPv6, UDP and link headers
// it must stay below 65,536, or the kernel takes it apart before the device (loopback included)
// sees it. 45 datagrams of 1,452 bytes fit.
inline constexpr std::uint32_t kMaxTrainSize = 65400;
// The kernel refuses more segments per message (UDP_MAX_SEGMENTS of Linux before 6.9).
inline constexpr std::uint32_t kMaxTrainSegments = 64;
inline constexpr std::uint32_t kSendSlotSize = 65536;

}  // namespace quicore::io
