// SPDX-License-Identifier: Apache-2.0
//
// Completion<T>: a value that arrives once, or an error, and stays.
//
//   auto shaken = co_await session.handshake();          // Result<HandshakeInfo>
//   auto headers = stream.headers();
//   auto& fields = co_await headers;                     // of a named one: a reference, no copy
//   session.closed().then([](const Result<>& how) { ... });
//   auto done = co_await session.handshake().wait(5s);   // a copy, or timed_out
//
// Any number of coroutines and callbacks may wait, before or after it is set. None of them runs
// inside the setter: they run in the DELIVER phase, in the order in which they began to wait. A
// coroutine that awaits a completed one goes on without suspending.
//
// Promise<T> is the setting side, for completions of your own.
//
// Threading: one shard's. Lifetime: counted; what await and peek() refer to lives as long as any
// Completion of it. Cost: one allocation per completion, none per awaiting
// coroutine, one per then(). A Promise that dies unset completes with Errc::cancelled.
#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "api/ref.h"
#include "api/wait.h"
#include "io/block_pool.h"
#include "io/error.h"

namespace quicore {

namespace internal {

template <class T>
class CompletionState final : public Counted {
 public:
  explicit CompletionState(ReadyQueue& queue) noexcept : queue_(queue) {}

  bool ready() const noexcept { return result_.has_value(); }
  // Once ready().
  const Result<T>& result() const noexcept { return *result_; }
  WaiterList& waiters() noexcept { return waiters_; }
  ReadyQueue& queue() noexcept { return queue_; }
  // The first call counts.
  void set(Result<T> result) {
    if (result_) return;
    result_.emplace(std::move(result));
    waiters_.wake_all();
  }

 private:
  ReadyQueue& queue_;
  std::optional<Result<T>> result_;
  WaiterList waiters_;
};

// Reports an exception that left a callback to the log of the current shard.
void report_exception(const char* where, const std::exception_ptr& exception) noexcept;

// A callback of then(): owns itself, and dies after it ran or with the completion.
template <class T, class F>
class ThenWaiter final : public Waiter, public io::InBlocks {
 public:
  ThenWaiter(CompletionState<T>& state, F function)
      : Waiter(state.queue()), state_(&state), function_(std::move(function)) {}

  void run() override {
    try {
      function_(state_->result());
    } catch (...) {
      report_exception("a callback of Completion::then", std::current_exception());
    }
    delete this;
  }
  void abandon() noexcept override { delete this; }
  virtual ~ThenWaiter() = default;
  using InBlocks::operator new;
  using InBlocks::operator delete;
  // A function may be aligned to more than blocks are.
  static void* operator new(std::size_t size, std::align_val_t alignment) {
    return ::operator new(size, alignment);
  }
  static void operator delete(void* block, std::size_t size, std::align_val_t alignment) noexcept {
    ::operator delete(block, size, alignment);
  }

 private:
  Ref<CompletionState<T>> state_;
  F function_;
};

}  // namespace internal

template <class T = void>
class Completion {
 public:
  // What its copies share.
  using State = internal::CompletionState<T>;

  Completion() = default;  // empty; only assignable
  explicit Completion(internal::Ref<State> state) noexcept : state_(std::move(state)) {}

  // Whether there is anything to wait for: false when made by default.
  explicit operator bool() const noexcept { return static_cast<bool>(state_); }
  // Whether the value or the error is there.
  bool ready() const noexcept { return state_ && state_->ready(); }
  // Nullptr until it is ready.
  const Result<T>* peek() const noexcept { return ready() ? &state_->result() : nullptr; }

  // A callback in place of a coroutine: called once, in the DELIVER phase. An exception of it is
  // logged.
  template <class F>
  requires std::invocable < F&, const Result<T>
  & > void then(F function) const {
    auto* waiter = new internal::ThenWaiter<T, F>(*state_, std::move(function));
    if (state_->ready()) {
      waiter->wake(internal::Wake::signalled);
    } else {
      state_->waiters().push(*waiter);
    }
  }

  // Gives `Answer`: a reference, or a copy where nobody else may keep the value.
  template <class Answer>
  class [[nodiscard]] Awaiter final : internal::CoroutineWaiter {
   public:
    explicit Awaiter(internal::Ref<State> state) noexcept
        : CoroutineWaiter(state->queue()), state_(std::move(state)) {}
    bool await_ready() const noexcept { return state_->ready(); }
    void await_suspend(std::coroutine_handle<> coroutine) {
      suspend(coroutine, state_->waiters(), {});
    }
    Answer await_resume() const { return state_->result(); }

   private:
    internal::Ref<State> state_;
  };

  // What wait() gives: a copy of the result, or timed_out or cancelled.
  class [[nodiscard]] LimitedAwaiter final : internal::CoroutineWaiter {
   public:
    LimitedAwaiter(internal::Ref<State> state, WaitOptions options) noexcept
        : CoroutineWaiter(state->queue()), state_(std::move(state)), options_(std::move(options)) {}
    bool await_ready() const noexcept { return state_->ready(); }
    void await_suspend(std::coroutine_handle<> coroutine) {
      suspend(coroutine, state_->waiters(), options_);
    }
    Result<T> await_resume() const {
      if (state_->ready()) return state_->result();
      return std::unexpected(outcome().error());
    }

   private:
    internal::Ref<State> state_;
    WaitOptions options_;
  };

  Awaiter<const Result<T>&> operator co_await() const& noexcept {
    return Awaiter<const Result<T>&>(state_);
  }
  Awaiter<Result<T>> operator co_await() && noexcept {
    return Awaiter<Result<T>>(std::move(state_));
  }
  // Waits no longer than the options say. The completion itself goes on.
  LimitedAwaiter wait(WaitOptions options) const noexcept {
    return LimitedAwaiter(state_, std::move(options));
  }

 private:
  internal::Ref<State> state_;
};

// The setting side. Copyable: the first set() counts, later ones are ignored.
template <class T = void>
class Promise {
 public:
  // For the shard this code runs on.
  Promise() : Promise(internal::ReadyQueue::current()) {}
  explicit Promise(internal::ReadyQueue& queue) : shared_(new Shared(queue)) {}

  // As many as wanted, before or after set().
  Completion<T> completion() const noexcept { return Completion<T>(shared_->state); }
  // Whether it was set.
  bool ready() const noexcept { return shared_->state->ready(); }
  // The first call counts; those who wait run in the DELIVER phase.
  void set(Result<T> result) const { shared_->state->set(std::move(result)); }
  // The same, for a promise without a value.
  void set() const requires std::is_void_v<T> { shared_->state->set({}); }

 private:
  struct Shared final : internal::Counted {
    explicit Shared(internal::ReadyQueue& queue) : state(new internal::CompletionState<T>(queue)) {}
    ~Shared() override {
      if (!state->ready()) state->set(failure(Errc::cancelled, "the promise was dropped unset"));
    }
    internal::Ref<internal::CompletionState<T>> state;
  };
  internal::Ref<Shared> shared_;
};

}  // namespace quicore
