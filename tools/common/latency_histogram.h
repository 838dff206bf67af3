// SPDX-License-Identifier: Apache-2.0
//
// LatencyHistogram: latencies counted in buckets of bounded relative width, in the manner of
// HdrHistogram.
//
// What it promises
//   A value that comes out (a quantile, a point of the series) is never below the recorded one and
//   exceeds it by at most relative_error() of it: 1/1024 (0.098 %) at the default of three
//   significant digits. Values up to 2^(bits+1) ns (2,047 ns at three digits) are exact. Count,
//   minimum, maximum and mean are exact always.
//
// How
//   A value's bucket is its leading bits+1 bits and its magnitude, so finding it is a shift and an
//   add, and the memory is fixed when the object is made: about 270 KiB for three digits up to one
//   hour. Longer values are counted in the last bucket and in clamped(); max() still tells them.
//
// Coordinated omission
//   A closed-loop client that waits for a slow answer does not send what it would have sent
//   meanwhile, so the slow time is counted once where a user would have met it many times.
//   record_corrected() adds what was omitted: for an expected interval i, a latency v also counts
//   v-i, v-2i, ... down to i. An open-loop client that measures from the intended send time needs
//   no correction: it uses record().
//
// Threading: none. One histogram per shard, merged when the run is over.
// Cost: record() is one increment and a few arithmetic instructions; no allocation after creation.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace quicore::tools {

class LatencyHistogram {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  // One point of the cumulative distribution: `percentile` percent of the values are <= `value`.
  struct Point {
    double percentile;
    Nanoseconds value;
    std::uint64_t count;  // values at or below `value`
  };

  static constexpr unsigned kDefaultDigits = 3;
  static constexpr unsigned kMaxDigits = 5;
  static constexpr Nanoseconds kDefaultHighest = std::chrono::hours(1);

  // `significant_digits` is held to 1..kMaxDigits; `highest` is the longest latency that keeps its
  // precision.
  explicit LatencyHistogram(unsigned significant_digits = kDefaultDigits,
                            Nanoseconds highest = kDefaultHighest);

  // Negative values (a clock read out of order) count as zero.
  void record(Nanoseconds value, std::uint64_t times = 1) noexcept;

  // See "Coordinated omission" above; an interval of zero or less records plainly.
  void record_corrected(Nanoseconds value, Nanoseconds expected_interval) noexcept;

  // Adds what `other` counted. Its precision may differ: its error then adds to this one's.
  void merge(const LatencyHistogram& other) noexcept;

  void reset() noexcept;

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t clamped() const noexcept { return clamped_; }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  // Zero when empty.
  [[nodiscard]] Nanoseconds min() const noexcept;
  [[nodiscard]] Nanoseconds max() const noexcept;
  [[nodiscard]] double mean_ns() const noexcept;

  // The smallest value that at least `quantile` (0..1) of the values do not exceed; zero when
  // empty.
  [[nodiscard]] Nanoseconds value_at(double quantile) const noexcept;

  // The distribution at percentiles that halve their distance to 100 every `ticks_per_half` steps
  // (0, 10, .. 50, 55, .. 75, ..), until one value is left; the last point is 100 % and max().
  [[nodiscard]] std::vector<Point> series(unsigned ticks_per_half = 5) const;

  // The series as text, one point per line after a header line: percentile,microseconds,count
  [[nodiscard]] std::string csv(unsigned ticks_per_half = 5) const;

  [[nodiscard]] double relative_error() const noexcept;
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  [[nodiscard]] std::size_t bucket_of(std::uint64_t value) const noexcept;
  [[nodiscard]] std::uint64_t upper_edge(std::size_t bucket) const noexcept;

  unsigned bits_;  // a bucket is never wider than 2^-bits of its values
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t clamped_ = 0;
  std::uint64_t sum_ = 0;  // nanoseconds; 2^64 of them are 584 years of waiting
  std::uint64_t min_ = UINT64_MAX;
  std::uint64_t max_ = 0;
};

}  // namespace quicore::tools
