// SPDX-License-Identifier: Apache-2.0
#include "tools/common/latency_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace quicore::tools {
namespace {

using Nanoseconds = LatencyHistogram::Nanoseconds;
using namespace std::chrono_literals;

// What a histogram answers for a single value recorded among larger ones, so that neither min nor
// max narrows the answer.
Nanoseconds answer_for(Nanoseconds value, unsigned digits) {
  LatencyHistogram histogram(digits);
  histogram.record(value);
  histogram.record(30min);
  return histogram.value_at(0.5);
}

TEST(LatencyHistogram, AnEmptyOneAnswersZeroEverywhere) {
  const LatencyHistogram histogram;
  EXPECT_TRUE(histogram.empty());
  EXPECT_EQ(histogram.min(), 0ns);
  EXPECT_EQ(histogram.max(), 0ns);
  EXPECT_EQ(histogram.mean_ns(), 0.0);
  EXPECT_EQ(histogram.value_at(0.99), 0ns);
  EXPECT_TRUE(histogram.series().empty());
}

TEST(LatencyHistogram, SmallValuesAreExact) {
  for (const int value : {0, 1, 2, 1023, 1024, 2046, 2047}) {
    EXPECT_EQ(answer_for(Nanoseconds(value), 3), Nanoseconds(value));
  }
}

TEST(LatencyHistogram, TheFirstWideBucketHoldsTwoValues) {
  EXPECT_EQ(answer_for(2048ns, 3), 2049ns);
  EXPECT_EQ(answer_for(2049ns, 3), 2049ns);
  EXPECT_EQ(answer_for(2050ns, 3), 2051ns);
}

TEST(LatencyHistogram, TheUpperEdgeOfABucketIsAnsweredExactly) {
  for (unsigned shift = 1; shift <= 29; ++shift) {
    for (const std::int64_t leading : {1024, 1025, 1500, 2046, 2047}) {
      const Nanoseconds lower(leading << shift);
      const Nanoseconds upper(((leading + 1) << shift) - 1);
      EXPECT_EQ(answer_for(upper, 3), upper);
      EXPECT_EQ(answer_for(lower, 3), upper) << "one bucket, one answer";
      EXPECT_GT(answer_for(upper + 1ns, 3), upper) << "the next value is in the next bucket";
    }
  }
}

TEST(LatencyHistogram, TheErrorOfRandomValuesStaysWithinTheBound) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> exponent(0.0, std::log2(3.0e12));
  for (unsigned digits = 1; digits <= LatencyHistogram::kMaxDigits; ++digits) {
    const double bound = LatencyHistogram(digits).relative_error();
    EXPECT_LE(bound, std::pow(10.0, -static_cast<double>(digits)));
    LatencyHistogram histogram(digits);
    std::vector<Nanoseconds> values(300);
    for (Nanoseconds& value : values) {
      value = Nanoseconds(static_cast<std::int64_t>(std::exp2(exponent(random))));
      histogram.record(value);
    }
    std::sort(values.begin(), values.end());
    for (std::size_t rank = 1; rank <= values.size(); ++rank) {
      const double exact = static_cast<double>(values[rank - 1].count());
      const double quantile = static_cast<double>(rank) / static_cast<double>(values.size());
      const double answer = static_cast<double>(histogram.value_at(quantile).count());
      ASSERT_GE(answer, exact) << "rank " << rank << ", digits " << digits;
      ASSERT_LE(answer, exact * (1.0 + bound)) << "rank " << rank << ", digits " << digits;
    }
  }
}

TEST(LatencyHistogram, QuantilesFollowTheRankOfTheValues) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 100; ++i) histogram.record(Nanoseconds(i));
  EXPECT_EQ(histogram.value_at(0.0), 1ns);
  EXPECT_EQ(histogram.value_at(0.01), 1ns);
  EXPECT_EQ(histogram.value_at(0.07), 7ns) << "0.07 * 100 is a little over 7 in binary";
  EXPECT_EQ(histogram.value_at(0.5), 50ns);
  EXPECT_EQ(histogram.value_at(0.501), 51ns);
  EXPECT_EQ(histogram.value_at(0.99), 99ns);
  EXPECT_EQ(histogram.value_at(1.0), 100ns);
}

TEST(LatencyHistogram, MeanMinimumAndMaximumAreExact) {
  LatencyHistogram histogram(1);
  histogram.record(1'000'003ns);
  histogram.record(3'000'001ns, 3);
  EXPECT_EQ(histogram.count(), 4U);
  EXPECT_EQ(histogram.min(), 1'000'003ns);
  EXPECT_EQ(histogram.max(), 3'000'001ns);
  EXPECT_DOUBLE_EQ(histogram.mean_ns(), (1'000'003.0 + 3 * 3'000'001.0) / 4);
  EXPECT_EQ(histogram.value_at(1.0), 3'000'001ns);
}

TEST(LatencyHistogram, ANegativeValueCountsAsZero) {
  LatencyHistogram histogram;
  histogram.record(-5ns);
  EXPECT_EQ(histogram.count(), 1U);
  EXPECT_EQ(histogram.max(), 0ns);
}

TEST(LatencyHistogram, AValueBeyondTheHighestIsCountedAndItsMaximumKept) {
  LatencyHistogram histogram(3, 1s);
  histogram.record(1s);
  EXPECT_EQ(histogram.clamped(), 0U);
  histogram.record(100s, 2);
  EXPECT_EQ(histogram.clamped(), 2U);
  EXPECT_EQ(histogram.count(), 3U);
  EXPECT_EQ(histogram.max(), 100s);
  EXPECT_EQ(histogram.value_at(0.9), 100s);
}

