// SPDX-License-Identifier: Apache-2.0
#include "api/capsule.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace quicore {
namespace {

std::string encoded(std::uint64_t type, std::string_view value) {
  return std::string(encode_capsule(type, as_bytes(value)).text());
}

struct Collector {
  CapsuleReader reader;
  std::string seen;

  Result<> feed(std::string_view text) {
    return reader.feed(as_bytes(text), [this](std::uint64_t type, Bytes value) {
      seen += std::to_string(type) + ":" + std::string(as_text(value)) + ";";
    });
  }
};

TEST(Capsule, IsTypeLengthAndValue) {  // RFC 9297 3.2
  EXPECT_EQ(encoded(kDatagramCapsule, "abc"), std::string("\x00\x03"
                                                          "abc",
                                                          5));
  EXPECT_EQ(encoded(0x1234, ""), std::string("\x52\x34\x00", 3));
}

TEST(Capsule, SeveralInOnePieceAreHandedOutInOrder) {
  Collector collector;
  ASSERT_TRUE(collector.feed(encoded(0, "one") + encoded(7, "") + encoded(70000, "three")));
  EXPECT_EQ(collector.seen, "0:one;7:;70000:three;");
  EXPECT_TRUE(collector.reader.at_boundary());
}

TEST(Capsule, ArrivesInWhateverPieces) {
  const std::string text =
      encoded(0, "one") + encoded(7, "") + encoded(70000, std::string(300, 'x')) + encoded(1, "");
  Collector whole;
  ASSERT_TRUE(whole.feed(text));
  for (std::size_t piece = 1; piece < text.size(); ++piece) {
    Collector collector;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      ASSERT_TRUE(collector.feed(std::string_view(text).substr(at, piece)));
    }
    EXPECT_EQ(collector.seen, whole.seen) << piece;
    EXPECT_TRUE(collector.reader.at_boundary()) << piece;
  }
}

TEST(Capsule, CutShortIsNoBoundary) {
  const std::string text = encoded(0, "one");
  for (std::size_t size = 1; size < text.size(); ++size) {
    Collector collector;
    ASSERT_TRUE(collector.feed(std::string_view(text).substr(0, size)));
    EXPECT_FALSE(collector.reader.at_boundary()) << size;
  }
}

TEST(Capsule, LargerThanTheLimitIsRefusedBeforeItIsCollected) {
  Collector collector{CapsuleReader(10), ""};
  ASSERT_TRUE(collector.feed(encoded(0, "0123456789")));
  const auto refused = collector.feed(encoded(0, "0123456789a").substr(0, 3));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Errc::no_memory);
  EXPECT_EQ(collector.seen, "0:0123456789;");
}

TEST(Capsule, WhoseLengthIsAbsurdCostsNoMemory) {
  for (const std::string_view length :
       {std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff"),
        std::string_view("\xc0\0\0\1\0\0\0\0", 8), std::string_view("\xbf\xff\xff\xff", 4)}) {
    Collector collector;
    const auto refused = collector.feed(std::string(1, '\0').append(length));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, Errc::no_memory);
  }
}

TEST(Capsule, GarbageNeitherOverrunsNorReturnsMoreThanCame) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string garbage(random() % 200, '\0');
    for (char& byte : garbage) byte = static_cast<char>(random() % (round % 2 == 0 ? 256 : 8));
    CapsuleReader reader(64);
    std::size_t out = 0;
    for (std::size_t at = 0; at < garbage.size();) {
      const std::string_view piece = std::string_view(garbage).substr(at, 1 + random() % 20);
      at += piece.size();
      const auto fed = reader.feed(as_bytes(piece), [&](std::uint64_t, Bytes value) {
        EXPECT_LE(value.size(), 64u);
        out += value.size() + 2;  // type and length have a byte each at least
      });
      ASSERT_LE(out, at);
      if (!fed) break;
    }
  }
}

}  // namespace
}  // namespace quicore
