// SPDX-License-Identifier: Apache-2.0
//
// What an endpoint's configuration means for its socket.
#pragma once

#include "engine/config.h"
#include "io/port.h"

namespace quicore::internal {

inline io::SocketOptions socket_options(const EndpointConfig& config) {
  io::SocketOptions socket;
  socket.bind_address = config.address;
  socket.steering = config.udp.steering;
  socket.ipv6_only = config.udp.ipv6_only;
  socket.receive_buffer = config.udp.receive_buffer_size;
  socket.send_buffer = config.udp.send_buffer_size;
  socket.ttl = config.udp.ttl;
  socket.gso = config.udp.gso;
  socket.gro = config.udp.gro;
  socket.ecn = config.udp.ecn;
  return socket;
}

}  // namespace quicore::internal
