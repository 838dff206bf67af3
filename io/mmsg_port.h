// SPDX-License-Identifier: Apache-2.0
//
// The Port for machines that refuse io_uring: epoll, recvmmsg and sendmmsg, with the same GRO, GSO,
// ECN and addresses. A turn costs one epoll_pwait2, one sendmmsg per socket sent on and one
// recvmmsg per readable socket.
//
// Threading: made on any thread, used on one.
// Lifetime: what is queued when it is destroyed is still offered to the kernel once.
// Failures of single sends and receives are counted in stats(); see io/mmsg_send.h.
#pragma once

#include <memory>
#include <vector>

#include "io/busy_poll.h"
#include "io/kernel_calls.h"
#include "io/load_meter.h"
#include "io/log.h"
#include "io/mmsg_receive.h"
#include "io/mmsg_send.h"
#include "io/port.h"
#include "io/wake_state.h"

namespace quicore::io {

struct MmsgPortConfig {
  std::uint32_t receive_slots = kReceiveSlots;
  std::uint32_t receive_payload = kReceivePayloadSize;
  std::uint32_t send_slots = kSendSlots;
  Duration busy_poll = Duration::zero();  // see io/busy_poll.h
  LogSink log;
};

class MmsgPort final : public Port {
 public:
  static Result<std::unique_ptr<MmsgPort>> make(MmsgPortConfig config = {},
                                                KernelCalls& kernel = KernelCalls::system());
  ~MmsgPort() override;

  Result<SocketId> open(const SocketOptions& options) override;
  void close(SocketId socket) override;
  Address local_address(SocketId socket) const override;
  Result<> allow_sharing(SocketId socket) override;
  Result<int> socket_option(SocketId socket, int level, int name) const override;

  void wait(Instant deadline) override;
  Instant now() const noexcept override { return now_; }
  Duration wall_clock_offset() const noexcept override { return io::wall_clock_offset(); }
  std::span<ReceivedTrain> received() noexcept override { return receiver_.trains(); }

  SendSlot* lease() noexcept override { return sender_.lease(); }
  void send(SendSlot* slot) noexcept override { sender_.queue(slot, socket(slot->socket)); }
  void submit() noexcept override { sender_.flush(); }
  void give_back(SendSlot* slot) noexcept override { sender_.give_back(slot); }

  bool segmentation(SocketId socket) const noexcept override;
  bool is_busy() const noexcept override { return load_.is_busy(); }
  std::shared_ptr<Waker> waker() override;
  const PortStats& stats() const noexcept override { return stats_; }
  const char* name() const noexcept override { return "mmsg"; }

 private:
  MmsgPort(MmsgPortConfig config, KernelCalls& kernel, int epoll);
  MmsgSocket& socket(SocketId id) const noexcept;
  void watch(MmsgSocket& socket, int operation) noexcept;
  void watch_blocked() noexcept;
  void sleep(Instant deadline) noexcept;
  int wait_for_events(std::span<epoll_event> events, Instant deadline, bool may_wait) noexcept;
  bool poll(std::span<epoll_event> events, Instant begin, Instant deadline, int& count) noexcept;
  void handle(std::uint32_t events, std::uint64_t data) noexcept;
  void finish_closing() noexcept;

  KernelCalls& kernel_;
  LogSink log_;
  bool started_ = false;  // on the thread it belongs to
  PortStats stats_;
  Instant now_;
  int epoll_;
  std::shared_ptr<WakeState> wake_;
  std::vector<std::unique_ptr<MmsgSocket>> sockets_;  // by SocketId; empty where closed
  std::uint32_t closing_ = 0;
  MmsgSender sender_;
  MmsgReceiver receiver_;
  BusyPoll busy_poll_;
  LoadMeter load_;
};

}  // namespace quicore::io
