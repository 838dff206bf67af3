// SPDX-License-Identifier: Apache-2.0
#include "io/udp_socket.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "io/limits.h"
#include "io/steering.h"

namespace quicore::io {

namespace {

constexpr int kIpv6FlowinfoSend = 33;  // IPV6_FLOWINFO_SEND of linux/in6.h, absent from glibc

std::unexpected<Error> system_failure(int number, const std::string& what,
                                      const std::string& advice) {
  return std::unexpected(
      Error::system(number, what + ": " + std::strerror(number) + "; " + advice));
}

std::unexpected<Error> socket_failure(int number, Family family) {
  switch (number) {
    case EAFNOSUPPORT:
      return system_failure(
          number, family == Family::ipv6 ? "this machine has no IPv6" : "this machine has no IPv4",
          "bind to an address of the other family");
    case EMFILE:
    case ENFILE:
      return system_failure(number, "no UDP socket could be opened",
                            "raise the limit of open files (ulimit -n)");
    default:
      return system_failure(number, "no UDP socket could be opened",
                            "check the limits and permissions of this process");
  }
}

std::unexpected<Error> bind_failure(int number, const SocketOptions& options) {
  const std::string address = options.bind_address.to_string();
  switch (number) {
    case EADDRINUSE:
      return system_failure(number, "UDP " + address + " is in use",
                            "choose another port or stop the program that has it "
                            "(`ss -ulpn` names it)");
    case EACCES:
      return system_failure(number, "UDP " + address + " needs a privilege",
                            "use a port from 1024 up, or give the program CAP_NET_BIND_SERVICE");
    case EADDRNOTAVAIL:
      return system_failure(number, options.bind_address.ip() + " is no address of this machine",
                            "bind to one that `ip address` lists, or to 0.0.0.0 or [::]");
    default:
      return system_failure(number, "UDP " + address + " could not be bound", "check the address");
  }
}

Result<> validate(const SocketOptions& options) {
  if (options.bind_address.empty()) {
    return failure(Errc::invalid_argument,
                   "bind_address is empty; use Address::any() to listen on every address");
  }
  if (options.ttl && (*options.ttl < 1 || *options.ttl > 255)) {
    return failure(Errc::invalid_argument,
                   "ttl is " + std::to_string(*options.ttl) + "; it must be 1 to 255");
  }
  for (const auto& [name, size] : {std::pair("receive_buffer", options.receive_buffer),
                                   std::pair("send_buffer", options.send_buffer)}) {
    if (size && *size <= 0) {
      return failure(Errc::invalid_argument, std::string(name) + " is " + std::to_string(*size) +
                                                 "; it must be a number of bytes above 0");
    }
  }
  if (options.shard_count == 0 || options.shard_index >= options.shard_count) {
    return failure(Errc::invalid_argument, "shard_index is " + std::to_string(options.shard_index) +
                                               "; it must be below shard_count, which is " +
                                               std::to_string(options.shard_count));
  }
  return {};
}

bool must_steer(const SocketOptions& options) noexcept {
  return options.steering && options.reuse_port && options.shard_count > 1;
}

// Sets the options of one socket; remembers the first that mattered and was refused.
class OptionSetter {
 public:
  OptionSetter(int fd, KernelCalls& kernel) noexcept : fd_(fd), kernel_(kernel) {}

  bool attempt(int level, int name, int value) noexcept {
    return kernel_.set_option(fd_, level, name, &value, sizeof(value)) == 0;
  }
  void require(int level, int name, int value, const char* label) noexcept {
    if (!attempt(level, name, value) && refused_ == nullptr) {
      refused_ = label;
      error_ = errno;
    }
  }
  // The FORCE variant passes the administrator's limit and needs CAP_NET_ADMIN.
  void buffer(int force, int plain, int size) noexcept {
    if (!attempt(SOL_SOCKET, force, size)) attempt(SOL_SOCKET, plain, size);
  }
  Result<> result() const {
    if (refused_ == nullptr) return {};
    return system_failure(error_, std::string("the kernel refused the socket option ") + refused_,
                          "Linux 5.10 or newer is needed");
  }

