// SPDX-License-Identifier: Apache-2.0
#include "perf/compare/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace quicore::perf {
namespace {

using testing::HasSubstr;

Comparison two_rows() {
  Comparison comparison;
  comparison.machine = "a machine";
  comparison.rounds = 3;
  comparison.limit.two_cores_gbps = 24;
  Quantity rate{"download", "download, two cores", "Gbit/s"};
  rate.limit = [](const tools::MachineLimit& limit) { return limit.two_cores_gbps; };
  const Quantity wait{"latency-p50", "one request", "us", nullptr, nullptr, true};
  comparison.rows.push_back({rate, {12, 11, 13}, {{"slow", {3, 4, 5}}, {"quick", {8, 7, 6}}}});
  comparison.rows.push_back({wait, {20}, {{"late", {80}}, {"later", {90}}}});
  return comparison;
}

TEST(Comparison, IsWithTheBestOfTheOthersByMedians) {
  const Comparison comparison = two_rows();
  EXPECT_EQ(comparison.rows[0].best_other(), "quick");
  EXPECT_DOUBLE_EQ(comparison.rows[0].ratio(), 12.0 / 7);
  EXPECT_EQ(comparison.rows[1].best_other(), "late");
  EXPECT_DOUBLE_EQ(comparison.rows[1].ratio(), 4);  // where less is better, more is better again
}

TEST(Comparison, WithNobodyHasNoRatio) {
  Row row = two_rows().rows[0];
  row.others.clear();
  EXPECT_EQ(row.best_other(), "");
  EXPECT_EQ(row.ratio(), 0);
  row.others["failed in every round"] = {};
  EXPECT_EQ(row.best_other(), "");
}

TEST(Comparison, IsATableOfMediansWithTheirRanges) {
  const std::string table = to_table(two_rows());
  EXPECT_THAT(table, HasSubstr("12.0 Gbit/s (11.0 to 13.0)  quick: 7.0 Gbit/s (6.0 to 8.0)"));
  EXPECT_THAT(table, HasSubstr("1.71 x"));
  EXPECT_THAT(table, HasSubstr("0.50 of 24.0"));
  EXPECT_THAT(table, HasSubstr("20.0 us"));
  EXPECT_THAT(to_markdown(two_rows()),
              HasSubstr("| one request | 20.0 us | late: 80.0 us | 4.00 x | - |"));
}

TEST(Comparison, IsAPageWithABarForEverybodyAndTheLimit) {
  const std::string page = to_html(two_rows());
  for (const char* label : {"download, two cores", "quick", "slow", "limit of the machine"}) {
    EXPECT_THAT(page, HasSubstr(label));
  }
  EXPECT_THAT(to_json_text(two_rows()), HasSubstr("\"quick\""));
}

TEST(Figures, HaveNamesOfTheirOwn) {
  std::set<std::string> names;
  for (const Figure& figure : all_figures()) {
    EXPECT_TRUE(names.insert("figure " + figure.name).second) << figure.name;
    EXPECT_FALSE(figure.quantities.empty()) << figure.name;
    for (const Quantity& quantity : figure.quantities) {
      EXPECT_TRUE(names.insert(quantity.name).second) << quantity.name;
      EXPECT_NE(quantity.value, nullptr);
    }
  }
}

TEST(Comparison, TellsTheLayersOfACoreBesideTheLimit) {
  Comparison comparison = two_rows();
  EXPECT_THAT(to_markdown(comparison), testing::Not(HasSubstr("layer")));
  comparison.profiles.push_back({.figure = "download",
                                 .side = "server",
                                 .unit = "datagram",
                                 .ns = 900,
                                 .layers = {{"QUIC (ngtcp2)", 600}, {"AEAD", 300}},
                                 .limit = limit_layers(150, 100)});
  const std::string text = to_markdown(comparison);
  EXPECT_THAT(text, HasSubstr("| layer | download, server, ns per datagram |"));
  EXPECT_THAT(text, HasSubstr("| QUIC (ngtcp2) | 600 |"));
  EXPECT_THAT(text, HasSubstr("| AEAD | 300 (limit 100) |"));
  EXPECT_THAT(text, HasSubstr("| sum | 900 |"));
  EXPECT_THAT(to_html(comparison), HasSubstr("900 ns"));
  EXPECT_THAT(to_json_text(comparison), HasSubstr("\"QUIC (ngtcp2)\": 600"));
}

}  // namespace
}  // namespace quicore::perf
