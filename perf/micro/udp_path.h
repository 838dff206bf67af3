// SPDX-License-Identifier: Apache-2.0
//
// Two UDP sockets with the engine's own options and a way between them, to measure what the kernel
// does with a datagram without a port in between:
//
//   loopback   one network namespace; the kernel copies what was sent by reference
//   veth       a pair of virtual Ethernet devices between two network namespaces
//   nowhere    a device that frees what it is given (`dummy`, or `ifb` without a source): what a
//              sender pays on the way to a network card, but for the card. Nobody receives.
//
// The namespaces and devices are made when first asked for, and end with the process; this needs
// root and `ip`. What cannot be had says why in `refused`.
//
// Threading: one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "io/udp_socket.h"

namespace quicore::perf {

enum class Way { loopback, veth, nowhere };
const char* name_of(Way way);

struct UdpPath {
  std::optional<io::UdpSocket> sender;
  std::optional<io::UdpSocket> receiver;  // none on the way to nowhere
  Address from;
  Address to;
  std::string refused;

  static UdpPath open(Way way);

  // Both sockets speak to each other only.
  void connect();

  struct Received {
    std::uint64_t messages = 0;  // trains, as they were joined
    std::uint64_t bytes = 0;
  };
  // Takes everything out of the receiver's socket, without copying it.
  Received drain() const;
  // The kernel's number of the receive queue that the receiver's last datagram came through; 0: of
  // none that could be polled.
  unsigned receive_queue() const;

 private:
  void open_sockets(int sender_namespace, int receiver_namespace);
};

}  // namespace quicore::perf
