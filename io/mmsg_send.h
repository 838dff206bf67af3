// SPDX-License-Identifier: Apache-2.0
//
// Sending by sendmmsg: consecutive trains of one socket go out in one call. What the kernel refuses
// is treated as io/uring_send.h says; trains of a socket whose buffer is full wait until epoll
// reports it writable, and the trains of other sockets pass them.
//
// Threading: the port's. Nothing is allocated after construction.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "io/kernel_calls.h"
#include "io/port.h"
#include "io/send_slots.h"
#include "io/udp_socket.h"

namespace quicore::io {

// A socket of an MmsgPort.
struct MmsgSocket {
  explicit MmsgSocket(UdpSocket opened) noexcept : socket(std::move(opened)) {}

  UdpSocket socket;
  std::uint32_t index = 0;
  std::uint32_t queued = 0;        // trains
  bool blocked = false;            // its buffer is full
  bool watched_for_write = false;  // epoll will tell when it is not
  bool closing = false;
};

class MmsgSender {
 public:
  MmsgSender(KernelCalls& kernel, std::uint32_t slots, PortStats& stats);

  SendSlot* lease() noexcept;
  void give_back(SendSlot* slot) noexcept { slots_.give_back(slot->index); }
  void queue(SendSlot* slot, MmsgSocket& socket) noexcept;
  // Hands everything to the kernel that it takes now.
  void flush() noexcept;
  // Whether the port should come back at once: a refused lease() would succeed now, or a train is
  // to be tried again that waits for nothing.
  bool take_impatience() noexcept;

 private:
  struct Pending {
    MmsgSocket* socket = nullptr;
    std::uint32_t offset = 0;  // the bytes before it are dealt with
    bool split = false;
    bool retried = false;
  };

  // Both deal with the queue from `at` on and say where to go on.
  std::size_t send_from(std::size_t at) noexcept;
  std::size_t send_batch(std::size_t at) noexcept;
  std::size_t gather(std::size_t at) noexcept;
  bool goes_whole(std::uint32_t slot) const noexcept;
  std::uint32_t datagrams_left(std::uint32_t slot) const noexcept;
  void failed(std::uint32_t slot, int error) noexcept;
  bool sent(std::uint32_t slot, std::uint32_t size) noexcept;
  void split(std::uint32_t slot) noexcept;
  void hold_back(std::uint32_t slot) noexcept;
  void drop(std::uint32_t slot) noexcept;
  void finish(std::uint32_t slot) noexcept;

  KernelCalls& kernel_;
  PortStats& stats_;
  SendSlots slots_;
  std::vector<Pending> pending_;
  std::vector<std::uint32_t> queue_;      // slots in the order they shall go out
  std::vector<std::uint32_t> held_back_;  // those that stay for the next flush
  std::vector<mmsghdr> messages_;
  bool lease_refused_ = false;
  bool try_again_ = false;
};

}  // namespace quicore::io
