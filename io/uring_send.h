// SPDX-License-Identifier: Apache-2.0
//
// Sending by io_uring: trains are queued as sendmsg submissions with UDP_SEGMENT and handed to the
// kernel by the next enter.
//
// Every first attempt carries MSG_DONTWAIT, so that it completes while it is submitted: a turn's
// sends never end a later wait early, because the port can wait for them and one more event. What
// the kernel answers is treated so:
//
//   EAGAIN            submitted again without MSG_DONTWAIT: goes out when the socket can be written
//   EIO, EINVAL       of a train: the device cannot segment. Its datagrams are sent one by one, and
//                     so is everything to that host from then on
//   short             the rest is submitted again, from the last whole datagram on
//   ECONNREFUSED etc. an ICMP message about an earlier datagram, or the datagram's own refusal:
//                     tried once more
//   EMSGSIZE, others  dropped and counted; loss recovery and path MTU discovery deal with it
//
// Threading: the port's. Cost: one submission and one completion per train.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "io/kernel_calls.h"
#include "io/port.h"
#include "io/send_slots.h"
#include "io/udp_socket.h"
#include "io/uring_ring.h"

namespace quicore::io {

// A socket of a UringPort.
struct UringSocket {
  explicit UringSocket(UdpSocket opened) noexcept : socket(std::move(opened)) {}

  UdpSocket socket;
  std::uint32_t index = 0;
  std::uint32_t sends_in_flight = 0;
  bool receiving = false;  // the multishot receive is armed
  bool closing = false;
};

class UringSender {
 public:
  UringSender(UringRing& ring, KernelCalls& kernel, std::uint32_t slots, PortStats& stats);

  SendSlot* lease() noexcept;
  void give_back(SendSlot* slot) noexcept { slots_.give_back(slot->index); }
  void queue(SendSlot* slot, UringSocket& socket) noexcept;
  // Before the enter of a turn: what must go out without segmentation.
  void flush() noexcept;
  // The answer to the submission of a slot.
  void complete(std::uint32_t slot, std::int32_t result) noexcept;

  // Submissions that complete during the enter that hands them over.
  std::uint32_t immediate() const noexcept { return immediate_; }
  std::uint32_t in_use() const noexcept { return slots_.in_use(); }
  // Whether lease() refused since the last call: a slot that becomes free is then worth waking for.
  bool take_refused() noexcept { return std::exchange(lease_refused_, false); }

 private:
  enum class Mode : std::uint8_t {
    immediate,  // MSG_DONTWAIT
    patient,    // goes out when the socket can be written
  };
  struct Pending {
    UringSocket* socket = nullptr;
    std::uint32_t offset = 0;  // the bytes before it are dealt with
    std::uint32_t length = 0;  // of the submission under way
    Mode mode = Mode::immediate;
    bool retried = false;
    bool split = false;  // datagram by datagram
  };

  void submit(std::uint32_t slot, Mode mode) noexcept;
  void sent(std::uint32_t slot, std::uint32_t size) noexcept;
  void failed(std::uint32_t slot, int error) noexcept;
  void drop(std::uint32_t slot) noexcept;
  void fall_back(std::uint32_t slot) noexcept;
  void split(std::uint32_t slot) noexcept;
  void finish(std::uint32_t slot) noexcept;

  UringRing& ring_;
  KernelCalls& kernel_;
  PortStats& stats_;
  SendSlots slots_;
  std::vector<Pending> pending_;
  std::vector<std::uint32_t> to_split_;
  std::uint32_t immediate_ = 0;
  bool lease_refused_ = false;
};

}  // namespace quicore::io
