// SPDX-License-Identifier: Apache-2.0
//
// The Port of the product: one io_uring per shard.
//
// One turn is one io_uring_enter, which hands over the sends of the last turn, runs the kernel's
// deferred work and sleeps until traffic, a wake-up or the deadline. Receiving and recycling
// buffers cost no system call. A turn that shall not wait and has nothing queued costs none at all.
//
// Threading: made on any thread; wait(), open() after the first wait(), send() and the destructor
// belong to one thread. Destroyed elsewhere, what is queued is lost, and its addresses are free
// only a moment after its thread has ended.
// Lifetime: what is queued when it is destroyed is still sent. A shard that stops waiting should
// end with a wait() whose deadline has passed: it sends what the last turn queued, wake-ups of
// other shards included. Memory: about 8.4 MiB of receive slots and 4.2 MiB of send slots, as far
// as they are touched. Failures of single sends and receives are counted in stats(); see
// io/uring_send.h.
#pragma once

#include <memory>
#include <vector>

#include "io/busy_poll.h"
#include "io/kernel_calls.h"
#include "io/load_meter.h"
#include "io/log.h"
#include "io/port.h"
#include "io/uring_receive.h"
#include "io/uring_ring.h"
#include "io/uring_send.h"
#include "io/uring_wake.h"

namespace quicore::io {

struct UringPortConfig {
  std::uint32_t receive_slots = kReceiveSlots;
  std::uint32_t receive_payload = kReceivePayloadSize;
  std::uint32_t send_slots = kSendSlots;
  UringRingConfig ring;
  Duration busy_poll = Duration::zero();  // see io/busy_poll.h
  LogSink log;
};

class UringPort final : public Port, private UringMessenger {
 public:
  // Errors: system, with the kernel's number and what to do, when io_uring is refused.
  static Result<std::unique_ptr<UringPort>> make(UringPortConfig config = {},
                                                 KernelCalls& kernel = KernelCalls::system());
  ~UringPort() override;

  Result<SocketId> open(const SocketOptions& options) override;
  void close(SocketId socket) override;
  Address local_address(SocketId socket) const override;
  Result<> allow_sharing(SocketId socket) override;
  Result<int> socket_option(SocketId socket, int level, int name) const override;

  void wait(Instant deadline) override;
  Instant now() const noexcept override { return now_; }
  Duration wall_clock_offset() const noexcept override { return io::wall_clock_offset(); }
  std::span<ReceivedTrain> received() noexcept override { return receiver_->trains(); }

  SendSlot* lease() noexcept override { return sender_.lease(); }
  void send(SendSlot* slot) noexcept override;
  void submit() noexcept override;
  void give_back(SendSlot* slot) noexcept override { sender_.give_back(slot); }

  bool segmentation(SocketId socket) const noexcept override;
  bool is_busy() const noexcept override { return load_.is_busy(); }
  std::shared_ptr<Waker> waker() override;
  const PortStats& stats() const noexcept override;
  const char* name() const noexcept override { return "io_uring"; }

 private:
  UringPort(UringPortConfig config, KernelCalls& kernel, std::unique_ptr<UringRing> ring,
            std::unique_ptr<UringReceiver> receiver);
  void start() noexcept;
  void arm_receives() noexcept;
  void arm_event() noexcept;
  void enter(bool may_sleep, Instant begin, Instant deadline) noexcept;
  bool poll(Instant begin, Instant deadline) noexcept;
  void complete_all() noexcept;
  void complete(const Completion& completion) noexcept;
  void complete_receive(std::uint32_t index, const Completion& completion) noexcept;
  bool send_wake(const std::shared_ptr<UringWakeTarget>& target) noexcept override;
  void finish_closing() noexcept;
  void drain_before_destruction() noexcept;
  UringSocket& socket(SocketId id) const noexcept;

  KernelCalls& kernel_;
  LogSink log_;
  std::vector<Completion> put_off_;  // by submit(), to the next wait()
  mutable PortStats stats_;
  Instant now_;
  std::unique_ptr<UringRing> ring_;
  std::unique_ptr<UringReceiver> receiver_;
  UringSender sender_;
  BusyPoll busy_poll_;
  LoadMeter load_;
  std::vector<std::unique_ptr<UringSocket>> sockets_;  // by SocketId; empty where closed
  std::vector<std::uint32_t> to_arm_;                  // sockets whose receive is not running
  std::uint32_t closing_ = 0;
  std::shared_ptr<UringWakeTarget> wake_target_;
  std::vector<std::shared_ptr<UringWakeTarget>> woken_targets_;  // of this turn
  std::uint64_t event_value_ = 0;
  bool event_armed_ = false;
  bool started_ = false;
};

}  // namespace quicore::io
