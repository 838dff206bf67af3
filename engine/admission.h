// SPDX-License-Identifier: Apache-2.0
//
// Whether a client's first Initial becomes a connection, and what an endpoint may send to addresses
// it has no connection with. One per endpoint.
//
//   decide:  too small, IDs too short, too many half-open connections -> drop
//            a Retry token that is not this client's, or expired      -> invalid_token
//            over the connection limits                               -> refuse_busy
//            address not validated, and validation asked for          -> retry (limited per host)
//            else                                                     -> accept
//
// Validation is asked for when the configuration says so, or when limits::kHandshakesBeforeRetry
// handshakes are under way. A busy shard asks for it, and drops, from fewer handshakes on, counting
// those that began lately (docs/decisions/0034). An address is validated by a token (Retry or
// NEW_TOKEN, RFC 9000 8.1), or was within `token_expiration` before.
//
// Secrets of tokens: random for each Admission unless configured. A NEW_TOKEN may come back on any
// shard of a server, so its endpoints on one port must be given one `token_secret`.
//
// Time in tokens: Instants are of a monotonic clock, which starts at boot. Tokens have to be good on
// several machines and after a reboot, so they carry the wall clock's time: the endpoint tells the
// distance by set_token_clock_offset().
//
// Threading: its shard's thread. No system call, no clock. The bytes of tokens contain randomness of
// the TLS library's own generator; decisions and sizes don't depend on it.
// Cost: one hash lookup for a decision, plus one AEAD operation (about 1 us) when a token is there.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/config.h"
#include "engine/connection_id.h"
#include "engine/host_table.h"
#include "engine/stateless_packet.h"
#include "io/datagram.h"
#include "io/random.h"

namespace quicore::engine {

// A client's Initial that begins a connection. The caller fills in `train` and `datagram`, decide()
// the rest. Views live as long as the train.
struct InitialPacket {
  const io::ReceivedTrain* train = nullptr;
  std::span<std::byte> datagram;
  ConnectionId dcid;
  ConnectionId scid;
  std::uint32_t version = 0;
  // The destination of the client's very first Initial, from the Retry token. Set: `dcid` is the
  // source ID of our Retry (transport parameters of RFC 9000 7.3).
  std::optional<ConnectionId> original_dcid;
  ngtcp2_token_type token_type = NGTCP2_TOKEN_TYPE_UNKNOWN;
  std::span<const std::uint8_t> token;  // only a valid one; else empty
  bool address_validated = false;       // by `token`: the amplification limit does not apply
};

enum class Verdict : std::uint8_t {
  accept,
  retry,          // answer with make_retry()
  refuse_busy,    // answer with CONNECTION_REFUSED
  invalid_token,  // answer with INVALID_TOKEN
  drop,
};

// Of the shard that an Initial came to.
struct HandshakeLoad {
  std::size_t half_open = 0;  // handshakes under way
  std::size_t recent = 0;     // of these, begun within limits::kRecentHandshake
  bool busy = false;          // the shard has hardly any time to spare: io::Port::is_busy
};

class Admission {
 public:
  // Copies what it needs of `config`; `random` must outlive it.
  Admission(const EndpointConfig& config, io::Random& random);

  // `header` is the decoded header of the Initial in packet.datagram; `connections_total` counts
  // the connections of the endpoint.
  Verdict decide(const ngtcp2_pkt_hd& header, const Address& remote, Instant now,
                 const HandshakeLoad& load, std::size_t connections_total, InitialPacket& packet);

  // Whether to answer with a Retry, which is counted, or not at all: the host had its share.
  Verdict validate_first(const Address& remote, Instant now);

  // A Retry whose source ID is fresh and steers the next Initial to the same shard.
  StatelessPacket make_retry(const InitialPacket& packet, const Address& remote, Instant now,
                             std::uint32_t shard_index, std::uint32_t shard_count);

  // For a NEW_TOKEN frame (RFC 9000 8.1.3). Empty when the cryptographic library refused.
  std::vector<std::uint8_t> make_new_token(const Address& remote, Instant now) const;

  // True: send it, it is counted. False: disabled, or the host had its share.
  bool may_send_stateless_reset(const Address& remote, Instant now);
  const std::array<std::byte, 16>& reset_token_secret() const noexcept {
    return reset_token_secret_;
  }
  // Of that secret.
  const HmacSha256& reset_token_key() const noexcept { return reset_token_key_; }
  const std::array<std::byte, 32>& token_secret() const noexcept { return token_secret_; }

  void connection_added(const Address& remote) { hosts_.connection_added(remote); }
  void connection_removed(const Address& remote) { hosts_.connection_removed(remote); }
  // The handshake completed: the host need not prove its address again for `token_expiration`.
  void address_validated(const Address& remote, Instant now);

  void set_token_clock_offset(Duration offset) noexcept { token_clock_offset_ = offset; }

 private:
  enum class TokenCheck : std::uint8_t { none, valid, wrong };
  TokenCheck check_token(const ngtcp2_pkt_hd& header, const Address& remote, Instant now,
                         InitialPacket& packet) const;
  TokenCheck check_retry_token(const ngtcp2_pkt_hd& header, const Address& remote,
                               ngtcp2_tstamp now, InitialPacket& packet) const;
  bool recently_validated(const Host* host, Instant now) const noexcept;
  bool at_connection_limit(const Host* host, std::size_t connections_total) const noexcept;
  ngtcp2_tstamp token_time(Instant now) const noexcept;

  io::Random& random_;
  std::array<std::byte, 16> reset_token_secret_;
  HmacSha256 reset_token_key_;
  std::array<std::byte, 32> token_secret_;
  std::uint64_t max_connections_total_;
  std::uint64_t max_connections_per_host_;
  std::uint64_t max_stateless_resets_;
  std::uint64_t retry_limit_;
  Duration retry_token_expiration_;
  Duration token_expiration_;
  Duration token_clock_offset_ = Duration::zero();
  bool stateless_reset_;
  bool validate_address_;
  HostTable hosts_;
};

}  // namespace quicore::engine
