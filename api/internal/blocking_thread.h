// SPDX-License-Identifier: Apache-2.0
//
// A thread for system calls that may block (opening and reading files that are not in the page
// cache), so that no shard ever does. One per runtime, started with the first use.
//
// Threading: run() on any thread; functions run in order on the thread of this object, which may
// use every CPU that the maker of the object might: make it before pinning.
// Lifetime: stop() before the shards that functions post to go away.
#pragma once

#include <sched.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace quicore::internal {

class BlockingThread {
 public:
  using Function = std::move_only_function<void()>;

  BlockingThread() noexcept;
  ~BlockingThread() { stop(); }
  BlockingThread(const BlockingThread&) = delete;
  BlockingThread& operator=(const BlockingThread&) = delete;

  void run(Function function);
  // Finishes the function that runs, drops the others.
  void stop() noexcept;

 private:
  void work();

  cpu_set_t cpus_{};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Function> functions_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace quicore::internal
