// SPDX-License-Identifier: Apache-2.0
#include "engine/transport_observer.h"

#include <algorithm>

namespace quicore::engine {

namespace {

constexpr std::uint64_t kNoRttSample = UINT64_MAX;               // of ngtcp2_conn_info::min_rtt
constexpr Duration kGranularity = std::chrono::milliseconds(1);  // RFC 9002 6.1.2
constexpr unsigned kMaxBackoff = 20;                             // the idle timeout comes first

Duration duration_of(std::uint64_t nanoseconds) noexcept {
  return Duration(static_cast<Duration::rep>(nanoseconds));
}

std::uint64_t rate(std::uint64_t bytes, Duration time) noexcept {
  return static_cast<std::uint64_t>(static_cast<double>(bytes) * 1e9 /
                                    static_cast<double>(time.count()));
}

}  // namespace

void RateMeter::sample(std::uint64_t total, Instant now) noexcept {
  if (now - begin_ < kWindow) return;
  rate_ = rate(total - base_, now - begin_);
  base_ = total;
  begin_ = now;
}

std::uint64_t RateMeter::per_second(std::uint64_t total, Instant now) const noexcept {
  return now - begin_ < kWindow ? rate_ : rate(total - base_, now - begin_);
}

TransportObserver::TransportObserver(Instant now) noexcept {
  delivery_rate_.begin(now);
  receive_rate_.begin(now);
  send_rate_.begin(now);
}

void TransportObserver::observe(const ngtcp2_conn_info& info, Instant now) noexcept {
  if (info.min_rtt != kNoRttSample && first_rtt_sample_at_ == Instant{}) first_rtt_sample_at_ = now;
  if (info.pkt_recv != packets_received_) last_received_at_ = now;
  packets_received_ = info.pkt_recv;
  const std::uint64_t lost = info.bytes_lost - std::min(info.bytes_lost, bytes_lost_);
  if (lost > 0) loss_time_ = now;
  bytes_lost_ = info.bytes_lost;
  // Only congestion makes the window smaller, or another path, on which no RTT is known yet.
  if (info.cwnd < cwnd_ && info.min_rtt != kNoRttSample) recovery_start_at_ = now;
  cwnd_ = info.cwnd;
  if (info.bytes_in_flight > in_flight_) {
    last_sent_packet_at_ = now;
  } else if (info.bytes_in_flight + lost < in_flight_) {
    pto_count_ = 0;  // something was acknowledged
  }
  in_flight_ = info.bytes_in_flight;
  max_in_flight_ = std::max(max_in_flight_, in_flight_);
  delivery_rate_.sample(delivered_, now);
  receive_rate_.sample(info.bytes_recv, now);
  send_rate_.sample(info.bytes_sent, now);
}

// RFC 9002 6.2.1. The earliest moment when no acknowledgement is suspicious.
Instant TransportObserver::probe_deadline(const ngtcp2_conn_info& info, bool confirmed,
                                          Duration max_ack_delay) const noexcept {
  if (info.bytes_in_flight == 0) return {};
  const Duration timeout = duration_of(info.smoothed_rtt) +
                           std::max(4 * duration_of(info.rttvar), kGranularity) +
                           (confirmed ? max_ack_delay : Duration::zero());
  const std::uint64_t backoff = std::min<std::uint64_t>(pto_count_, kMaxBackoff);
  return last_sent_packet_at_ + timeout * (std::int64_t{1} << backoff);
}

void TransportObserver::before_expiry(const ngtcp2_conn_info& info, bool confirmed,
                                      Duration max_ack_delay, Instant now) noexcept {
  observe(info, now);
  const Instant deadline = probe_deadline(info, confirmed, max_ack_delay);
  probe_due_ = deadline != Instant{} && deadline <= now;
}

void TransportObserver::after_expiry(const ngtcp2_conn_info& info, Instant now) noexcept {
  const bool lost = info.bytes_lost > bytes_lost_;
  observe(info, now);
  if (lost || probe_due_) ++loss_retransmit_count_;
  if (!lost && probe_due_) ++pto_count_;
  probe_due_ = false;
}

void TransportObserver::fill(SessionStats& stats, const ngtcp2_conn_info& info, bool confirmed,
                             Duration max_ack_delay, Instant now) const noexcept {
  TransportObserver up_to_date = *this;  // with what this turn brought
  up_to_date.observe(info, now);
  const TransportObserver& seen = up_to_date;
  stats.first_rtt_sample_at = seen.first_rtt_sample_at_;
  stats.congestion_recovery_start_at = seen.recovery_start_at_;
  stats.last_sent_packet_at = seen.last_sent_packet_at_;
  stats.last_received_at = seen.last_received_at_;
  stats.loss_time = seen.loss_time_;
  stats.loss_detection_timer = seen.probe_deadline(info, confirmed, max_ack_delay);
  stats.pto_count = seen.pto_count_;
  stats.loss_retransmit_count = seen.loss_retransmit_count_;
  stats.max_bytes_in_flight = seen.max_in_flight_;
  stats.delivery_rate = seen.delivery_rate_.per_second(delivered_, now);
  stats.receive_rate = seen.receive_rate_.per_second(info.bytes_recv, now);
  stats.send_rate = seen.send_rate_.per_second(info.bytes_sent, now);
}

}  // namespace quicore::engine
