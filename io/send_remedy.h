// SPDX-License-Identifier: Apache-2.0
//
// What to do about a send the kernel refused; the same for both ports.
#pragma once

#include <cerrno>
#include <cstdint>

namespace quicore::io {

enum class SendRemedy : std::uint8_t {
  wait_until_writable,  // the socket buffer is full
  split,                // the device cannot segment: send the datagrams one by one
  try_once_more,        // the answer to an earlier datagram (ICMP) may have come back on this one
  drop,  // EMSGSIZE of a path MTU probe, a firewall, no memory: as if lost on the way
};

inline SendRemedy remedy_for(int error, bool is_train) noexcept {
  switch (error) {
    case EAGAIN:
    case EINTR:
      return SendRemedy::wait_until_writable;
    case EIO:     // no checksum offload on the way out
    case EINVAL:  // or the segments are larger than the device's MTU
      return is_train ? SendRemedy::split : SendRemedy::drop;
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
      return SendRemedy::try_once_more;
    default:
      return SendRemedy::drop;
  }
}

}  // namespace quicore::io
