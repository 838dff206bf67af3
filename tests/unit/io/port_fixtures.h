// SPDX-License-Identifier: Apache-2.0
//
// Fixtures of what every port of the kernel's must do, over real loopback sockets.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "port_world.h"

namespace quicore::io::test {

inline const auto kEveryKind =
    testing::Values(Kind::uring, Kind::mmsg, Kind::polling_uring, Kind::polling_mmsg);

inline std::string name_of_kind(const testing::TestParamInfo<Kind>& test) {
  switch (test.param) {
    case Kind::uring:
      return "Uring";
    case Kind::mmsg:
      return "Mmsg";
    case Kind::polling_uring:
      return "PollingUring";
    case Kind::polling_mmsg:
      return "PollingMmsg";
  }
  return "";
}

class PortTest : public testing::TestWithParam<Kind> {
 protected:
  std::unique_ptr<Port> make(const SmallPort& small = {}) {
    return make_port(GetParam(), kernel, small);
  }
  FaultyKernel kernel;
};

// Two ports with a socket each.
class PortPairTest : public PortTest {
 protected:
  void SetUp() override { open(Family::ipv4); }
  void open(Family family, const SmallPort& small = {}, SocketOptions extra = {}) {
    extra.bind_address = Address::loopback(family, 0);
    a = make();
    b = make(small);
    a_socket = *a->open(extra);
    b_socket = *b->open(extra);
    a_address = a->local_address(a_socket);
    b_address = b->local_address(b_socket);
    b->wait(b->now());  // b receives from here on
  }
  std::unique_ptr<Port> a, b;
  SocketId a_socket{}, b_socket{};
  Address a_address, b_address;
};

}  // namespace quicore::io::test
