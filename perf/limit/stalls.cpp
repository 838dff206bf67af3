// SPDX-License-Identifier: Apache-2.0
#include "perf/limit/stalls.h"

#include <algorithm>
#include <functional>
#include <thread>

#include "io/cpu.h"

namespace quicore::perf {
namespace {

StallSample watch_the_clock(Duration duration) {
  using Clock = std::chrono::steady_clock;
  StallSample sample;
  const Instant begin = Clock::now();
  Instant before = begin;
  while (before - begin < duration) {
    const Instant now = Clock::now();
    if (now - before >= kShortestStall) sample.stalls.push_back(now - before);
    before = now;
  }
  sample.observed = before - begin;
  return sample;
}

}  // namespace

Result<std::vector<StallSample>> observe_stalls(std::span<const int> cpus, Duration duration) {
  std::vector<StallSample> samples(cpus.size());
  std::vector<Result<>> pinned(cpus.size());
  {
    std::vector<std::jthread> threads;
    threads.reserve(cpus.size());
    for (std::size_t i = 0; i < cpus.size(); ++i) {
      threads.emplace_back([&, i] {
        pinned[i] = io::pin_this_thread(cpus[i]);
        if (pinned[i]) samples[i] = watch_the_clock(duration);
      });
    }
  }
  for (const Result<>& done : pinned) {
    if (!done) return std::unexpected(done.error());
  }
  return samples;
}

Duration wait_exceeded_by(double share, std::span<const Duration> stalls, Duration observed) {
  std::vector<Duration> longest_first(stalls.begin(), stalls.end());
  std::sort(longest_first.begin(), longest_first.end(), std::greater());
  // With the n longest stalls above x: the sum of g - x over them is share * observed.
  const double wanted = share * static_cast<double>(observed.count());
  double sum = 0;
  for (std::size_t n = 1; n <= longest_first.size(); ++n) {
    sum += static_cast<double>(longest_first[n - 1].count());
    const double x = (sum - wanted) / static_cast<double>(n);
    const bool next_is_below =
        n == longest_first.size() || static_cast<double>(longest_first[n].count()) <= x;
    if (next_is_below) return Duration(static_cast<Duration::rep>(std::max(x, 0.0)));
  }
  return Duration::zero();
}

}  // namespace quicore::perf
