// SPDX-License-Identifier: Apache-2.0
#include "api/task.h"

#include <utility>

#include "api/internal/shard_state.h"
#include "api/internal/spawned_tasks.h"

namespace quicore::internal {

void SpawnedTasks::start(Task<void> task, Ref<Counted> keep) {
  const auto coroutine = task.release();
  TaskPromiseBase& promise = coroutine.promise();
  promise.on_spawned_end_ = &ended;
  promise.self_ = coroutine;
  promise.keep_ = std::move(keep);
  tasks_.push_back(promise);
  coroutine.resume();
}

void SpawnedTasks::ended(TaskPromiseBase& promise, std::coroutine_handle<>) noexcept {
  if (const auto exception = promise.exception()) {
    report_exception("a spawned task or a handler that is one", exception);
  }
  destroy(promise);
}

void SpawnedTasks::destroy(TaskPromiseBase& promise) noexcept {
  promise.unlink();
  const Ref<Counted> keep = std::move(promise.keep_);  // outlives the frame
  promise.self_.destroy();
}

void SpawnedTasks::destroy_all() noexcept {
  // Destroying one may end or spawn others.
  while (TaskPromiseBase* promise = tasks_.front()) destroy(*promise);
}

void start_detached(Task<void> task, Ref<Counted> keep) {
  state_of(ReadyQueue::current()).spawn(std::move(task), std::move(keep));
}

}  // namespace quicore::internal
