// SPDX-License-Identifier: Apache-2.0
#include "io/address.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <set>

namespace quicore {
namespace {

TEST(Address, AnEmptyAddressHasNoFamilyPortOrText) {
  const Address none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.family(), Family::none);
  EXPECT_EQ(none.port(), 0);
  EXPECT_EQ(none.size(), 0u);
  EXPECT_EQ(none.to_string(), "none");
  EXPECT_FALSE(none.is_any());
  EXPECT_FALSE(none.is_loopback());
  EXPECT_EQ(none, Address());
}

TEST(Address, TextBecomesAnAddressAndTextAgain) {
  for (const char* text : {"127.0.0.1:4433", "0.0.0.0:0", "[::1]:65535", "[2001:db8::7]:443",
                           "[::ffff:10.0.0.1]:80"}) {
    const auto address = Address::parse_with_port(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
  }
}

TEST(Address, TextThatIsNoAddressIsRefusedWithAReason) {
  for (const char* text : {"", "localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", ":::", "[::1]"}) {
    const auto address = Address::parse(text, 1);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().kind, Errc::invalid_argument);
    EXPECT_NE(address.error().reason.find(std::string("'") + text + "'"), std::string::npos);
  }
}

TEST(Address, AnAddressWithPortThatIsIncompleteOrAmbiguousIsRefused) {
  for (const char* text : {"127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                           "127.0.0.1:4x", "::1:4433", "[127.0.0.1]:1", "[::1]", ":443"}) {
    const auto address = Address::parse_with_port(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().kind, Errc::invalid_argument) << text;
  }
}

TEST(Address, AnUnknownInterfaceIsNamedInTheReason) {
  const auto address = Address::parse("fe80::1%nosuchif", 1);
  ASSERT_FALSE(address);
  EXPECT_NE(address.error().reason.find("nosuchif"), std::string::npos);
}

TEST(Address, AScopeIsPartOfTheAddress) {
  const auto one = Address::parse("fe80::1%1", 7);
  const auto two = Address::parse("fe80::1%2", 7);
  ASSERT_TRUE(one && two);
  EXPECT_NE(*one, *two);
  EXPECT_NE(one->hash(), two->hash());
}

TEST(Address, ItIsStoredAsTheKernelHasIt) {
  const auto address = Address::parse("192.0.2.9", 4433);
  ASSERT_TRUE(address);
  ASSERT_EQ(address->size(), sizeof(sockaddr_in));
  sockaddr_in expected{};
  expected.sin_family = AF_INET;
  expected.sin_port = htons(4433);
  expected.sin_addr.s_addr = htonl(0xc0000209);
  EXPECT_EQ(std::memcmp(address->data(), &expected, sizeof(expected)), 0);
  EXPECT_EQ(Address::from_sockaddr(&expected, sizeof(expected)), *address);
}

TEST(Address, ASockaddrOfAnotherFamilyOrCutOffGivesAnEmptyAddress) {
  sockaddr_in6 other{};
  other.sin6_family = AF_UNIX;
  EXPECT_TRUE(Address::from_sockaddr(&other, sizeof(other)).empty());
  other.sin6_family = AF_INET6;
  EXPECT_TRUE(Address::from_sockaddr(&other, sizeof(other) - 1).empty());
  EXPECT_TRUE(Address::from_sockaddr(&other, 1).empty());
  EXPECT_FALSE(Address::from_sockaddr(&other, sizeof(other)).empty());
}

TEST(Address, MappedIpv4IsUnmappedAndOthersStayAsTheyAre) {
  const auto mapped = Address::parse("::ffff:192.0.2.1", 5);
  const auto plain = Address::parse("2001:db8::1", 5);
  ASSERT_TRUE(mapped && plain);
  EXPECT_EQ(mapped->unmapped().to_string(), "192.0.2.1:5");
  EXPECT_EQ(plain->unmapped(), *plain);
}

TEST(Address, AnyAndLoopbackAreKnownInEveryForm) {
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    EXPECT_TRUE(Address::any(family, 1).is_any());
    EXPECT_FALSE(Address::any(family, 1).is_loopback());
    EXPECT_TRUE(Address::loopback(family, 1).is_loopback());
    EXPECT_FALSE(Address::loopback(family, 1).is_any());
  }
  EXPECT_TRUE(Address::parse("127.9.9.9", 0)->is_loopback());
  EXPECT_TRUE(Address::parse("::ffff:127.0.0.1", 0)->is_loopback());
  EXPECT_TRUE(Address::any(Family::none, 1).empty());
}

TEST(Address, HostForgetsThePortAndNothingElse) {
  const auto a = Address::parse("2001:db8::1", 5);
  const auto b = Address::parse("2001:db8::1", 6);
  const auto c = Address::parse("2001:db8::2", 5);
  EXPECT_NE(*a, *b);
  EXPECT_EQ(a->host(), b->host());
  EXPECT_NE(a->host(), c->host());
}

TEST(Address, TheFlowLabelIsNotPartOfItsIdentity) {
  auto labelled = *Address::parse("2001:db8::1", 5);
  const Address plain = labelled;
  labelled.set_flow_label(0xabcde);
  EXPECT_EQ(labelled, plain);
  EXPECT_EQ(labelled.hash(), plain.hash());
  EXPECT_NE(std::memcmp(labelled.data(), plain.data(), plain.size()), 0);
}

TEST(Address, HashesOfNeighboursDiffer) {
  std::set<std::uint64_t> low_bits;
  for (std::uint16_t port = 1; port <= 1000; ++port) {
    low_bits.insert(Address::loopback(Family::ipv4, port).hash());
    low_bits.insert(Address::loopback(Family::ipv6, port).hash());
  }
  EXPECT_EQ(low_bits.size(), 2000u);
}

}  // namespace
}  // namespace quicore
