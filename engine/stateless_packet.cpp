// SPDX-License-Identifier: Apache-2.0
#include "engine/stateless_packet.h"

#include <ngtcp2/ngtcp2_crypto.h>

#include <algorithm>

namespace quicore::engine {

namespace {

// RFC 9000 10.3: five bytes that look random in front of the token.
constexpr std::size_t kMinStatelessReset =
    NGTCP2_MIN_STATELESS_RESET_RANDLEN + NGTCP2_STATELESS_RESET_TOKENLEN;
// RFC 9000 10.3: a datagram up to this size is answered by one that is one byte shorter, a longer one
// by at least this much, so that the reset looks like any packet.
constexpr std::size_t kShortDatagram = 43;
// Longer resets would hide nothing better.
constexpr std::size_t kMaxStatelessReset = 128;

constexpr std::size_t kMaxVersions = 32;

void set_size(StatelessPacket& packet, ngtcp2_ssize written) noexcept {
  packet.size = written > 0 ? static_cast<std::size_t>(written) : 0;
}

std::uint8_t random_byte(io::Random& random) noexcept {
  return static_cast<std::uint8_t>(random.below(256));
}

// RFC 9000 15: versions 0x?a?a?a?a are reserved to exercise version negotiation.
std::uint32_t reserved_version(io::Random& random) noexcept {
  return (static_cast<std::uint32_t>(random.next()) & 0xf0f0f0f0) | 0x0a0a0a0a;
}

}  // namespace

StatelessPacket version_negotiation(const ngtcp2_version_cid& ids,
                                    std::span<const std::uint32_t> versions, io::Random& random) {
  std::array<std::uint32_t, kMaxVersions + 1> list;
  list[0] = reserved_version(random);
  const std::size_t count = std::min(versions.size(), kMaxVersions);
  std::ranges::copy(versions.first(count), list.begin() + 1);

  StatelessPacket packet;
  // The names are the library's: `dcid` is the destination of the answer, the client's source.
  set_size(packet, ngtcp2_pkt_write_version_negotiation(
                       packet.bytes.data(), packet.bytes.size(), random_byte(random), ids.scid,
                       ids.scidlen, ids.dcid, ids.dcidlen, list.data(), count + 1));
  return packet;
}

StatelessPacket retry(std::uint32_t version, const ConnectionId& client_scid,
                      const ConnectionId& client_dcid, const ConnectionId& scid,
                      std::span<const std::uint8_t> token) {
  const ngtcp2_cid destination = client_scid.to_ngtcp2();
  const ngtcp2_cid source = scid.to_ngtcp2();
  const ngtcp2_cid original = client_dcid.to_ngtcp2();
  StatelessPacket packet;
  set_size(packet,
           ngtcp2_crypto_write_retry(packet.bytes.data(), packet.bytes.size(), version,
                                     &destination, &source, &original, token.data(), token.size()));
  return packet;
}

StatelessPacket stateless_reset(std::span<const std::uint8_t> received_dcid,
                                std::size_t received_size, const HmacSha256& token_key,
                                io::Random& random) {
  StatelessPacket packet;
  // RFC 9000 10.3.3: always smaller than what it answers, or two endpoints that both lost their
  // state would answer each other for ever.
  if (received_size <= kMinStatelessReset) return packet;
  if (received_dcid.size() > limits::kMaxConnectionIdLength) return packet;
  ngtcp2_stateless_reset_token token{};
  if (!make_stateless_reset_token(token.data, token_key, ConnectionId::from(received_dcid))) {
    return packet;
  }
  std::size_t size = received_size - 1;
  if (size > kShortDatagram) {
    size = kShortDatagram + random.below(std::min(size, kMaxStatelessReset) - kShortDatagram + 1);
  }
  std::array<std::uint8_t, kMaxStatelessReset> noise;
  const auto unpredictable = std::span(noise).first(size - NGTCP2_STATELESS_RESET_TOKENLEN);
  random.fill(std::as_writable_bytes(unpredictable));
  set_size(packet,
           ngtcp2_pkt_write_stateless_reset2(packet.bytes.data(), packet.bytes.size(), &token,
                                             unpredictable.data(), unpredictable.size()));
  return packet;
}

StatelessPacket connection_close(std::uint32_t version, const ConnectionId& client_scid,
                                 const ConnectionId& client_dcid, std::uint64_t code) {
  const ngtcp2_cid destination = client_scid.to_ngtcp2();
  const ngtcp2_cid source = client_dcid.to_ngtcp2();
  StatelessPacket packet;
  set_size(packet,
           ngtcp2_crypto_write_connection_close(packet.bytes.data(), packet.bytes.size(), version,
                                                &destination, &source, code, nullptr, 0));
  return packet;
}

bool make_stateless_reset_token(std::span<std::uint8_t, NGTCP2_STATELESS_RESET_TOKENLEN> token,
                                const HmacSha256& token_key, const ConnectionId& id) {
  std::array<std::uint8_t, HmacSha256::kCodeSize> code;
  if (!token_key.compute(id.span(), code)) return false;
  std::copy_n(code.begin(), token.size(), token.begin());
  return true;
}

}  // namespace quicore::engine
