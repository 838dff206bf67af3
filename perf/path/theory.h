// SPDX-License-Identifier: Apache-2.0
//
// What congestion control can reach over a path with a bottleneck and random loss, in bytes of
// streams per second:
//
//   bottleneck  the link is always busy: its rate, less the headers, less what is lost behind it
//   reno        sqrt(3 / (2 p)) packets per round trip: half of the window is given up once per lost
//               packet, one packet is won back per round trip (RFC 5348 3.1, without timeouts)
//   cubic       the larger of the same, which RFC 9438 4.3 makes its Reno-friendly region, and
//               ((C (3 + beta)) / (4 (1 - beta)))^(1/4) (RTT / p)^(3/4) / RTT (RFC 9438 5.1)
//   bbr         the bottleneck: random loss below its threshold of 2 % is no signal to it
//
// None exceeds the bottleneck.
#pragma once

#include <chrono>
#include <cstdint>

#include "engine/config.h"
#include "io/time.h"

namespace quicore::perf {

inline double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// The path between a server and its client. The bottleneck is the server's side of it, then
// packets are lost at random, then they travel.
struct PathShape {
  std::uint64_t bits_per_second = 1'000'000'000;
  Duration round_trip = std::chrono::milliseconds(50);
  double queue = 1;              // of the bottleneck, in bandwidth-delay products
  double loss = 0.001;           // of each packet from the server
  double back_loss = 0;          // of each packet from the client, nearly all acknowledgements
  std::uint64_t payload = 1472;  // UDP

  std::uint64_t bandwidth_delay_product() const noexcept;  // bytes
  std::uint64_t queue_bytes() const noexcept;
};

// Most bytes of a stream that a packet of this UDP payload carries: what is left by the short header
// with an ID of 8 bytes and a packet number of 2, the AEAD tag, and a STREAM frame's type, ID of one
// byte, offset of 4 and length of 2.
std::uint64_t stream_bytes_of(std::uint64_t payload) noexcept;

// Bytes of streams per second.
double bottleneck_theory(const PathShape& path) noexcept;
double theory_of(CongestionControl algorithm, const PathShape& path) noexcept;

}  // namespace quicore::perf
