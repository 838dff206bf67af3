// SPDX-License-Identifier: Apache-2.0
//
// One io_uring: set up with the best flags the kernel knows, entered once per turn.
//
// SINGLE_ISSUER and DEFER_TASKRUN: the kernel does its work for this ring only inside our own
// io_uring_enter, so nothing interrupts the shard and no lock is taken. R_DISABLED until the first
// turn, so that the ring may be made on one thread and used on another. Older kernels get what they
// know, flag by flag; 6.0 is the oldest that can do what UringPort needs.
//
// Threading: made anywhere, used on the thread of the first enter(), best destroyed there too.
// Cost: enter() is one system call; drain() copies 16 bytes per completion.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "io/error.h"
#include "io/kernel_calls.h"
#include "io/limits.h"
#include "io/time.h"

namespace quicore::io {

struct UringRingConfig {
  std::uint32_t submission_entries = kSubmissionEntries;
  std::uint32_t completion_entries = kCompletionEntries;
};

class UringRing {
 public:
  // Fails with the kernel's error number and a reason that says what to do about it.
  static Result<std::unique_ptr<UringRing>> open(const UringRingConfig& config,
                                                 KernelCalls& kernel);
  ~UringRing();
  UringRing(const UringRing&) = delete;
  UringRing& operator=(const UringRing&) = delete;

  // The next submission, cleared. When the queue is full it is handed over first.
  io_uring_sqe* next() noexcept;
  // Binds the ring to the calling thread; the first enter() does it.
  void adopt_thread() noexcept;
  bool on_own_thread() const noexcept;

  // Hands over what is queued and waits until `wait_for` completions are there or the deadline has
  // passed; 0 does not wait. Runs the kernel's deferred work in any case.
  void enter(std::uint32_t wait_for, Instant deadline) noexcept;
  // Hands over what is queued; the kernel's deferred work waits for the next enter().
  void submit() noexcept;
  // Whether an enter() that does not wait would do anything.
  bool has_work() const noexcept;
  bool overflowed() const noexcept;
  // Completions that drain() would give.
  std::uint32_t pending() const noexcept { return io_uring_cq_ready(&ring_); }
  // Takes every completion out of the ring. Valid until the next drain().
  std::span<const Completion> drain() noexcept;

  // Files by index instead of descriptor: saves two atomic operations per send.
  bool has_file_table() const noexcept { return has_file_table_; }
  void set_file(std::uint32_t index, int fd) noexcept;  // -1 empties the entry

  io_uring* get() noexcept { return &ring_; }
  int fd() const noexcept { return ring_.ring_fd; }
  // System calls since the last time this was asked.
  std::uint64_t take_system_calls() noexcept { return std::exchange(system_calls_, 0); }

 private:
  explicit UringRing(KernelCalls& kernel) noexcept : kernel_(kernel) {}
  Result<> set_up(const UringRingConfig& config);
  Result<> check_features();
  std::uint32_t publish_submissions() noexcept;
  void enter(unsigned flags, std::uint32_t wait_for, Instant deadline) noexcept;

  KernelCalls& kernel_;
  io_uring ring_{};
  bool is_set_up_ = false;
  bool has_file_table_ = false;
  bool has_absolute_deadline_ = false;
  bool adopted_ = false;
  std::uint64_t thread_ = 0;
  int registered_fd_ = -1;  // index of the ring in its thread's table of registered rings
  std::uint64_t system_calls_ = 0;
  std::vector<Completion> completions_;
};

}  // namespace quicore::io
