// SPDX-License-Identifier: Apache-2.0
//
// Once<T>: a completion that an object may have to give: made when somebody asks or when it is set.
#pragma once

#include <utility>

#include "api/completion.h"

namespace quicore::internal {

template <class T>
class Once {
 public:
  bool made() const noexcept { return static_cast<bool>(state_); }
  // Somebody asked, and it is not set yet.
  bool awaited() const noexcept { return made() && !ready(); }
  bool ready() const noexcept { return state_ && state_->ready(); }
  const Result<T>* peek() const noexcept { return ready() ? &state_->result() : nullptr; }

  Completion<T> get(ReadyQueue& queue) {
    make(queue);
    return Completion<T>(state_);
  }
  // The first call counts.
  void set(ReadyQueue& queue, Result<T> result) {
    make(queue);
    state_->set(std::move(result));
  }
  // Sets it, after which the next get() gives a new one.
  Completion<T> set_and_rearm(ReadyQueue& queue, Result<T> result) {
    set(queue, std::move(result));
    return Completion<T>(std::exchange(state_, {}));
  }

 private:
  void make(ReadyQueue& queue) {
    if (!state_) state_ = Ref<CompletionState<T>>(new CompletionState<T>(queue));
  }
  Ref<CompletionState<T>> state_;
};

}  // namespace quicore::internal
