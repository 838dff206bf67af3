// SPDX-License-Identifier: Apache-2.0
#include "api/wait.h"

#include <utility>

#include "api/internal/shard_state.h"

namespace quicore::internal {

void CoroutineWaiter::arm(const WaitOptions& options) {
  guard_ = std::make_shared<WaitGuard>(*this, state_of(*queue_));
  guard_->arm(options);
}

void CoroutineWaiter::disarm() noexcept {
  guard_->disarm();
  guard_.reset();
}

Result<> CoroutineWaiter::outcome() const {
  switch (reason_) {
    case Wake::timed_out:
      return failure(Errc::timed_out, "the timeout of this await passed");
    case Wake::cancelled:
      return failure(Errc::cancelled, "the stop token ended this await");
    case Wake::none:
    case Wake::signalled:
      break;
  }
  return {};
}

void WaitGuard::arm(const WaitOptions& options) {
  if (options.timeout) shard_.schedule(*this, shard_.now() + *options.timeout);
  if (options.stop.stop_possible()) on_stop_.emplace(options.stop, OnStop{this});
}

void WaitGuard::disarm() noexcept {
  waiter_ = nullptr;
  on_stop_.reset();  // waits while the callback runs on another thread
  shard_.cancel(*this);
}

void WaitGuard::end(Wake reason) noexcept {
  if (waiter_ != nullptr) waiter_->wake(reason);
}

// On any thread; disarm() cannot return before this has.
void WaitGuard::OnStop::operator()() const noexcept {
  guard->shard_.post([guard = guard->weak_from_this()] {
    if (const auto alive = guard.lock()) alive->end(Wake::cancelled);
  });
}

}  // namespace quicore::internal
