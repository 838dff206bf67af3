// SPDX-License-Identifier: Apache-2.0
//
// What measuring costs: recording stands in the load generator's path of every request.
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "tools/common/latency_histogram.h"

namespace {

using quicore::tools::LatencyHistogram;
using Nanoseconds = LatencyHistogram::Nanoseconds;

// Latencies as a server has them: most near the median, a tail of a decade.
std::vector<Nanoseconds> latencies() {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> latency(13.0, 0.5);
  std::vector<Nanoseconds> values(1 << 14);
  for (Nanoseconds& value : values) {
    value = Nanoseconds(static_cast<std::int64_t>(latency(random)));
  }
  return values;
}

void record(benchmark::State& state) {
  const auto values = latencies();
  LatencyHistogram histogram(static_cast<unsigned>(state.range(0)));
  std::size_t next = 0;
  for (auto _ : state) histogram.record(values[next++ % values.size()]);
  benchmark::DoNotOptimize(histogram.count());
}
BENCHMARK(record)->Name("LatencyHistogram/record")->ArgName("digits")->Arg(2)->Arg(3);

void quantiles(benchmark::State& state) {
  LatencyHistogram histogram;
  for (const Nanoseconds value : latencies()) histogram.record(value);
  for (auto _ : state) {
    for (const double q : {0.5, 0.9, 0.99, 0.999}) {
      benchmark::DoNotOptimize(histogram.value_at(q));
    }
  }
}
BENCHMARK(quantiles)->Name("LatencyHistogram/four_quantiles");

void merge(benchmark::State& state) {
  LatencyHistogram from;
  for (const Nanoseconds value : latencies()) from.record(value);
  LatencyHistogram to;
  for (auto _ : state) to.merge(from);
  benchmark::DoNotOptimize(to.count());
}
BENCHMARK(merge)->Name("LatencyHistogram/merge");

}  // namespace
