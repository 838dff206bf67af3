// SPDX-License-Identifier: Apache-2.0
#include "engine/octet_words.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace quicore::engine {
namespace {

constexpr std::size_t kLongest = 20;  // more than two words

// Every octet at every place of a text of every length, among others that are plain.
template <typename Check>
void with_each_octet_anywhere(Check check) {
  for (std::size_t size = 1; size <= kLongest; ++size) {
    for (std::size_t place = 0; place < size; ++place) {
      for (int octet = 0; octet < 256; ++octet) {
        std::string text(size, 'k');
        text[place] = static_cast<char>(octet);
        check(text, octet);
      }
    }
  }
}

TEST(OctetWords, APlainNameHasSmallLettersAndHyphensOnly) {
  with_each_octet_anywhere([](const std::string& text, int octet) {
    const bool plain = (octet >= 'a' && octet <= 'z') || octet == '-';
    ASSERT_EQ(consists_of(text, is_plain_name), plain) << octet << " in " << text.size();
  });
}

TEST(OctetWords, APlainValueHasNoControlCharacters) {
  with_each_octet_anywhere([](const std::string& text, int octet) {
    const bool plain = octet >= 0x20 && octet != 0x7f;
    ASSERT_EQ(consists_of(text, is_plain_value), plain) << octet << " in " << text.size();
  });
}

TEST(OctetWords, ACopyHasEveryOctetAndNothingBehindIt) {
  for (std::size_t size = 0; size <= kLongest; ++size) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text += static_cast<char>('A' + i);
    std::array<char, kLongest + 1> copy;
    copy.fill('#');
    copy_words(copy.data(), text, [](auto word) { return word; });
    EXPECT_EQ(std::string_view(copy.data(), size), text);
    EXPECT_EQ(copy[size], '#') << size;
  }
}

TEST(OctetWords, ACopyIsLoweredOctetByOctet) {
  with_each_octet_anywhere([](const std::string& text, int octet) {
    std::string lower = text;
    for (char& c : lower) {
      if (octet >= 'A' && octet <= 'Z' && c == octet) c = static_cast<char>(octet + 32);
    }
    std::string copy(text.size(), '#');
    copy_words(copy.data(), text, to_lower);
    ASSERT_EQ(copy, lower) << octet << " in " << text.size();
  });
}

TEST(OctetWords, ALiteralIsItselfOnly) {
  EXPECT_TRUE(is("host", "host"));
  EXPECT_FALSE(is("hosts", "host"));
  EXPECT_FALSE(is("hos", "host"));
  EXPECT_FALSE(is("hose", "host"));
  EXPECT_FALSE(is("", "host"));
}

}  // namespace
}  // namespace quicore::engine
