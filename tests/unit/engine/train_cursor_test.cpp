// SPDX-License-Identifier: Apache-2.0
#include "engine/train_cursor.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace quicore::engine {
namespace {

constexpr std::size_t kSegment = 20;

// Datagrams of kSegment bytes for these connections, one character each; capitals: a long header.
struct Train {
  explicit Train(const std::string& connections, std::size_t last = kSegment) {
    for (const char name : connections) {
      const bool long_header = name >= 'A' && name <= 'Z';
      std::vector<std::byte> datagram(kSegment, static_cast<std::byte>(name));
      datagram[0] = long_header ? std::byte{0xc0} : std::byte{0x40};
      bytes.insert(bytes.end(), datagram.begin(), datagram.end());
    }
    if (!connections.empty()) bytes.resize(bytes.size() - kSegment + last);
  }
  std::vector<std::byte> bytes;
};

// The connections that a cursor names, in their order.
std::string names(std::vector<Train> trains) {
  std::vector<io::ReceivedTrain> received;
  for (Train& train : trains) {
    received.push_back({.bytes = train.bytes, .segment_size = kSegment});
  }
  TrainCursor cursor(received);
  std::string names;
  while (!cursor.front().empty()) {
    const auto front = cursor.front();
    const auto taken = cursor.take();
    EXPECT_EQ(front.data(), taken.data());
    names += static_cast<char>(taken.back());
    if (names.size() > 100) break;
  }
  EXPECT_TRUE(cursor.take().empty());
  return names;
}

TEST(TrainCursor, NamesEachConnectionOnceForDatagramsInARow) {
  EXPECT_EQ(names({}), "");
  EXPECT_EQ(names({Train("a")}), "a");
  EXPECT_EQ(names({Train("aaaa")}), "a");
  EXPECT_EQ(names({Train("aab"), Train("bccd")}), "abbcd");
  EXPECT_EQ(names({Train(""), Train("ab"), Train(""), Train("c"), Train("")}), "abc");
}

TEST(TrainCursor, NamesLongHeadersOneByOne) { EXPECT_EQ(names({Train("AAbbC")}), "AAbC"); }

TEST(TrainCursor, ToleratesAShortLastDatagram) {
  EXPECT_EQ(names({Train("aab", 9)}), "ab");
  EXPECT_EQ(names({Train("aaa", 5)}), "aa");  // too short for a connection ID
  EXPECT_EQ(names({Train("a", 1)}), std::string(1, '\x40'));
}

TEST(TrainCursor, TakesATrainThatBeginsAndEndsWithOneConnectionForItsOwn) {
  EXPECT_EQ(names({Train("aba"), Train("c")}), "ac");
}

// The port says 0 where nothing was joined.
TEST(TrainCursor, TakesATrainWithoutSegmentsForOneDatagram) {
  Train train("ab");
  const std::vector<io::ReceivedTrain> received = {{.bytes = train.bytes, .segment_size = 0}};
  TrainCursor cursor(received);
  EXPECT_EQ(cursor.take().size(), 2 * kSegment);
  EXPECT_TRUE(cursor.take().empty());
}

}  // namespace
}  // namespace quicore::engine
