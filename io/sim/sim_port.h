// SPDX-License-Identifier: Apache-2.0
//
// io::Port over the simulated network: what a shard gets instead of io_uring.
//
// wait(deadline) never blocks: it submits what was queued, notes the deadline and returns with what
// has arrived by World::now(). The World then runs the turn of the port's owner again when
//   - trains wait for it, or it queued trains that wait for submission,
//   - its Waker was called,
//   - the noted deadline has come,
// and moves the clock only when no port has any of these. So after a turn that found something the
// turn runs once more with nothing to do, as after a wake-up without cause; the deadline counts
// from there.
//
// Lifetime: made by World::add_port, destroyed before the World. One thread, also for the Waker.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "io/port.h"
#include "io/sim/host.h"

namespace quicore::sim {

class World;

struct PortOptions {
  // Send slots; lease() fails when all of them are taken until the next wait().
  std::uint32_t slots = 64;
  // Trains handed out by one wait(); the rest by the next ones.
  std::uint32_t trains_per_wait = 64;
};

class SimPort final : public io::Port {
 public:
  SimPort(World& world, Host& host, const PortOptions& options);
  ~SimPort() override;
  SimPort(const SimPort&) = delete;
  SimPort& operator=(const SimPort&) = delete;

  Result<io::SocketId> open(const io::SocketOptions& options) override;
  void close(io::SocketId socket) override;
  Address local_address(io::SocketId socket) const override;
  Result<> allow_sharing(io::SocketId socket) override;
  // SO_RCVBUF, SO_SNDBUF, IP_TTL, IPV6_UNICAST_HOPS, IPV6_V6ONLY and SO_REUSEPORT, as set.
  Result<int> socket_option(io::SocketId socket, int level, int name) const override;

  void wait(Instant deadline) override;
  Instant now() const noexcept override { return now_; }
  Duration wall_clock_offset() const noexcept override { return host_.wall_clock_offset(); }
  std::span<io::ReceivedTrain> received() noexcept override { return received_; }

  io::SendSlot* lease() noexcept override;
  void send(io::SendSlot* slot) noexcept override;
  void give_back(io::SendSlot* slot) noexcept override;
  void submit() noexcept override;
  bool segmentation(io::SocketId socket) const noexcept override;

  bool is_busy() const noexcept override { return host_.is_busy(); }
  std::shared_ptr<io::Waker> waker() override;
  const io::PortStats& stats() const noexcept override { return stats_; }
  const char* name() const noexcept override { return "sim"; }

  Host& host() noexcept { return host_; }

  // --- for World ---
  // Whether a turn now would find something to do.
  bool ready() const noexcept;
  // The deadline given to the last wait(); kNever before the first.
  Instant deadline() const noexcept { return deadline_; }

 private:
  struct Wake;

  struct Slot : io::SendSlot {
    std::unique_ptr<std::byte[], void (*)(void*)> memory{nullptr, nullptr};
    bool leased = false;
  };

  Socket* find(io::SocketId socket) const noexcept;
  void send_train(const Slot& slot);
  void send_datagram(const Socket& socket, const Slot& slot, std::span<const std::byte> payload);
  const char* refuse_reason(const Socket& socket, const Address& remote) const noexcept;
  void finish_closing();
  void receive_from(Socket& socket, io::SocketId id);

  World& world_;
  Host& host_;
  const PortOptions options_;
  std::vector<std::unique_ptr<Socket>> sockets_;  // by SocketId
  std::vector<io::SocketId> closing_;

  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> free_;
  std::vector<Slot*> queued_;

  std::vector<io::ReceivedTrain> received_;
  std::vector<std::vector<std::byte>> received_bytes_;  // behind received_
  std::size_t next_socket_ = 0;  // where wait() begins to look: no socket starves another

  Instant now_;
  Instant deadline_ = kNever;
  bool found_something_ = false;  // in the last wait: its deadline is older than what it found
  std::shared_ptr<Wake> wake_;
  io::PortStats stats_;
};

}  // namespace quicore::sim
