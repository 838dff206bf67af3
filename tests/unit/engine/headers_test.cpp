// SPDX-License-Identifier: Apache-2.0
#include "engine/headers.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace quicore {
namespace {

TEST(Headers, KeepsOrderAndDuplicates) {
  Headers headers{{"set-cookie", "a"}, {"x", "1"}, {"set-cookie", "b"}};
  std::string text;
  for (const Field field : headers) {
    text.append(field.name).append("=").append(field.value).append(";");
  }
  EXPECT_EQ(text, "set-cookie=a;x=1;set-cookie=b;");
  EXPECT_EQ(headers.get("set-cookie"), "a");
}

TEST(Headers, NamesAreStoredInLowerCaseAndValuesAsTheyAre) {
  Headers headers;
  headers.add("Content-TYPE", "Text/Plain");
  EXPECT_EQ(headers[0].name, "content-type");
  EXPECT_EQ(headers.get("content-type"), "Text/Plain");
}

TEST(Headers, AnAbsentFieldIsNotAnEmptyOne) {
  Headers headers{{"empty", ""}};
  EXPECT_EQ(headers.get("empty"), "");
  EXPECT_FALSE(headers.get("absent").has_value());
  EXPECT_FALSE(headers.contains("empt"));
}

TEST(Headers, ANameIsNotFoundInsideAValue) {
  Headers headers{{"a", "bc"}, {"d", "e"}};
  EXPECT_FALSE(headers.contains("b"));
  EXPECT_FALSE(headers.contains("ab"));
}

TEST(Headers, CountsThirtyTwoBytesAFieldAsRfc9114Does) {
  Headers headers{{"ab", "cde"}, {"f", ""}};
  EXPECT_EQ(headers.field_section_size(), 5u + 1u + 2u * 32u);
}

TEST(Headers, RemembersWhichFieldsAreSensitive) {
  Headers headers;
  headers.add("authorization", "secret", true);
  headers.add("accept", "*/*");
  EXPECT_TRUE(headers[0].sensitive);
  EXPECT_FALSE(headers[1].sensitive);
}

TEST(Headers, ViewsStayRightWhileTheTableGrowsToManyFields) {
  Headers headers;
  for (int i = 0; i < 1000; ++i) {
    headers.add("name-" + std::to_string(i), "value-" + std::to_string(i * 7));
  }
  ASSERT_EQ(headers.size(), 1000u);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(headers.get("name-" + std::to_string(i)), "value-" + std::to_string(i * 7));
  }
  EXPECT_EQ(std::ranges::distance(headers.begin(), headers.end()), 1000);
}

TEST(Headers, AClearedOneIsEmptyAndUsable) {
  Headers headers{{"a", "b"}};
  headers.clear();
  EXPECT_TRUE(headers.empty());
  EXPECT_EQ(headers.field_section_size(), 0u);
  headers.add("c", "d");
  EXPECT_EQ(headers.get("c"), "d");
}

TEST(Headers, LowersEveryLetterOfANameOfAnyLengthAndNothingElse) {
  std::string name;
  for (int c = 1; c < 256; ++c) name += static_cast<char>(c);
  std::string lower = name;
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  for (std::size_t from = 0; from < name.size(); ++from) {
    for (std::size_t size = 0; size <= std::min<std::size_t>(20, name.size() - from); ++size) {
      Headers headers;
      headers.add(name.substr(from, size), "VALUE");
      ASSERT_EQ(headers[0].name, lower.substr(from, size));
      ASSERT_EQ(headers[0].value, "VALUE");
    }
  }
}

}  // namespace
}  // namespace quicore
