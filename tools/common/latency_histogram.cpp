// SPDX-License-Identifier: Apache-2.0
#include "tools/common/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>

namespace quicore::tools {
namespace {

// The least number of bits whose buckets are narrower than one unit of the last wanted digit.
unsigned bits_for(unsigned digits) {
  std::uint64_t wanted = 1;
  for (unsigned i = 0; i < digits; ++i) wanted *= 10;
  return static_cast<unsigned>(std::bit_width(wanted - 1));
}

std::uint64_t as_count(LatencyHistogram::Nanoseconds value) {
  return value.count() < 0 ? 0 : static_cast<std::uint64_t>(value.count());
}

LatencyHistogram::Nanoseconds as_duration(std::uint64_t value) {
  return LatencyHistogram::Nanoseconds(static_cast<std::int64_t>(value));
}

}  // namespace

LatencyHistogram::LatencyHistogram(unsigned significant_digits, Nanoseconds highest)
    : bits_(bits_for(std::clamp(significant_digits, 1U, kMaxDigits))) {
  buckets_.resize(bucket_of(as_count(highest)) + 1);
}

std::size_t LatencyHistogram::bucket_of(std::uint64_t value) const noexcept {
  const auto width = static_cast<unsigned>(std::bit_width(value));
  const unsigned shift = width > bits_ + 1 ? width - (bits_ + 1) : 0;
  return (static_cast<std::size_t>(shift) << bits_) + (value >> shift);
}

std::uint64_t LatencyHistogram::upper_edge(std::size_t bucket) const noexcept {
  const std::size_t octave = bucket >> bits_;
  const std::size_t shift = octave > 1 ? octave - 1 : 0;
  const std::uint64_t leading = bucket - (shift << bits_);
  return ((leading + 1) << shift) - 1;
}

void LatencyHistogram::record(Nanoseconds value, std::uint64_t times) noexcept {
  if (times == 0) return;
  const std::uint64_t ns = as_count(value);
  std::size_t bucket = bucket_of(ns);
  if (bucket >= buckets_.size()) {
    bucket = buckets_.size() - 1;
    clamped_ += times;
  }
  buckets_[bucket] += times;
  count_ += times;
  sum_ += ns * times;
  min_ = std::min(min_, ns);
  max_ = std::max(max_, ns);
}

void LatencyHistogram::record_corrected(Nanoseconds value, Nanoseconds expected_interval) noexcept {
  record(value);
  if (expected_interval.count() <= 0) return;
  while (value >= 2 * expected_interval) {
    value -= expected_interval;
    record(value);
  }
}

void LatencyHistogram::merge(const LatencyHistogram& other) noexcept {
  if (other.empty()) return;
  const std::uint64_t sum = sum_ + other.sum_;
  const std::uint64_t lowest = std::min(min_, other.min_);
  const std::uint64_t highest = std::max(max_, other.max_);
  const std::uint64_t clamped = clamped_ + other.clamped_;
  for (std::size_t bucket = 0; bucket < other.buckets_.size(); ++bucket) {
    const std::uint64_t value = std::min(other.upper_edge(bucket), other.max_);
    record(as_duration(value), other.buckets_[bucket]);
  }
  // Recording edges counted them as values: put back what is known exactly.
  sum_ = sum;
  min_ = lowest;
  max_ = highest;
  clamped_ = std::max(clamped, clamped_);
}

void LatencyHistogram::reset() noexcept {
  std::fill(buckets_.begin(), buckets_.end(), 0);
  count_ = clamped_ = sum_ = max_ = 0;
  min_ = UINT64_MAX;
}

LatencyHistogram::Nanoseconds LatencyHistogram::min() const noexcept {
  return as_duration(empty() ? 0 : min_);
}

LatencyHistogram::Nanoseconds LatencyHistogram::max() const noexcept { return as_duration(max_); }

double LatencyHistogram::mean_ns() const noexcept {
  return empty() ? 0.0 : static_cast<double>(sum_) / static_cast<double>(count_);
}

LatencyHistogram::Nanoseconds LatencyHistogram::value_at(double quantile) const noexcept {
  if (empty()) return Nanoseconds::zero();
  const double q = std::clamp(quantile, 0.0, 1.0);
  if (q >= 1.0) return max();
  // One step down, lest 0.07 * 100 = 7.000000000000001 ask for the eighth value.
  const double exact_rank = std::nextafter(q * static_cast<double>(count_), 0.0);
  const auto rank =
      std::clamp<std::uint64_t>(static_cast<std::uint64_t>(std::ceil(exact_rank)), 1, count_);
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += buckets_[bucket];
    if (seen >= rank) {
      const bool last = bucket + 1 == buckets_.size();  // holds what was clamped, too
      return last && clamped_ > 0 ? max() : as_duration(std::min(upper_edge(bucket), max_));
    }
  }
  return max();
}

std::vector<LatencyHistogram::Point> LatencyHistogram::series(unsigned ticks_per_half) const {
  std::vector<Point> points;
  if (empty()) return points;
  const unsigned ticks = std::max(1U, ticks_per_half);
  double percentile = 0.0;
  double remaining = 100.0;  // distance from the current half's start to 100 %
  unsigned tick = 0;
  std::size_t bucket = 0;
  std::uint64_t seen = buckets_[0];
  // Both grow together, so one pass over the buckets serves every point.
  while (remaining / 100.0 * static_cast<double>(count_) > 1.0) {
    const double wanted = percentile / 100.0 * static_cast<double>(count_);
    while (static_cast<double>(seen) < std::max(wanted, 1.0)) seen += buckets_[++bucket];
    const bool last = bucket + 1 == buckets_.size();
    const std::uint64_t value = last && clamped_ > 0 ? max_ : std::min(upper_edge(bucket), max_);
    points.push_back({percentile, as_duration(value), seen});
    if (++tick == ticks) {
      tick = 0;
      remaining /= 2.0;
    }
    percentile = 100.0 - remaining + remaining / 2.0 * tick / ticks;
  }
  points.push_back({100.0, max(), count_});
  return points;
}

std::string LatencyHistogram::csv(unsigned ticks_per_half) const {
  std::string text = "percentile,microseconds,count\n";
  for (const Point& point : series(ticks_per_half)) {
    char line[96];
    std::snprintf(line, sizeof line, "%.7g,%.3f,%llu\n", point.percentile,
                  static_cast<double>(point.value.count()) / 1e3,
                  static_cast<unsigned long long>(point.count));
    text += line;
  }
  return text;
}

double LatencyHistogram::relative_error() const noexcept {
  return 1.0 / static_cast<double>(std::uint64_t{1} << bits_);
}

std::size_t LatencyHistogram::memory_bytes() const noexcept {
  return sizeof *this + buckets_.size() * sizeof buckets_[0];
}

}  // namespace quicore::tools
