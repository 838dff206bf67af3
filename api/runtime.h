// SPDX-License-Identifier: Apache-2.0
//
// Runtime: the shards of a process. Shard 0 runs on the thread that calls run(), the others on
// threads of their own, each pinned to a core.
//
//   int main() {
//     auto runtime = Runtime::create({.shards = 1}).value();
//     return runtime->run(serve(runtime->shard(0)));
//   }
//
// Threading: create, run and the destructor on one thread; stop() on any.
// Lifetime: outlives everything made on its shards. When run() returns, every task that has not
// ended was destroyed and every endpoint closed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "api/config.h"
#include "api/endpoint.h"
#include "api/shard.h"
#include "api/stats.h"
#include "api/task.h"
#include "io/error.h"
#include "io/limits.h"
#include "io/time.h"

namespace quicore {

// What moves the datagrams.
enum class PortChoice : std::uint8_t {
  automatic,  // io_uring, or mmsg where the kernel refuses it
  uring,
  mmsg,  // epoll, recvmmsg, sendmmsg
};
// "automatic", "io_uring", "mmsg"; empty for anything else.
std::optional<PortChoice> parse_port_choice(std::string_view text) noexcept;

// How urgent a line of the log is.
enum class LogLevel : std::uint8_t { debug, info, warning, error };

// How many shards, on which CPUs, and what moves their datagrams.
struct RuntimeConfig {
  std::uint32_t shards = 0;  // 0: one for each CPU this process may use
  bool pin = true;           // one core per shard; a single one only to `cpus`
  // Shard i runs on cpus[i]. Empty: the CPUs the process may use, in order.
  std::vector<std::uint32_t> cpus{};
  // The kernel interface of every shard.
  PortChoice port = PortChoice::automatic;
  // How long a shard with nothing to do looks for traffic before it sleeps: saves 10 to 50 us per
  // wake-up for the price of CPU time. It does so only while it pays: where nothing comes in that
  // time it soon stops trying. 0: never. From 1 s on: always, for cores that do nothing else.
  Duration busy_poll = io::kDefaultBusyPoll;
  // One line of text without a newline; called on any thread. Unset: warnings and errors to stderr.
  std::function<void(LogLevel, std::string_view)> log{};

  // Every problem at once, by field name. create() calls it.
  Result<> validate() const;
};

namespace internal {
class RuntimeState;
struct ListenerState;
}  // namespace internal

// A server on every shard: one socket each on one address, the kernel spreads the connections.
class Listener {
 public:
  // The bound one: the port is known.
  const Address& address() const noexcept { return address_; }
  // Graceful, on every shard; ends when the last session has ended. On the thread of run().
  Task<> close() const;
  // The sum of all shards.
  Task<EndpointStats> stats() const;

 private:
  friend class Runtime;
  Address address_;
  std::shared_ptr<internal::ListenerState> state_;
};

// The threads of a program, with a shard on each.
class Runtime {
 public:
  // Starts the threads. Fails with every problem of the configuration at once, or with the
  // kernel's.
  static Result<std::unique_ptr<Runtime>> create(RuntimeConfig config = {});
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // How many shards there are.
  std::uint32_t size() const noexcept;
  // `index` is below size(). Good as long as the runtime.
  Shard& shard(std::uint32_t index) const noexcept;
  // "io_uring" or "mmsg".
  const char* port_name() const noexcept;

  // Runs shard 0 here until `main` ends, then ends everything; gives main's answer. An exception
  // that leaves main comes out here. Once.
  int run(Task<int> main);
  // Ends run() early, with EXIT_SUCCESS and without waiting for sessions. Any thread, and again.
  void stop() noexcept;

  // Listens with one socket per shard; on the thread of run(), before it or in it. Waits for the
  // other shards to open theirs, about a millisecond. `on_session` is copied to every shard and
  // runs there; what it refers to must be safe to use from all of them. Settings are checked before
  // the address is taken.
  Result<Listener> listen_on_all(EndpointConfig endpoint, SessionConfig session,
                                 std::function<void(Session)> on_session);

 private:
  explicit Runtime(std::unique_ptr<internal::RuntimeState> state) noexcept;
  std::unique_ptr<internal::RuntimeState> state_;
};

}  // namespace quicore
