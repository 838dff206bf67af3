// SPDX-License-Identifier: Apache-2.0
//
// Statistics: plain value snapshots. Times are of the monotonic clock; an Instant of zero means "has
// not happened". Counters are kept per object on its shard without locks; reading one costs a copy.
#pragma once

#include <cstdint>

#include "io/time.h"

namespace quicore {

struct EndpointStats {
  Instant created_at;
  Duration duration{};  // stops at destroy
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t packets_received = 0;  // UDP datagrams
  std::uint64_t packets_sent = 0;
  std::uint64_t server_sessions = 0;
  std::uint64_t client_sessions = 0;
  std::uint64_t server_busy_count = 0;  // CONNECTION_REFUSED sent
  std::uint64_t stateless_reset_count = 0;
  std::uint64_t retry_count = 0;
  std::uint64_t version_negotiation_count = 0;
  std::uint64_t forwarded_count = 0;  // datagrams that reached the wrong shard and were passed on
  std::uint64_t dropped_count = 0;    // datagrams that belong to nobody or are not QUIC
};

struct SessionStats {
  Instant created_at;
  Instant handshake_completed_at;
  Instant handshake_confirmed_at;
  Instant closing_at;
  Instant last_sent_at;
  Instant last_received_at;
  Duration duration{};
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t packets_received = 0;
  std::uint64_t packets_sent = 0;
  std::uint64_t packets_lost = 0;
  std::uint64_t bidi_stream_count = 0;
  std::uint64_t uni_stream_count = 0;
  std::uint64_t inbound_streams_count = 0;
  std::uint64_t outbound_streams_count = 0;
  std::uint64_t key_update_count = 0;
  std::uint64_t block_count = 0;  // times sending stopped at a flow-control limit
  std::uint64_t bytes_in_flight = 0;
  std::uint64_t max_bytes_in_flight = 0;
  std::uint64_t cwnd = 0;
  std::uint64_t ssthresh = 0;
  std::uint64_t max_udp_payload_size = 0;
  std::uint64_t datagrams_received = 0;
  std::uint64_t datagrams_sent = 0;
  std::uint64_t datagrams_acknowledged = 0;
  std::uint64_t datagrams_lost = 0;
  Duration latest_rtt{};
  Duration min_rtt{};
  Duration smoothed_rtt{};
  Duration rtt_var{};
  Duration initial_rtt{};
};

struct StreamStats {
  Instant created_at;
  Instant closing_at;
  Instant last_acknowledge_at;
  Instant last_received_at;
  Duration duration{};
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t final_size = 0;
  std::uint64_t max_offset = 0;
  std::uint64_t max_offset_acknowledged = 0;
  std::uint64_t max_offset_received = 0;
};

}  // namespace quicore
