// SPDX-License-Identifier: Apache-2.0
//
// A bound UDP socket with everything QUIC wants of it: don't-fragment (RFC 9000 14), destination
// addresses, ECN marks in both directions (RFC 9000 13.4), GRO and GSO where the kernel has them,
// and a steering filter when it is one of several shards' sockets on one address.
//
// Threading: one port's. Errors are sentences for the person who chose the address: port in use, no
// privilege, no such address, no IPv6, too many open files.
#pragma once

#include <cstdint>
#include <vector>

#include "io/kernel_calls.h"
#include "io/log.h"
#include "io/port.h"

namespace quicore::io {

class UdpSocket {
 public:
  static Result<UdpSocket> open(const SocketOptions& options, KernelCalls& kernel,
                                const LogSink& log = {});

  UdpSocket(UdpSocket&& other) noexcept;
  UdpSocket& operator=(UdpSocket&& other) noexcept;
  ~UdpSocket();

  int fd() const noexcept { return fd_; }
  const Address& local_address() const noexcept { return local_; }
  Result<int> option(int level, int name) const;
  // SO_REUSEPORT of a socket that is bound already: others may join it from now on.
  Result<> allow_sharing();
  // Whether the kernel accepted the steering filter. False also when none was asked for.
  bool steered() const noexcept { return steered_; }

  // Whether trains may be handed to the kernel whole: to anybody, and towards one host.
  bool segmentation() const noexcept { return segmentation_; }
  bool segmentation_to(const Address& remote) const noexcept {
    return segmentation_ && (unsegmented_hosts_.empty() || !is_unsegmented(remote));
  }
  // The device on the way to `remote` failed to segment (EIO, EINVAL). After kMaxUnsegmentedHosts
  // hosts the socket stops trying.
  void refuse_segmentation_to(const Address& remote);

 private:
  explicit UdpSocket(int fd) noexcept : fd_(fd) {}
  Result<> configure(const SocketOptions& options, KernelCalls& kernel);
  Result<> bind(const SocketOptions& options, KernelCalls& kernel);
  bool is_unsegmented(const Address& remote) const noexcept;

  int fd_ = -1;
  bool segmentation_ = false;
  bool steered_ = false;
  Address local_;
  std::vector<Address> unsegmented_hosts_;
};

// The answer of a port that has kMaxSockets sockets open.
std::unexpected<Error> too_many_sockets();

}  // namespace quicore::io
