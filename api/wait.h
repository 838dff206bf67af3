// SPDX-License-Identifier: Apache-2.0
//
// WaitOptions: how long an await may last, and what may end it early.
//
//   auto chunk = co_await reader.next(5s);                   // Errc::timed_out
//   auto chunk = co_await reader.next(source.get_token());   // Errc::cancelled
//   auto chunk = co_await reader.next({source.get_token(), 5s});
//
// Every await of the library takes it and is safe to give up: nothing is lost, the same call may be
// made again. The stop token may be triggered from any thread; the await ends on its own shard.
//
// Also here, for the awaitable types of the public headers: the machinery that suspends a coroutine
// and resumes it in the DELIVER phase of its shard, never inside whoever caused it.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include "engine/intrusive_list.h"
#include "io/error.h"
#include "io/time.h"

namespace quicore {

// Not an aggregate on purpose, see AwaitSafe.
class WaitOptions {
 public:
  WaitOptions() = default;
  // NOLINTBEGIN(google-explicit-constructor)
  // No longer than this.
  template <class R, class P>
  WaitOptions(std::chrono::duration<R, P> longest) : timeout(longest) {}
  // Until the token is told to stop.
  WaitOptions(std::stop_token token) : stop(std::move(token)) {}
  // Until one of both.
  WaitOptions(std::stop_token token, Duration longest) : stop(std::move(token)), timeout(longest) {}
  // NOLINTEND(google-explicit-constructor)

  // Ends the waiting with Errc::cancelled.
  std::stop_token stop;
  // Ends the waiting with Errc::timed_out; unset: never.
  std::optional<Duration> timeout;
};

namespace internal {

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
inline constexpr bool kGccBefore13 = true;
#else
inline constexpr bool kGccBefore13 = false;
#endif

// GCC before 13 destroys the members of a temporary aggregate or lambda twice when it stands inside
// the expression of a co_await (GCC bug 99576). What is awaited therefore takes no aggregates, and
// functions as temporaries only when that does not matter. An lvalue is always fine.
template <class F>
concept AwaitSafe = std::is_lvalue_reference_v<F> || !kGccBefore13 ||
                    std::is_trivially_destructible_v<std::remove_reference_t<F>>;

class ReadyQueue;
class WaitGuard;
struct WaiterTag {};

enum class Wake : std::uint8_t { none, signalled, timed_out, cancelled };

// Something that waits in a WaiterList and runs later from its shard's ReadyQueue.
class Waiter : public engine::ListHook<WaiterTag> {
 public:
  explicit Waiter(ReadyQueue& queue) noexcept : queue_(&queue) {}

  virtual void run() = 0;
  // The shard ends before it ran: whoever owns itself deletes itself.
  virtual void abandon() noexcept {}
  ReadyQueue& queue() const noexcept { return *queue_; }
  Wake reason() const noexcept { return reason_; }
  // Leaves its list and goes to the ready queue; the first reason counts.
  void wake(Wake reason) noexcept;

 protected:
  ~Waiter() = default;
  ReadyQueue* queue_;
  Wake reason_ = Wake::none;
};

// What is runnable on a shard, in order. ShardState derives from it.
class ReadyQueue {
 public:
  void push(Waiter& waiter) noexcept { waiters_.push_back(waiter); }
  bool empty() const noexcept { return waiters_.empty(); }
  // The queue of the shard this thread is working for; aborts outside of a shard.
  static ReadyQueue& current() noexcept;

 protected:
  engine::IntrusiveList<Waiter, WaiterTag> waiters_;
};

inline void Waiter::wake(Wake reason) noexcept {
  if (reason_ != Wake::none) return;
  reason_ = reason;
  unlink();
  queue_->push(*this);
}

class WaiterList {
 public:
  bool empty() const noexcept { return waiters_.empty(); }
  Waiter* front() noexcept { return waiters_.front(); }
  void push(Waiter& waiter) noexcept { waiters_.push_back(waiter); }
  void wake_all() noexcept {
    while (Waiter* waiter = waiters_.front()) waiter->wake(Wake::signalled);
  }

 private:
  engine::IntrusiveList<Waiter, WaiterTag> waiters_;
};

// A suspended coroutine. Base of the awaitables; lives in the coroutine's frame, so that destroying
// the frame takes it out of whatever list it is in.
class CoroutineWaiter : public Waiter {
 public:
  CoroutineWaiter(const CoroutineWaiter&) = delete;
  CoroutineWaiter& operator=(const CoroutineWaiter&) = delete;

 protected:
  explicit CoroutineWaiter(ReadyQueue& queue) noexcept : Waiter(queue) {}
  ~CoroutineWaiter() {
    if (guard_) disarm();
  }

  // Waits in `list` until it is woken or the options end the wait.
  void suspend(std::coroutine_handle<> coroutine, WaiterList& list, const WaitOptions& options) {
    suspend_until_woken(coroutine, options);
    if (reason_ == Wake::none) list.push(*this);
  }
  // As suspend(), for somebody else to call wake().
  void suspend_until_woken(std::coroutine_handle<> coroutine, const WaitOptions& options) {
    coroutine_ = coroutine;
    reason_ = Wake::none;
    if (options.timeout || options.stop.stop_possible()) arm(options);
  }
  // After resumption: what ended the wait, as an error unless it was signalled.
  Result<> outcome() const;

 private:
  void run() final { coroutine_.resume(); }
  void arm(const WaitOptions& options);
  void disarm() noexcept;

  std::coroutine_handle<> coroutine_;
  std::shared_ptr<WaitGuard> guard_;
};

}  // namespace internal
}  // namespace quicore
