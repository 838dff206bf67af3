// SPDX-License-Identifier: Apache-2.0
//
// Receiving by recvmmsg into slots of 64 KiB, used from the first on in every turn, so that a quiet
// shard stays in the cache.
//
// Threading: the port's. Nothing is allocated after construction.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "io/kernel_calls.h"
#include "io/limits.h"
#include "io/memory_region.h"
#include "io/port.h"
#include "io/udp_socket.h"

namespace quicore::io {

class MmsgReceiver {
 public:
  MmsgReceiver(KernelCalls& kernel, std::uint32_t slots, std::uint32_t payload_size);
  ~MmsgReceiver();

  // Ends the trains of the last turn.
  void recycle() noexcept;
  // Takes what waits in the socket, as far as slots are free.
  void receive(const UdpSocket& socket, SocketId id, PortStats& stats) noexcept;

  std::span<ReceivedTrain> trains() noexcept { return trains_; }

 private:
  struct Slot;
  void prepare(std::size_t slot) noexcept;
  void take(const mmsghdr& message, const UdpSocket& socket, SocketId id,
            PortStats& stats) noexcept;

  KernelCalls& kernel_;
  MemoryRegion memory_;
  std::unique_ptr<Slot[]> slots_;
  std::vector<mmsghdr> messages_;  // one per slot
  std::size_t used_ = 0;
  std::vector<ReceivedTrain> trains_;
};

}  // namespace quicore::io
