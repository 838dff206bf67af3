// SPDX-License-Identifier: Apache-2.0
#include "perf/compare/other.h"

#include <gtest/gtest.h>

namespace quicore::perf {
namespace {

constexpr const char* kWhole = R"json([{"name": "other", "quantity": "download",
  "server": ["serve", "4434"], "ready": "listening", "client": ["fetch", "4434"],
  "value": "([0-9.]+) Mbit/s", "scale": 0.001}])json";

TEST(Others, AreReadWhole) {
  const auto others = parse_others(kWhole);
  ASSERT_TRUE(others) << others.error();
  ASSERT_EQ(others->size(), 1u);
  const Other& other = others->front();
  EXPECT_EQ(other.name, "other");
  EXPECT_EQ(other.quantity, "download");
  EXPECT_EQ(other.server, (std::vector<std::string>{"serve", "4434"}));
  EXPECT_EQ(other.ready, "listening");
  EXPECT_EQ(other.client, (std::vector<std::string>{"fetch", "4434"}));
  EXPECT_EQ(read_value(other, "1.0 Mbit/s\n ... 12300 Mbit/s\n"), 12.3);  // the last one
}

TEST(Others, EveryProblemIsToldAtOnce) {
  const auto others = parse_others(R"json([7, {"name": "x", "quantity": "speed", "server": [],
    "client": ["fetch"], "value": "no group", "scale": "fast", "ready": 1}])json");
  ASSERT_FALSE(others);
  EXPECT_EQ(others.error(),
            "entry 1: must be an object; entry 2: ready must be a text; entry 2: server must be a "
            "list of texts, the program first; entry 2: scale must be a number; entry 2: quantity "
            "\"speed\" is not known, --list names them; entry 2: value must have one group");
  EXPECT_EQ(parse_others("{}").error(), "must hold a JSON list of objects");
  EXPECT_EQ(parse_others("").error(), "must hold a JSON list of objects");
}

TEST(Others, AClientThatSaysNothingIsAnError) {
  const auto others = parse_others(kWhole);
  ASSERT_TRUE(others);
  EXPECT_EQ(read_value(others->front(), "failed").error(),
            "other: nothing in what its client said matches \"([0-9.]+) Mbit/s\"");
}

}  // namespace
}  // namespace quicore::perf
