// SPDX-License-Identifier: Apache-2.0
#include "engine/varint.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace quicore::engine {
namespace {

std::string hex(Bytes bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kDigits[std::to_integer<unsigned>(byte) & 0xf];
  }
  return text;
}

// RFC 9000 A.1, and the edges of each size.
const std::vector<std::pair<std::uint64_t, std::string>> kSamples = {
    {0, "00"},
    {37, "25"},
    {63, "3f"},
    {64, "4040"},
    {15293, "7bbd"},
    {16383, "7fff"},
    {16384, "80004000"},
    {494878333, "9d7f3e7d"},
    {1073741823, "bfffffff"},
    {1073741824, "c000000040000000"},
    {151288809941952652, "c2197c5eff14e88c"},
    {(std::uint64_t{1} << 62) - 1, "ffffffffffffffff"},
};

TEST(Varint, IsWrittenInTheShortestForm) {
  for (const auto& [value, text] : kSamples) EXPECT_EQ(hex(Varint(value).view()), text);
}

TEST(Varint, IsReadWhatWasWritten) {
  for (const auto& [value, text] : kSamples) {
    std::uint64_t read = 1;
    const Varint written(value);
    EXPECT_EQ(read_varint(written.view(), read), text.size() / 2);
    EXPECT_EQ(read, value);
  }
}

TEST(Varint, MayBeLongerThanNeeded) {  // RFC 9000 A.1
  const std::array<std::byte, 2> bytes = {std::byte{0x40}, std::byte{0x25}};
  std::uint64_t read = 0;
  EXPECT_EQ(read_varint(bytes, read), 2u);
  EXPECT_EQ(read, 37u);
}

TEST(Varint, IsNotReadBeforeAllOfItIsThere) {
  for (const auto& [value, text] : kSamples) {
    const Varint written(value);
    std::uint64_t read = 0;
    for (std::size_t size = 0; size < written.size; ++size) {
      EXPECT_EQ(read_varint(written.view().first(size), read), 0u) << text;
    }
  }
}

}  // namespace
}  // namespace quicore::engine
