// SPDX-License-Identifier: Apache-2.0
#include "io/udp_socket.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "io/limits.h"
#include "port_world.h"

namespace quicore::io::test {
namespace {

class UdpSocketTest : public testing::Test {
 protected:
  Result<UdpSocket> open(const SocketOptions& options) { return UdpSocket::open(options, kernel); }
  FaultyKernel kernel;
};

TEST_F(UdpSocketTest, ItIsBoundAndSetUpForQuic) {
  const auto socket = open(on_loopback());
  ASSERT_TRUE(socket);
  EXPECT_NE(socket->local_address().port(), 0);
  EXPECT_EQ(socket->option(IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_PROBE);
  EXPECT_EQ(socket->option(IPPROTO_IP, IP_PKTINFO), 1);
  EXPECT_EQ(socket->option(IPPROTO_IP, IP_RECVTOS), 1);
  EXPECT_TRUE(socket->segmentation());
}

TEST_F(UdpSocketTest, Ipv6SocketsSetTheOptionsOfBothFamilies) {
  const auto socket = open(on_loopback(Family::ipv6));
  ASSERT_TRUE(socket);
  EXPECT_EQ(socket->option(IPPROTO_IPV6, IPV6_MTU_DISCOVER), IPV6_PMTUDISC_PROBE);
  EXPECT_EQ(socket->option(IPPROTO_IPV6, IPV6_RECVPKTINFO), 1);
  EXPECT_EQ(socket->option(IPPROTO_IPV6, IPV6_RECVTCLASS), 1);
  EXPECT_EQ(socket->option(IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_PROBE);
  EXPECT_EQ(socket->option(IPPROTO_IP, IP_RECVTOS), 1);
}

TEST_F(UdpSocketTest, BuffersAndTtlAreSetAsAskedFor) {
  SocketOptions options = on_loopback();
  options.receive_buffer = 100000;
  options.send_buffer = 90000;
  options.ttl = 7;
  const auto socket = open(options);
  ASSERT_TRUE(socket);
  EXPECT_EQ(socket->option(SOL_SOCKET, SO_RCVBUF), 200000);  // the kernel doubles for its overhead
  EXPECT_EQ(socket->option(SOL_SOCKET, SO_SNDBUF), 180000);
  EXPECT_EQ(socket->option(IPPROTO_IP, IP_TTL), 7);
  options.bind_address = Address::loopback(Family::ipv6, 0);
  EXPECT_EQ(open(options)->option(IPPROTO_IPV6, IPV6_UNICAST_HOPS), 7);
}

TEST_F(UdpSocketTest, WithoutPrivilegeTheBuffersAreAsLargeAsTheAdministratorAllows) {
  kernel.refused_options[{SOL_SOCKET, SO_RCVBUFFORCE}] = EPERM;
  kernel.refused_options[{SOL_SOCKET, SO_SNDBUFFORCE}] = EPERM;
  const auto socket = open(on_loopback());
  ASSERT_TRUE(socket);
  EXPECT_GT(*socket->option(SOL_SOCKET, SO_RCVBUF), 0);
}

TEST_F(UdpSocketTest, ValuesThatCannotBeAreRefusedByName) {
  struct Case {
    const char* field;
    std::function<void(SocketOptions&)> spoil;
  };
  const Case cases[] = {
      {"bind_address", [](SocketOptions& o) { o.bind_address = {}; }},
      {"ttl", [](SocketOptions& o) { o.ttl = 0; }},
      {"ttl", [](SocketOptions& o) { o.ttl = 256; }},
      {"receive_buffer", [](SocketOptions& o) { o.receive_buffer = 0; }},
      {"send_buffer", [](SocketOptions& o) { o.send_buffer = -1; }},
      {"shard_index", [](SocketOptions& o) { o.shard_index = o.shard_count = 2; }},
      {"shard_count", [](SocketOptions& o) { o.shard_count = 0; }},
  };
  for (const Case& wrong : cases) {
    SocketOptions options = on_loopback();
    wrong.spoil(options);
    const auto socket = open(options);
    ASSERT_FALSE(socket) << wrong.field;
    EXPECT_EQ(socket.error().kind, Errc::invalid_argument);
    EXPECT_NE(socket.error().reason.find(wrong.field), std::string::npos) << socket.error().reason;
  }
}

TEST_F(UdpSocketTest, WhatTheKernelRefusesIsExplained) {
  struct Case {
    int error;
    const char* advice;
  };
  for (const Case& refused :
       {Case{EMFILE, "ulimit -n"}, Case{EAFNOSUPPORT, "has no IPv4"}, Case{EPERM, "permissions"}}) {
    kernel.socket_error = refused.error;
    const auto socket = open(on_loopback());
    ASSERT_FALSE(socket);
    EXPECT_EQ(socket.error().code, static_cast<std::uint64_t>(refused.error));
    EXPECT_NE(socket.error().reason.find(refused.advice), std::string::npos)
        << socket.error().reason;
  }
}

class RefusingBind : public FaultyKernel {
 public:
  int bind_socket(int, const void*, std::uint32_t) override {
    errno = bind_error;
    return -1;
  }
  int bind_error = 0;
};

TEST_F(UdpSocketTest, ABindThatIsRefusedSaysWhatToDo) {
  RefusingBind refusing;
  SocketOptions options = on_loopback();
  options.bind_address.set_port(443);
  struct Case {
    int error;
    const char* advice;
  };
  for (const Case& refused :
       {Case{EACCES, "CAP_NET_BIND_SERVICE"}, Case{EADDRINUSE, "UDP 127.0.0.1:443 is in use"},
        Case{EADDRNOTAVAIL, "127.0.0.1 is no address of this machine"}}) {
    refusing.bind_error = refused.error;
    const auto socket = UdpSocket::open(options, refusing);
    ASSERT_FALSE(socket);
    EXPECT_NE(socket.error().reason.find(refused.advice), std::string::npos)
        << socket.error().reason;
  }
}

TEST_F(UdpSocketTest, AKernelWithoutAnOptionThatIsNeededIsNamed) {
  kernel.refused_options[{IPPROTO_IP, IP_PKTINFO}] = ENOPROTOOPT;
  const auto socket = open(on_loopback());
  ASSERT_FALSE(socket);
  EXPECT_NE(socket.error().reason.find("IP_PKTINFO"), std::string::npos);
}

TEST_F(UdpSocketTest, ARefusedSteeringFilterIsLoggedAndTheSocketWorks) {
  kernel.refused_options[{SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF}] = EPERM;
  SocketOptions options = on_loopback();
  options.reuse_port = true;
  options.shard_count = 2;
  std::string line;
  const auto socket =
      UdpSocket::open(options, kernel, [&](std::string_view logged) { line = logged; });
  ASSERT_TRUE(socket);
  EXPECT_FALSE(socket->steered());
  EXPECT_NE(line.find("forwarded"), std::string::npos) << line;
}

TEST_F(UdpSocketTest, SegmentationIsRefusedHostByHostAndInTheEndAltogether) {
  auto socket = open(on_loopback());
  ASSERT_TRUE(socket);
  const auto host = [](unsigned i) { return *Address::parse("10.0.0." + std::to_string(i), 1); };
  for (unsigned i = 1; i <= kMaxUnsegmentedHosts; ++i) {
    EXPECT_TRUE(socket->segmentation_to(host(i)));
    socket->refuse_segmentation_to(host(i));
    socket->refuse_segmentation_to(host(i));
    EXPECT_FALSE(socket->segmentation_to(host(i)));
    Address other_port = host(i);
    other_port.set_port(2);
    EXPECT_FALSE(socket->segmentation_to(other_port)) << "the device is the same for all ports";
    EXPECT_TRUE(socket->segmentation());
  }
  socket->refuse_segmentation_to(host(200));
  EXPECT_FALSE(socket->segmentation());
}

}  // namespace
}  // namespace quicore::io::test
