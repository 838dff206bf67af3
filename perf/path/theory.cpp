// SPDX-License-Identifier: Apache-2.0
#include "perf/path/theory.h"

#include <algorithm>
#include <cmath>

#include "io/sim/datagram.h"

namespace quicore::perf {

namespace {

constexpr std::uint64_t kShortHeader = 1 + 8 + 2;
constexpr std::uint64_t kTag = 16;
constexpr std::uint64_t kStreamFrame = 1 + 1 + 4 + 2;

constexpr double kCubicC = 0.4;     // RFC 9438 5
constexpr double kCubicBeta = 0.7;  // RFC 9438 4.6

double reno_packets(double loss) { return std::sqrt(3 / (2 * loss)); }

double cubic_packets(double loss, double round_trip) {
  const double factor = std::pow(kCubicC * (3 + kCubicBeta) / (4 * (1 - kCubicBeta)), 0.25);
  return std::max(factor * std::pow(round_trip / loss, 0.75), reno_packets(loss));
}

}  // namespace

std::uint64_t PathShape::bandwidth_delay_product() const noexcept {
  return static_cast<std::uint64_t>(static_cast<double>(bits_per_second) / 8 * seconds(round_trip));
}

std::uint64_t PathShape::queue_bytes() const noexcept {
  return static_cast<std::uint64_t>(queue * static_cast<double>(bandwidth_delay_product()));
}

std::uint64_t stream_bytes_of(std::uint64_t payload) noexcept {
  return payload - kShortHeader - kTag - kStreamFrame;
}

double bottleneck_theory(const PathShape& path) noexcept {
  const double share = static_cast<double>(stream_bytes_of(path.payload)) /
                       static_cast<double>(path.payload + sim::kIpv4Overhead);
  return static_cast<double>(path.bits_per_second) / 8 * share * (1 - path.loss);
}

double theory_of(CongestionControl algorithm, const PathShape& path) noexcept {
  const double most = bottleneck_theory(path);
  if (algorithm == CongestionControl::bbr || path.loss == 0) return most;
  const double round_trip = seconds(path.round_trip);
  const double packets = algorithm == CongestionControl::reno
                             ? reno_packets(path.loss)
                             : cubic_packets(path.loss, round_trip);
  const double packet = static_cast<double>(stream_bytes_of(path.payload));
  return std::min(most, packets * packet / round_trip);
}

}  // namespace quicore::perf
