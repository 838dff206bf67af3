// SPDX-License-Identifier: Apache-2.0
//
// Waiting, being woken, and the time between: what every port of the kernel's must do.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "port_fixtures.h"

namespace quicore::io::test {
namespace {

using namespace std::chrono_literals;

class PortWaitTest : public PortTest {};
class PortPairWaitTest : public PortPairTest {};

INSTANTIATE_TEST_SUITE_P(OfTheKernel, PortWaitTest, kEveryKind, name_of_kind);

INSTANTIATE_TEST_SUITE_P(OfTheKernel, PortPairWaitTest, kEveryKind, name_of_kind);

TEST_P(PortPairWaitTest, SendingAloneDoesNotEndAWaitBeforeItsDeadline) {
  send(*a, a_socket, b_address, "x");
  const Instant deadline = a->now() + 30ms;
  a->wait(deadline);
  EXPECT_GE(a->now(), deadline);
}

TEST_P(PortWaitTest, AWaitEndsAtItsDeadlineAndNotBefore) {
  auto port = make();
  for (const Duration time : {Duration(100us), Duration(3ms), Duration(20ms)}) {
    const Instant deadline = std::chrono::steady_clock::now() + time;
    port->wait(deadline);
    EXPECT_GE(port->now(), deadline);
    EXPECT_TRUE(port->received().empty());
  }
}

TEST_P(PortWaitTest, AWaitWhoseDeadlineHasPassedDoesNotBlock) {
  auto port = make();
  port->wait(port->now());
  port->wait(Instant());
  SUCCEED() << "it came back";
}

TEST_P(PortWaitTest, NowStandsStillDuringATurn) {
  auto port = make();
  port->wait(port->now());
  const Instant now = port->now();
  std::this_thread::sleep_for(2ms);
  EXPECT_EQ(port->now(), now);
  port->wait(now);
  EXPECT_GT(port->now(), now);
}

TEST_P(PortWaitTest, AnotherThreadEndsAWait) {
  auto port = make();
  port->wait(port->now());
  auto waker = port->waker();
  for (int i = 0; i < 20; ++i) {
    std::thread other([&] { waker->wake(); });
    port->wait(kNever);
    other.join();
  }
}

TEST_P(PortWaitTest, AWakeBeforeTheWaitIsNotLost) {
  auto port = make();
  port->waker()->wake();
  port->wait(kNever);
  port->waker()->wake();
  port->waker()->wake();
  port->wait(kNever);
}

TEST_P(PortWaitTest, AWakerOutlivesItsPort) {
  auto port = make();
  port->wait(port->now());
  auto waker = port->waker();
  port.reset();
  waker->wake();
}

TEST_P(PortWaitTest, PortsOfTwoThreadsWakeEachOtherWithoutLosingAny) {
  constexpr int kRounds = 2000;
  FaultyKernel other_kernel;  // one per thread: it counts
  auto first = make();
  auto second = make_port(GetParam(), other_kernel);
  std::atomic<int> ball{0};
  auto play = [&](Port& own, Waker& other, int side) {
    for (int round = side; round < kRounds; round += 2) {
      while (ball.load() != round) own.wait(kNever);
      ball.store(round + 1);
      other.wake();
    }
    own.wait(own.now());  // the last wake-up leaves with it
  };
  auto first_waker = first->waker();
  auto second_waker = second->waker();
  std::thread thread([&] { play(*second, *first_waker, 1); });
  play(*first, *second_waker, 0);
  thread.join();
  EXPECT_EQ(ball.load(), kRounds);
}

// io/load_meter.h; as often as it takes, on a machine that may be doing other things.
TEST_P(PortPairWaitTest, TellsWhetherItHasTimeToSpare) {
  const auto work = [](Duration time) {
    const Instant end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
    }
  };
  EXPECT_FALSE(b->is_busy());
  const Instant give_up = std::chrono::steady_clock::now() + 30s;
  while (!b->is_busy() && b->now() < give_up) {
    send(*a, a_socket, b_address, "more to do");
    a->wait(a->now());
    work(2ms);
    b->wait(b->now() + 1s);
  }
  EXPECT_TRUE(b->is_busy());
  while (b->is_busy() && b->now() < give_up) b->wait(b->now() + kLoadWindow);
  EXPECT_FALSE(b->is_busy());
}

}  // namespace
}  // namespace quicore::io::test
