// SPDX-License-Identifier: Apache-2.0
#include "perf/limit/udp_pair.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "io/cpu.h"

namespace quicore::perf {
namespace {

constexpr int kSocketBuffer = 8 << 20;

Result<> bound_waits(int fd) {
  const timeval limit{0, std::chrono::microseconds(UdpPair::kSilence).count()};
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0) {
    return refused_call("setsockopt(SO_RCVTIMEO)");
  }
  return {};
}

// The receive buffer's size as granted.
Result<int> enlarge_buffers(int fd) {
  for (const auto& [forced, plain] :
       {std::pair{SO_RCVBUFFORCE, SO_RCVBUF}, std::pair{SO_SNDBUFFORCE, SO_SNDBUF}}) {
    if (setsockopt(fd, SOL_SOCKET, forced, &kSocketBuffer, sizeof kSocketBuffer) == 0) continue;
    if (setsockopt(fd, SOL_SOCKET, plain, &kSocketBuffer, sizeof kSocketBuffer) != 0) {
      return refused_call("setsockopt(SO_RCVBUF, SO_SNDBUF)");
    }
  }
  int granted = 0;
  socklen_t size = sizeof granted;
  if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &size) != 0) {
    return refused_call("getsockopt(SO_RCVBUF)");
  }
  return granted;
}

double cpu_nanoseconds(std::thread& thread) {
  clockid_t clock{};
  timespec now{};
  if (pthread_getcpuclockid(thread.native_handle(), &clock) != 0) return 0;
  if (clock_gettime(clock, &now) != 0) return 0;
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

struct Moment {
  Moment(const PairState& state, std::thread& one, std::thread& other)
      : at(std::chrono::steady_clock::now()),
        count(state.count.load()),
        lost(state.lost.load()),
        first_cpu(cpu_nanoseconds(one)),
        second_cpu(cpu_nanoseconds(other)) {}

  Instant at;
  std::uint64_t count;
  std::uint64_t lost;
  double first_cpu;
  double second_cpu;
};

PairSample between(const Moment& from, const Moment& to) {
  PairSample sample;
  sample.count = to.count - from.count;
  sample.lost = to.lost - from.lost;
  const double ns = static_cast<double>((to.at - from.at).count());
  const double each = static_cast<double>(std::max<std::uint64_t>(sample.count, 1));
  sample.seconds = ns / 1e9;
  sample.ns_each = ns / each;
  sample.first_cpu_ns_each = (to.first_cpu - from.first_cpu) / each;
  sample.second_cpu_ns_each = (to.second_cpu - from.second_cpu) / each;
  return sample;
}

}  // namespace

std::unexpected<Error> refused_call(const char* call) {
  const int number = errno;
  return std::unexpected(
      Error::system(number, std::string(call) + " failed: " + std::strerror(number)));
}

std::unexpected<Error> nothing_arrived(const PairTimes& times) {
  const auto waited =
      std::chrono::ceil<std::chrono::milliseconds>(std::max(times.duration, times.patience))
          .count();
  return failure(Errc::system, "no datagram arrived over 127.0.0.1 within " +
                                   std::to_string(waited) +
                                   " ms: other programs use the CPU, or a packet filter drops UDP");
}

UdpPair::UdpPair(UdpPair&& other) noexcept : receive_buffer_(other.receive_buffer_) {
  std::swap(sockets_, other.sockets_);
}

UdpPair::~UdpPair() {
  for (const int fd : sockets_) {
    if (fd >= 0) close(fd);
  }
}

Result<> UdpPair::connect_both() {
  sockaddr_in addresses[2]{};
  for (int i = 0; i < 2; ++i) {
    addresses[i].sin_family = AF_INET;
    addresses[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof addresses[i];
    auto* const address = reinterpret_cast<sockaddr*>(&addresses[i]);
    if (bind(sockets_[i], address, size) != 0) return refused_call("bind to 127.0.0.1");
    if (getsockname(sockets_[i], address, &size) != 0) return refused_call("getsockname");
  }
  for (int i = 0; i < 2; ++i) {
    const auto* const peer = reinterpret_cast<const sockaddr*>(&addresses[1 - i]);
    if (connect(sockets_[i], peer, sizeof addresses[0]) != 0) return refused_call("connect");
  }
  return {};
}

Result<UdpPair> UdpPair::create() {
  UdpPair pair;
  for (int& fd : pair.sockets_) {
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return refused_call("socket");
    if (auto bounded = bound_waits(fd); !bounded) return std::unexpected(bounded.error());
    const auto granted = enlarge_buffers(fd);
    if (!granted) return std::unexpected(granted.error());
    pair.receive_buffer_ = *granted;
  }
  if (auto connected = pair.connect_both(); !connected) return std::unexpected(connected.error());
  return pair;
}

Result<PairSample> run_pair(const PairTimes& times, PairState& state,
                            const std::function<void()>& first,
                            const std::function<void()>& second) {
  std::mutex mutex;
  std::optional<Error> refusal;  // of a CPU, by one thread or the other
  const auto pinned = [&](int cpu, const std::function<void()>& body) {
    if (const auto done = io::pin_this_thread(cpu); !done) {
      const std::scoped_lock lock(mutex);
      refusal = done.error();
      state.stop = true;
      return;
    }
    body();
  };
  std::thread one([&] { pinned(times.first_cpu, first); });
  std::thread other([&] { pinned(times.second_cpu, second); });
  std::this_thread::sleep_for(times.warm_up);
  const Moment from(state, one, other);
  std::this_thread::sleep_for(times.duration);
  // Threads that have not run yet: a busy machine, and a measurement that is short.
  const auto silent_until = from.at + times.patience;
  while (state.count.load() == from.count && !state.stopped() &&
         std::chrono::steady_clock::now() < silent_until) {
    std::this_thread::sleep_for(times.duration);
  }
  const Moment to(state, one, other);
  state.stop = true;
  one.join();
  other.join();
  if (refusal) return std::unexpected(*refusal);
  return between(from, to);
}

}  // namespace quicore::perf
