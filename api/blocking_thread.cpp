// SPDX-License-Identifier: Apache-2.0
#include "api/internal/blocking_thread.h"

#include <pthread.h>

#include <utility>

namespace quicore::internal {

BlockingThread::BlockingThread() noexcept { sched_getaffinity(0, sizeof(cpus_), &cpus_); }

void BlockingThread::run(Function function) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    functions_.push_back(std::move(function));
    if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  }
  changed_.notify_one();
}

void BlockingThread::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
  functions_.clear();
}

void BlockingThread::work() {
  pthread_setname_np(pthread_self(), "quicore-files");
  // The shard that started it is pinned; this thread must not take that core from it.
  if (CPU_COUNT(&cpus_) > 0) pthread_setaffinity_np(pthread_self(), sizeof(cpus_), &cpus_);
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !functions_.empty(); });
    if (stopping_) return;
    Function function = std::move(functions_.front());
    functions_.pop_front();
    lock.unlock();
    function();
    function = nullptr;
    lock.lock();
  }
}

}  // namespace quicore::internal
