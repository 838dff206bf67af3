// SPDX-License-Identifier: Apache-2.0
#include "api/shard.h"

#include <utility>

#include "api/internal/shard_state.h"
#include "api/internal/signal_watch.h"
#include "io/check.h"

namespace quicore {

Shard& Shard::current() noexcept {
  internal::ShardState* state = internal::ShardState::current();
  QUICORE_CHECK(state != nullptr);
  return state->shard();
}

std::uint32_t Shard::index() const noexcept { return state_.engine().index(); }
Instant Shard::now() const noexcept { return state_.now(); }
void Shard::post(std::move_only_function<void()> function) { state_.post(std::move(function)); }
void Shard::spawn(Task<> task) { state_.spawn(std::move(task), {}); }

Completion<int> Shard::next_signal(std::span<const int> numbers) {
  Promise<int> promise(state_);
  auto completion = promise.completion();
  if (state_.signals() == nullptr) {
    promise.set(failure(Errc::not_supported, "signals reach the shards of a Runtime only"));
  } else {
    state_.signals()->watch(state_, numbers, std::move(promise));
  }
  return completion;
}

Sleep::Sleep(Shard& shard, Duration duration, std::stop_token stop) noexcept
    : CoroutineWaiter(shard.state()), options_(std::move(stop), duration) {}

void Sleep::await_suspend(std::coroutine_handle<> coroutine) {
  suspend_until_woken(coroutine, options_);
}

Result<> Sleep::await_resume() const {
  if (reason() == internal::Wake::timed_out) return {};
  return outcome();
}

}  // namespace quicore
