// SPDX-License-Identifier: Apache-2.0
//
// The seam between the engine and the world: wait until a deadline, hand out a batch of received
// trains, take a batch of trains to send.
//
// Three implementations: UringPort (the product), MmsgPort (epoll, where io_uring is refused) and
// sim::SimPort (in memory, virtual time). Virtual calls happen per train or per batch, never per
// datagram.
//
// Threading: a Port belongs to one shard and is used on its thread only. The two exceptions are
// `waker()`, whose Waker any thread may use, and construction.
//
// Lifetime of a turn:
//   wait(deadline)    submits everything queued by send() since the last wait, then blocks until
//                     traffic, a wake-up or the deadline; reads the clock once
//   now()             that reading, the same for the whole turn
//   received()        the trains of this turn; their bytes live until the next wait()
//   lease() / send()  write trains in place and queue them; submitted by the next wait(), or
//   submit()          before it: a long turn sends what it has, and its slots are free again
//
// A shard that stops ends with a wait() whose deadline has passed: it sends what the last turn
// queued, wake-ups of other shards included.
//
// Addresses are in the socket's own form: on an IPv6 socket that also serves IPv4, an IPv4 peer is
// ::ffff:a.b.c.d, in both directions (Address::unmapped() shows it as a.b.c.d).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "io/datagram.h"
#include "io/error.h"
#include "io/time.h"

namespace quicore::io {

// Wakes a Port's wait() from another thread. Cheap to call when the shard is awake. Counted
// ownership: it may outlive its Port, waking nobody then. Not for signal handlers.
class Waker {
 public:
  virtual ~Waker() = default;
  virtual void wake() noexcept = 0;
};

struct SocketOptions {
  Address bind_address;
  bool reuse_port = false;  // SO_REUSEPORT: one socket per shard on one address
  // Steering (io/steering.h): attached when the group has more than one shard. All sockets of a
  // group must be opened in shard order, because the kernel numbers a group's sockets so.
  std::uint32_t shard_count = 1;
  std::uint32_t shard_index = 0;
  bool steering = true;
  bool ipv6_only = false;
  std::optional<int> receive_buffer;  // bytes; SO_RCVBUF(FORCE); unset = as large as helps
  std::optional<int> send_buffer;
  std::optional<int> ttl;  // IP_TTL / IPV6_UNICAST_HOPS, 1..255
  bool gso = true;
  bool gro = true;
  bool ecn = true;
};

struct PortStats {
  std::uint64_t datagrams_received = 0;
  std::uint64_t datagrams_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t trains_received = 0;
  std::uint64_t trains_sent = 0;
  std::uint64_t system_calls = 0;
  std::uint64_t receive_buffer_empty = 0;  // ENOBUFS of the provided-buffer ring
  std::uint64_t receive_rearmed = 0;       // multishot receives that ended and were started again
  std::uint64_t completion_overflows = 0;
  std::uint64_t gso_fallbacks = 0;  // trains sent one datagram at a time after EIO/EINVAL
  std::uint64_t send_errors = 0;    // datagrams the kernel refused for good
  std::uint64_t truncated = 0;      // datagrams dropped because they were cut off
};

class Port {
 public:
  virtual ~Port() = default;

  virtual Result<SocketId> open(const SocketOptions& options) = 0;
  // Trains still queued on the socket are sent first (at the next wait).
  virtual void close(SocketId socket) = 0;
  virtual Address local_address(SocketId socket) const = 0;
  // From now on further sockets opened with `reuse_port` may share this one's address.
  virtual Result<> allow_sharing(SocketId socket) = 0;
  // Reads back what the kernel uses, for tests and statistics: SO_RCVBUF etc. as getsockopt tells.
  virtual Result<int> socket_option(SocketId socket, int level, int name) const = 0;

  virtual void wait(Instant deadline) = 0;
  virtual Instant now() const noexcept = 0;
  // How far the wall clock is ahead of now(), whose zero is the machine's boot: for times that other
  // machines read, or this one after a reboot. Zero in simulations unless set.
  virtual Duration wall_clock_offset() const noexcept = 0;
  virtual std::span<ReceivedTrain> received() noexcept = 0;

  // Nullptr when every slot is in flight: the caller keeps its data and tries again next turn.
  virtual SendSlot* lease() noexcept = 0;
  virtual void send(SendSlot* slot) noexcept = 0;       // size > 0; ownership goes to the Port
  virtual void give_back(SendSlot* slot) noexcept = 0;  // leased but not needed
  // Hands over what send() queued. Takes nothing in: received() and now() stay as they are.
  virtual void submit() noexcept = 0;

  // Whether this socket can send more than one datagram per train (false: GSO is off or refused;
  // the engine then still may hand in trains, the Port splits them).
  virtual bool segmentation(SocketId socket) const noexcept = 0;

  // Whether the thread has hardly any time to spare: io/load_meter.h. Never in simulations unless set.
  virtual bool is_busy() const noexcept = 0;

  virtual std::shared_ptr<Waker> waker() = 0;
  virtual const PortStats& stats() const noexcept = 0;
  virtual const char* name() const noexcept = 0;  // "io_uring", "mmsg", "sim"
};

}  // namespace quicore::io