TEST(LatencyHistogram, AStallCountsForEveryRequestItHeldUp) {
  LatencyHistogram histogram;
  histogram.record_corrected(95ns, 10ns);  // 95, 85, 75, ... 15
  EXPECT_EQ(histogram.count(), 9U);
  EXPECT_EQ(histogram.min(), 15ns);
  EXPECT_EQ(histogram.max(), 95ns);
  EXPECT_DOUBLE_EQ(histogram.mean_ns(), 55.0);
}

TEST(LatencyHistogram, CorrectionAddsDownToTheIntervalItself) {
  LatencyHistogram histogram;
  histogram.record_corrected(30ns, 10ns);  // 30, 20, 10
  EXPECT_EQ(histogram.count(), 3U);
  EXPECT_EQ(histogram.min(), 10ns);
}

TEST(LatencyHistogram, AnAnswerWithinTheIntervalNeedsNoCorrection) {
  LatencyHistogram histogram;
  histogram.record_corrected(10ns, 10ns);
  histogram.record_corrected(19ns, 10ns);
  histogram.record_corrected(500ns, 0ns);
  EXPECT_EQ(histogram.count(), 3U);
}

TEST(LatencyHistogram, MergingEqualsRecordingIntoOne) {
  std::mt19937_64 random(2);
  std::exponential_distribution<double> latency(1e-6);
  LatencyHistogram one;
  LatencyHistogram first;
  LatencyHistogram second;
  for (int i = 0; i < 10'000; ++i) {
    const Nanoseconds value(static_cast<std::int64_t>(latency(random)));
    one.record(value);
    (i % 3 == 0 ? first : second).record(value);
  }
  first.merge(second);
  EXPECT_EQ(first.count(), one.count());
  EXPECT_EQ(first.min(), one.min());
  EXPECT_EQ(first.max(), one.max());
  EXPECT_DOUBLE_EQ(first.mean_ns(), one.mean_ns());
  for (const double q : {0.0, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    EXPECT_EQ(first.value_at(q), one.value_at(q)) << q;
  }
}

TEST(LatencyHistogram, MergingAnEmptyOneChangesNothing) {
  LatencyHistogram histogram;
  histogram.record(7us);
  histogram.merge(LatencyHistogram(2));
  EXPECT_EQ(histogram.count(), 1U);
  EXPECT_EQ(histogram.min(), 7us);
  EXPECT_EQ(histogram.max(), 7us);
}

TEST(LatencyHistogram, MergingACoarserOneKeepsWhatIsExact) {
  LatencyHistogram fine(3, 1h);
  LatencyHistogram coarse(1, 1s);
  coarse.record(123'456'789ns);
  coarse.record(5s);  // clamped there
  fine.merge(coarse);
  EXPECT_EQ(fine.count(), 2U);
  EXPECT_EQ(fine.min(), 123'456'789ns);
  EXPECT_EQ(fine.max(), 5s);
  EXPECT_DOUBLE_EQ(fine.mean_ns(), (123'456'789.0 + 5e9) / 2);
  EXPECT_EQ(fine.clamped(), 1U);
}

TEST(LatencyHistogram, ResetForgetsEverything) {
  LatencyHistogram histogram(3, 1s);
  histogram.record(2s);
  histogram.reset();
  EXPECT_TRUE(histogram.empty());
  EXPECT_EQ(histogram.clamped(), 0U);
  histogram.record(5ns);
  EXPECT_EQ(histogram.value_at(1.0), 5ns);
  EXPECT_EQ(histogram.min(), 5ns);
}

TEST(LatencyHistogram, TheSeriesRisesToTheMaximum) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 100'000; ++i) histogram.record(Nanoseconds(i * 10));
  const auto series = histogram.series();
  ASSERT_GT(series.size(), 20U);
  EXPECT_EQ(series.front().percentile, 0.0);
  EXPECT_EQ(series.front().value, histogram.value_at(0.0));
  EXPECT_EQ(series.back().percentile, 100.0);
  EXPECT_EQ(series.back().value, histogram.max());
  EXPECT_EQ(series.back().count, histogram.count());
  for (std::size_t i = 1; i < series.size(); ++i) {
    EXPECT_GT(series[i].percentile, series[i - 1].percentile);
    EXPECT_GE(series[i].value, series[i - 1].value);
    EXPECT_GE(series[i].count, series[i - 1].count);
  }
  const auto median = std::find_if(series.begin(), series.end(),
                                   [](const auto& point) { return point.percentile == 50.0; });
  ASSERT_NE(median, series.end());
  EXPECT_EQ(median->value, histogram.value_at(0.5));
}

TEST(LatencyHistogram, TheSeriesOfOneValueIsOnePoint) {
  LatencyHistogram histogram;
  histogram.record(42us);
  const auto series = histogram.series();
  ASSERT_EQ(series.size(), 1U);
  EXPECT_EQ(series[0].value, 42us);
  EXPECT_EQ(histogram.csv(), "percentile,microseconds,count\n100,42.000,1\n");
}

TEST(LatencyHistogram, MemoryIsFixedWhenItIsMade) {
  LatencyHistogram histogram;
  const std::size_t before = histogram.memory_bytes();
  EXPECT_LT(before, 300U * 1024);
  for (int i = 0; i < 1000; ++i) histogram.record(Nanoseconds(i * 1'000'003LL));
  EXPECT_EQ(histogram.memory_bytes(), before);
}

}  // namespace
}  // namespace quicore::tools
