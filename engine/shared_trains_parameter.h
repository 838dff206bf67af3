// SPDX-License-Identifier: Apache-2.0
//
// The transport parameter of this engine (RFC 9000 18.1: others ignore it) by which an endpoint says
// that datagrams of several of its connections may come in one train, as engine/shared_train.h makes
// them: the kernel steers a train by its first datagram, so that they must be of one shard.
//
//   ID 0x71636f7265 ("qcore"); its value is a varint, the number of shards that the connection ID
//   chooses from by the rule of io/steering.h, 1 or more.
//
// Threading: free functions, any thread. Cost: once a handshake.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace quicore::engine {

// Writes it to the front of `destination`. Returns its size; 0 when there is no room.
std::size_t write_shared_trains_parameter(std::span<std::uint8_t> destination,
                                          std::uint32_t shards) noexcept;

// From what a peer sent. 0: it is not there, or says nothing that can be used.
std::uint32_t read_shared_trains_parameter(std::span<const std::uint8_t> encoded) noexcept;

}  // namespace quicore::engine
