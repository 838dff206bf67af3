// SPDX-License-Identifier: Apache-2.0
//
// Two ports joined back to back: what one sends is received by the other where it was written, at
// its next wait. No kernel, no copy, no loss, and no time but what the owner of the clock says: what
// is measured above them is the engine alone.
//
//   Instant now;
//   MemoryPort server(server_address, now, 8), client(client_address, now, 64);
//   MemoryPort::join(server, client);
//   shard.turn(); port.finish_turn();   // of each, in turns
//
// Threading: both on one thread. Lifetime: of both the same, and within that of the clock.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "io/port.h"
#include "io/send_slots.h"

namespace quicore::perf {

class MemoryPort final : public io::Port {
 public:
  // It has one socket, of this address, and sends at most `slots` trains a turn.
  MemoryPort(const Address& local, const Instant& clock, std::uint32_t slots);

  static void join(MemoryPort& one, MemoryPort& other) noexcept;
  // Gives the slots of the trains received back to the other port; without it they would be busy
  // until the next wait.
  void finish_turn() noexcept;

  Result<io::SocketId> open(const io::SocketOptions&) override { return io::SocketId{}; }
  void close(io::SocketId) override {}
  Address local_address(io::SocketId) const override { return local_; }
  Result<> allow_sharing(io::SocketId) override { return {}; }
  Result<int> socket_option(io::SocketId, int, int) const override { return 0; }

  void wait(Instant deadline) override;  // never blocks
  Instant now() const noexcept override { return now_; }
  Duration wall_clock_offset() const noexcept override { return Duration::zero(); }
  std::span<io::ReceivedTrain> received() noexcept override { return received_; }

  io::SendSlot* lease() noexcept override { return slots_.lease(); }
  void send(io::SendSlot* slot) noexcept override;
  void give_back(io::SendSlot* slot) noexcept override { slots_.give_back(slot->index); }
  void submit() noexcept override {}
  bool segmentation(io::SocketId) const noexcept override { return true; }

  bool is_busy() const noexcept override { return false; }
  std::shared_ptr<io::Waker> waker() override { return nullptr; }
  const io::PortStats& stats() const noexcept override { return stats_; }
  const char* name() const noexcept override { return "memory"; }

 private:
  Address local_;
  const Instant& clock_;
  Instant now_;
  io::SendSlots slots_;
  MemoryPort* other_ = nullptr;
  std::vector<io::SendSlot*> sent_;        // not received yet
  std::vector<std::uint32_t> being_read_;  // slots of the other, behind received_
  std::vector<io::ReceivedTrain> received_;
  io::PortStats stats_;
};

}  // namespace quicore::perf
