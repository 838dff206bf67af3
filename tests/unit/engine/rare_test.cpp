// SPDX-License-Identifier: Apache-2.0
#include "engine/rare.h"

#include <gtest/gtest.h>

#include <string>

namespace quicore::engine {
namespace {

TEST(Rare, IsEmptyUntilItIsSetAndKeepsTheLastValue) {
  Rare<std::string> text;
  EXPECT_FALSE(text);
  EXPECT_EQ(text.copy(), std::nullopt);
  text = std::string("first");
  text = std::string("second");
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "second");
  EXPECT_EQ(text->size(), 6u);
  EXPECT_EQ(text.copy(), "second");
}

TEST(Rare, TakesAnOptionalWithOrWithoutAValue) {
  Rare<std::string> text;
  text = std::optional<std::string>("there");
  EXPECT_EQ(text.copy(), "there");
  text = std::optional<std::string>();
  EXPECT_FALSE(text);
}

TEST(Rare, TakesAPointersPlace) { EXPECT_EQ(sizeof(Rare<std::string>), sizeof(void*)); }

}  // namespace
}  // namespace quicore::engine
