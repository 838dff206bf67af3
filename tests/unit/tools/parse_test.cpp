// SPDX-License-Identifier: Apache-2.0
#include "tools/common/parse.h"

#include <gtest/gtest.h>

namespace quicore::tools {
namespace {

using namespace std::chrono_literals;

template <class T>
std::string error_of(const Parsed<T>& parsed) {
  return parsed ? "(accepted)" : parsed.error();
}

TEST(ParseDuration, EveryUnitIsRead) {
  EXPECT_EQ(parse_duration("7ns"), 7ns);
  EXPECT_EQ(parse_duration("5us"), 5us);
  EXPECT_EQ(parse_duration("5ms"), 5ms);
  EXPECT_EQ(parse_duration("10s"), 10s);
  EXPECT_EQ(parse_duration("2min"), 2min);
  EXPECT_EQ(parse_duration("1h"), 1h);
}

TEST(ParseDuration, DecimalsAreExact) {
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("0.1s"), 100ms);
  EXPECT_EQ(parse_duration("0.000000001s"), 1ns);
  EXPECT_EQ(parse_duration("1.000s"), 1s);
}

TEST(ParseDuration, ZeroNeedsNoUnitButOtherNumbersDo) {
  EXPECT_EQ(parse_duration("0"), 0ns);
  EXPECT_EQ(error_of(parse_duration("10")),
            "\"10\" is not a duration: the unit is missing; "
            "write a number and ns, us, ms, s, min or h, as in 10s");
}

TEST(ParseDuration, ARefusalQuotesTheTextAndSaysWhatToWrite) {
  EXPECT_EQ(error_of(parse_duration("5 s")),
            "\"5 s\" is not a duration: the unit \" s\" is unknown; "
            "write a number and ns, us, ms, s, min or h, as in 10s");
  EXPECT_EQ(error_of(parse_duration("")),
            "\"\" is not a duration: it is empty; "
            "write a number and ns, us, ms, s, min or h, as in 10s");
  EXPECT_EQ(error_of(parse_duration("-1s")),
            "\"-1s\" is not a duration: it must not be negative; "
            "write a number and ns, us, ms, s, min or h, as in 10s");
}

TEST(ParseDuration, WhatCannotBeKeptExactlyIsRefused) {
  EXPECT_NE(error_of(parse_duration("0.5ns")).find("finer than the smallest unit"),
            std::string::npos);
  EXPECT_NE(error_of(parse_duration("1.0000000001s")).find("over nine decimals"),
            std::string::npos);
  EXPECT_NE(error_of(parse_duration("1.s")).find("a digit must follow"), std::string::npos);
  EXPECT_NE(error_of(parse_duration(".5s")).find("does not begin with a digit"), std::string::npos);
  EXPECT_NE(error_of(parse_duration("1.5.5s")).find("unknown"), std::string::npos);
}

TEST(ParseDuration, TheLongestOneFitsAndOneMoreDoesNot) {
  EXPECT_EQ(parse_duration("9223372036854775807ns"), std::chrono::nanoseconds::max());
  EXPECT_NE(error_of(parse_duration("9223372036854775808ns")).find("too large"), std::string::npos);
  EXPECT_NE(error_of(parse_duration("99999999999999999999s")).find("too large"), std::string::npos);
  EXPECT_NE(error_of(parse_duration("9999999999h")).find("too large"), std::string::npos);
}

TEST(ParseSize, PlainNumbersAreBytes) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("512"), 512U);
  EXPECT_EQ(parse_size("512B"), 512U);
}

