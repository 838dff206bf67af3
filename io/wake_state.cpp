// SPDX-License-Identifier: Apache-2.0
#include "io/wake_state.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace quicore::io {

WakeState::WakeState() : event_fd_(eventfd(0, EFD_CLOEXEC)) {
  if (event_fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

WakeState::~WakeState() { close(event_fd_); }

void WakeState::write_event() noexcept {
  const std::uint64_t one = 1;
  // It can fail only when 2^64-2 kicks are pending, and then the port is awake anyway.
  [[maybe_unused]] const ssize_t written = write(event_fd_, &one, sizeof(one));
}

void WakeState::read_event() noexcept {
  std::uint64_t kicks = 0;
  [[maybe_unused]] const ssize_t got = read(event_fd_, &kicks, sizeof(kicks));
}

}  // namespace quicore::io
