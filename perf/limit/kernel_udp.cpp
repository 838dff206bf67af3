// SPDX-License-Identifier: Apache-2.0
#include "perf/limit/kernel_udp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "io/cpu.h"

namespace quicore::perf {
namespace {

constexpr std::size_t kMaxMessage = 65507;  // 65535 less the IPv4 and UDP headers
constexpr unsigned kMaxSegments = 64;       // UDP_MAX_SEGMENTS of every kernel with UDP_SEGMENT
constexpr int kSocketBuffer = 8 << 20;
// What the kernel charges a receive buffer for one joined message of 64 KiB, at most.
constexpr int kChargePerMessage = 160 << 10;
// Without an acknowledgement for this long, the window is taken as lost.
constexpr std::chrono::milliseconds kSilence{20};
// On two cores: often enough that the sender never runs dry.
constexpr unsigned kPolledMessagesPerAcknowledgement = 2;

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

std::unexpected<Error> refused(const char* call) {
  const int number = errno;
  return std::unexpected(
      Error::system(number, std::string(call) + " failed: " + std::strerror(number)));
}

// Written by one thread, sampled by the caller.
struct alignas(64) Counters {
  std::atomic<std::uint64_t> packets{0};
  std::atomic<std::uint64_t> lost{0};
};

void add(std::atomic<std::uint64_t>& counter, std::uint64_t value) {
  // One writer: a plain store suffices, and costs no locked instruction.
  counter.store(counter.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

struct Run {
  KernelUdpOptions options;
  unsigned segments;
  unsigned window;
  bool polling;
  int sender;
  int receiver;
  unsigned acknowledge_every;  // messages
  std::atomic<bool> stop{false};
  Counters received{};
  // Of the one thread or the other; read when both have ended.
  std::mutex mutex{};
  std::optional<Error> pinning_failed{};
};

Result<> bind_and_connect(int sender, int receiver) {
  sockaddr_in addresses[2]{};
  const int sockets[2] = {sender, receiver};
  for (int i = 0; i < 2; ++i) {
    addresses[i].sin_family = AF_INET;
    addresses[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof addresses[i];
    auto* const address = reinterpret_cast<sockaddr*>(&addresses[i]);
    if (bind(sockets[i], address, size) != 0) return refused("bind to 127.0.0.1");
    if (getsockname(sockets[i], address, &size) != 0) return refused("getsockname");
  }
  for (int i = 0; i < 2; ++i) {
    const auto* const peer = reinterpret_cast<const sockaddr*>(&addresses[1 - i]);
    if (connect(sockets[i], peer, sizeof addresses[0]) != 0) return refused("connect");
  }
  return {};
}

Result<> bound_waits(int fd) {
  const timeval limit{0, std::chrono::microseconds(kSilence).count()};
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0) {
    return refused("setsockopt(SO_RCVTIMEO)");
  }
  return {};
}

// The receive buffer's size as granted: more than net.core.rmem_max only with privilege.
Result<int> enlarge_buffers(int fd) {
  for (const auto& [forced, plain] :
       {std::pair{SO_RCVBUFFORCE, SO_RCVBUF}, std::pair{SO_SNDBUFFORCE, SO_SNDBUF}}) {
    if (setsockopt(fd, SOL_SOCKET, forced, &kSocketBuffer, sizeof kSocketBuffer) == 0) continue;
    if (setsockopt(fd, SOL_SOCKET, plain, &kSocketBuffer, sizeof kSocketBuffer) != 0) {
      return refused("setsockopt(SO_RCVBUF, SO_SNDBUF)");
    }
  }
  int granted = 0;
  socklen_t size = sizeof granted;
  if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &size) != 0) return refused("getsockopt");
  return granted;
}

Result<int> prepare(int sender, int receiver, unsigned payload) {
  if (auto bound = bind_and_connect(sender, receiver); !bound) {
    return std::unexpected(bound.error());
  }
  const int segment = static_cast<int>(payload);
  if (setsockopt(sender, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) != 0) {
    return refused("setsockopt(UDP_SEGMENT)");
  }
  const int on = 1;
  if (setsockopt(receiver, SOL_UDP, UDP_GRO, &on, sizeof on) != 0) {
    return refused("setsockopt(UDP_GRO)");
  }
  for (const int fd : {sender, receiver}) {
    if (auto bounded = bound_waits(fd); !bounded) return std::unexpected(bounded.error());
  }
  if (auto granted = enlarge_buffers(sender); !granted) return granted;
  return enlarge_buffers(receiver);
}

// A receive that finds nothing returns at once when polling, else waits up to kSilence.
ssize_t receive(const Run& run, int fd, void* to, std::size_t size) {
  return recv(fd, to, size, run.polling ? MSG_DONTWAIT : 0);
}

// Every message begins with its number; an acknowledgement is the number of the last one received.
void send_messages(Run& run) {
  std::vector<std::uint8_t> message(static_cast<std::size_t>(run.segments) * run.options.payload);
  std::uint64_t next = 1;
  std::uint64_t acknowledged = 0;
  Instant heard = std::chrono::steady_clock::now();
  while (!run.stop.load(std::memory_order_relaxed)) {
    if (next - acknowledged <= run.window) {
      std::memcpy(message.data(), &next, sizeof next);
      // What the kernel refuses (ENOBUFS; ECONNREFUSED at the end) is a lost message.
      static_cast<void>(send(run.sender, message.data(), message.size(), 0));
      ++next;
      continue;
    }
    std::uint64_t number = 0;
    const bool got = receive(run, run.sender, &number, sizeof number) == sizeof number;
    const Instant now = std::chrono::steady_clock::now();
    if (got) {
      acknowledged = std::max(acknowledged, number);
      heard = now;
    } else if (now - heard > kSilence) {
      acknowledged = next - 1;
    }
  }
}

void receive_messages(Run& run) {
  std::vector<std::uint8_t> buffer(1 << 16);
  std::uint64_t last = 0;
  unsigned unacknowledged = 0;
  const auto acknowledge = [&] {
    static_cast<void>(send(run.receiver, &last, sizeof last, 0));
    unacknowledged = 0;
  };
  while (!run.stop.load(std::memory_order_relaxed)) {
    ssize_t size = recv(run.receiver, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && !run.polling) {
      if (unacknowledged > 0) acknowledge();  // the sender may wait for it
      size = receive(run, run.receiver, buffer.data(), buffer.size());
    }
    if (size < 0) continue;
    std::uint64_t number = 0;
    std::memcpy(&number, buffer.data(), sizeof number);
    add(run.received.packets, static_cast<std::size_t>(size) / run.options.payload);
    if (number > last + 1) add(run.received.lost, (number - last - 1) * run.segments);
    last = std::max(last, number);
    if (++unacknowledged >= run.acknowledge_every) acknowledge();
  }
}

void run_pinned(Run& run, int cpu, void (*body)(Run&)) {
  if (const auto pinned = io::pin_this_thread(cpu); !pinned) {
    const std::scoped_lock lock(run.mutex);
    run.pinning_failed = pinned.error();
    run.stop = true;
    return;
  }
  body(run);
}

double cpu_nanoseconds(pthread_t thread) {
  clockid_t clock{};
  timespec now{};
  if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &now) != 0) return 0;
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

struct Sample {
  std::chrono::steady_clock::time_point at;
  std::uint64_t packets;
  std::uint64_t lost;
  double sender_cpu;
  double receiver_cpu;
};

Sample take_sample(const Run& run, std::thread& sender, std::thread& receiver) {
  return {std::chrono::steady_clock::now(), run.received.packets.load(), run.received.lost.load(),
          cpu_nanoseconds(sender.native_handle()), cpu_nanoseconds(receiver.native_handle())};
}

KernelUdpResult difference(const Run& run, const Sample& from, const Sample& to) {
  KernelUdpResult result;
  result.segments = run.segments;
  result.window = run.window;
  result.packets = to.packets - from.packets;
  result.lost_packets = to.lost - from.lost;
  const double ns = static_cast<double>((to.at - from.at).count());
  const double packets = static_cast<double>(std::max<std::uint64_t>(result.packets, 1));
  result.seconds = ns / 1e9;
  result.ns_per_packet = ns / packets;
  result.gbps = run.options.payload * 8.0 / result.ns_per_packet;
  result.sender_cpu_ns_per_packet = (to.sender_cpu - from.sender_cpu) / packets;
  result.receiver_cpu_ns_per_packet = (to.receiver_cpu - from.receiver_cpu) / packets;
  return result;
}

}  // namespace

