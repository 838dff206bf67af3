// SPDX-License-Identifier: Apache-2.0
#include "api/internal/signal_watch.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

#include "api/internal/shard_state.h"

namespace quicore::internal {

namespace {

// Where the handler writes; -1 while nobody watches.
std::atomic<int> signal_pipe{-1};
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void quicore_on_signal(int number) {
  const int saved = errno;
  const auto byte = static_cast<unsigned char>(number);
  // A full pipe means that as many signals wait to be handled already.
  [[maybe_unused]] const ssize_t written = write(signal_pipe.load(), &byte, 1);
  errno = saved;
}

}  // namespace

Result<> SignalWatch::begin() {
  if (thread_.joinable()) return {};
  if (pipe2(pipe_.data(), O_CLOEXEC) != 0) {
    return std::unexpected(Error::system(errno, "cannot make a pipe for signals"));
  }
  fcntl(pipe_[1], F_SETFL, O_NONBLOCK);
  signal_pipe.store(pipe_[1]);
  thread_ = std::thread([this] { read_pipe(); });
  return {};
}

Result<> SignalWatch::handle(int number) {
  if (previous_.contains(number)) return {};
  struct sigaction action {};
  action.sa_handler = quicore_on_signal;
  action.sa_flags = SA_RESTART;
  struct sigaction before {};
  if (number <= 0 || number > 255 || sigaction(number, &action, &before) != 0) {
    return failure(Errc::invalid_argument,
                   "signal " + std::to_string(number) + " cannot be waited for");
  }
  previous_.emplace(number, before);
  return {};
}

void SignalWatch::watch(ShardState& shard, std::span<const int> numbers, Promise<int> promise) {
  const std::lock_guard lock(mutex_);
  Result<> ok = begin();
  for (const int number : numbers) {
    if (ok) ok = handle(number);
  }
  if (!ok) return promise.set(std::unexpected(std::move(ok.error())));
  watchers_.push_back(std::make_unique<Watcher>(
      shard, std::vector<int>(numbers.begin(), numbers.end()), std::move(promise)));
}

void SignalWatch::read_pipe() {
  pthread_setname_np(pthread_self(), "quicore-signals");
  unsigned char number = 0;
  for (;;) {
    const ssize_t count = read(pipe_[0], &number, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count != 1 || number == 0) return;  // stop() writes 0
    received(number);
  }
}

void SignalWatch::received(int number) {
  const std::lock_guard lock(mutex_);
  std::erase_if(watchers_, [number](std::unique_ptr<Watcher>& watcher) {
    if (std::ranges::find(watcher->numbers, number) == watcher->numbers.end()) return false;
    ShardState& shard = watcher->shard;
    shard.post([watcher = std::move(watcher), number] { watcher->promise.set(number); });
    return true;
  });
}

void SignalWatch::forget(ShardState& shard) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase_if(watchers_, [&shard](const auto& watcher) { return &watcher->shard == &shard; });
}

void SignalWatch::stop() noexcept {
  if (thread_.joinable()) {
    const unsigned char end = 0;
    // The pipe may be full: the thread then has something to read and comes to this later.
    while (write(pipe_[1], &end, 1) != 1) std::this_thread::yield();
    thread_.join();
    for (const auto& [number, before] : previous_) sigaction(number, &before, nullptr);
    signal_pipe.store(-1);
    close(pipe_[0]);
    close(pipe_[1]);
    previous_.clear();
  }
}

}  // namespace quicore::internal
