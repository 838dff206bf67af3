// SPDX-License-Identifier: Apache-2.0
#include "tools/common/progress_line.h"

#include <gtest/gtest.h>

#include <sstream>

namespace quicore::tools {
namespace {

using namespace std::chrono_literals;
using Clock = ProgressLine::Clock;

constexpr Clock::time_point kStart{1h};

TEST(ProgressLine, OnATerminalTheLineIsRedrawnInPlace) {
  std::ostringstream out;
  ProgressLine line(out, {.terminal = true, .columns = 80});
  line.update(kStart, "one");
  line.update(kStart + 100ms, "two");
  EXPECT_EQ(out.str(), "\rone\x1b[K\rtwo\x1b[K");
}

TEST(ProgressLine, OnATerminalUpdatesAreHeldToTenASecond) {
  std::ostringstream out;
  ProgressLine line(out, {.terminal = true, .columns = 80});
  line.update(kStart, "one");
  EXPECT_FALSE(line.due(kStart + 99ms));
  line.update(kStart + 99ms, "two");
  EXPECT_EQ(out.str(), "\rone\x1b[K");
  EXPECT_TRUE(line.due(kStart + 100ms));
}

TEST(ProgressLine, OnATerminalTheLineIsCutBeforeTheLastColumn) {
  std::ostringstream out;
  ProgressLine line(out, {.terminal = true, .columns = 5});
  line.update(kStart, "abcdefgh");
  EXPECT_EQ(out.str(), "\rabcd\x1b[K");
}

TEST(ProgressLine, ElsewhereWholeLinesAreWrittenEveryFiveSeconds) {
  std::ostringstream out;
  ProgressLine line(out, {.terminal = false});
  line.update(kStart, "one");
  line.update(kStart + 4999ms, "two");
  line.update(kStart + 5s, "three");
  EXPECT_EQ(out.str(), "one\nthree\n");
}

TEST(ProgressLine, WhatIsSaidStaysAndTheLineIsDrawnAgain) {
  std::ostringstream out;
  ProgressLine line(out, {.terminal = true, .columns = 80});
  line.update(kStart, "working");
  line.say("done: 5");
  line.update(kStart + 1ms, "next");
  EXPECT_EQ(out.str(), "\rworking\x1b[K\r\x1b[Kdone: 5\n\rnext\x1b[K");
}

TEST(ProgressLine, NothingHalfDrawnIsLeftBehind) {
  std::ostringstream out;
  {
    ProgressLine line(out, {.terminal = true, .columns = 80});
    line.update(kStart, "x");
  }
  EXPECT_EQ(out.str(), "\rx\x1b[K\r\x1b[K");
}

TEST(ProgressLine, AQuietOneShowsOnlyWhatIsSaid) {
  std::ostringstream out;
  ProgressLine line(out, {.terminal = true, .columns = 80, .quiet = true});
  line.update(kStart, "x");
  line.say("result");
  EXPECT_EQ(out.str(), "result\n");
}

TEST(CutToColumns, ACharacterIsNeverSplit) {
  EXPECT_EQ(cut_to_columns("aéb", 2), "aé");
  EXPECT_EQ(cut_to_columns("aéb", 1), "a");
  EXPECT_EQ(cut_to_columns("aéb", 9), "aéb");
  EXPECT_EQ(cut_to_columns("a", 0), "");
}

}  // namespace
}  // namespace quicore::tools
