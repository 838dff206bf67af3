// SPDX-License-Identifier: Apache-2.0
//
// Task<T>: a coroutine that runs on one shard. One-shot work; Completion<T> is for values that many
// wait for.
//
//   Task<Result<Buf>> fetch(Session session, std::string path) { ... co_return body; }
//   auto body = co_await fetch(session, "/");
//
// Lazy: nothing runs before the task is awaited, or given to Shard::spawn. Await it once. Dropping
// it unawaited or half-way destroys the coroutine and everything it holds.
// It resumes on the shard it was awaited on, and hands over to its awaiter without growing the
// stack. An exception that leaves the coroutine is rethrown where it is awaited; a spawned task's
// is logged.
//
// Take parameters by value: a reference may be gone when the task goes on.
// Cost: one frame allocation per call, from a free list of the thread.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "api/ref.h"
#include "api/wait.h"
#include "engine/intrusive_list.h"

namespace quicore {

template <class T>
class Task;

namespace internal {

struct SpawnedTag {};

// A task without an awaiter: who is told, in place of a continuation, that it ended.
class TaskPromiseBase : public engine::ListHook<SpawnedTag>, public io::InBlocks {
 public:
  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> ended) const noexcept {
      TaskPromiseBase& promise = ended.promise();
      if (promise.continuation_) return promise.continuation_;
      if (promise.on_spawned_end_ != nullptr) promise.on_spawned_end_(promise, ended);
      return std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { exception_ = std::current_exception(); }

  void set_continuation(std::coroutine_handle<> coroutine) noexcept { continuation_ = coroutine; }
  std::exception_ptr exception() const noexcept { return exception_; }
  void rethrow() const {
    if (exception_) std::rethrow_exception(exception_);
  }

 private:
  friend class SpawnedTasks;
  using SpawnedEnd = void (*)(TaskPromiseBase&, std::coroutine_handle<>) noexcept;
  std::coroutine_handle<> continuation_;
  std::exception_ptr exception_;
  SpawnedEnd on_spawned_end_ = nullptr;
  std::coroutine_handle<> self_;
  Ref<Counted> keep_;  // what the body of a spawned task refers to, such as its lambda
};

template <class T>
class TaskPromise final : public TaskPromiseBase {
 public:
  Task<T> get_return_object() noexcept;
  void return_value(T value) { value_.emplace(std::move(value)); }
  T take() {
    rethrow();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class TaskPromise<void> final : public TaskPromiseBase {
 public:
  Task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void take() const { rethrow(); }
};

}  // namespace internal

template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = internal::TaskPromise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Handle coroutine) noexcept : coroutine_(coroutine) {}
  // The coroutine moves along.
  Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, {})) {}
  // Swaps, so that the other destroys what this had.
  Task& operator=(Task&& other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  ~Task() {
    if (coroutine_) coroutine_.destroy();
  }

  // Whether there is a coroutine: false when made by default or moved from.
  explicit operator bool() const noexcept { return static_cast<bool>(coroutine_); }
  bool await_ready() const noexcept { return false; }
  Handle await_suspend(std::coroutine_handle<> awaiting) noexcept {
    coroutine_.promise().set_continuation(awaiting);
    return coroutine_;
  }
  T await_resume() { return coroutine_.promise().take(); }

  // Gives the coroutine away. For Shard::spawn.
  Handle release() noexcept { return std::exchange(coroutine_, {}); }

 private:
  Handle coroutine_;
};

namespace internal {

template <class T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}
inline Task<void> TaskPromise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

// Runs `task` at once, up to its first suspension, on the current shard, which owns it from now on.
// `keep` lives until it ended.
void start_detached(Task<void> task, Ref<Counted> keep);

}  // namespace internal
}  // namespace quicore
