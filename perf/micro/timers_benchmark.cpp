// SPDX-License-Identifier: Apache-2.0
//
// Timers: the deadlines of a shard's connections (engine/deadline_queue.h). Every turn in which a
// connection sends or receives moves its deadline once; what does that cost with many connections?
//
//   quicore_microbench --benchmark_filter=DeadlineQueue
//
// One iteration is one deadline set and cancelled, moved, put off, or popped and set again. The argument is
// how many are scheduled.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/deadline_queue.h"
#include "io/random.h"

namespace quicore::engine {
namespace {

constexpr std::size_t kSteps = 1 << 16;  // random ones, before they repeat
constexpr Duration kLongest = std::chrono::milliseconds(200);
// Between two events of a shard.
constexpr Duration kPause = std::chrono::microseconds(1);

struct Timer : DeadlineEntry {};

class Timers {
 public:
  explicit Timers(std::size_t count) : timers_(std::make_unique<Timer[]>(count)), count_(count) {
    for (std::size_t i = 0; i < count; ++i) queue.schedule(timers_[i], now + delay());
    steps_.resize(kSteps);
    for (Step& step : steps_) {
      step.timer = static_cast<std::uint32_t>(random_.below(count));
      step.delay = delay();
    }
  }
  ~Timers() {
    for (std::size_t i = 0; i < count_; ++i) queue.cancel(timers_[i]);
  }
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  struct Step {
    std::uint32_t timer;
    Duration delay;
  };
  // Time goes on with each.
  const Step& next_step() noexcept {
    now += kPause;
    return steps_[at_++ & (kSteps - 1)];
  }
  Timer& timer(const Step& step) noexcept { return timers_[step.timer]; }

  // Empties the queue: whether everything was in it, the nearest first.
  bool in_order() {
    Instant last{};
    std::size_t popped = 0;
    while (!queue.empty()) {
      const Instant next = queue.next();
      if (next < last) return false;
      last = next;
      if (queue.pop_expired(next) != nullptr) ++popped;  // else it was put off
    }
    return popped == count_;
  }

  DeadlineQueue queue;
  Instant now{};

 private:
  Duration delay() { return Duration(1 + random_.below(kLongest.count())); }

  io::Random random_ = io::Random::seeded(1);
  std::unique_ptr<Timer[]> timers_;
  std::size_t count_;
  std::vector<Step> steps_;
  std::size_t at_ = 0;
};

void finish(benchmark::State& state, Timers& timers) {
  if (!timers.in_order()) state.SkipWithError("deadlines were lost, or out of order");
  state.SetItemsProcessed(state.iterations());
}

// A connection among others begins to wait, and does not any more.
void set_and_cancel(benchmark::State& state) {
  Timers timers(static_cast<std::size_t>(state.range(0)));
  Timer another;
  for (auto _ : state) {
    timers.queue.schedule(another, timers.now + timers.next_step().delay);
    timers.queue.cancel(another);
  }
  finish(state, timers);
}

// Some connection, after its turn: its deadline is counted from now again.
void move(benchmark::State& state) {
  Timers timers(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    const Timers::Step& step = timers.next_step();
    timers.queue.schedule(timers.timer(step), timers.now + step.delay);
    while (DeadlineEntry* expired = timers.queue.pop_expired(timers.now)) {
      timers.queue.schedule(*expired, timers.now + step.delay);
    }
  }
  finish(state, timers);
}

// The same for an idle timeout, which every packet puts off.
void put_off(benchmark::State& state) {
  Timers timers(static_cast<std::size_t>(state.range(0)));
  constexpr Duration kIdleTimeout = std::chrono::seconds(30);
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    timers.queue.schedule(timers.timer({static_cast<std::uint32_t>(i), {}}),
                          timers.now + kIdleTimeout);
  }
  for (auto _ : state) {
    const Timers::Step& step = timers.next_step();
    timers.queue.schedule(timers.timer(step), timers.now + kIdleTimeout);
    if (timers.queue.pop_expired(timers.now) != nullptr) state.SkipWithError("one was forgotten");
  }
  finish(state, timers);
}

// EXPIRE: the nearest comes, and waits again.
void pop_and_set(benchmark::State& state) {
  Timers timers(static_cast<std::size_t>(state.range(0)));
  std::size_t missing = 0;
  for (auto _ : state) {
    const Instant due = timers.queue.next();
    DeadlineEntry* entry = timers.queue.pop_expired(due);
    if (entry == nullptr) {
      ++missing;
      continue;
    }
    timers.queue.schedule(*entry, due + timers.next_step().delay);
  }
  if (missing != 0) state.SkipWithError("nothing was due although the queue said so");
  finish(state, timers);
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("scheduled")->Arg(1)->Arg(100)->Arg(10'000)->Arg(100'000);
}
BENCHMARK(set_and_cancel)->Name("DeadlineQueue/set_and_cancel")->Apply(sizes);
BENCHMARK(move)->Name("DeadlineQueue/move")->Apply(sizes);
BENCHMARK(put_off)->Name("DeadlineQueue/put_off")->Apply(sizes);
BENCHMARK(pop_and_set)->Name("DeadlineQueue/pop_and_set")->Apply(sizes);

}  // namespace
}  // namespace quicore::engine
