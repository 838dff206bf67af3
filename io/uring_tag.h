// SPDX-License-Identifier: Apache-2.0
//
// What a completion belongs to: the user_data of every submission of a UringPort.
#pragma once

#include <cstdint>

namespace quicore::io {

enum class UringOperation : std::uint32_t {
  ignore,   // cancellations
  receive,  // index: socket
  send,     // index: send slot
  woken,    // a message from another ring
  event,    // the eventfd was read
  wake,     // a message to another ring failed; index: which of this turn's
};

struct UringTag {
  UringOperation operation;
  std::uint32_t index = 0;

  static UringTag from(std::uint64_t user_data) noexcept {
    return {static_cast<UringOperation>(user_data >> 32), static_cast<std::uint32_t>(user_data)};
  }
  std::uint64_t user_data() const noexcept {
    return static_cast<std::uint64_t>(operation) << 32 | index;
  }
};

}  // namespace quicore::io
