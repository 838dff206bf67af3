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

// How fast to send: RFC 9438, RFC 9002 7, or BBR, which looks at rates in place of losses (EC10).
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

// The socket of an endpoint. Read once, when it is opened.
struct UdpConfig {
  bool ipv6_only = false;                    // false: an IPv6 socket also takes IPv4 (dual stack)
  std::optional<int> receive_buffer_size{};  // bytes
  std::optional<int> send_buffer_size{};     // bytes
  std::optional<int> ttl{};                  // 1..255
  // Hand the kernel many datagrams as one (UDP_SEGMENT). False, where a driver does it badly.
  bool gso = true;
  // Take many datagrams of one sender as one (UDP_GRO).
  bool gro = true;
  // Mark packets as ECN-capable, and tell the peer of marks (RFC 9000 13.4).
  bool ecn = true;
  bool steering = true;  // classic BPF on the reuseport group; false: user-space forwarding only
};

// What an endpoint is made with (EC1 to EC29). A value; every field is optional.
struct EndpointConfig {
  // A flow label set on an IPv6 address (Address::set_flow_label) marks what is sent.
  Address address = Address::loopback(Family::ipv4, 0);           // port 0: an ephemeral port
  std::optional<std::array<std::byte, 16>> reset_token_secret{};  // random when unset; confidential
  std::optional<std::array<std::byte, 32>>
      token_secret{};  // of Retry, NEW_TOKEN; shared by a fleet
  // Remote hosts remembered: whose address was validated, how many resets and Retries they got
  // (EC9).
  std::uint64_t address_lru_size = 1000;
  // Of every session on the endpoint (EC10).
  CongestionControl congestion_control = CongestionControl::cubic;
  // Packets of unknown connections are dropped without an answer (EC11).
  bool disable_stateless_reset = false;
  // More are refused with CONNECTION_REFUSED and counted as busy (EC12).
  std::uint64_t max_connections_per_host = 100;
  // The same for all hosts together (EC13).
  std::uint64_t max_connections_total = 1000;
  // Largest UDP payload sent. Unset: starts at 1252 (IPv4) or 1232 (IPv6) and path MTU discovery
  // raises it (RFC 9000 14.3). Set: discovery's bound; 1200..65507, io::kMaxTrainSize of it are used.
  std::optional<std::uint64_t> max_payload_size{};
  // False: the payload size given above is used from the first 1-RTT packet on, for networks whose
  // MTU is known (loopback, a data centre).
  bool path_mtu_discovery = true;
  std::uint64_t max_stateless_resets = 10;  // per remote host
  // How far the flow-control window of a stream may grow by itself (EC16). Unset: see
  // docs/limits.md.
  std::optional<std::uint64_t> max_stream_window{};
  // The same of a session (EC17).
  std::optional<std::uint64_t> max_window{};
  std::uint64_t retry_limit = 10;  // Retry packets per remote host within the address LRU
  // How long the token of a Retry is good for (EC19).
  std::chrono::seconds retry_token_expiration{600};
  // How long a NEW_TOKEN, which saves a later Retry, is good for (EC21).
  std::chrono::seconds token_expiration{600};
  double rx_packet_loss = 0.0;  // 0..1, tests only
  // The same for what is sent (EC22).
  double tx_packet_loss = 0.0;
  // EC23 to EC26.
  UdpConfig udp{};
  // Acknowledge at the latest after so many packets (EC27). Unset: every second one.
  std::optional<std::uint64_t> unacknowledged_packet_threshold{};
  // True: Retry for every unvalidated address; false: Retry only under load. The amplification limit
  // and path validation are always on.
  bool validate_address = false;
  // For clones that listen.
  DispatchPolicy dispatch = DispatchPolicy::round_robin;

  // Every problem at once, by field name. Endpoint::create calls it.
  Result<> validate() const;
  // Whether it is one, or a std::any that holds one (EC1).
  template <class T>
  static bool is_endpoint_config(const T& value) noexcept {
    return holds<EndpointConfig>(value);
  }
};