 private:
  int fd_;
  KernelCalls& kernel_;
  const char* refused_ = nullptr;
  int error_ = 0;
};

void set_ipv4_options(OptionSetter& set, const SocketOptions& options) {
  set.require(IPPROTO_IP, IP_PKTINFO, 1, "IP_PKTINFO");
  // RFC 9000 14: no fragments. PROBE also ignores what ICMP claims about the path, which anybody
  // could forge; path MTU discovery (RFC 8899) does not need it.
  set.require(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE, "IP_MTU_DISCOVER");
  if (options.ecn) set.attempt(IPPROTO_IP, IP_RECVTOS, 1);
  if (options.ttl) set.require(IPPROTO_IP, IP_TTL, *options.ttl, "IP_TTL");
}

void set_ipv6_options(OptionSetter& set, const SocketOptions& options) {
  set.require(IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only ? 1 : 0, "IPV6_V6ONLY");
  set.require(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO");
  set.require(IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE, "IPV6_MTU_DISCOVER");
  set.attempt(IPPROTO_IPV6, kIpv6FlowinfoSend, 1);
  if (options.ecn) set.attempt(IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
  if (options.ttl) set.require(IPPROTO_IPV6, IPV6_UNICAST_HOPS, *options.ttl, "IPV6_UNICAST_HOPS");
  // Dual stack: IPv4 datagrams obey the IPv4 options of the same socket. IP_PKTINFO is not needed,
  // IPV6_PKTINFO speaks for both.
  if (options.ipv6_only) return;
  set.attempt(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  if (options.ecn) set.attempt(IPPROTO_IP, IP_RECVTOS, 1);
  if (options.ttl) set.attempt(IPPROTO_IP, IP_TTL, *options.ttl);
}

}  // namespace

std::unexpected<Error> too_many_sockets() {
  return failure(Errc::no_memory, "this shard has " + std::to_string(kMaxSockets) +
                                      " sockets open already; close some first");
}

Result<UdpSocket> UdpSocket::open(const SocketOptions& options, KernelCalls& kernel,
                                  const LogSink& log) {
  if (auto valid = validate(options); !valid) return std::unexpected(std::move(valid.error()));
  const Family family = options.bind_address.family();
  const int fd = kernel.open_socket(family == Family::ipv6 ? AF_INET6 : AF_INET);
  if (fd < 0) return socket_failure(errno, family);
  UdpSocket socket(fd);
  auto ready = socket.configure(options, kernel);
  if (ready) ready = socket.bind(options, kernel);
  if (!ready) return std::unexpected(std::move(ready.error()));
  if (log && must_steer(options) && !socket.steered_) {
    log("the kernel refused the steering filter (SO_ATTACH_REUSEPORT_CBPF) for UDP " +
        socket.local_.to_string() +
        ": datagrams that reach the wrong shard are forwarded, which costs speed");
  }
  return socket;
}

Result<> UdpSocket::configure(const SocketOptions& options, KernelCalls& kernel) {
  OptionSetter set(fd_, kernel);
  if (options.reuse_port) set.require(SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT");
  set.buffer(SO_RCVBUFFORCE, SO_RCVBUF, options.receive_buffer.value_or(kDefaultReceiveBuffer));
  set.buffer(SO_SNDBUFFORCE, SO_SNDBUF, options.send_buffer.value_or(kDefaultSendBuffer));
  if (options.bind_address.family() == Family::ipv6) {
    set_ipv6_options(set, options);
  } else {
    set_ipv4_options(set, options);
  }
  if (options.gro) set.attempt(IPPROTO_UDP, UDP_GRO, 1);
  // Segment size 0 changes nothing; it only asks whether the kernel knows the option.
  segmentation_ = options.gso && set.attempt(IPPROTO_UDP, UDP_SEGMENT, 0);
  return set.result();
}

Result<> UdpSocket::bind(const SocketOptions& options, KernelCalls& kernel) {
  const Address& address = options.bind_address;
  if (kernel.bind_socket(fd_, address.data(), address.size()) != 0) {
    return bind_failure(errno, options);
  }
  Address bound = address;
  socklen_t size = Address::kCapacity;
  if (getsockname(fd_, static_cast<sockaddr*>(bound.data()), &size) != 0) {
    return bind_failure(errno, options);
  }
  local_ = bound;
  if (must_steer(options)) {
    steered_ = attach_steering(fd_, options.shard_count, kernel);
  }
  return {};
}

UdpSocket::UdpSocket(UdpSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      segmentation_(other.segmentation_),
      steered_(other.steered_),
      local_(other.local_),
      unsegmented_hosts_(std::move(other.unsegmented_hosts_)) {}

UdpSocket& UdpSocket::operator=(UdpSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(segmentation_, other.segmentation_);
  std::swap(steered_, other.steered_);
  std::swap(local_, other.local_);
  std::swap(unsegmented_hosts_, other.unsegmented_hosts_);
  return *this;
}

UdpSocket::~UdpSocket() {
  if (fd_ >= 0) close(fd_);
}

Result<> UdpSocket::allow_sharing() {
  const int on = 1;
  if (setsockopt(fd_, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0) return {};
  return system_failure(errno, "the address of " + local_.to_string() + " cannot be shared",
                        "open the endpoint on every shard by Runtime::listen_on_all");
}

Result<int> UdpSocket::option(int level, int name) const {
  int value = 0;
  socklen_t size = sizeof(value);
  if (getsockopt(fd_, level, name, &value, &size) != 0) {
    return system_failure(errno, "the socket option could not be read",
                          "check its level and its name");
  }
  return value;
}

void UdpSocket::refuse_segmentation_to(const Address& remote) {
  if (is_unsegmented(remote)) return;
  if (unsegmented_hosts_.size() == kMaxUnsegmentedHosts) {
    segmentation_ = false;
    return;
  }
  unsegmented_hosts_.push_back(remote.host());
}

bool UdpSocket::is_unsegmented(const Address& remote) const noexcept {
  return std::ranges::find(unsegmented_hosts_, remote.host()) != unsegmented_hosts_.end();
}

}  // namespace quicore::io
