// SPDX-License-Identifier: Apache-2.0
//
// Configuration of endpoints and sessions. Every default is the specification's where it names one;
// `validate()` reports every problem of a struct at once, by field name.
//
// Value types; copied when given to the library. No cost on the data path.
#pragma once

#include <any>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <vector>

#include "engine/http3_settings.h"
#include "engine/limits.h"
#include "engine/tls_settings.h"
#include "io/address.h"
#include "io/error.h"
#include "io/time.h"

namespace quicore {

namespace engine {
class TlsContext;
}

enum class CongestionControl : std::uint8_t { cubic, reno, bbr };

// Which listening clone of an endpoint gets a new connection (Endpoint::clone).
enum class DispatchPolicy : std::uint8_t {
  round_robin,   // strictly in turn (the specification)
  initial_hash,  // the one whose socket the kernel chose: less forwarding, no order
};

// Whether a value, or what a std::any holds, is a T.
template <class T, class Value>
bool holds(const Value& value) noexcept {
  if constexpr (std::is_same_v<Value, std::any>) {
    return value.type() == typeid(T);
  } else {
    return std::is_same_v<Value, T>;
  }
}

struct UdpConfig {
  bool ipv6_only = false;                    // false: an IPv6 socket also takes IPv4 (dual stack)
  std::optional<int> receive_buffer_size{};  // bytes
  std::optional<int> send_buffer_size{};     // bytes
  std::optional<int> ttl{};                  // 1..255
  bool gso = true;
  bool gro = true;
  bool ecn = true;
  bool steering = true;  // classic BPF on the reuseport group; false: user-space forwarding only
};

struct EndpointConfig {
  // A flow label set on an IPv6 address (Address::set_flow_label) marks what is sent.
  Address address = Address::loopback(Family::ipv4, 0);           // port 0: an ephemeral port
  std::optional<std::array<std::byte, 16>> reset_token_secret{};  // random when unset; confidential
  std::optional<std::array<std::byte, 32>>
      token_secret{};  // of Retry, NEW_TOKEN; shared by a fleet
  std::uint64_t address_lru_size = 1000;
  CongestionControl congestion_control = CongestionControl::cubic;
  bool disable_stateless_reset = false;
  std::uint64_t max_connections_per_host = 100;
  std::uint64_t max_connections_total = 1000;
  // Largest UDP payload sent. Unset: starts at 1252 (IPv4) or 1232 (IPv6) and path MTU discovery
  // raises it (RFC 9000 14.3). Set: the bound of discovery; 1200..65507.
  std::optional<std::uint64_t> max_payload_size{};
  // False: the payload size given above is used from the first 1-RTT packet on, for networks whose
  // MTU is known (loopback, a data centre).
  bool path_mtu_discovery = true;
  std::uint64_t max_stateless_resets = 10;  // per remote host
  std::optional<std::uint64_t> max_stream_window{};
  std::optional<std::uint64_t> max_window{};
  std::uint64_t retry_limit = 10;  // Retry packets per remote host within the address LRU
  std::chrono::seconds retry_token_expiration{600};
  std::chrono::seconds token_expiration{600};
  double rx_packet_loss = 0.0;  // 0..1, tests only
  double tx_packet_loss = 0.0;
  UdpConfig udp{};
  std::optional<std::uint64_t> unacknowledged_packet_threshold{};
  // True: Retry for every unvalidated address; false: Retry only under load. The amplification limit
  // and path validation are always on.
  bool validate_address = false;
  DispatchPolicy dispatch = DispatchPolicy::round_robin;

  Result<> validate() const;
  template <class T>
  static bool is_endpoint_config(const T& value) noexcept {
    return holds<EndpointConfig>(value);
  }
};

struct TransportParams {
  std::optional<std::uint64_t> ack_delay_exponent{};  // 0..20
  std::uint64_t active_connection_id_limit = engine::limits::kActiveConnectionIdLimit;
  bool disable_active_migration = false;
  std::uint64_t initial_max_data = engine::limits::kInitialMaxData;
  std::uint64_t initial_max_stream_data_bidi_local = engine::limits::kInitialMaxStreamData;
  std::uint64_t initial_max_stream_data_bidi_remote = engine::limits::kInitialMaxStreamData;
  std::uint64_t initial_max_stream_data_uni = engine::limits::kInitialMaxStreamData;
  std::uint64_t initial_max_streams_bidi = engine::limits::kInitialMaxStreams;
  std::uint64_t initial_max_streams_uni = engine::limits::kInitialMaxStreams;
  std::optional<Duration> max_ack_delay{};                      // below 2^14 ms
  std::uint64_t max_datagram_frame_size = 65535;                // 0: no datagrams
  Duration max_idle_timeout = engine::limits::kMaxIdleTimeout;  // 0: never
  std::optional<Address> preferred_address_ipv4{};
  std::optional<Address> preferred_address_ipv6{};
};

enum class QuicVersion : std::uint32_t { v1 = 0x00000001, v2 = 0x6b3343cf };

struct SessionConfig {
  std::vector<std::string> alpn{"h3"};  // in order of preference
  std::string hostname{};               // SNI, certificate name and :authority
  TlsSettings secure{};
  // A context made before, shared by sessions; used in place of `secure` when set.
  std::shared_ptr<engine::TlsContext> secure_context{};
  std::vector<std::byte> dcid{};  // client: first destination connection ID; empty = random; 8..20
  std::vector<std::byte> scid{};  // client: own first connection ID; empty = random; up to 20
  bool use_preferred_address = true;
  bool qlog = false;
  TransportParams transport{};
  Http3Settings http3{};  // where the ALPN is h3
  // Versions spoken, best first; a client starts with the first (RFC 9368, 9369).
  std::vector<QuicVersion> versions{QuicVersion::v1, QuicVersion::v2};
  Duration handshake_timeout = engine::limits::kHandshakeTimeout;
  Duration keep_alive = Duration::zero();  // 0: no PINGs

  Result<> validate(Side side) const;
  template <class T>
  static bool is_session_config(const T& value) noexcept {
    return holds<SessionConfig>(value);
  }
};

// What a client keeps of a session to resume it: session.session_ticket() gives it, connect() takes
// it. Opaque bytes, safe to store; they hold secrets.
struct Resume {
  std::vector<std::byte> session_ticket;
  std::vector<std::byte> transport_params;
  std::vector<std::byte> token;  // NEW_TOKEN: saves the Retry round trip (RFC 9000 8.1.3)
};

}  // namespace quicore
