// SPDX-License-Identifier: Apache-2.0
//
// Statistics: plain value snapshots. Times are of the monotonic clock; an Instant of zero means "has
// not happened". Counters are kept per object on its shard without locks; reading one costs a copy.
#pragma once

#include <cstdint>

#include "io/time.h"

namespace quicore {

// Of an endpoint, as Endpoint::stats() gives it (ES1 to ES11).
struct EndpointStats {
  // When it was opened (ES4).
  Instant created_at;
  Duration duration{};  // stops at destroy
  // UDP payload (ES1).
  std::uint64_t bytes_received = 0;
  // UDP payload (ES2).
  std::uint64_t bytes_sent = 0;
  std::uint64_t packets_received = 0;  // UDP datagrams
  // UDP datagrams (ES7).
  std::uint64_t packets_sent = 0;
  // Sessions that clients began, so far (ES9).
  std::uint64_t server_sessions = 0;
  // Sessions that connect() began, so far (ES3).
  std::uint64_t client_sessions = 0;
  std::uint64_t server_busy_count = 0;  // CONNECTION_REFUSED sent
  // Stateless resets sent (ES10).
  std::uint64_t stateless_reset_count = 0;
  // Retry packets sent.
  std::uint64_t retry_count = 0;
  // Version Negotiation packets sent.
  std::uint64_t version_negotiation_count = 0;
  std::uint64_t forwarded_count = 0;  // datagrams that reached the wrong shard and were passed on
  std::uint64_t dropped_count = 0;    // datagrams that belong to nobody or are not QUIC

  friend bool operator==(const EndpointStats&, const EndpointStats&) = default;
};

// Of a session, as Session::stats() gives it (SS1 to SS35). Times that have not come are zero.
struct SessionStats {
  // When it was begun or accepted (SS8).
  Instant created_at;
  // TLS was done on this side (SS13).
  Instant handshake_completed_at;
  // And known to be done on the other (SS14; RFC 9001 4.1.2).
  Instant handshake_confirmed_at;
  // When close() began or it ended, whichever came first (SS6).
  Instant closing_at;
  // Of any packet (SS19).
  Instant last_sent_at;
  Instant last_received_at;          // of packets that were genuine
  Duration duration{};               // stops at the end
  std::uint64_t bytes_received = 0;  // of QUIC packets
  // Of QUIC packets, those sent again included (SS5).
  std::uint64_t bytes_sent = 0;
  std::uint64_t packets_received = 0;  // QUIC packets
  // QUIC packets, those sent again included.
  std::uint64_t packets_sent = 0;
  // Declared lost, perhaps wrongly.
  std::uint64_t packets_lost = 0;
  // Bidirectional streams so far, of both sides (SS1).
  std::uint64_t bidi_stream_count = 0;
  // Unidirectional streams so far, of both sides (SS35).
  std::uint64_t uni_stream_count = 0;
  // Those that the peer opened (SS15).
  std::uint64_t inbound_streams_count = 0;
  // Those that this side opened (SS28).
  std::uint64_t outbound_streams_count = 0;
  // Key updates, of either side (SS17).
  std::uint64_t key_update_count = 0;
  std::uint64_t block_count = 0;  // times sending stopped at a flow-control limit of the peer
  // Sent and neither acknowledged nor lost (SS3).
  std::uint64_t bytes_in_flight = 0;
  // The most there ever were in flight, at the end of a turn (SS25).
  std::uint64_t max_bytes_in_flight = 0;
  std::uint64_t cwnd = 0;                  // congestion window
  std::uint64_t ssthresh = 0;              // UINT64_MAX until congestion was met
  std::uint64_t max_udp_payload_size = 0;  // what the path carries, as far as discovered
  // DATAGRAM frames (RFC 9221).
  std::uint64_t datagrams_received = 0;
  // Those that left; none is sent twice.
  std::uint64_t datagrams_sent = 0;
  // Of those sent, what has surely arrived.
  std::uint64_t datagrams_acknowledged = 0;
  // Of those sent, what was declared lost.
  std::uint64_t datagrams_lost = 0;
  // Of the last sample (SS21).
  Duration latest_rtt{};
  // Of all samples (SS27).
  Duration min_rtt{};
  // RFC 9002 5.3 (SS33).
  Duration smoothed_rtt{};
  // RFC 9002 5.3 (SS31).
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
  // What was sent, in the same measure (SS32).
  std::uint64_t send_rate = 0;

  friend bool operator==(const SessionStats&, const SessionStats&) = default;
};

// HTTP/3: of the content, without frames and fields.
struct StreamStats {
  // When it was opened, or the peer's first frame came (TS4).
  Instant created_at;
  // When its end began: FIN or RESET_STREAM of ours, or of the peer where only it sends.
  Instant closing_at;
  // When the peer last acknowledged data of it (TS7).
  Instant last_acknowledge_at;
  // When data of it last came (TS8).
  Instant last_received_at;
  Duration duration{};               // stops at the end
  std::uint64_t bytes_received = 0;  // in order: what lies beyond a gap is not counted yet
  std::uint64_t bytes_sent = 0;      // without retransmissions
  std::uint64_t final_size = 0;  // of what the peer sends, once it said so by FIN or RESET_STREAM
  // One past the last byte received in order. The library hands out no others, so the second is
  // what the first is.
  std::uint64_t max_offset = 0;
  std::uint64_t max_offset_acknowledged = 0;  // the peer has everything below
  // The end of what has come without a gap (TS11).
  std::uint64_t max_offset_received = 0;

  friend bool operator==(const StreamStats&, const StreamStats&) = default;
};

}  // namespace quicore
