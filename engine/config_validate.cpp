// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <sstream>
#include <string_view>

#include "engine/config.h"
#include "engine/tls_context.h"

namespace quicore {

namespace {

namespace limits = engine::limits;

std::string to_text(std::uint64_t value) { return std::to_string(value); }
std::string to_text(int value) { return std::to_string(value); }
std::string to_text(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}
std::string to_text(std::chrono::seconds value) { return std::to_string(value.count()) + " s"; }
std::string to_text(Duration value) {
  if (value % std::chrono::seconds(1) == Duration::zero()) {
    return std::to_string(value / std::chrono::seconds(1)) + " s";
  }
  return to_text(static_cast<double>(value.count()) / 1e6) + " ms";
}

class Problems {
 public:
  explicit Problems(std::string_view what) : what_(what) {}

  void add(std::string_view field, std::string_view problem) {
    if (!text_.empty()) text_ += "; ";
    text_.append(field).append(" ").append(problem);
    ++count_;
  }
  // Reports a value outside [low, high]; not-a-number is outside.
  template <class T>
  void check_range(std::string_view field, T value, T low, T high) {
    if (value >= low && value <= high) return;
    add(field, "is " + to_text(value) + ", must be " + to_text(low) + " to " + to_text(high));
  }
  void check_varint(std::string_view field, std::uint64_t value, std::uint64_t low = 0) {
    check_range(field, value, low, limits::kMaxVarint);
  }
  template <class T>
  void check_range(std::string_view field, const std::optional<T>& value, T low, T high) {
    if (value) check_range(field, *value, low, high);
  }
  Result<> result() const {
    if (count_ == 0) return {};
    std::string reason(what_);
    if (count_ > 1) reason += " (" + std::to_string(count_) + " problems)";
    return failure(Errc::invalid_argument, reason + ": " + text_);
  }

