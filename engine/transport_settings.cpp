// SPDX-License-Identifier: Apache-2.0
#include "engine/transport_settings.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "engine/varint.h"
#include "io/datagram.h"

namespace quicore::engine {

namespace {

// Payload sizes that path MTU discovery tries, ascending, each the largest of a common link: Ethernet
// over tunnels, Ethernet with IPv6 and IPv4, 4K, jumbo frames, loopback. Bounded by max_payload_size.
constexpr std::array<std::uint16_t, 8> kDiscoveryProbes = {1392, 1444, 1452,  1472,
                                                           4048, 8952, 32768, io::kMaxTrainSize};

// RFC 9000 14: what every path must carry; the specification starts a little above (EC14).
constexpr std::size_t kStartPayloadIpv4 = 1252;
constexpr std::size_t kStartPayloadIpv6 = 1232;
// Without a bound from the user discovery stops at Ethernet.
constexpr std::size_t kDefaultLargestPayloadIpv4 = 1472;
constexpr std::size_t kDefaultLargestPayloadIpv6 = 1452;

void fill_random(std::uint8_t* destination, std::size_t size, const ngtcp2_rand_ctx* context) {
  auto* random = static_cast<io::Random*>(context->native_handle);
  random->fill({reinterpret_cast<std::byte*>(destination), size});
}

ngtcp2_cc_algo algorithm(CongestionControl choice) noexcept {
  switch (choice) {
    case CongestionControl::cubic:
      return NGTCP2_CC_ALGO_CUBIC;
    case CongestionControl::reno:
      return NGTCP2_CC_ALGO_RENO;
    case CongestionControl::bbr:
      return NGTCP2_CC_ALGO_BBR;
  }
  return NGTCP2_CC_ALGO_CUBIC;
}

// RFC 9000 16.
std::optional<std::uint64_t> take_varint(std::span<const std::uint8_t>& bytes) noexcept {
  std::uint64_t value = 0;
  const std::size_t size = read_varint(std::as_bytes(bytes), value);
  if (size == 0) return std::nullopt;
  bytes = bytes.subspan(size);
  return value;
}

void set_payload_size(ngtcp2_settings& settings, const EndpointConfig& config, bool ipv4) {
  const std::size_t start = ipv4 ? kStartPayloadIpv4 : kStartPayloadIpv6;
  const std::size_t largest = static_cast<std::size_t>(config.max_payload_size.value_or(
      config.path_mtu_discovery ? (ipv4 ? kDefaultLargestPayloadIpv4 : kDefaultLargestPayloadIpv6)
                                : start));
  settings.max_tx_udp_payload_size = std::min<std::size_t>(largest, io::kMaxTrainSize);
  if (!config.path_mtu_discovery) {
    settings.no_pmtud = 1;
    settings.no_tx_udp_payload_size_shaping = 1;
    return;
  }
  settings.pmtud_probes = kDiscoveryProbes.data();
  settings.pmtud_probeslen = kDiscoveryProbes.size();
}

}  // namespace

std::vector<std::uint32_t> wire_versions(const SessionConfig& config) {
  std::vector<std::uint32_t> versions;
  versions.reserve(config.versions.size());
  for (const QuicVersion version : config.versions) {
    versions.push_back(static_cast<std::uint32_t>(version));
  }
  return versions;
}

ngtcp2_settings make_settings(const EndpointConfig& endpoint, const SessionConfig& session,
                              const Address& remote, io::Random& random,
                              const std::vector<std::uint32_t>& versions, Instant now) {
  ngtcp2_settings settings;
  ngtcp2_settings_default(&settings);
  settings.initial_ts = to_nanoseconds(now);
  settings.cc_algo = algorithm(endpoint.congestion_control);
  settings.rand_ctx.native_handle = &random;
  settings.max_window = endpoint.max_window.value_or(limits::kMaxWindow);
  settings.max_stream_window = endpoint.max_stream_window.value_or(limits::kMaxStreamWindow);
  if (endpoint.unacknowledged_packet_threshold) {
    settings.ack_thresh = static_cast<std::size_t>(*endpoint.unacknowledged_packet_threshold);
  }
  settings.handshake_timeout = static_cast<ngtcp2_duration>(session.handshake_timeout.count());
  settings.preferred_versions = versions.data();
  settings.preferred_versionslen = versions.size();
  settings.available_versions = versions.data();
  settings.available_versionslen = versions.size();
  set_payload_size(settings, endpoint, remote.unmapped().family() == Family::ipv4);
  return settings;
}

ngtcp2_transport_params make_transport_params(const SessionConfig& session) {
  const TransportParams& config = session.transport;
  ngtcp2_transport_params params;
  ngtcp2_transport_params_default(&params);
  params.initial_max_data = config.initial_max_data;
  params.initial_max_stream_data_bidi_local = config.initial_max_stream_data_bidi_local;
  params.initial_max_stream_data_bidi_remote = config.initial_max_stream_data_bidi_remote;
  params.initial_max_stream_data_uni = config.initial_max_stream_data_uni;
  params.initial_max_streams_bidi = config.initial_max_streams_bidi;
  params.initial_max_streams_uni = config.initial_max_streams_uni;
  params.max_idle_timeout = static_cast<ngtcp2_duration>(config.max_idle_timeout.count());
  params.active_connection_id_limit = config.active_connection_id_limit;
  params.max_datagram_frame_size = config.max_datagram_frame_size;
  params.disable_active_migration = config.disable_active_migration ? 1 : 0;
  params.grease_quic_bit = 1;  // RFC 9287
  if (config.ack_delay_exponent) params.ack_delay_exponent = *config.ack_delay_exponent;
  if (config.max_ack_delay) {
    params.max_ack_delay = static_cast<ngtcp2_duration>(config.max_ack_delay->count());
  }
  return params;
}

void set_preferred_address(ngtcp2_transport_params& params, const TransportParams& config) {
  if (!config.preferred_address_ipv4 && !config.preferred_address_ipv6) return;
  params.preferred_addr_present = 1;
  if (config.preferred_address_ipv4) {
    params.preferred_addr.ipv4_present = 1;
    std::memcpy(&params.preferred_addr.ipv4, config.preferred_address_ipv4->data(),
                sizeof(params.preferred_addr.ipv4));
  }
  if (config.preferred_address_ipv6) {
    params.preferred_addr.ipv6_present = 1;
    std::memcpy(&params.preferred_addr.ipv6, config.preferred_address_ipv6->data(),
                sizeof(params.preferred_addr.ipv6));
  }
}

std::optional<TransportParameter> take_transport_parameter(
    std::span<const std::uint8_t>& encoded) noexcept {
  const auto id = take_varint(encoded);
  const auto size = take_varint(encoded);
  if (!id || !size || *size > encoded.size()) return std::nullopt;
  const auto value = encoded.first(static_cast<std::size_t>(*size));
  encoded = encoded.subspan(value.size());
  return TransportParameter{*id, value};
}

bool repeats_parameter(std::span<const std::uint8_t> encoded) {
  std::vector<std::uint64_t> ids;
  while (!encoded.empty()) {
    const auto parameter = take_transport_parameter(encoded);
    if (!parameter) return false;
    ids.push_back(parameter->id);
  }
  std::ranges::sort(ids);
  return std::ranges::adjacent_find(ids) != ids.end();
}

ngtcp2_rand random_callback() noexcept { return fill_random; }

}  // namespace quicore::engine
