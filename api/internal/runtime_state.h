// SPDX-License-Identifier: Apache-2.0
//
// RuntimeState: the shards, their ports and threads, and what they share: mailboxes, the blocking
// thread, signals, the log.
//
//   create: the ports; then the threads of shards 1..N-1, each of which makes its own state,
//           because the heap in it belongs to its thread
//   run:    turns of shard 0 until main ends or stop()
//   end:    the blocking thread stops, for it works for coroutines; every shard is shut down; when
//           all are, so that nobody posts to anybody, each thread destroys its state
//
// Threading: see api/runtime.h.
#pragma once

#include <atomic>
#include <exception>
#include <latch>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "api/internal/blocking_thread.h"
#include "api/internal/shard_state.h"
#include "api/internal/signal_watch.h"
#include "api/runtime.h"
#include "engine/shard.h"
#include "io/mailbox.h"
#include "io/port.h"

namespace quicore::internal {

// One row of mailboxes: from one shard to every other.
class MailboxForwarder final : public engine::Forwarder {
 public:
  void add(std::shared_ptr<io::Waker> consumer) {
    boxes_.push_back(consumer ? std::make_unique<io::DatagramMailbox>(std::move(consumer))
                              : nullptr);
  }
  io::DatagramMailbox* to(std::uint32_t shard) noexcept { return boxes_[shard].get(); }
  bool forward(std::uint32_t shard, const io::ReceivedTrain& train,
               std::span<const std::byte> datagram) override;

 private:
  std::vector<std::unique_ptr<io::DatagramMailbox>> boxes_;  // by receiver; none for itself
};

class RuntimeState {
 public:
  static Result<std::unique_ptr<RuntimeState>> create(RuntimeConfig config);
  ~RuntimeState();

  std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(shards_.size()); }
  ShardState& shard(std::uint32_t index) noexcept { return *shards_[index]->state; }
  const char* port_name() const noexcept { return shards_.front()->port->name(); }
  int run(Task<int> main);
  void stop() noexcept;
  void log(LogLevel level, std::string_view line) const;

 private:
  struct OneShard {
    std::unique_ptr<io::Port> port;
    MailboxForwarder forwarder;
    std::unique_ptr<ShardState> state;  // dies before its port
    std::thread thread;                 // none for shard 0
  };

  explicit RuntimeState(RuntimeConfig config) : config_(std::move(config)) {}
  Result<> open_ports(std::uint32_t count);
  void make_state(std::uint32_t index);
  void connect_mailboxes();
  void start_threads();
  void pin(std::uint32_t index) noexcept;
  void wake_all() noexcept;
  void run_shard(std::uint32_t index);
  void end() noexcept;
  Task<> run_main(Task<int> main);

  RuntimeConfig config_;
  std::vector<std::uint32_t> cpus_;
  BlockingThread blocking_;
  SignalWatch signals_;
  std::vector<std::unique_ptr<OneShard>> shards_;
  std::optional<std::latch> states_made_;
  std::latch connected_{1};
  std::optional<std::latch> shut_down_;
  std::atomic<bool> stopping_{false};  // run() is to end
  std::atomic<bool> ending_{false};    // the other shards are
  bool ended_ = false;
  bool main_ended_ = false;
  int answer_ = 0;
  std::exception_ptr exception_;
};

}  // namespace quicore::internal
