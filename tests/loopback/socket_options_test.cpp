// SPDX-License-Identifier: Apache-2.0
//
// What EndpointConfig asks of the kernel, read back from the socket or seen by a bare socket that
// gets the first datagram of a client.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <quicore.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "tests/loopback/both_ports.h"

namespace quicore::test {
namespace {

using namespace std::chrono_literals;

constexpr int kIpv6FlowInfo = 11;  // IPV6_FLOWINFO of linux/in6.h, absent from glibc
constexpr int kDescriptors = 1024;

// The descriptor of this process that is bound to the address.
int descriptor_of(const Address& bound) {
  for (int fd = 0; fd < kDescriptors; ++fd) {
    std::array<std::byte, Address::kCapacity> name{};
    socklen_t size = sizeof(name);
    if (getsockname(fd, reinterpret_cast<sockaddr*>(name.data()), &size) != 0) continue;
    if (Address::from_sockaddr(name.data(), size) == bound) return fd;
  }
  return -1;
}

int option_of(const Endpoint& endpoint, int level, int name) {
  const int fd = descriptor_of(endpoint.address().value());
  int value = -1;
  socklen_t size = sizeof(value);
  EXPECT_EQ(getsockopt(fd, level, name, &value, &size), 0);
  return value;
}

// A bare UDP socket that hands out a control message of the first datagram.
class Witness {
 public:
  Witness(Family family, int level, int enable) : level_(level) {
    const Address any_port = Address::loopback(family, 0);
    fd_ = socket(family == Family::ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
    const int on = 1;
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    EXPECT_EQ(bind(fd_, static_cast<const sockaddr*>(any_port.data()), any_port.size()), 0);
    EXPECT_EQ(setsockopt(fd_, level, enable, &on, sizeof(on)), 0);
    EXPECT_EQ(setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
  }
  ~Witness() { close(fd_); }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

  Address address() const {
    std::array<std::byte, Address::kCapacity> name{};
    socklen_t size = sizeof(name);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(name.data()), &size), 0);
    return Address::from_sockaddr(name.data(), size);
  }
  std::optional<std::uint32_t> control_of_first_datagram(int type) const {
    std::array<std::byte, 2048> data{};
    alignas(cmsghdr) std::array<std::byte, 256> control{};
    iovec bytes{data.data(), data.size()};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (recvmsg(fd_, &message, 0) <= 0) return std::nullopt;
    for (cmsghdr* it = CMSG_FIRSTHDR(&message); it != nullptr; it = CMSG_NXTHDR(&message, it)) {
      if (it->cmsg_level != level_ || it->cmsg_type != type) continue;
      std::uint32_t value = 0;
      std::memcpy(&value, CMSG_DATA(it), sizeof(value));
      return value;
    }
    return std::nullopt;
  }

 private:
  int level_;
  int fd_ = -1;
};

class SocketOptions : public OnBothPorts {
 protected:
  Endpoint create(EndpointConfig config) {
    return value_or_throw(Endpoint::create(runtime_->shard(0), std::move(config)));
  }
  // The control message of a client's first datagram.
  static std::optional<std::uint32_t> seen_by(const Witness& witness, const EndpointConfig& config,
                                              int type) {
    auto runtime = value_or_throw(Runtime::create({.shards = 1, .port = GetParam()}));
    auto main = [](EndpointConfig of_client, Address to) -> Task<int> {
      auto client = value_or_throw(Endpoint::create(Shard::current(), of_client));
      EXPECT_TRUE(client.connect(to, {.hostname = "localhost"}).has_value());
      (void)co_await Shard::current().sleep_for(50ms);
      co_return EXIT_SUCCESS;
    };
    EXPECT_EQ(runtime->run(main(config, witness.address())), EXIT_SUCCESS);
    return witness.control_of_first_datagram(type);
  }
};

INSTANTIATE_TEST_SUITE_P(Ports, SocketOptions, kBothPorts, name_of_port);

// spec: EC24 EC25
TEST_P(SocketOptions, BuffersAreAsLargeAsAskedFor) {
  EndpointConfig config;
  config.udp.receive_buffer_size = 65'536;
  config.udp.send_buffer_size = 32'768;
  const Endpoint endpoint = create(config);
  EXPECT_EQ(option_of(endpoint, SOL_SOCKET, SO_RCVBUF), 2 * 65'536) << "socket(7): doubled";
  EXPECT_EQ(option_of(endpoint, SOL_SOCKET, SO_SNDBUF), 2 * 32'768);
}

// spec: EC26
TEST_P(SocketOptions, ThePeerSeesTheTtl) {
  EndpointConfig config;
  config.udp.ttl = 17;
  EXPECT_EQ(seen_by(Witness(Family::ipv4, IPPROTO_IP, IP_RECVTTL), config, IP_TTL), 17u);
  config.address = Address::loopback(Family::ipv6, 0);
  EXPECT_EQ(seen_by(Witness(Family::ipv6, IPPROTO_IPV6, IPV6_RECVHOPLIMIT), config, IPV6_HOPLIMIT),
            17u);
}

// spec: EC5
TEST_P(SocketOptions, ThePeerSeesTheFlowLabel) {
  EndpointConfig config;
  config.address = Address::loopback(Family::ipv6, 0);
  config.address.set_flow_label(0xabcde);
  const auto seen =
      seen_by(Witness(Family::ipv6, IPPROTO_IPV6, kIpv6FlowInfo), config, kIpv6FlowInfo);
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(ntohl(*seen) & 0xfffffu, 0xabcdeu);
  config.address = Address::loopback(Family::ipv4, 0);
  config.address.set_flow_label(0xabcde);
  EXPECT_EQ(config.address.flow_label(), 0u) << "IPv4 has none";
}

// spec: EC3 EC23
TEST_P(SocketOptions, AnIpv6WildcardTakesIpv4UnlessToldNotTo) {
  EndpointConfig config;
  config.address = Address::any(Family::ipv6, 0);
  const Endpoint both = create(config);
  EXPECT_EQ(both.address()->ip(), "::");
  EXPECT_EQ(option_of(both, IPPROTO_IPV6, IPV6_V6ONLY), 0);
  EndpointConfig same_port;
  same_port.address = Address::any(Family::ipv4, both.address()->port());
  EXPECT_FALSE(Endpoint::create(runtime_->shard(0), same_port).has_value()) << "it has IPv4 too";

  config.udp.ipv6_only = true;
  const Endpoint six = create(config);
  EXPECT_EQ(option_of(six, IPPROTO_IPV6, IPV6_V6ONLY), 1);
  same_port.address = Address::any(Family::ipv4, six.address()->port());
  EXPECT_TRUE(Endpoint::create(runtime_->shard(0), same_port).has_value()) << "IPv4 is free";
}

}  // namespace
}  // namespace quicore::test
