// SPDX-License-Identifier: Apache-2.0
//
// When a port polls before it sleeps.
#include <gtest/gtest.h>

#include <chrono>

#include "port_world.h"

namespace quicore::io::test {
namespace {

using namespace std::chrono_literals;

// Its polls are system calls, by which they can be told from sleeps.
TEST(PollingMmsgPort, TriesAgainAfterPollingWasInVain) {
  FaultyKernel kernel;
  const auto port = make_port(Kind::polling_mmsg, kernel);
  int polled = 0;
  for (int wait = 0; wait < 6; ++wait) {  // without, after each that was in vain: 1, 2, 4 ... waits
    const std::uint64_t before = port->stats().system_calls;
    port->wait(std::chrono::steady_clock::now() + 1ms);
    polled += port->stats().system_calls > before + 2 ? 1 : 0;
  }
  EXPECT_GE(polled, 2);
}

}  // namespace
}  // namespace quicore::io::test
