// SPDX-License-Identifier: Apache-2.0
//
// Waking a shard that sleeps in io_uring_enter. A thread with a ring of its own sends a message to
// the other ring (IORING_OP_MSG_RING), which goes out with its next enter and costs no system call
// of its own; any other thread writes the eventfd that the sleeping ring reads.
//
// Threading: wake() from any thread.
#pragma once

#include <atomic>
#include <memory>

#include "io/port.h"
#include "io/wake_state.h"

namespace quicore::io {

struct UringWakeTarget {
  WakeState state;
  std::atomic<int> ring_fd{-1};  // -1: the port is gone, or was never used
};

// A ring of the calling thread that can carry messages to other rings.
class UringMessenger {
 public:
  virtual ~UringMessenger() = default;
  // False when it cannot take one more now.
  virtual bool send_wake(const std::shared_ptr<UringWakeTarget>& target) noexcept = 0;

  static UringMessenger* of_this_thread() noexcept;
  static void set_for_this_thread(UringMessenger* messenger) noexcept;
};

class UringWaker final : public Waker {
 public:
  explicit UringWaker(std::shared_ptr<UringWakeTarget> target) noexcept
      : target_(std::move(target)) {}
  void wake() noexcept override;

 private:
  std::shared_ptr<UringWakeTarget> target_;
};

}  // namespace quicore::io
