// SPDX-License-Identifier: Apache-2.0
//
// ShardState: what stands behind a Shard: the engine's shard, what is runnable on it, its timers,
// its inbox and the tasks it owns.
//
// It takes any io::Port and io::Random, so that tests run the public API in a simulated world:
//
//   ShardState state({}, *sim_port, io::Random::seeded(seed));
//   world.drive(*sim_port, [&](Instant) { state.turn(); });
//   auto endpoint = Endpoint::create(state.shard(), config);
//
// Threading: one thread makes the turns; post() is for any. Lifetime: outlives every handle made on
// it and dies before its port.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "api/completion.h"
#include "api/internal/file_blocks.h"
#include "api/internal/spawned_tasks.h"
#include "api/shard.h"
#include "api/wait.h"
#include "engine/application.h"
#include "engine/deadline_queue.h"
#include "engine/shard.h"
#include "engine/shard_heap.h"
#include "io/mailbox.h"
#include "io/port.h"
#include "io/random.h"

namespace quicore::internal {

class BlockingThread;
class EndpointState;
class SessionState;
class SignalWatch;
class StreamState;
struct SessionTag {};
struct StreamTag {};

// Where sentences for an operator go; level as LogLevel.
using Log = std::function<void(int level, std::string_view line)>;

struct ShardSurroundings {
  Log log;                             // unset: dropped
  BlockingThread* blocking = nullptr;  // unset: what blocks runs on the shard itself
  SignalWatch* signals = nullptr;      // unset: signals never come
};

class ShardState final : public engine::Application, public ReadyQueue {
 public:
  ShardState(engine::ShardSettings settings, io::Port& port, io::Random random,
             ShardSurroundings surroundings = {});
  ~ShardState() override;

  // One turn, wait included; user code runs inside.
  void turn(Instant limit = kNever);
  // The turn without its wait, for those who drive the port themselves.
  void turn_after_wait();
  // Ends everything: tasks are destroyed, sessions closed with CONNECTION_CLOSE, which this sends.
  void shut_down();

  Shard& shard() noexcept { return shard_; }
  engine::Shard& engine() noexcept { return engine_; }
  FileBlocks& file_blocks() noexcept { return file_blocks_; }
  BlockingThread* blocking() noexcept { return surroundings_.blocking; }
  SignalWatch* signals() noexcept { return surroundings_.signals; }
  Instant now() const noexcept { return engine_.now(); }

  void post(io::Inbox::Function function);  // any thread
  void spawn(Task<> task, Ref<Counted> keep);
  void schedule(engine::DeadlineEntry& entry, Instant deadline) {
    timers_.schedule(entry, deadline);
  }
  void cancel(engine::DeadlineEntry& entry) noexcept { timers_.cancel(entry); }
  void log(int level, std::string_view line) const;
  void report_exception(const char* where, const std::exception_ptr& exception) const noexcept;

  // Datagrams that the kernel gave to another shard come through `mailbox`.
  void receive_from(io::DatagramMailbox& mailbox) { mailboxes_.push_back(&mailbox); }

  void add_endpoint(EndpointState& endpoint) { endpoints_.push_back(&endpoint); }
  void remove_endpoint(EndpointState& endpoint) noexcept { std::erase(endpoints_, &endpoint); }
  // Those that still hold a pointer into the engine; they leave the lists when they drop it.
  void add_session(SessionState& session) noexcept;
  void add_stream(StreamState& stream) noexcept;

  // The shard this thread works for; nullptr on others. A Scope makes it so.
  static ShardState* current() noexcept;
  class Scope {
   public:
    explicit Scope(ShardState& state) noexcept;
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    ShardState* previous_;
    engine::ShardHeap::Scope heap_;
  };

  // engine::Application
  bool run_ready(Instant now) override;
  Instant next_deadline() const noexcept override;

 private:
  bool receive_forwarded();
  bool run_waiters();

  ShardSurroundings surroundings_;
  engine::ShardHeap heap_;
  io::Random random_;
  FileBlocks file_blocks_;  // what the engine sends may lie in it
  engine::Shard engine_;
  io::Inbox inbox_;
  engine::DeadlineQueue timers_;  // of WaitGuards
  SpawnedTasks tasks_;
  std::vector<io::DatagramMailbox*> mailboxes_;
  std::vector<EndpointState*> endpoints_;
  engine::IntrusiveList<SessionState, SessionTag> sessions_;
  engine::IntrusiveList<StreamState, StreamTag> streams_;
  Shard shard_;
};

inline ShardState& state_of(ReadyQueue& queue) noexcept { return static_cast<ShardState&>(queue); }

// Ends a wait early: by a timer of the shard, or by a stop token of any thread.
class WaitGuard final : public engine::DeadlineEntry,
                        public std::enable_shared_from_this<WaitGuard> {
 public:
  WaitGuard(CoroutineWaiter& waiter, ShardState& shard) noexcept
      : waiter_(&waiter), shard_(shard) {}
  ~WaitGuard() { QUICORE_DCHECK_THAT(waiter_ == nullptr); }

  void arm(const WaitOptions& options);
  void disarm() noexcept;
  void end(Wake reason) noexcept;  // on the shard

 private:
  struct OnStop {
    WaitGuard* guard;
    void operator()() const noexcept;
  };
  CoroutineWaiter* waiter_;  // nullptr: disarmed
  ShardState& shard_;
  std::optional<std::stop_callback<OnStop>> on_stop_;
};

}  // namespace quicore::internal
