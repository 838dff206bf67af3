// SPDX-License-Identifier: Apache-2.0
//
// A QUIC connection ID as a value, and how we make our own.
//
// The IDs we issue carry the shard that owns the connection: their first four bytes, big-endian, are
// congruent to the shard's index modulo the number of shards. That is what the kernel filter and the
// user-space fallback read (io/steering.h). Everything else in them is random, so that nobody who
// sees one can guess another (RFC 9000 5.1).
//
// A value type of 21 bytes, trivially copyable, any thread.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "engine/limits.h"
#include "io/random.h"

namespace quicore::engine {

struct ConnectionId {
  std::uint8_t size = 0;
  std::array<std::uint8_t, limits::kMaxConnectionIdLength> bytes{};  // zero beyond `size`

  // At most 20 bytes: longer ones exist in unknown versions only (RFC 8999 5.1) and get no state.
  static ConnectionId from(std::span<const std::uint8_t> id) noexcept;
  static ConnectionId from(const ngtcp2_cid& id) noexcept;

  ngtcp2_cid to_ngtcp2() const noexcept;
  std::span<const std::uint8_t> span() const noexcept { return {bytes.data(), size}; }
  std::string to_hex() const;

  friend bool operator==(const ConnectionId&, const ConnectionId&) = default;
};

// A fresh random ID that steers to the shard. `length` is 4..20; the chance to guess one is
// shard_count / 2^(8 * length).
ConnectionId make_connection_id(io::Random& random, std::uint32_t shard_index,
                                std::uint32_t shard_count,
                                std::size_t length = limits::kConnectionIdLength) noexcept;

}  // namespace quicore::engine
