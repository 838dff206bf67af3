// SPDX-License-Identifier: Apache-2.0
//
// Shard: one thread on one core with its own sockets, timers and sessions. Everything made on a
// shard is used on it; `post` is the one call that any thread may make.
//
//   co_await shard.sleep_for(100ms);
//   other_shard.post([] { ... });
//   int signal = co_await shard.signal(SIGTERM, SIGINT);
//
// Lifetime: from Runtime::create to the end of the Runtime. Shards are referred to, never copied.
#pragma once

#include <array>
#include <concepts>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "api/completion.h"
#include "api/task.h"
#include "api/wait.h"
#include "io/time.h"

namespace quicore {

class Runtime;
class Shard;

namespace internal {
class ShardState;
}

// co_await gives success at the time, or cancelled when the stop token came first.
class [[nodiscard]] Sleep final : internal::CoroutineWaiter {
 public:
  Sleep(Shard& shard, Duration duration, std::stop_token stop) noexcept;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine);
  Result<> await_resume() const;

 private:
  WaitOptions options_;
};

// One thread with its sockets, timers and tasks. Everything made on it stays on it.
class Shard {
 public:
  explicit Shard(internal::ShardState& state) noexcept : state_(state) {}
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // The shard this thread works for; aborts on threads that are none.
  static Shard& current() noexcept;

  // From 0, as in Runtime::shard.
  std::uint32_t index() const noexcept;
  // The time of this turn: the clock is read once per turn.
  Instant now() const noexcept;

  // Runs the function on this shard, soon. Any thread. What a shard posts runs in order.
  void post(std::move_only_function<void()> function);
  // Runs the task on this shard; it is destroyed with the shard if it has not ended by then.
  void spawn(Task<> task);
  // Awaited: goes on after `duration`, measured from the time of this turn; cancelled when `stop`
  // is requested.
  Sleep sleep_for(Duration duration, std::stop_token stop = {}) noexcept {
    return Sleep(*this, duration, std::move(stop));
  }
  // The number of the next of these signals to reach the process. From now on they do not end it.
  template <std::same_as<int>... S>
  requires(sizeof...(S) > 0) Completion<int> signal(S... numbers) {
    return next_signal(std::array{numbers...});
  }
  // Runs `function` on this shard and gives its answer to the shard that asks (which may be this).
  // The function and its answer move between threads: no Buf copies, no handles.
  // A lambda whose captures have destructors is given by name (AwaitSafe, api/wait.h).
  template <class F>
  Task<std::invoke_result_t<std::remove_cvref_t<F>&>> call(F&& function) {
    static_assert(internal::AwaitSafe<F>, "name the lambda first: call(lambda)");
    return call_on<std::remove_cvref_t<F>>(*this, std::forward<F>(function));
  }

  internal::ShardState& state() noexcept { return state_; }

 private:
  Completion<int> next_signal(std::span<const int> numbers);
  template <class F>
  static Task<std::invoke_result_t<F&>> call_on(Shard& target, F function);

  internal::ShardState& state_;
};

namespace internal {

// What crosses between the two shards of a call(). The promise is touched on the asking one only.
template <class T>
struct CallState {
  Promise<> done;
  std::exception_ptr exception;
  std::optional<T> answer;
};

}  // namespace internal

template <class F>
Task<std::invoke_result_t<F&>> Shard::call_on(Shard& target, F function) {
  using Answer = std::invoke_result_t<F&>;
  using Kept = std::conditional_t<std::is_void_v<Answer>, bool, Answer>;
  Shard& home = current();
  auto call = std::make_shared<internal::CallState<Kept>>();
  auto done = call->done.completion();
  target.post([&home, call, function = std::move(function)]() mutable {
    try {
      if constexpr (std::is_void_v<Answer>) {
        function();
      } else {
        call->answer.emplace(function());
      }
    } catch (...) {
      call->exception = std::current_exception();
    }
    home.post([call = std::move(call)] { call->done.set(); });
  });
  (void)co_await done;
  if (call->exception) std::rethrow_exception(call->exception);
  if constexpr (!std::is_void_v<Answer>) co_return std::move(*call->answer);
}

}  // namespace quicore
