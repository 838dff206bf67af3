// SPDX-License-Identifier: Apache-2.0
//
// Turns signals of the process into completions on shards. The handler writes the signal's number
// into a pipe, which is all a handler may do; a thread reads it there and posts to the shards that
// wait. The thread begins with the first watch().
//
// Threading: watch() and forget() on a shard; the rest on the thread that owns the object.
// Lifetime: stop() before the shards go away; each shard forgets its own waiters. One at a time per
// process; handlers are put back by stop().
#pragma once

#include <signal.h>

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "api/completion.h"

namespace quicore::internal {

class ShardState;

class SignalWatch {
 public:
  SignalWatch() = default;
  ~SignalWatch() { stop(); }
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  // Sets the promise, on its shard, with the next of these signals.
  void watch(ShardState& shard, std::span<const int> numbers, Promise<int> promise);
  void forget(ShardState& shard) noexcept;
  void stop() noexcept;

 private:
  // Who waits; made and deleted on its shard.
  struct Watcher {
    ShardState& shard;
    std::vector<int> numbers;
    Promise<int> promise;
  };

  Result<> begin();
  Result<> handle(int number);
  void read_pipe();
  void received(int number);

  std::mutex mutex_;
  std::vector<std::unique_ptr<Watcher>> watchers_;
  std::map<int, struct sigaction> previous_;
  std::array<int, 2> pipe_{-1, -1};
  std::thread thread_;
};

}  // namespace quicore::internal
