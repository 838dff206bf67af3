// SPDX-License-Identifier: Apache-2.0
//
// Receiving by multishot recvmsg: one submission per socket keeps delivering trains into buffers
// that the kernel takes from a shared ring and this class puts back, without a system call.
//
// The kernel fills the buffers of the ring in turn, so it is given only as many as are needed:
// twice what the busiest of the last turns used, and twice as many as soon as they run out
// (ENOBUFS; what did not fit waits in the socket).
//
// A slot of the buffer ring holds, as io_uring_recvmsg_out lays it out: sizes, sender's address,
// control messages, and up to 64 KiB of payload (a whole GRO train).
//
// Threading: the port's. Cost: per train one pass over its control messages; nothing is allocated
// after construction.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "io/limits.h"
#include "io/memory_region.h"
#include "io/port.h"
#include "io/uring_ring.h"

namespace quicore::io {

class UringReceiver {
 public:
  // `slots` buffers of `payload_size` bytes of payload each. Fails when the kernel refuses the ring
  // of buffers.
  static Result<std::unique_ptr<UringReceiver>> open(UringRing& ring, std::uint32_t slots,
                                                     std::uint32_t payload_size);
  ~UringReceiver();
  UringReceiver(const UringReceiver&) = delete;
  UringReceiver& operator=(const UringReceiver&) = delete;

  // Starts the multishot receive of a socket; it goes on until a completion without
  // IORING_CQE_F_MORE.
  void arm(std::uint32_t socket, int fd, std::uint64_t user_data) noexcept;
  // Gives the buffers of the last turn back to the kernel; their trains end here.
  void recycle() noexcept;
  // The kernel ran out of buffers.
  void grow() noexcept;
  // A completion with a buffer: appends a train unless the datagram was cut off or empty.
  void take(const Completion& completion, SocketId socket, std::uint16_t local_port,
            PortStats& stats) noexcept;

  std::span<ReceivedTrain> trains() noexcept { return trains_; }

 private:
  UringReceiver(UringRing& ring, std::uint32_t slots, std::uint32_t payload_size);
  void review() noexcept;

  UringRing& ring_;
  std::uint32_t slots_;
  std::uint32_t ring_entries_;
  std::uint32_t slot_size_;
  MemoryRegion memory_;
  io_uring_buf_ring* buffers_ = nullptr;
  // The layout of a slot, the same for every socket.
  msghdr layout_{};
  std::vector<ReceivedTrain> trains_;
  std::vector<std::uint16_t> idle_;  // buffers the kernel does not have; the last used on top
  std::uint32_t wanted_;             // how many it shall have
  std::uint32_t most_used_ = 0;      // in one turn, since the last review
  std::uint32_t turns_ = 0;
};

}  // namespace quicore::io
