// SPDX-License-Identifier: Apache-2.0
//
// The tasks a shard owns because nobody awaits them.
//
// Threading: the shard's thread. A task that ends frees itself; destroy_all() frees the others.
#pragma once

#include <coroutine>

#include "api/task.h"
#include "engine/intrusive_list.h"

namespace quicore::internal {

class SpawnedTasks {
 public:
  // Runs the task up to its first suspension. `keep` dies after it.
  void start(Task<void> task, Ref<Counted> keep);
  void destroy_all() noexcept;

 private:
  static void ended(TaskPromiseBase& promise, std::coroutine_handle<> coroutine) noexcept;
  static void destroy(TaskPromiseBase& promise) noexcept;

  engine::IntrusiveList<TaskPromiseBase, SpawnedTag> tasks_;
};

}  // namespace quicore::internal