unsigned most_segments(unsigned payload) {
  return payload == 0 ? 0 : std::min<unsigned>(kMaxSegments, kMaxMessage / payload);
}

Result<KernelUdpResult> measure_kernel_udp(const KernelUdpOptions& options) {
  const unsigned most = most_segments(options.payload);
  if (options.payload < sizeof(std::uint64_t) || most == 0) {
    return failure(Errc::invalid_argument, "the payload of a datagram is 8 to 65507 bytes, not " +
                                               std::to_string(options.payload));
  }
  const Socket sender(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const Socket receiver(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (sender.fd() < 0 || receiver.fd() < 0) return refused("socket");
  const auto granted = prepare(sender.fd(), receiver.fd(), options.payload);
  if (!granted) return std::unexpected(granted.error());

  const unsigned fits = static_cast<unsigned>(std::max(1, *granted / kChargePerMessage));
  const unsigned window = std::clamp(options.window, 1U, fits);
  const bool polling = options.sender_cpu != options.receiver_cpu;
  Run run{
      .options = options,
      .segments = options.segments == 0 ? most : std::min(options.segments, most),
      .window = window,
      .polling = polling,
      .sender = sender.fd(),
      .receiver = receiver.fd(),
      .acknowledge_every = polling ? std::min(kPolledMessagesPerAcknowledgement, window) : window};

  std::thread receiving(run_pinned, std::ref(run), options.receiver_cpu, receive_messages);
  std::thread sending(run_pinned, std::ref(run), options.sender_cpu, send_messages);
  std::this_thread::sleep_for(options.warm_up);
  const Sample from = take_sample(run, sending, receiving);
  std::this_thread::sleep_for(options.duration);
  const KernelUdpResult result = difference(run, from, take_sample(run, sending, receiving));
  run.stop = true;
  sending.join();
  receiving.join();
  if (run.pinning_failed) return std::unexpected(*run.pinning_failed);
  return result;
}

}  // namespace quicore::perf
