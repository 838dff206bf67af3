// SPDX-License-Identifier: Apache-2.0
//
// The control messages as bytes; that the kernel understands them is tested by port_test.cpp.
#include "io/control_message.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include <cstring>
#include <map>
#include <vector>

#include "io/send_slots.h"

namespace quicore::io {
namespace {

// The messages of a header by level and type.
std::map<std::pair<int, int>, std::string> messages_of(msghdr& header) {
  std::map<std::pair<int, int>, std::string> messages;
  for (cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
    messages[{at->cmsg_level, at->cmsg_type}] = {reinterpret_cast<const char*>(CMSG_DATA(at)),
                                                 at->cmsg_len - CMSG_LEN(0)};
  }
  return messages;
}

template <class T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

class SendMessageTest : public testing::Test {
 protected:
  auto prepare(std::uint32_t segment_size) {
    message.prepare(slot, bytes, segment_size);
    return messages_of(message.header());
  }
  std::vector<std::byte> bytes = std::vector<std::byte>(3000);
  SendSlot slot;
  SendMessage message;
};

TEST_F(SendMessageTest, APlainDatagramNeedsNoControlMessages) {
  slot.remote = Address::loopback(Family::ipv4, 9);
  EXPECT_TRUE(prepare(0).empty());
  const msghdr& header = message.header();
  EXPECT_EQ(header.msg_control, nullptr);
  EXPECT_EQ(header.msg_iov->iov_base, bytes.data());
  EXPECT_EQ(header.msg_iov->iov_len, bytes.size());
  EXPECT_EQ(header.msg_namelen, slot.remote.size());
}

TEST_F(SendMessageTest, EachFamilyHasItsOwnMessages) {
  slot.ecn = Ecn::ce;
  slot.remote = Address::loopback(Family::ipv4, 9);
  slot.local = *Address::parse("127.0.0.3", 0);
  auto messages = prepare(1200);
  EXPECT_EQ(messages.size(), 3u);
  EXPECT_EQ((messages[{IPPROTO_UDP, UDP_SEGMENT}]), raw(std::uint16_t{1200}));
  EXPECT_EQ((messages[{IPPROTO_IP, IP_TOS}]), raw(int{3}));
  in_pktinfo from{};
  from.ipi_spec_dst.s_addr = htonl(0x7f000003);
  EXPECT_EQ((messages[{IPPROTO_IP, IP_PKTINFO}]), raw(from));

  slot.remote = Address::loopback(Family::ipv6, 9);
  slot.local = *Address::parse("fe80::1%5", 0);
  messages = prepare(1200);
  EXPECT_EQ(messages.size(), 3u);
  EXPECT_EQ((messages[{IPPROTO_IPV6, IPV6_TCLASS}]), raw(int{3}));
  in6_pktinfo from6{};
  std::memcpy(&from6.ipi6_addr, slot.local.ip_bytes().data(), 16);
  from6.ipi6_ifindex = 5;
  EXPECT_EQ((messages[{IPPROTO_IPV6, IPV6_PKTINFO}]), raw(from6));
}

TEST_F(SendMessageTest, AMappedAddressIsMarkedAsIpv4) {
  slot.ecn = Ecn::ect0;
  slot.remote = *Address::parse("::ffff:10.0.0.1", 9);
  EXPECT_TRUE(prepare(0).contains({IPPROTO_IP, IP_TOS}));
}

TEST_F(SendMessageTest, EveryChangeIsWrittenAndWhatWentAwayIsGone) {
  slot.remote = Address::loopback(Family::ipv4, 9);
  EXPECT_EQ(prepare(1200).size(), 1u);
  EXPECT_EQ(prepare(1300).begin()->second, raw(std::uint16_t{1300}));
  slot.ecn = Ecn::ect0;
  EXPECT_EQ(prepare(1300).size(), 2u);
  slot.local = *Address::parse("127.0.0.3", 0);
  EXPECT_EQ(prepare(1300).size(), 3u);
  slot.remote = Address::loopback(Family::ipv6, 9);
  EXPECT_TRUE(prepare(1300).contains({IPPROTO_IPV6, IPV6_TCLASS}));
  slot.local = {};
  slot.ecn = Ecn::not_ect;
  EXPECT_TRUE(prepare(0).empty());
}

class ReadControlTest : public testing::Test {
 protected:
  template <class T>
  void add(int level, int type, const T& value) {
    std::vector<std::byte> message(CMSG_SPACE(sizeof(T)));
    cmsghdr header{};
    header.cmsg_len = CMSG_LEN(sizeof(T));
    header.cmsg_level = level;
    header.cmsg_type = type;
    std::memcpy(message.data(), &header, sizeof(header));
    std::memcpy(message.data() + CMSG_LEN(0), &value, sizeof(value));
    control.insert(control.end(), message.begin(), message.end());
  }
  ReceivedTrain read() {
    ReceivedTrain train;
    read_control(control, 4433, train);
    return train;
  }
  std::vector<std::byte> control;
};

TEST_F(ReadControlTest, NothingSaidIsNothingKnown) {
  const ReceivedTrain train = read();
  EXPECT_EQ(train.segment_size, 0u);
  EXPECT_EQ(train.ecn, Ecn::not_ect);
  EXPECT_TRUE(train.local.empty());
}

TEST_F(ReadControlTest, UnknownMessagesArePassedOver) {
  add(SOL_SOCKET, 12345, std::array<char, 13>{});
  add(IPPROTO_UDP, UDP_GRO, int{1200});
  add(IPPROTO_IP, IP_TOS, std::uint8_t{0xfe});  // a DSCP beside the mark
  const ReceivedTrain train = read();
  EXPECT_EQ(train.segment_size, 1200u);
  EXPECT_EQ(train.ecn, Ecn::ect0);
}

TEST_F(ReadControlTest, TheSocketsOwnFormOfTheDestinationWins) {
  in6_pktinfo mapped{};
  inet_pton(AF_INET6, "::ffff:10.0.0.1", &mapped.ipi6_addr);
  in_pktinfo plain{};
  inet_pton(AF_INET, "10.0.0.1", &plain.ipi_addr);
  add(IPPROTO_IPV6, IPV6_PKTINFO, mapped);
  add(IPPROTO_IP, IP_PKTINFO, plain);
  EXPECT_EQ(read().local.to_string(), "[::ffff:10.0.0.1]:4433");
}

TEST_F(ReadControlTest, OnlyALinkLocalDestinationKeepsItsInterface) {
  in6_pktinfo info{};
  info.ipi6_ifindex = 1;
  inet_pton(AF_INET6, "fe80::2", &info.ipi6_addr);
  add(IPPROTO_IPV6, IPV6_PKTINFO, info);
  EXPECT_EQ(read().local, *Address::parse("fe80::2%1", 4433));
  control.clear();
  inet_pton(AF_INET6, "2001:db8::2", &info.ipi6_addr);
  add(IPPROTO_IPV6, IPV6_PKTINFO, info);
  EXPECT_EQ(read().local, *Address::parse("2001:db8::2", 4433));
}

TEST_F(ReadControlTest, LengthsThatCannotBeEndTheReading) {
  for (const std::size_t length : {std::size_t{0}, std::size_t{15}, std::size_t{1000}}) {
    control.clear();
    add(IPPROTO_UDP, UDP_GRO, int{1200});
    std::memcpy(control.data(), &length, sizeof(length));
    EXPECT_EQ(read().segment_size, 0u) << length;
  }
}

TEST(DatagramsIn, TheLastDatagramMayBeShorter) {
  EXPECT_EQ(datagrams_in(1200, 1200), 1u);
  EXPECT_EQ(datagrams_in(1201, 1200), 2u);
  EXPECT_EQ(datagrams_in(2400, 1200), 2u);
  EXPECT_EQ(datagrams_in(500, 1200), 1u);
  EXPECT_EQ(datagrams_in(500, 0), 1u);
}

}  // namespace
}  // namespace quicore::io
