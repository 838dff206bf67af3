// SPDX-License-Identifier: Apache-2.0
#include "io/mailbox.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "io/buf.h"

namespace quicore::io {
namespace {

class CountingWaker final : public Waker {
 public:
  void wake() noexcept override { ++count; }
  std::atomic<int> count{0};
};

ReceivedTrain train_of(std::vector<std::byte>& bytes) {
  ReceivedTrain train;
  train.bytes = bytes;
  train.segment_size = 1200;
  train.socket = SocketId{3};
  train.ecn = Ecn::ce;
  train.remote = Address::loopback(Family::ipv6, 1);
  train.local = Address::loopback(Family::ipv6, 2);
  return train;
}

std::vector<std::byte> pattern(std::size_t size, unsigned seed) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + seed);
  return bytes;
}

TEST(DatagramMailbox, ATrainArrivesWithEverythingKnownAboutIt) {
  auto waker = std::make_shared<CountingWaker>();
  DatagramMailbox mailbox(waker);
  auto bytes = pattern(2400, 1);
  const auto expected = bytes;
  ASSERT_TRUE(mailbox.push(train_of(bytes)));
  EXPECT_EQ(waker->count, 1);
  std::fill(bytes.begin(), bytes.end(), std::byte{});
  ReceivedTrain got;
  ASSERT_TRUE(mailbox.pop(got));
  EXPECT_TRUE(std::ranges::equal(got.bytes, expected));
  EXPECT_EQ(got.segment_size, 1200u);
  EXPECT_EQ(got.socket, SocketId{3});
  EXPECT_EQ(got.ecn, Ecn::ce);
  EXPECT_EQ(got.remote, Address::loopback(Family::ipv6, 1));
  EXPECT_EQ(got.local, Address::loopback(Family::ipv6, 2));
  EXPECT_FALSE(mailbox.pop(got));
}

TEST(DatagramMailbox, WhenFullItRefusesUntilTheConsumerHasMovedOn) {
  DatagramMailbox mailbox(std::make_shared<CountingWaker>(), 4096);
  auto bytes = pattern(896, 0);  // 1024 with its header
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(mailbox.push(train_of(bytes)));
  EXPECT_FALSE(mailbox.push(train_of(bytes)));
  ReceivedTrain got;
  ASSERT_TRUE(mailbox.pop(got));
  EXPECT_FALSE(mailbox.push(train_of(bytes))) << "the train handed out is still being read";
  ASSERT_TRUE(mailbox.pop(got));
  EXPECT_TRUE(mailbox.push(train_of(bytes)));
}

TEST(DatagramMailbox, ATrainLargerThanTheMailboxIsRefused) {
  DatagramMailbox mailbox(std::make_shared<CountingWaker>(), 4096);
  auto bytes = pattern(4096, 0);
  EXPECT_FALSE(mailbox.push(train_of(bytes)));
}

TEST(DatagramMailbox, EveryTrainCrossesThreadsInOrderAndIntact) {
  DatagramMailbox mailbox(std::make_shared<CountingWaker>(), 16384);
  constexpr unsigned kTrains = 20000;
  std::thread producer([&] {
    for (unsigned i = 0; i < kTrains; ++i) {
      auto bytes = pattern(1 + i * 37 % 3000, i);
      while (!mailbox.push(train_of(bytes))) std::this_thread::yield();
    }
  });
  for (unsigned i = 0; i < kTrains; ++i) {
    ReceivedTrain got;
    while (!mailbox.pop(got)) std::this_thread::yield();
    const auto expected = pattern(1 + i * 37 % 3000, i);
    ASSERT_TRUE(std::ranges::equal(got.bytes, expected)) << i;
  }
  producer.join();
}

TEST(Inbox, FunctionsRunInTheOrderTheyWerePosted) {
  auto waker = std::make_shared<CountingWaker>();
  Inbox inbox(waker);
  std::string order;
  for (char letter : std::string("abcde")) {
    ASSERT_TRUE(inbox.post([&order, letter] { order += letter; }));
  }
  EXPECT_EQ(waker->count, 5);
  EXPECT_EQ(inbox.run_all(), 5u);
  EXPECT_EQ(order, "abcde");
  EXPECT_EQ(inbox.run_all(), 0u);
}

TEST(Inbox, WhatAFunctionPostsWaitsForTheNextRun) {
  Inbox inbox(std::make_shared<CountingWaker>());
  int runs = 0;
  inbox.post([&] { inbox.post([&] { ++runs; }); });
  EXPECT_EQ(inbox.run_all(), 1u);
  EXPECT_EQ(runs, 0);
  EXPECT_EQ(inbox.run_all(), 1u);
  EXPECT_EQ(runs, 1);
}

TEST(Inbox, AClosedInboxRunsWhatItHasAndRefusesMore) {
  Inbox inbox(std::make_shared<CountingWaker>());
  int runs = 0;
  inbox.post([&] { ++runs; });
  inbox.close();
  inbox.close();
  EXPECT_FALSE(inbox.post([&] { ++runs; }));
  EXPECT_EQ(inbox.run_all(), 1u);
  EXPECT_EQ(inbox.run_all(), 0u);
  EXPECT_EQ(runs, 1);
}

TEST(Inbox, WhatWasNeverRunIsDestroyedWithIt) {
  auto token = std::make_shared<int>(0);
  {
    Inbox inbox(std::make_shared<CountingWaker>());
    inbox.post([token] {});
    EXPECT_EQ(token.use_count(), 2);
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST(Inbox, EveryPostOfManyThreadsRunsOnceAndInItsThreadsOrder) {
  Inbox inbox(std::make_shared<CountingWaker>());
  constexpr int kThreads = 4;
  constexpr int kPosts = 5000;
  std::array<int, kThreads> next{};
  std::vector<std::thread> posters;
  for (int thread = 0; thread < kThreads; ++thread) {
    posters.emplace_back([&, thread] {
      for (int i = 0; i < kPosts; ++i) {
        inbox.post([&next, thread, i] {
          EXPECT_EQ(next[thread], i);
          ++next[thread];
        });
      }
    });
  }
  std::size_t run = 0;
  while (run < kThreads * kPosts) run += inbox.run_all();
  for (auto& poster : posters) poster.join();
  EXPECT_EQ(inbox.run_all(), 0u);
}

}  // namespace
}  // namespace quicore::io
