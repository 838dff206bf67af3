// SPDX-License-Identifier: Apache-2.0
#include "engine/send_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "io/random.h"

namespace quicore::engine {
namespace {

std::string gathered(const SendQueue& queue, std::size_t pieces, bool& to_end) {
  std::vector<Bytes> room(pieces);
  const std::size_t count = queue.gather(room, to_end);
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += as_text(room[i]);
  return text;
}

// A Buf that counts its release.
Buf counted(std::string_view text, int& released) {
  auto* copy = new std::string(text);
  return Buf::adopt(copy->data(), copy->size(), [copy, &released](void*) {
    ++released;
    delete copy;
  });
}

TEST(SendQueue, GathersUnsentBytesInOrderWithoutCopying) {
  SendQueue queue;
  const Buf first = Buf::copy("hello ");
  queue.push(first);
  queue.push(Buf::copy("world"));
  bool to_end = false;
  EXPECT_EQ(gathered(queue, 4, to_end), "hello world");
  EXPECT_TRUE(to_end);
  std::vector<Bytes> room(1);
  EXPECT_EQ(queue.gather(room, to_end), 1u);
  EXPECT_EQ(room[0].data(), first.data());
  EXPECT_FALSE(to_end);
}

TEST(SendQueue, GathersNoMoreThanIsEnough) {
  SendQueue queue;
  for (const std::string_view text : {"abc", "def", "ghi"}) queue.push(Buf::copy(text));
  std::vector<Bytes> room(4);
  bool to_end = true;
  EXPECT_EQ(queue.gather(room, to_end, 3), 1u);
  EXPECT_FALSE(to_end);
  EXPECT_EQ(queue.gather(room, to_end, 4), 2u);
  EXPECT_FALSE(to_end);
  EXPECT_EQ(queue.gather(room, to_end, 7), 3u);
  EXPECT_TRUE(to_end);
  queue.advance_sent(1);  // of the first one 2 bytes are left
  EXPECT_EQ(queue.gather(room, to_end, 3), 2u);
  EXPECT_FALSE(to_end);
}

TEST(SendQueue, GoesOnInTheMiddleOfABuf) {
  SendQueue queue;
  queue.push(Buf::copy("abcdef"));
  queue.push(Buf::copy("ghi"));
  queue.advance_sent(4);
  bool to_end = false;
  EXPECT_EQ(gathered(queue, 4, to_end), "efghi");
  EXPECT_EQ(queue.unsent(), 5u);
}

TEST(SendQueue, NothingLeftReachesTheEnd) {
  SendQueue queue;
  bool to_end = false;
  EXPECT_EQ(gathered(queue, 4, to_end), "");
  EXPECT_TRUE(to_end);
  queue.push(Buf::copy("abc"));
  queue.advance_sent(3);
  to_end = false;
  EXPECT_EQ(gathered(queue, 4, to_end), "");
  EXPECT_TRUE(to_end);
}

TEST(SendQueue, EmptyBufsTakeNoPlace) {
  SendQueue queue;
  queue.push(Buf());
  queue.push(Buf::copy(""));
  EXPECT_EQ(queue.end(), 0u);
  bool to_end = false;
  std::vector<Bytes> room(1);
  EXPECT_EQ(queue.gather(room, to_end), 0u);
}

TEST(SendQueue, ABufIsReleasedWhenItsLastByteIsAcknowledged) {
  int released = 0;
  SendQueue queue;
  queue.push(counted("abc", released));
  queue.push(counted("def", released));
  queue.advance_sent(6);
  queue.acknowledge_to(2);
  EXPECT_EQ(released, 0);
  queue.acknowledge_to(3);
  EXPECT_EQ(released, 1);
  EXPECT_EQ(queue.queued(), 3u);
  queue.acknowledge_to(1);  // an older acknowledgement changes nothing
  EXPECT_EQ(queue.acknowledged(), 3u);
  queue.acknowledge_to(6);
  EXPECT_EQ(released, 2);
  EXPECT_EQ(queue.queued(), 0u);
}

TEST(SendQueue, AnAbandonedOneReleasesEverythingAndCountsNothing) {
  int released = 0;
  SendQueue queue;
  queue.push(counted("abc", released));
  queue.push(counted("def", released));
  queue.advance_sent(4);
  queue.abandon();
  EXPECT_EQ(released, 2);
  EXPECT_EQ(queue.queued(), 0u);
  EXPECT_EQ(queue.unsent(), 0u);
  EXPECT_TRUE(queue.finished());
  bool to_end = false;
  EXPECT_EQ(gathered(queue, 4, to_end), "");
  queue.acknowledge_to(4);  // late acknowledgements still come
  EXPECT_EQ(queue.acknowledged(), 6u);
}

class SendQueueProperty : public testing::TestWithParam<std::uint64_t> {};

TEST_P(SendQueueProperty, EveryByteIsSentOnceInOrderAndReleasedOnce) {
  io::Random random = io::Random::seeded(GetParam());
  SendQueue queue;
  std::string all;   // every byte pushed
  std::string sent;  // every byte gathered and sent
  int pushed = 0;
  int released = 0;
  std::vector<std::uint64_t> ends;  // where the Bufs end
  for (int step = 0; step < 3000; ++step) {
    switch (random.below(3)) {
      case 0: {
        std::string text(random.below(40), ' ');
        for (char& c : text) c = static_cast<char>('a' + random.below(26));
        if (text.empty()) break;
        queue.push(counted(text, released));
        all += text;
        ends.push_back(all.size());
        ++pushed;
        break;
      }
      case 1: {
        bool to_end = false;
        std::string text = gathered(queue, 1 + random.below(5), to_end);
        ASSERT_EQ(to_end, sent.size() + text.size() == all.size());
        text.resize(random.below(text.size() + 1));  // a packet takes what fits
        sent += text;
        queue.advance_sent(text.size());
        break;
      }
      default: {
        const std::uint64_t in_flight = sent.size() - queue.acknowledged();
        queue.acknowledge_to(queue.acknowledged() + random.below(in_flight + 1));
      }
    }
    ASSERT_EQ(queue.sent(), sent.size());
    ASSERT_EQ(queue.end(), all.size());
    ASSERT_EQ(released, std::ranges::upper_bound(ends, queue.acknowledged()) - ends.begin());
  }
  ASSERT_EQ(sent, all.substr(0, sent.size()));
  queue.abandon();
  EXPECT_EQ(released, pushed);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SendQueueProperty, testing::Range<std::uint64_t>(0, 5));

}  // namespace
}  // namespace quicore::engine
