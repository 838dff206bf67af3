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

  friend bool operator==(const EndpointStats&, const EndpointStats&) = default;
};

struct SessionStats {
  Instant created_at;
  Instant handshake_completed_at;
  Instant handshake_confirmed_at;
  Instant closing_at;
  Instant last_sent_at;
  Instant last_received_at;          // of packets that were genuine
  Duration duration{};               // stops at the end
  std::uint64_t bytes_received = 0;  // of QUIC packets
  std::uint64_t bytes_sent = 0;
  std::uint64_t packets_received = 0;  // QUIC packets
  std::uint64_t packets_sent = 0;
  std::uint64_t packets_lost = 0;
  std::uint64_t bidi_stream_count = 0;
  std::uint64_t uni_stream_count = 0;
  std::uint64_t inbound_streams_count = 0;
  std::uint64_t outbound_streams_count = 0;
  std::uint64_t key_update_count = 0;
  std::uint64_t block_count = 0;  // times sending stopped at a flow-control limit of the peer
  std::uint64_t bytes_in_flight = 0;
  std::uint64_t max_bytes_in_flight = 0;
  std::uint64_t cwnd = 0;                  // congestion window
  std::uint64_t ssthresh = 0;              // UINT64_MAX until congestion was met
  std::uint64_t max_udp_payload_size = 0;  // what the path carries, as far as discovered
  std::uint64_t datagrams_received = 0;
  std::uint64_t datagrams_sent = 0;
  std::uint64_t datagrams_acknowledged = 0;
  std::uint64_t datagrams_lost = 0;
  Duration latest_rtt{};
  Duration min_rtt{};
  Duration smoothed_rtt{};
  Duration rtt_var{};
  Duration initial_rtt{};  // what was assumed before the first sample
  // Derived by watching, since ngtcp2 keeps its own (RFC 9002 A.3, B.2) to itself: decision 0030.
  Instant first_rtt_sample_at;
  Instant last_sent_packet_at;  // the last packet that wants an acknowledgement
  // When the next probe timeout comes if nothing is acknowledged; zero when nothing is in flight.
  Instant loss_detection_timer;
  Instant loss_time;                     // when a packet was last declared lost
  Instant congestion_recovery_start_at;  // when the congestion window was last cut
  std::uint64_t pto_count = 0;           // probe timeouts in a row; 0 after an acknowledgement
  // Times the loss timer fired: probe timeouts and packets found lost by time, in all.
  std::uint64_t loss_retransmit_count = 0;
  std::uint64_t delivery_rate = 0;  // bytes of streams acknowledged per second
  std::uint64_t receive_rate = 0;   // bytes of packets per second, as send_rate
  std::uint64_t send_rate = 0;

  friend bool operator==(const SessionStats&, const SessionStats&) = default;
};

// HTTP/3: of the content, without frames and fields.
struct StreamStats {
  Instant created_at;
  // When its end began: FIN or RESET_STREAM of ours, or of the peer where only it sends.
  Instant closing_at;
  Instant last_acknowledge_at;
  Instant last_received_at;
  Duration duration{};               // stops at the end
  std::uint64_t bytes_received = 0;  // in order: what lies beyond a gap is not counted yet
  std::uint64_t bytes_sent = 0;      // without retransmissions
  std::uint64_t final_size = 0;  // of what the peer sends, once it said so by FIN or RESET_STREAM
  // One past the last byte received in order. The library hands out no others, so the second is
  // what the first is.
  std::uint64_t max_offset = 0;
  std::uint64_t max_offset_acknowledged = 0;  // the peer has everything below
  std::uint64_t max_offset_received = 0;

  friend bool operator==(const StreamStats&, const StreamStats&) = default;
};

}  // namespace quicore
