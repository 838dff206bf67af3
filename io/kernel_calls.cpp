// SPDX-License-Identifier: Apache-2.0
#include "io/kernel_calls.h"

#include <liburing.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace quicore::io {

int KernelCalls::open_socket(int family) {
  // Blocking: io_uring answers EAGAIN instead of waiting for a non-blocking socket, and the calls
  // of MmsgPort carry MSG_DONTWAIT.
  return ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

int KernelCalls::bind_socket(int fd, const void* address, std::uint32_t size) {
  return ::bind(fd, static_cast<const sockaddr*>(address), size);
}

int KernelCalls::set_option(int fd, int level, int name, const void* value, std::size_t size) {
  return ::setsockopt(fd, level, name, value, static_cast<socklen_t>(size));
}

int KernelCalls::send_messages(int fd, mmsghdr* messages, unsigned count) {
  return ::sendmmsg(fd, messages, count, MSG_DONTWAIT);
}

int KernelCalls::receive_messages(int fd, mmsghdr* messages, unsigned count) {
  return ::recvmmsg(fd, messages, count, MSG_DONTWAIT, nullptr);
}

int KernelCalls::wait_for_events(int epoll, std::span<epoll_event> events,
                                 const timespec* timeout) {
  // The raw call: glibc has epoll_pwait2 only since 2.35, the kernel since 5.11.
  const long result = ::syscall(SYS_epoll_pwait2, epoll, events.data(),
                                static_cast<int>(events.size()), timeout, nullptr, 0);
  if (result >= 0 || errno != ENOSYS) return static_cast<int>(result);
  int milliseconds = -1;
  if (timeout != nullptr) {  // rounded up: a deadline is never answered early
    milliseconds = static_cast<int>(timeout->tv_sec * 1000 + (timeout->tv_nsec + 999999) / 1000000);
  }
  return ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), milliseconds);
}

int KernelCalls::ring_setup(unsigned entries, io_uring* ring, io_uring_params* params) {
  return io_uring_queue_init_params(entries, ring, params);
}

int KernelCalls::ring_enter(io_uring* /*ring*/, unsigned fd, unsigned to_submit, unsigned wait_for,
                            unsigned flags, const timespec* timeout) {
  static_assert(sizeof(__kernel_timespec) == sizeof(timespec));
  io_uring_getevents_arg argument{};
  argument.ts = reinterpret_cast<std::uint64_t>(timeout);
  return io_uring_enter2(fd, to_submit, wait_for, flags | IORING_ENTER_EXT_ARG, &argument,
                         sizeof(argument));
}

void KernelCalls::ring_completions(std::span<Completion> /*batch*/) {}

KernelCalls& KernelCalls::system() noexcept {
  static KernelCalls calls;
  return calls;
}

}  // namespace quicore::io
