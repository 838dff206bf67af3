// SPDX-License-Identifier: Apache-2.0
//
// Answers to datagrams that belong to no connection: Version Negotiation, Retry, stateless reset,
// and the CONNECTION_CLOSE that refuses an Initial. None leaves state behind, and each is smaller
// than what it answers, so none of them amplifies an attack.
//
// Pure functions: any thread. An empty packet means "send nothing": the answer would be too large,
// or the cryptographic library refused.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/connection_id.h"
#include "engine/hmac_sha256.h"
#include "io/random.h"

namespace quicore::engine {

struct StatelessPacket {
  // Room for the largest: a Version Negotiation that echoes two IDs of 255 bytes (RFC 8999 6).
  static constexpr std::size_t kCapacity = 1200;

  std::array<std::uint8_t, kCapacity> bytes;  // only the first `size` have a value
  std::size_t size = 0;

  explicit operator bool() const noexcept { return size != 0; }
  std::span<const std::uint8_t> span() const noexcept { return {bytes.data(), size}; }
};

// RFC 9000 6, 17.2.1. `ids` are those of the datagram received; a reserved version is added in front
// (RFC 9000 6.3), so that clients learn to ignore what they don't know.
StatelessPacket version_negotiation(const ngtcp2_version_cid& ids,
                                    std::span<const std::uint32_t> versions, io::Random& random);

// RFC 9000 8.1.2, 17.2.5. `client_scid` and `client_dcid` are those of the client's Initial, `scid`
// is ours and becomes the destination of its next one.
StatelessPacket retry(std::uint32_t version, const ConnectionId& client_scid,
                      const ConnectionId& client_dcid, const ConnectionId& scid,
                      std::span<const std::uint8_t> token);

// RFC 9000 10.3, for a short-header datagram of `received_size` bytes to an ID we don't know.
// Empty when it was too small to be answered by something smaller.
StatelessPacket stateless_reset(std::span<const std::uint8_t> received_dcid,
                                std::size_t received_size, const HmacSha256& token_key,
                                io::Random& random);

// An Initial with CONNECTION_CLOSE(`code`) for the client's Initial with these IDs, such as
// NGTCP2_CONNECTION_REFUSED (RFC 9000 5.2.2) or NGTCP2_INVALID_TOKEN (8.1.2).
StatelessPacket connection_close(std::uint32_t version, const ConnectionId& client_scid,
                                 const ConnectionId& client_dcid, std::uint64_t code);

// The token that makes a stateless reset for this ID believable: the first bytes of the HMAC of the
// ID, so that a restarted process, or another machine with the same key, can still tell it
// (RFC 9000 10.3.2). False when the cryptographic library refused.
[[nodiscard]] bool make_stateless_reset_token(
    std::span<std::uint8_t, NGTCP2_STATELESS_RESET_TOKENLEN> token, const HmacSha256& token_key,
    const ConnectionId& id);

}  // namespace quicore::engine
