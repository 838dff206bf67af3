// SPDX-License-Identifier: Apache-2.0
//
// What only the io_uring port does: its ring, its one system call per turn, messages between rings.
#include "io/uring_port.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "io/uring_tag.h"
#include "port_world.h"

namespace quicore::io::test {
namespace {

using namespace std::chrono_literals;

class UringPortTest : public testing::Test {
 protected:
  std::unique_ptr<Port> make(const SmallPort& small = {}) {
    return make_port(Kind::uring, kernel, small);
  }
  FaultyKernel kernel;
};

TEST_F(UringPortTest, ATurnWithTrafficInBothDirectionsEntersTheKernelOnce) {
  auto port = make();
  const SocketId a = *port->open(on_loopback());
  const SocketId b = *port->open(on_loopback());
  port->wait(port->now());
  const int before = kernel.enters;
  constexpr int kTurns = 50;
  int received = 0;
  for (int turn = 0; turn < kTurns; ++turn) {
    for (unsigned i = 0; i < 8; ++i) {
      send(*port, a, port->local_address(b), pattern(12000, i), {.segment_size = 1200});
    }
    port->wait(port->now() + 1s);
    received += static_cast<int>(port->received().size());
  }
  EXPECT_EQ(kernel.enters - before, kTurns);
  EXPECT_EQ(port->stats().system_calls, static_cast<std::uint64_t>(kernel.enters));
  EXPECT_GE(received, (kTurns - 1) * 8);
}

TEST_F(UringPortTest, ATurnThatNeitherWaitsNorSendsCostsNoSystemCall) {
  auto port = make();
  const SocketId socket = *port->open(on_loopback());
  port->wait(port->now());
  port->wait(port->now());
  const int before = kernel.enters;
  for (int turn = 0; turn < 10; ++turn) port->wait(port->now());
  EXPECT_EQ(kernel.enters, before);

  auto peer = make();  // but what arrives is noticed
  const SocketId from = *peer->open(on_loopback());
  send(*peer, from, port->local_address(socket), "x");
  peer->wait(peer->now());
  const Instant end = std::chrono::steady_clock::now() + 30s;
  while (port->received().empty() && std::chrono::steady_clock::now() < end) {
    port->wait(port->now());
  }
  EXPECT_EQ(port->received().size(), 1u);
}

TEST_F(UringPortTest, WhenTheBuffersRunOutTheReceiveIsStartedAgain) {
  auto port = make({.receive_slots = 4});
  const SocketId to = *port->open(on_loopback());
  const SocketId from = *port->open(on_loopback());
  for (unsigned i = 0; i < 20; ++i) send(*port, from, port->local_address(to), pattern(10, i));
  EXPECT_EQ(joined(receive(*port, 200)).size(), 200u);
  EXPECT_GT(port->stats().receive_buffer_empty, 0u);
  EXPECT_GT(port->stats().receive_rearmed, 0u);
}

TEST_F(UringPortTest, AnOverflowOfTheCompletionRingLosesNothing) {
  auto port = make({.completion_entries = 4});
  auto peer = make();
  const SocketId to = *port->open(on_loopback());
  const SocketId from = *peer->open(on_loopback());
  port->wait(port->now());
  std::string expected;
  for (unsigned i = 0; i < 60; ++i) {
    send(*peer, from, port->local_address(to), pattern(100, i));
    expected += pattern(100, i);
  }
  peer->wait(peer->now());
  EXPECT_TRUE(joined(receive(*port, expected.size())) == expected);
  EXPECT_GT(port->stats().completion_overflows + port->stats().receive_rearmed, 0u);
}

// A multishot receive may end for reasons of the kernel's own; the buffer it ends with counts.
TEST_F(UringPortTest, AReceiveEndedWithADatagramIsStartedAgain) {
  auto port = make();
  const SocketId to = *port->open(on_loopback());
  const SocketId from = *port->open(on_loopback());
  port->wait(port->now());
  // Shutting the receive down by its tag, behind the port's back, ends it with ECANCELED.
  bool ended = false;
  kernel.on_completions = [&](std::span<Completion> batch) {
    for (const Completion& completion : batch) {
      const bool is_receive =
          UringTag::from(completion.user_data).operation == UringOperation::receive;
      if (is_receive && (completion.flags & IORING_CQE_F_MORE) == 0) ended = true;
    }
  };
  kernel.cancel_next_receive = true;
  port->wait(port->now());
  send(*port, from, port->local_address(to), "after");
  EXPECT_EQ(joined(receive(*port, 5)), "after");
  EXPECT_TRUE(ended);
  EXPECT_GE(port->stats().receive_rearmed, 1u);
}

class FlagsTest : public UringPortTest, public testing::WithParamInterface<unsigned> {};

INSTANTIATE_TEST_SUITE_P(Uring, FlagsTest,
                         testing::Values(IORING_SETUP_NO_SQARRAY, IORING_SETUP_DEFER_TASKRUN));

TEST_P(FlagsTest, AnOlderKernelGetsTheFlagsItKnows) {
  kernel.refused_ring_flags = GetParam();
  auto port = make();
  const SocketId a = *port->open(on_loopback());
  const SocketId b = *port->open(on_loopback());
  for (unsigned i = 0; i < 20; ++i) {
    send(*port, a, port->local_address(b), pattern(12000, i), {.segment_size = 1200});
    EXPECT_TRUE(joined(receive(*port, 12000)) == pattern(12000, i));
  }
  auto waker = port->waker();
  std::thread other([&] { waker->wake(); });
  port->wait(kNever);
  other.join();
}

TEST_F(UringPortTest, AKernelThatKnowsNoneOfTheFlagsIsRefusedWithAReason) {
  kernel.refused_ring_flags = IORING_SETUP_SINGLE_ISSUER;
  const auto port = UringPort::make({}, kernel);
  ASSERT_FALSE(port);
  EXPECT_NE(port.error().reason.find("Linux 6.0"), std::string::npos);
}

// Which ways a sleeping port was woken.
struct Wakes {
  std::atomic<int> messages{0};
  std::atomic<int> events{0};
  void watch(FaultyKernel& kernel) {
    kernel.on_completions = [this](std::span<Completion> batch) {
      for (const Completion& completion : batch) {
        const auto operation = UringTag::from(completion.user_data).operation;
        if (operation == UringOperation::woken) ++messages;
        if (operation == UringOperation::event) ++events;
      }
    };
  }
};

TEST_F(UringPortTest, AShardWakesAnotherByAMessageBetweenTheirRings) {
  FaultyKernel sleeper_kernel;
  Wakes wakes;
  wakes.watch(sleeper_kernel);
  auto sleeper = make_port(Kind::uring, sleeper_kernel);
  auto waker = sleeper->waker();
  std::atomic<int> turns{0};
  constexpr int kWakes = 20;
  std::thread thread([&] {
    for (int i = 0; i < kWakes; ++i) {
      sleeper->wait(kNever);
      ++turns;
    }
    sleeper.reset();
  });
  auto own = make();
  own->wait(own->now());
  while (turns < kWakes) {
    waker->wake();
    own->wait(own->now() + 1ms);  // carries the message
  }
  thread.join();
  EXPECT_GT(wakes.messages, 0);
  EXPECT_EQ(wakes.events, 0);
}

TEST_F(UringPortTest, AThreadWithoutARingWakesByTheEventfd) {
  Wakes wakes;
  wakes.watch(kernel);
  auto port = make();
  auto waker = port->waker();
  std::atomic<bool> done{false};
  std::thread thread([&] {
    while (!done) {
      waker->wake();
      std::this_thread::sleep_for(1ms);
    }
  });
  while (wakes.events < 5) port->wait(kNever);
  done = true;
  thread.join();
  EXPECT_EQ(wakes.messages, 0);
}

TEST_F(UringPortTest, AMessageTheTargetCannotTakeIsReplacedByTheEventfd) {
  // A ring that is gone under its waker: the message fails, and nobody is harmed.
  auto target = std::make_shared<UringWakeTarget>();
  target->ring_fd = 0;  // no ring
  ASSERT_TRUE(target->state.begin_sleep());
  auto own = make();
  own->wait(own->now());
  UringWaker(target).wake();
  own->wait(own->now() + 1ms);
  std::uint64_t kicks = 0;
  ASSERT_EQ(read(target->state.event_fd(), &kicks, sizeof(kicks)),
            static_cast<ssize_t>(sizeof(kicks)));
  EXPECT_EQ(kicks, 1u);
}

TEST_F(UringPortTest, WakingAPortThatIsAwakeCostsNoSystemCall) {
  auto port = make();
  auto waker = port->waker();
  auto own_thread_without_ring = [&] {
    for (int i = 0; i < 1000; ++i) waker->wake();
  };
  port->wait(port->now());
  std::thread(own_thread_without_ring).join();
  Wakes wakes;
  wakes.watch(kernel);
  port->wait(port->now());
  port->wait(port->now());
  EXPECT_EQ(wakes.events, 0);
}

TEST_F(UringPortTest, MoreSocketsThanTheFileTableHoldsAreRefused) {
  auto port = make();
  std::vector<SocketId> sockets;
  for (std::uint32_t i = 0; i < kMaxSockets; ++i) {
    const auto socket = port->open(on_loopback());
    if (!socket && socket.error().code == EMFILE) GTEST_SKIP() << "too few open files allowed";
    ASSERT_TRUE(socket) << to_string(socket.error());
    sockets.push_back(*socket);
  }
  const auto refused = port->open(on_loopback());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Errc::no_memory);
  port->close(sockets[7]);
  port->wait(port->now() + 10ms);
  EXPECT_EQ(port->open(on_loopback()), sockets[7]);
}

TEST_F(UringPortTest, APortThatOutlivesItsThreadFreesItsAddressesBeforeLong) {
  auto port = make();
  SocketOptions options;
  std::thread([&] {
    const SocketId socket = *port->open(on_loopback());
    options.bind_address = port->local_address(socket);
    port->wait(port->now());
  }).join();
  port.reset();
  auto second = make();
  const Instant end = std::chrono::steady_clock::now() + 30s;
  auto again = second->open(options);
  while (!again && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(1ms);
    again = second->open(options);
  }
  EXPECT_TRUE(again);
}

}  // namespace
}  // namespace quicore::io::test
