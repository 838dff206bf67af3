// SPDX-License-Identifier: Apache-2.0
//
// Every system call of the ports that can fail in the field, behind one thin seam, so that tests
// can make the kernel refuse: a socket option, a segmented send, io_uring itself.
//
// Called per batch or per set-up, never per datagram. The implementations here pass straight on to
// the kernel; a test derives from it and overrides what shall fail. Failures of io_uring calls are
// negative error numbers, those of the others -1 with errno, as the kernel's interfaces have it.
//
// Threading: stateless; one instance serves all ports.
#pragma once

#include <sys/socket.h>
#include <time.h>

#include <cstddef>
#include <cstdint>
#include <span>

// The names are the kernel's.
// NOLINTBEGIN(readability-identifier-naming)
struct io_uring;
struct io_uring_params;
struct epoll_event;
// NOLINTEND(readability-identifier-naming)

namespace quicore::io {

// A completion as the ring delivered it (the first 16 bytes of io_uring_cqe).
struct Completion {
  std::uint64_t user_data;
  std::int32_t result;
  std::uint32_t flags;
};

class KernelCalls {
 public:
  virtual ~KernelCalls() = default;

  virtual int open_socket(int family);  // UDP, close-on-exec
  virtual int bind_socket(int fd, const void* address, std::uint32_t size);
  virtual int set_option(int fd, int level, int name, const void* value, std::size_t size);

  virtual int send_messages(int fd, mmsghdr* messages, unsigned count);     // non-blocking
  virtual int receive_messages(int fd, mmsghdr* messages, unsigned count);  // non-blocking
  // `timeout` nullptr waits for ever.
  virtual int wait_for_events(int epoll, std::span<epoll_event> events, const timespec* timeout);

  virtual int ring_setup(unsigned entries, io_uring* ring, io_uring_params* params);
  // The submissions between the ring's kernel head and `sqe_tail` are about to be handed over; a
  // test may look at them and change them.
  virtual int ring_enter(io_uring* ring, unsigned fd, unsigned to_submit, unsigned wait_for,
                         unsigned flags, const timespec* timeout);
  // Sees every batch of completions before the port does; a test may change them.
  virtual void ring_completions(std::span<Completion> batch);

  static KernelCalls& system() noexcept;
};

}  // namespace quicore::io