 private:
  std::string_view what_;
  std::string text_;
  int count_ = 0;
};

// In seconds: as nanoseconds an absurd value could overflow into the range.
void check_expiration(std::string_view field, std::chrono::seconds value, Problems& problems) {
  problems.check_range(field, value, std::chrono::seconds(1), limits::kMaxTokenExpiration);
}

void check_udp(const UdpConfig& udp, Problems& problems) {
  static constexpr int kMaxInt = std::numeric_limits<int>::max();
  problems.check_range("udp.receive_buffer_size", udp.receive_buffer_size, 1, kMaxInt);
  problems.check_range("udp.send_buffer_size", udp.send_buffer_size, 1, kMaxInt);
  problems.check_range("udp.ttl", udp.ttl, 1, 255);
}

void check_versions(const std::vector<QuicVersion>& versions, Problems& problems) {
  if (versions.empty()) problems.add("versions", "is empty, must name at least one");
  for (auto at = versions.begin(); at != versions.end(); ++at) {
    if (*at != QuicVersion::v1 && *at != QuicVersion::v2) {
      problems.add("versions", "holds a version that is neither v1 nor v2");
    } else if (std::find(versions.begin(), at, *at) != at) {
      problems.add("versions", "names a version twice");
    }
  }
}

void check_alpn(const std::vector<std::string>& alpn, Problems& problems) {
  // RFC 9001 8.1: a QUIC connection without an application protocol must not be.
  if (alpn.empty()) problems.add("alpn", "is empty, must name at least one protocol such as h3");
  for (const std::string& name : alpn) {
    if (name.empty() || name.size() > limits::kMaxAlpnSize) {
      problems.add("alpn", "holds a name of " + to_text(std::uint64_t{name.size()}) +
                               " bytes, must be 1 to 255");
    }
  }
}

void check_hostname(const std::string& hostname, Problems& problems) {
  if (hostname.size() > limits::kMaxHostnameSize) {
    problems.add("hostname", "has " + to_text(std::uint64_t{hostname.size()}) +
                                 " bytes, must have at most 253");
  }
  const bool readable = std::ranges::all_of(hostname, [](char c) { return c > ' ' && c < 0x7f; });
  if (!readable) {
    problems.add("hostname",
                 "holds spaces, control or non-ASCII characters; give an international name in its "
                 "xn-- form");
  }
}

void check_connection_ids(const SessionConfig& config, Side side, Problems& problems) {
  if (side == Side::server) {
    if (!config.dcid.empty()) problems.add("dcid", "is for clients only");
    if (!config.scid.empty()) problems.add("scid", "is for clients only");
    return;
  }
  if (!config.dcid.empty()) {  // RFC 9000 7.2
    problems.check_range("the size of dcid", std::uint64_t{config.dcid.size()},
                         std::uint64_t{limits::kMinInitialConnectionIdLength},
                         std::uint64_t{limits::kMaxConnectionIdLength});
  }
  problems.check_range("the size of scid", std::uint64_t{config.scid.size()}, std::uint64_t{0},
                       std::uint64_t{limits::kMaxConnectionIdLength});
}

void check_preferred_address(std::string_view field, const std::optional<Address>& address,
                             Family family, Side side, Problems& problems) {
  if (!address) return;
  if (side == Side::client) return problems.add(field, "is for servers only");  // RFC 9000 18.2
  if (address->family() != family) {
    problems.add(field,
                 family == Family::ipv4 ? "must be an IPv4 address" : "must be an IPv6 address");
  } else if (address->port() == 0 || address->is_any()) {
    problems.add(field, "is " + address->to_string() + ", must name one address and port");
  }
}

void check_transport(const TransportParams& transport, Side side, Problems& problems) {
  const std::uint64_t zero = 0;
  problems.check_range("transport.ack_delay_exponent", transport.ack_delay_exponent, zero,
                       std::uint64_t{20});
  problems.check_range("transport.active_connection_id_limit", transport.active_connection_id_limit,
                       std::uint64_t{2}, limits::kActiveConnectionIdLimit);
  problems.check_varint("transport.initial_max_data", transport.initial_max_data);
  problems.check_varint("transport.initial_max_stream_data_bidi_local",
                        transport.initial_max_stream_data_bidi_local);
  problems.check_varint("transport.initial_max_stream_data_bidi_remote",
                        transport.initial_max_stream_data_bidi_remote);
  problems.check_varint("transport.initial_max_stream_data_uni",
                        transport.initial_max_stream_data_uni);
  problems.check_range("transport.initial_max_streams_bidi", transport.initial_max_streams_bidi,
                       zero, limits::kMaxStreamsLimit);
  problems.check_range("transport.initial_max_streams_uni", transport.initial_max_streams_uni, zero,
                       limits::kMaxStreamsLimit);
  problems.check_range("transport.max_ack_delay", transport.max_ack_delay, Duration::zero(),
                       limits::kMaxMaxAckDelay - std::chrono::milliseconds(1));
  problems.check_varint("transport.max_datagram_frame_size", transport.max_datagram_frame_size);
  problems.check_range("transport.max_idle_timeout", transport.max_idle_timeout, Duration::zero(),
                       limits::kMaxTimeout);
  check_preferred_address("transport.preferred_address_ipv4", transport.preferred_address_ipv4,
                          Family::ipv4, side, problems);
  check_preferred_address("transport.preferred_address_ipv6", transport.preferred_address_ipv6,
                          Family::ipv6, side, problems);
}

void check_http3(const Http3Settings& http3, const TransportParams& transport, Problems& problems) {
  const std::uint64_t zero = 0;
  problems.check_range("http3.max_field_section_size", http3.max_field_section_size,
                       limits::kMinFieldSectionLimit, limits::kMaxFieldSectionLimit);
  problems.check_range("http3.qpack_table_capacity", http3.qpack_table_capacity, zero,
                       limits::kMaxQpackTableCapacity);
  problems.check_range("http3.qpack_encoder_table_capacity", http3.qpack_encoder_table_capacity,
                       zero, limits::kMaxQpackTableCapacity);
  problems.check_range("http3.qpack_blocked_streams", http3.qpack_blocked_streams, zero,
                       limits::kMaxQpackBlockedStreams);
  if (http3.datagrams && transport.max_datagram_frame_size == 0) {
    problems.add("http3.datagrams", "needs transport.max_datagram_frame_size above 0");
  }
}

}  // namespace

Result<> EndpointConfig::validate() const {
  Problems problems("EndpointConfig");
  if (address.empty()) problems.add("address", "is empty, must be an IPv4 or IPv6 address");
  if (udp.ipv6_only && address.family() == Family::ipv4) {
    problems.add("udp.ipv6_only", "needs an IPv6 address, not " + address.ip());
  }
  if (congestion_control > CongestionControl::bbr) {
    problems.add("congestion_control", "must be cubic, reno or bbr");
  }
  problems.check_range("max_payload_size", max_payload_size, limits::kMinPayloadSize,
                       limits::kMaxPayloadSize);
  // 0 would switch the growth of windows off in ngtcp2 in place of bounding it.
  if (max_stream_window) problems.check_varint("max_stream_window", *max_stream_window, 1);
  if (max_window) problems.check_varint("max_window", *max_window, 1);
  check_expiration("retry_token_expiration", retry_token_expiration, problems);
  check_expiration("token_expiration", token_expiration, problems);
  problems.check_range("rx_packet_loss", rx_packet_loss, 0.0, 1.0);
  problems.check_range("tx_packet_loss", tx_packet_loss, 0.0, 1.0);
  check_udp(udp, problems);
  if (unacknowledged_packet_threshold) {
    problems.check_varint("unacknowledged_packet_threshold", *unacknowledged_packet_threshold, 1);
  }
  if (dispatch > DispatchPolicy::initial_hash) {
    problems.add("dispatch", "must be round_robin or initial_hash");
  }
  return problems.result();
}

Result<> SessionConfig::validate(Side side) const {
  Problems problems(side == Side::client ? "SessionConfig of a client"
                                         : "SessionConfig of a server");
  check_alpn(alpn, problems);
  check_hostname(hostname, problems);
  if (side == Side::server && secure_context == nullptr && secure.certificate.empty() &&
      secure.pfx.empty() && secure.psk == nullptr) {
    problems.add("secure.certificate", "is empty, a server must have one");
  }
  if (secure_context != nullptr && secure_context->side() != side) {
    problems.add("secure_context",
                 side == Side::client
                     ? "is a server's, make it by make_tls_context(Side::client, ...)"
                     : "is a client's, make it by make_tls_context(Side::server, ...)");
  }
  check_connection_ids(*this, side, problems);
  check_transport(transport, side, problems);
  check_http3(http3, transport, problems);
  check_versions(versions, problems);
  problems.check_range("handshake_timeout", handshake_timeout,
                       Duration(std::chrono::milliseconds(1)), limits::kMaxTimeout);
  problems.check_range("keep_alive", keep_alive, Duration::zero(), limits::kMaxTimeout);
  const Duration idle = transport.max_idle_timeout;  // 0: none
  if (keep_alive > Duration::zero() && idle > Duration::zero() && keep_alive >= idle) {
    problems.add("keep_alive", "is " + to_text(keep_alive) +
                                   ", must be shorter than transport.max_idle_timeout, " +
                                   to_text(idle));
  }
  return problems.result();
}

}  // namespace quicore
