// SPDX-License-Identifier: Apache-2.0
#include "io/port_factory.h"

#include "io/mmsg_port.h"
#include "io/uring_port.h"

namespace quicore::io {

namespace {

template <class Made>
Result<std::unique_ptr<Port>> as_port(Made made) {
  if (!made) return std::unexpected(std::move(made.error()));
  return std::unique_ptr<Port>(std::move(*made));
}

}  // namespace

std::optional<PortChoice> parse_port_choice(std::string_view text) noexcept {
  if (text == "automatic") return PortChoice::automatic;
  if (text == "io_uring") return PortChoice::uring;
  if (text == "mmsg") return PortChoice::mmsg;
  return std::nullopt;
}

Result<std::unique_ptr<Port>> open_port(PortOptions options, KernelCalls& kernel) {
  if (options.choice != PortChoice::mmsg) {
    UringPortConfig config;
    config.busy_poll = options.busy_poll;
    config.log = options.log;
    auto made = UringPort::make(std::move(config), kernel);
    if (made || options.choice == PortChoice::uring) return as_port(std::move(made));
    if (options.log) {
      options.log("io_uring is refused, using epoll, which is slower: " + made.error().reason);
    }
  }
  MmsgPortConfig config;
  config.busy_poll = options.busy_poll;
  config.log = std::move(options.log);
  return as_port(MmsgPort::make(std::move(config), kernel));
}

}  // namespace quicore::io
