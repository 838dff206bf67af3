// SPDX-License-Identifier: Apache-2.0
#include "io/buf.h"

#include <gtest/gtest.h>

#include <string>

namespace quicore {
namespace {

TEST(Buf, ACopyOutlivesItsSource) {
  Buf buf;
  {
    std::string text = "hello";
    buf = Buf::copy(text);
    text = "xxxxx";
  }
  EXPECT_EQ(buf.text(), "hello");
}

TEST(Buf, CopyingNothingGivesAnEmptyBuf) {
  EXPECT_TRUE(Buf::copy("").empty());
  EXPECT_TRUE(Buf().empty());
}

TEST(Buf, AdoptedMemoryIsReleasedOnceAndOnlyAfterTheLastCopy) {
  std::string memory = "0123456789";
  int released = 0;
  {
    Buf last;
    {
      const Buf all = Buf::adopt(memory.data(), memory.size(), [&](void* given) {
        EXPECT_EQ(given, memory.data());
        ++released;
      });
      last = all.slice(3, 4);
      const Buf copy = all;
      EXPECT_EQ(copy.text(), "0123456789");
    }
    EXPECT_EQ(last.text(), "3456");
    EXPECT_EQ(released, 0);
  }
  EXPECT_EQ(released, 1);
}

TEST(Buf, AdoptedMemoryOfNoBytesIsReleasedToo) {
  int released = 0;
  {
    const Buf none = Buf::adopt(nullptr, 0, [&](void*) { ++released; });
  }
  EXPECT_EQ(released, 1);
}

TEST(Buf, ABorrowedBufPointsAtItsSource) {
  static constexpr std::string_view kText = "static";
  const Buf buf = Buf::borrow(kText);
  EXPECT_EQ(static_cast<const void*>(buf.data()), kText.data());
}

TEST(Buf, MovingLeavesNothingBehind) {
  Buf from = Buf::copy("abc");
  const Buf to = std::move(from);
  EXPECT_TRUE(from.empty());  // NOLINT: a moved-from Buf is empty by contract
  EXPECT_EQ(to.text(), "abc");
}

TEST(Buf, AssigningToItselfKeepsTheBytes) {
  Buf buf = Buf::copy("abc");
  const Buf& same = buf;
  buf = same;
  EXPECT_EQ(buf.text(), "abc");
}

TEST(Buf, SlicesReachBothEnds) {
  const Buf buf = Buf::copy("abc");
  EXPECT_EQ(buf.slice(0, 3).text(), "abc");
  EXPECT_TRUE(buf.slice(3, 0).empty());
  Buf rest = buf;
  rest.remove_prefix(3);
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(buf.size(), 3u);
}

}  // namespace
}  // namespace quicore
