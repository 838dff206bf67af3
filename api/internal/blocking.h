// SPDX-License-Identifier: Apache-2.0
//
// run_blocking(shard, f): calls f on the blocking thread and gives its answer back on the shard. On
// a shard without one (the simulator's) f runs in place.
//
// Give f by name when its captures have destructors (AwaitSafe, api/wait.h).
// f and its answer move between threads: no Buf copies, no handles. What f refers to must live
// until it ran, even when the awaiting coroutine is destroyed: stop the thread before destroying
// tasks.
#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "api/completion.h"
#include "api/internal/blocking_thread.h"
#include "api/internal/shard_state.h"
#include "api/task.h"

namespace quicore::internal {

template <class F>
Task<std::invoke_result_t<F&>> run_blocking_of(ShardState& shard, F function) {
  using Answer = std::invoke_result_t<F&>;
  if (shard.blocking() == nullptr) co_return function();
  auto call = std::make_shared<CallState<Answer>>();
  auto done = call->done.completion();
  shard.blocking()->run([&shard, call, function = std::move(function)]() mutable {
    call->answer.emplace(function());
    shard.post([call = std::move(call)] { call->done.set(); });
  });
  (void)co_await done;
  co_return std::move(*call->answer);
}

template <class F>
auto run_blocking(ShardState& shard, F&& function) {
  static_assert(AwaitSafe<F>, "name the lambda first");
  return run_blocking_of<std::remove_cvref_t<F>>(shard, std::forward<F>(function));
}

}  // namespace quicore::internal
