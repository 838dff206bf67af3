// SPDX-License-Identifier: Apache-2.0
//
// One UDP datagram on its way through the simulated network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "io/address.h"
#include "io/datagram.h"

namespace quicore::sim {

// IP and UDP headers without options: what Mtu and Bandwidth count besides the payload.
inline constexpr std::uint32_t kIpv4Overhead = 20 + 8;
inline constexpr std::uint32_t kIpv6Overhead = 40 + 8;

// What one UDP datagram over IPv4, and a train that GRO made, can hold at most.
inline constexpr std::uint32_t kLargestPayload = 65535 - kIpv4Overhead;

struct Datagram {
  std::uint64_t number = 0;  // in the order of sending, from 1; a duplicate keeps its original's
  Address source;
  Address destination;
  io::Ecn ecn = io::Ecn::not_ect;
  std::vector<std::byte> payload;

  // Size of the IP packet.
  std::uint32_t wire_size() const noexcept {
    return static_cast<std::uint32_t>(payload.size()) +
           (destination.family() == Family::ipv6 ? kIpv6Overhead : kIpv4Overhead);
  }
};

using DatagramPtr = std::unique_ptr<Datagram>;

// FNV-1a over 64-bit words: tells payloads apart in traces, nothing more.
std::uint64_t digest(std::span<const std::byte> bytes) noexcept;

}  // namespace quicore::sim
