// SPDX-License-Identifier: Apache-2.0
#include "engine/admission.h"

#include <ngtcp2/ngtcp2_crypto.h>

namespace quicore::engine {

namespace {

template <std::size_t size>
std::array<std::byte, size> given_or_random(const std::optional<std::array<std::byte, size>>& given,
                                            io::Random& random) {
  if (given) return *given;
  std::array<std::byte, size> secret;
  random.fill(secret);
  return secret;
}

template <std::size_t size>
const std::uint8_t* raw(const std::array<std::byte, size>& secret) noexcept {
  return reinterpret_cast<const std::uint8_t*>(secret.data());
}

// RFC 9000 14.1.
constexpr std::size_t kMinInitialDatagram = 1200;

// What tokens are bound to: the same client must give the same bytes, whatever the socket's family
// and whatever flow label its packets carry.
class TokenAddress {
 public:
  explicit TokenAddress(const Address& remote) noexcept : address_(remote.unmapped()) {
    if (address_.family() == Family::ipv6) address_.set_flow_label(0);
  }
  const ngtcp2_sockaddr* data() const noexcept {
    return static_cast<const ngtcp2_sockaddr*>(address_.data());
  }
  ngtcp2_socklen size() const noexcept { return address_.size(); }

 private:
  Address address_;
};

bool has_room(const HandshakeLoad& load) noexcept {
  if (load.busy && load.recent >= limits::kMostRecentHandshakesWhenBusy) return false;
  return load.half_open < limits::kMaxHalfOpenConnections;
}

bool suspects_flood(const HandshakeLoad& load) noexcept {
  if (load.busy && load.recent >= limits::kRecentHandshakesBeforeRetryWhenBusy) return true;
  return load.half_open >= limits::kHandshakesBeforeRetry;
}

ngtcp2_duration to_ngtcp2(Duration duration) noexcept {
  return static_cast<ngtcp2_duration>(duration.count());
}

}  // namespace

Admission::Admission(const EndpointConfig& config, io::Random& random)
    : random_(random),
      reset_token_secret_(given_or_random(config.reset_token_secret, random)),
      reset_token_key_({raw(reset_token_secret_), reset_token_secret_.size()}),
      token_secret_(given_or_random(config.token_secret, random)),
      max_connections_total_(config.max_connections_total),
      max_connections_per_host_(config.max_connections_per_host),
      max_stateless_resets_(config.max_stateless_resets),
      retry_limit_(config.retry_limit),
      retry_token_expiration_(config.retry_token_expiration),
      token_expiration_(config.token_expiration),
      stateless_reset_(!config.disable_stateless_reset),
      validate_address_(config.validate_address),
      hosts_(static_cast<std::size_t>(config.address_lru_size), {random.next(), random.next()}) {}

Verdict Admission::decide(const ngtcp2_pkt_hd& header, const Address& remote, Instant now,
                          const HandshakeLoad& load, std::size_t connections_total,
                          InitialPacket& packet) {
  // RFC 9000 14.1, 7.2.
  if (header.type != NGTCP2_PKT_INITIAL) return Verdict::drop;
  if (packet.datagram.size() < kMinInitialDatagram) return Verdict::drop;
  if (header.dcid.datalen < limits::kMinInitialConnectionIdLength) return Verdict::drop;
  if (!has_room(load)) return Verdict::drop;

  packet.dcid = ConnectionId::from(header.dcid);
  packet.scid = ConnectionId::from(header.scid);
  packet.version = header.version;
  const TokenCheck token = check_token(header, remote, now, packet);
  if (token == TokenCheck::wrong) return Verdict::invalid_token;

  const Host* known = hosts_.find(remote);
  if (at_connection_limit(known, connections_total)) return Verdict::refuse_busy;
  if (token == TokenCheck::valid) {
    address_validated(remote, now);
    return Verdict::accept;
  }
  const bool must_validate = validate_address_ || suspects_flood(load);
  if (!must_validate || recently_validated(known, now)) return Verdict::accept;

  return validate_first(remote, now);
}

Verdict Admission::validate_first(const Address& remote, Instant now) {
  Host& host = hosts_.use(remote, now);
  if (host.retries >= retry_limit_) return Verdict::drop;
  ++host.retries;
  return Verdict::retry;
}

Admission::TokenCheck Admission::check_token(const ngtcp2_pkt_hd& header, const Address& remote,
                                             Instant now, InitialPacket& packet) const {
  packet.original_dcid.reset();
  packet.token_type = NGTCP2_TOKEN_TYPE_UNKNOWN;
  packet.token = {};
  packet.address_validated = false;
  if (header.tokenlen == 0) return TokenCheck::none;

  TokenCheck result = TokenCheck::none;
  if (header.token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY2) {
    result = check_retry_token(header, remote, token_time(now), packet);
  } else if (header.token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_REGULAR) {
    const TokenAddress address(remote);
    // RFC 9000 8.1.3: an invalid one counts as none.
    if (ngtcp2_crypto_verify_regular_token2(
            nullptr, 0, header.token, header.tokenlen, raw(token_secret_), token_secret_.size(),
            address.data(), address.size(), to_ngtcp2(token_expiration_), token_time(now)) >= 0) {
      packet.token_type = NGTCP2_TOKEN_TYPE_NEW_TOKEN;
      result = TokenCheck::valid;
    }
  }
  if (result == TokenCheck::valid) {
    packet.token = {header.token, header.tokenlen};
    packet.address_validated = true;
  }
  return result;
}

Admission::TokenCheck Admission::check_retry_token(const ngtcp2_pkt_hd& header,
                                                   const Address& remote, ngtcp2_tstamp now,
                                                   InitialPacket& packet) const {
  const TokenAddress address(remote);
  ngtcp2_cid original{};
  const int error = ngtcp2_crypto_verify_retry_token2(
      &original, header.token, header.tokenlen, raw(token_secret_), token_secret_.size(),
      header.version, address.data(), address.size(), &header.dcid,
      to_ngtcp2(retry_token_expiration_), now);
  // RFC 9000 8.1.2: ours, but for another address or too old: tell the client at once. Unreadable: it
  // may be another server's NEW_TOKEN, so go on without.
  if (error == NGTCP2_CRYPTO_ERR_VERIFY_TOKEN) return TokenCheck::wrong;
  if (error != 0) return TokenCheck::none;
  packet.original_dcid = ConnectionId::from(original);
  packet.token_type = NGTCP2_TOKEN_TYPE_RETRY;
  return TokenCheck::valid;
}

StatelessPacket Admission::make_retry(const InitialPacket& packet, const Address& remote,
                                      Instant now, std::uint32_t shard_index,
                                      std::uint32_t shard_count) {
  const ConnectionId scid = make_connection_id(random_, shard_index, shard_count);
  const ngtcp2_cid retry_scid = scid.to_ngtcp2();
  const ngtcp2_cid original_dcid = packet.dcid.to_ngtcp2();
  const TokenAddress address(remote);
  std::array<std::uint8_t, NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN2> token;
  const ngtcp2_ssize size = ngtcp2_crypto_generate_retry_token2(
      token.data(), raw(token_secret_), token_secret_.size(), packet.version, address.data(),
      address.size(), &retry_scid, &original_dcid, token_time(now));
  if (size < 0) return {};
  return retry(packet.version, packet.scid, packet.dcid, scid,
               std::span(token).first(static_cast<std::size_t>(size)));
}

std::vector<std::uint8_t> Admission::make_new_token(const Address& remote, Instant now) const {
  const TokenAddress address(remote);
  std::vector<std::uint8_t> token(NGTCP2_CRYPTO_MAX_REGULAR_TOKENLEN);
  const ngtcp2_ssize size = ngtcp2_crypto_generate_regular_token2(
      token.data(), raw(token_secret_), token_secret_.size(), address.data(), address.size(),
      nullptr, 0, token_time(now));
  token.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return token;
}

bool Admission::may_send_stateless_reset(const Address& remote, Instant now) {
  if (!stateless_reset_) return false;
  Host& host = hosts_.use(remote, now);
  if (host.stateless_resets >= max_stateless_resets_) return false;
  ++host.stateless_resets;
  return true;
}

void Admission::address_validated(const Address& remote, Instant now) {
  Host& host = hosts_.use(remote, now);
  host.validated_at = now;
  host.retries = 0;  // the limit is against hosts that never answer
}

bool Admission::recently_validated(const Host* host, Instant now) const noexcept {
  return host != nullptr && host->validated_at && now - *host->validated_at < token_expiration_;
}

bool Admission::at_connection_limit(const Host* host,
                                    std::size_t connections_total) const noexcept {
  if (connections_total >= max_connections_total_) return true;
  return host != nullptr && host->connections >= max_connections_per_host_;
}

ngtcp2_tstamp Admission::token_time(Instant now) const noexcept {
  return to_nanoseconds(now + token_clock_offset_);
}

}  // namespace quicore::engine