TEST(ParseSize, PowersOf1000And1024AreToldApart) {
  EXPECT_EQ(parse_size("1KB"), 1000U);
  EXPECT_EQ(parse_size("1kB"), 1000U);
  EXPECT_EQ(parse_size("1KiB"), 1024U);
  EXPECT_EQ(parse_size("1GB"), 1'000'000'000U);
  EXPECT_EQ(parse_size("1GiB"), 1'073'741'824U);
  EXPECT_EQ(parse_size("1.5MiB"), 1'572'864U);
}

TEST(ParseSize, AnUnknownUnitIsNamed) {
  EXPECT_EQ(error_of(parse_size("1gib")),
            "\"1gib\" is not a size: the unit \"gib\" is unknown; "
            "write a number and B, KB, MB, GB, TB, KiB, MiB, GiB or TiB, as in 1GiB");
}

TEST(ParseSize, APartOfAByteIsRefused) {
  EXPECT_NE(error_of(parse_size("1.5")).find("finer"), std::string::npos);
  EXPECT_EQ(parse_size("2.5KiB"), 2560U);
}

TEST(ParseSize, TheLargestOneFitsAndOneMoreDoesNot) {
  EXPECT_EQ(parse_size("18446744073709551615"), UINT64_MAX);
  EXPECT_NE(error_of(parse_size("18446744073709551616")).find("too large"), std::string::npos);
  EXPECT_NE(error_of(parse_size("16777216TiB")).find("too large"), std::string::npos);
}

TEST(ParseCpuList, NumbersAndRangesKeepTheirOrder) {
  EXPECT_EQ(parse_cpu_list("0"), std::vector<int>({0}));
  EXPECT_EQ(parse_cpu_list("1,0"), std::vector<int>({1, 0}));
  EXPECT_EQ(parse_cpu_list("0-3,8"), std::vector<int>({0, 1, 2, 3, 8}));
  EXPECT_EQ(parse_cpu_list("1023"), std::vector<int>({1023}));
}

TEST(ParseCpuList, WhatIsNoCpuIsRefused) {
  EXPECT_EQ(error_of(parse_cpu_list("")),
            "\"\" is not a list of CPUs: it is empty; "
            "write numbers separated by commas, as in 0,1 or 0-3");
  for (const char* text : {",", "0,", "a", "1024", "-1", "0-", "99999999999"}) {
    EXPECT_NE(error_of(parse_cpu_list(text)).find("a CPU is a number from 0 to 1023"),
              std::string::npos)
        << text;
  }
  EXPECT_NE(error_of(parse_cpu_list("3-0")).find("a range runs upwards"), std::string::npos);
  EXPECT_NE(error_of(parse_cpu_list("0;1")).find("only digits"), std::string::npos);
}

TEST(ParseNumber, BothBoundsAreAllowed) {
  EXPECT_EQ(parse_number("1", 1, 256), 1u);
  EXPECT_EQ(parse_number("256", 1, 256), 256u);
}

TEST(ParseNumber, EverythingElseIsAnsweredWithTheBounds) {
  for (const std::string text :
       {"0", "257", "-1", "1.5", "", " 1", "1 ", "0x10", "abc", "99999999999999999999999"}) {
    EXPECT_EQ(error_of(parse_number(text, 1, 256)),
              "\"" + text + "\" cannot be taken: write a whole number from 1 to 256");
  }
}

TEST(ParseDecimal, DigitsWithAPointAreRead) {
  EXPECT_EQ(parse_decimal("0.5", 0.1, 10), 0.5);
  EXPECT_EQ(parse_decimal("10", 0.1, 10), 10.0);
}

TEST(ParseDecimal, EverythingElseIsAnsweredWithTheBounds) {
  for (const std::string text : {"0", "10.1", "-1", "1e0", "nan", "inf", "", "2x"}) {
    EXPECT_EQ(error_of(parse_decimal(text, 0.1, 10)),
              "\"" + text + "\" cannot be taken: write a number from 0.1 to 10");
  }
}

TEST(ParseChoice, GivesThePlaceOfTheName) {
  constexpr std::string_view kNames[] = {"cubic", "reno", "bbr"};
  EXPECT_EQ(parse_choice("reno", kNames), 1u);
  EXPECT_EQ(error_of(parse_choice("vegas", kNames)),
            "\"vegas\" is not known here: write cubic, reno or bbr");
  EXPECT_EQ(error_of(parse_choice("", kNames)), "\"\" is not known here: write cubic, reno or bbr");
}

}  // namespace
}  // namespace quicore::tools
