// SPDX-License-Identifier: Apache-2.0
//
// Between Address and ngtcp2_path. A path's user data names the socket its packets leave from, so
// that a connection that migrates between sockets of its endpoint needs no table.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <cstdint>

#include "io/address.h"
#include "io/datagram.h"

namespace quicore::engine {

// Points into both addresses: they must outlive the path.
inline ngtcp2_path make_path(const Address& local, const Address& remote,
                             io::SocketId socket) noexcept {
  const auto as_addr = [](const Address& address) {
    return ngtcp2_addr{
        const_cast<ngtcp2_sockaddr*>(static_cast<const ngtcp2_sockaddr*>(address.data())),
        static_cast<ngtcp2_socklen>(address.size())};
  };
  // A number where the library keeps a pointer; plus one, because nullptr stands for "not set".
  // NOLINTBEGIN(performance-no-int-to-ptr)
  return {as_addr(local), as_addr(remote),
          reinterpret_cast<void*>(static_cast<std::uintptr_t>(socket) + 1)};
  // NOLINTEND(performance-no-int-to-ptr)
}

inline io::SocketId socket_of(const ngtcp2_path& path, io::SocketId otherwise) noexcept {
  const auto value = reinterpret_cast<std::uintptr_t>(path.user_data);
  return value == 0 ? otherwise : static_cast<io::SocketId>(value - 1);
}

}  // namespace quicore::engine
