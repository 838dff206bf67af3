// SPDX-License-Identifier: Apache-2.0
#include "io/sim/checkers.h"

#include <gmock/gmock.h>

#include "tests/unit/io/sim/two_hosts.h"

namespace quicore::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kVersion1("\0\0\0\1", 4);
constexpr std::string_view kVersion2("\x6b\x33\x43\xcf", 4);

// A long header packet with empty connection IDs and a body of ten bytes.
std::string long_header(unsigned type, std::string_view version, bool initial,
                        std::string_view token = "") {
  std::string packet(1, static_cast<char>(0xc0 | type << 4));
  packet.append(version).append(2, '\0');
  if (initial) packet.append(1, static_cast<char>(token.size())).append(token);
  return packet.append(1, 10).append(10, 'b');
}

bool validates(std::string_view datagram) { return may_validate_address(as_bytes(datagram)); }

// RFC 9000 8.1: "receipt of a packet protected with Handshake keys confirms".
TEST(AddressValidation, AHandshakePacketValidatesAlsoBehindAnInitial) {
  const std::string initial = long_header(0, kVersion1, true);
  EXPECT_FALSE(validates(initial));
  EXPECT_FALSE(validates(initial + initial));
  EXPECT_TRUE(validates(long_header(2, kVersion1, false)));
  EXPECT_TRUE(validates(initial + long_header(2, kVersion1, false)));
}

TEST(AddressValidation, AnInitialWithATokenMayValidate) {
  EXPECT_TRUE(validates(long_header(0, kVersion1, true, "token")));
}

TEST(AddressValidation, ZeroRttDoesNotValidateAndOneRttDoes) {
  EXPECT_FALSE(validates(long_header(1, kVersion1, false)));
  EXPECT_TRUE(validates("\x40 something"));
}

// RFC 9369 3.2.
TEST(AddressValidation, Version2NumbersItsTypesDifferently) {
  EXPECT_FALSE(validates(long_header(1, kVersion2, true)));
  EXPECT_FALSE(validates(long_header(2, kVersion2, false)));  // 0-RTT
  EXPECT_TRUE(validates(long_header(3, kVersion2, false)));
}

TEST(AddressValidation, WhatEndsTooEarlyValidatesNothing) {
  const std::string packet = long_header(0, kVersion1, true) + long_header(2, kVersion1, false);
  for (std::size_t size = 0; size < packet.size() - 12; ++size) {
    EXPECT_FALSE(validates(std::string_view(packet).substr(0, size))) << size;
  }
}

TEST(Amplification, ThreeTimesWhatCameIsAllowedAndOneByteMoreIsNot) {
  TwoHosts net({Delay{1ms}});
  net.world.limit_amplification(net.second);
  net.a.send(net.b.address(), long_header(0, kVersion1, true));  // 19 bytes
  net.settle();
  const std::size_t allowed = 3 * net.b.received.at(0).payload.size();
  net.b.send(net.b.received[0].remote, std::string(allowed, 'x'));
  net.settle();
  net.b.send(net.b.received[0].remote, "x");
  EXPECT_EQ(net.world.run_until_quiet(), Outcome::violated);
  EXPECT_THAT(net.world.take_violations(), ElementsAre(HasSubstr("RFC 9000 8.1")));
}

TEST(Amplification, AValidatedAddressHasNoLimit) {
  TwoHosts net({Delay{1ms}});
  net.world.limit_amplification(net.second);
  net.a.send(net.b.address(), long_header(2, kVersion1, false));
  net.settle();
  net.b.send(net.a.address(), std::string(60'000, 'x'));
  net.settle();
}

TEST(Amplification, WhatWasLostOnTheWayDoesNotCount) {
  TwoHosts net({drop_these({1})});
  net.world.limit_amplification(net.second);
  const std::string initial = long_header(0, kVersion1, true);
  net.a.send(net.b.address(), initial);
  net.a.send(net.b.address(), initial);
  net.settle();
  net.b.send(net.a.address(), std::string(3 * initial.size() + 1, 'x'));
  EXPECT_EQ(net.world.run_until_quiet(), Outcome::violated);
  EXPECT_THAT(net.world.take_violations(), ElementsAre(HasSubstr("amplification")));
}

}  // namespace
}  // namespace quicore::sim
