// SPDX-License-Identifier: Apache-2.0
//
// What SessionStats tells beyond ngtcp2's public counters (ngtcp2_conn_info), derived by watching
// them: ngtcp2 keeps the fields of RFC 9002 A.3 and B.2 in a private structure. Decision 0030 says
// what each value means and how far it may be from ngtcp2's own.
//
// Threading: the connection's shard. Cost: two looks at the counters per connection and turn, none
// per packet.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <cstdint>

#include "engine/stats.h"
#include "io/time.h"

namespace quicore::engine {

// Bytes per second over the last whole window; over the time since then when that is longer, so that
// a rate falls towards zero when nothing moves.
class RateMeter {
 public:
  // Long enough to hold a few round trips of the internet, short enough to follow a change of path.
  static constexpr Duration kWindow = std::chrono::milliseconds(500);

  void begin(Instant now) noexcept { begin_ = now; }
  void sample(std::uint64_t total, Instant now) noexcept;
  std::uint64_t per_second(std::uint64_t total, Instant now) const noexcept;

 private:
  Instant begin_;
  std::uint64_t base_ = 0;
  std::uint64_t rate_ = 0;
};

class TransportObserver {
 public:
  explicit TransportObserver(Instant now) noexcept;

  // Called before the first packet of a turn is written and after the last.
  void observe(const ngtcp2_conn_info& info, Instant now) noexcept;
  // Around the library's expiry. `confirmed` and `max_ack_delay` (of the peer) decide when the
  // probe timeout is due, RFC 9002 6.2.1.
  void before_expiry(const ngtcp2_conn_info& info, bool confirmed, Duration max_ack_delay,
                     Instant now) noexcept;
  void after_expiry(const ngtcp2_conn_info& info, Instant now) noexcept;
  // Bytes of streams that the peer acknowledged.
  void delivered(std::uint64_t count) noexcept { delivered_ += count; }

  void fill(SessionStats& stats, const ngtcp2_conn_info& info, bool confirmed,
            Duration max_ack_delay, Instant now) const noexcept;

 private:
  Instant probe_deadline(const ngtcp2_conn_info& info, bool confirmed,
                         Duration max_ack_delay) const noexcept;

  std::uint64_t cwnd_ = 0;
  std::uint64_t in_flight_ = 0;
  std::uint64_t max_in_flight_ = 0;
  std::uint64_t bytes_lost_ = 0;
  std::uint64_t packets_received_ = 0;
  std::uint64_t delivered_ = 0;
  std::uint64_t pto_count_ = 0;
  std::uint64_t loss_retransmit_count_ = 0;
  bool probe_due_ = false;
  Instant first_rtt_sample_at_;
  Instant recovery_start_at_;
  Instant last_sent_packet_at_;
  Instant last_received_at_;
  Instant loss_time_;
  RateMeter delivery_rate_, receive_rate_, send_rate_;
};

}  // namespace quicore::engine