// What this side tells the peer (RFC 9000 18.2; SC40 to SC53). The peer sees every one of them.
struct TransportParams {
  std::optional<std::uint64_t> ack_delay_exponent{};  // 0..20
  // Connection IDs of the peer kept at a time, 2 to 8: one in use, others for migration (SC41).
  std::uint64_t active_connection_id_limit = engine::limits::kActiveConnectionIdLimit;
  // The peer shall keep to its address (SC42).
  bool disable_active_migration = false;
  // Bytes the peer may send on all streams before any is read (SC43).
  std::uint64_t initial_max_data = engine::limits::kInitialMaxData;
  // The same of one stream that we open (SC44).
  std::uint64_t initial_max_stream_data_bidi_local = engine::limits::kInitialMaxStreamData;
  // Of one bidirectional stream that the peer opens (SC45).
  std::uint64_t initial_max_stream_data_bidi_remote = engine::limits::kInitialMaxStreamData;
  // Of one unidirectional stream that the peer opens (SC46).
  std::uint64_t initial_max_stream_data_uni = engine::limits::kInitialMaxStreamData;
  // Streams the peer may have open at a time, in both directions (SC47).
  std::uint64_t initial_max_streams_bidi = engine::limits::kInitialMaxStreams;
  // The same of unidirectional ones; HTTP/3 needs three (SC48).
  std::uint64_t initial_max_streams_uni = engine::limits::kInitialMaxStreams;
  std::optional<Duration> max_ack_delay{};                      // below 2^14 ms
  std::uint64_t max_datagram_frame_size = 65535;                // 0: no datagrams
  Duration max_idle_timeout = engine::limits::kMaxIdleTimeout;  // 0: never
  // Server: where IPv4 clients shall go on after the handshake (SC52). The endpoint must receive
  // there.
  std::optional<Address> preferred_address_ipv4{};
  // The same for IPv6 clients (SC53).
  std::optional<Address> preferred_address_ipv6{};
};

// RFC 9000 and RFC 9369; the numbers are those on the wire.
enum class QuicVersion : std::uint32_t { v1 = 0x00000001, v2 = 0x6b3343cf };

// What a session is made with (SC1 to SC53). A value; every field is optional, but a server must
// have a certificate or a psk.
struct SessionConfig {
  std::vector<std::string> alpn{"h3"};  // in order of preference
  std::string hostname{};               // SNI, certificate name and :authority
  // Certificates, keys, trust and what is negotiated (SC10 to SC34).
  TlsSettings secure{};
  // A context made before, shared by sessions; used in place of `secure` when set.
  std::shared_ptr<engine::TlsContext> secure_context{};
  std::vector<std::byte> dcid{};  // client: first destination connection ID; empty = random; 8..20
  std::vector<std::byte> scid{};  // client: own first connection ID; empty = random; up to 20
  // Client: move to the address that the server prefers (SC7).
  bool use_preferred_address = true;
  // Write a qlog, for Session::qlog() (SC8).
  bool qlog = false;
  // SC40 to SC53.
  TransportParams transport{};
  Http3Settings http3{};  // where the ALPN is h3
  // Versions spoken, best first; a client starts with the first (RFC 9368, 9369).
  std::vector<QuicVersion> versions{QuicVersion::v1, QuicVersion::v2};
  // The session fails with timed_out when the handshake has not ended by then, also while it waits
  // for the application.
  Duration handshake_timeout = engine::limits::kHandshakeTimeout;
  Duration keep_alive = Duration::zero();  // 0: no PINGs

  // Every problem at once, by field name. listen() and connect() call it.
  Result<> validate(Side side) const;
  // Whether it is one, or a std::any that holds one (SC1).
  template <class T>
  static bool is_session_config(const T& value) noexcept {
    return holds<SessionConfig>(value);
  }
};

// What a client keeps of a session to resume it: session.session_ticket() gives it, connect() takes
// it. Opaque bytes, safe to store; they hold secrets.
struct Resume {
  // Of TLS, with what it takes to resume.
  std::vector<std::byte> session_ticket;
  // What the server allowed: 0-RTT data keeps to it (RFC 9000 7.4.1).
  std::vector<std::byte> transport_params;
  std::vector<std::byte> token;  // NEW_TOKEN: saves the Retry round trip (RFC 9000 8.1.3)
};

}  // namespace quicore
