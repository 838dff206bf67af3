// SPDX-License-Identifier: Apache-2.0
//
// Chooses the port of this machine: io_uring, or epoll where io_uring is refused (containers'
// seccomp profiles, kernel.io_uring_disabled, kernels before 6.0).
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "io/kernel_calls.h"
#include "io/log.h"
#include "io/port.h"

namespace quicore::io {

enum class PortChoice : std::uint8_t {
  automatic,  // io_uring; epoll when it is refused, with one line to `log` that says why
  uring,      // io_uring or an error
  mmsg,       // epoll, recvmmsg and sendmmsg
};

// "automatic", "io_uring", "mmsg"; nullopt for anything else.
std::optional<PortChoice> parse_port_choice(std::string_view text) noexcept;

struct PortOptions {
  PortChoice choice = PortChoice::automatic;
  Duration busy_poll = Duration::zero();  // see io/busy_poll.h
  LogSink log{};
};

// On any thread; the port belongs to the thread of its first wait().
Result<std::unique_ptr<Port>> open_port(PortOptions options = {},
                                        KernelCalls& kernel = KernelCalls::system());

}  // namespace quicore::io
