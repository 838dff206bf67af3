// SPDX-License-Identifier: Apache-2.0
//
// Who has to wake a port, and when: one word shared by the port and its wakers, and an eventfd for
// threads that have no ring to send a message from.
//
//   port:   if (state.begin_sleep()) block();      waker:  publish(work);
//           state.end_sleep();                             if (state.notify()) kick();
//           take_work();
//
// No wake-up is lost: work published before notify() is seen by the take_work() after the
// end_sleep() that clears the notification. While the port is awake notify() is one exchange and no
// system call.
//
// Threading: begin_sleep and end_sleep on the port's thread, the rest on any.
#pragma once

#include <atomic>
#include <cstdint>

namespace quicore::io {

class WakeState {
 public:
  WakeState();  // throws std::system_error when no eventfd can be had
  ~WakeState();
  WakeState(const WakeState&) = delete;
  WakeState& operator=(const WakeState&) = delete;

  // False: somebody notified since the last end_sleep(); do not block.
  bool begin_sleep() noexcept {
    auto expected = State::awake;
    return state_.compare_exchange_strong(expected, State::asleep, std::memory_order_seq_cst);
  }
  void end_sleep() noexcept { state_.exchange(State::awake, std::memory_order_seq_cst); }
  // For a port that polls instead of blocking.
  bool notified() const noexcept {
    return state_.load(std::memory_order_acquire) == State::notified;
  }

  // True: the port is asleep and the caller, alone, has to kick it.
  bool notify() noexcept {
    return state_.exchange(State::notified, std::memory_order_seq_cst) == State::asleep;
  }
  void write_event() noexcept;  // kicks by the eventfd
  void read_event() noexcept;   // takes the kicks back
  int event_fd() const noexcept { return event_fd_; }

 private:
  enum class State : std::uint32_t { awake, asleep, notified };

  int event_fd_;
  std::atomic<State> state_{State::awake};
};

}  // namespace quicore::io
