// SPDX-License-Identifier: Apache-2.0
//
// Which shard a datagram belongs to. One rule for all packets:
//
//   shard = big-endian value of the first four bytes of the destination connection ID
//           modulo the number of shards
//
// found at offset 1 of a short header and at offset 6 of a long header (RFC 9000 17.2, 17.3; RFC
// 8999 5). A server chooses its connection IDs so that the rule gives their shard, so a client that
// changes its address keeps its shard; for the random ID of a client's first Initial packets the
// rule is a hash that sends every retransmission to the same shard.
//
// The kernel applies it by a classic-BPF program on the SO_REUSEPORT group (SO_ATTACH_REUSEPORT_
// CBPF), which needs no privilege. GRO may join datagrams of several connections of one address
// pair, and the filter may be refused: what arrives elsewhere is forwarded by the engine, which
// asks the functions here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace quicore::io {

class KernelCalls;

// Bytes of a connection ID that the rule reads: every connection ID a server of several shards
// issues has at least so many.
inline constexpr std::size_t kSteeringBytes = 4;

// A datagram too short to hold the bytes belongs to shard 0, as the kernel has it.
std::uint32_t steer(std::span<const std::byte> datagram, std::uint32_t shard_count) noexcept;
// An ID shorter than kSteeringBytes belongs to shard 0.
std::uint32_t shard_of_connection_id(std::span<const std::byte> connection_id,
                                     std::uint32_t shard_count) noexcept;
// Changes the first four bytes of `connection_id` as little as it can so that the rule gives
// `shard`. What was random stays random but for the low bits the remainder takes.
void mark_connection_id(std::span<std::byte> connection_id, std::uint32_t shard,
                        std::uint32_t shard_count) noexcept;

// Attaches the rule to the group of a bound socket. False when the kernel refuses; the sockets of
// the group then get datagrams by a hash of the address pair.
bool attach_steering(int fd, std::uint32_t shard_count, KernelCalls& kernel) noexcept;

}  // namespace quicore::io
