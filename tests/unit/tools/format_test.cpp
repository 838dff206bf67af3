// SPDX-License-Identifier: Apache-2.0
#include "tools/common/format.h"

#include <gtest/gtest.h>

namespace quicore::tools {
namespace {

using namespace std::chrono_literals;

TEST(FormatDuration, TheUnitFitsTheMagnitude) {
  EXPECT_EQ(format_duration(0ns), "0 ns");
  EXPECT_EQ(format_duration(812ns), "812 ns");
  EXPECT_EQ(format_duration(80'400ns), "80.4 us");
  EXPECT_EQ(format_duration(1'800us), "1.80 ms");
  EXPECT_EQ(format_duration(12'345ms), "12.3 s");
  EXPECT_EQ(format_duration(119s), "119 s");
}

TEST(FormatDuration, RoundingNeverShowsAThousandOfAUnit) {
  EXPECT_EQ(format_duration(999ns), "999 ns");
  EXPECT_EQ(format_duration(999'400ns), "999 us");
  EXPECT_EQ(format_duration(999'600ns), "1.00 ms");
  EXPECT_EQ(format_duration(9'996ns), "10.0 us");
  EXPECT_EQ(format_duration(99'960ns), "100 us");
}

TEST(FormatDuration, FromTwoMinutesOnItIsReadAsOnAWatch) {
  EXPECT_EQ(format_duration(120s), "2 min 0 s");
  EXPECT_EQ(format_duration(250s), "4 min 10 s");
  EXPECT_EQ(format_duration(2h + 5min), "2 h 5 min");
}

TEST(FormatSize, PowersOf1024) {
  EXPECT_EQ(format_size(512), "512 B");
  EXPECT_EQ(format_size(1023), "1023 B");
  EXPECT_EQ(format_size(1024), "1.00 KiB");
  EXPECT_EQ(format_size(1ULL << 30), "1.00 GiB");
}

TEST(FormatBitRate, PowersOf1000) {
  EXPECT_EQ(format_bit_rate(0), "0 bit/s");
  EXPECT_EQ(format_bit_rate(870), "870 bit/s");
  EXPECT_EQ(format_bit_rate(12'340'000), "12.3 Mbit/s");
  EXPECT_EQ(format_bit_rate(23.3e9), "23.3 Gbit/s");
}

TEST(FormatRate, ThousandsAreSeparated) {
  EXPECT_EQ(format_rate(12.46, "requests"), "12.5 requests/s");
  EXPECT_EQ(format_rate(53'600.4, "requests"), "53,600 requests/s");
  EXPECT_EQ(format_rate(2'990.0, "handshakes"), "2,990 handshakes/s");
}

TEST(FormatCount, GroupsOfThree) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(1'234'567), "1,234,567");
}

TEST(FormatShare, SmallSharesKeepADecimal) {
  EXPECT_EQ(format_share(0.27), "27 %");
  EXPECT_EQ(format_share(0.034), "3.4 %");
  EXPECT_EQ(format_share(0.0996), "10 %");
}

}  // namespace
}  // namespace quicore::tools
