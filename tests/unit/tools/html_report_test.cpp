// SPDX-License-Identifier: Apache-2.0
#include "tools/common/html_report.h"

#include <gtest/gtest.h>

#include "tools/common/svg_chart.h"

namespace quicore::tools {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

// The value of attribute `name` in the `nth` element that begins with `element`.
double attribute_of(const std::string& svg, const std::string& element, int nth,
                    const std::string& name) {
  std::size_t at = svg.find(element);
  while (nth-- > 0) at = svg.find(element, at + 1);
  at = svg.find(" " + name + "=\"", at);
  return std::stod(svg.substr(at + name.size() + 3));
}

TEST(EscapeHtml, WhatMarkupIsMadeOfIsEscaped) {
  EXPECT_EQ(escape_html("a<b> & \"c\" 'd'"), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
  EXPECT_EQ(escape_html("plain"), "plain");
}

TEST(HtmlReport, ThePageLoadsNothingFromElsewhere) {
  HtmlReport report("title");
  report.table({"a", "b"}, {{"1", "2"}});
  report.figure("caption", bar_chart({{.label = "x", .value = 1, .text = "1"}}));
  const std::string page = report.str();
  for (const char* loader : {"http:", "https:", "src=", "@import", "url(", "<script", "<link"}) {
    EXPECT_FALSE(contains(page, loader)) << loader;
  }
}

TEST(HtmlReport, TheReadersDarkSettingIsFollowed) {
  EXPECT_TRUE(contains(HtmlReport("t").str(), "prefers-color-scheme: dark"));
}

TEST(HtmlReport, TextGivenIsNeverMarkup) {
  HtmlReport report("<t>");
  report.heading("<h>");
  report.paragraph("<p1>");
  report.table({"<th1>"}, {{"<td1>"}});
  report.details("<s>", "<d>");
  report.figure("<c>", "<svg></svg>");
  const std::string page = report.str();
  for (const char* tag : {"<t>", "<h>", "<p1>", "<th1>", "<td1>", "<s>", "<d>", "<c>"}) {
    EXPECT_FALSE(contains(page, tag)) << tag;
  }
  EXPECT_TRUE(contains(page, "<svg></svg>"));
}

TEST(HtmlReport, ATableHasAllItsCells) {
  HtmlReport report("t");
  report.table({"what", "how much"}, {{"a", "1"}, {"b", "2"}});
  const std::string page = report.str();
  EXPECT_TRUE(contains(page, "<tr><th>what</th><th>how much</th></tr>"));
  EXPECT_TRUE(contains(page, "<tr><td>a</td><td>1</td></tr>"));
  EXPECT_TRUE(contains(page, "<tr><td>b</td><td>2</td></tr>"));
}

TEST(BarChart, BarsAreAsLongAsTheirValues) {
  const std::string svg = bar_chart({{.label = "whole", .value = 40, .text = "40"},
                                     {.label = "quarter", .value = 10, .text = "10"}});
  const double whole = attribute_of(svg, "<rect", 0, "width");
  const double quarter = attribute_of(svg, "<rect", 1, "width");
  EXPECT_NEAR(quarter, whole / 4, 0.1);
}

TEST(BarChart, TheReferenceLineIsDrawnAtItsValue) {
  const std::string svg =
      bar_chart({{.label = "half", .value = 20, .text = "20"}}, ReferenceLine{"limit", 40});
  const double begin = attribute_of(svg, "<rect", 0, "x");
  const double width = attribute_of(svg, "<rect", 0, "width");
  EXPECT_NEAR(attribute_of(svg, "<line", 0, "x1"), begin + 2 * width, 0.2);
  EXPECT_TRUE(contains(svg, ">limit</text>"));
}

TEST(BarChart, NothingMeasuredIsStillAChart) {
  const std::string svg = bar_chart({{.label = "none", .value = 0, .text = "0"}});
  EXPECT_FALSE(contains(svg, "nan"));
  EXPECT_FALSE(contains(svg, "inf"));
}

TEST(PercentileChart, EachNineIsAsWideAsTheOthers) {
  const std::string svg =
      percentile_chart({{"c", {{0, 10}, {50, 20}, {90, 30}, {99, 40}, {99.9, 60}, {100, 90}}}});
  // The marked points are those of 50, 90 and 99 %.
  const double at_90 = attribute_of(svg, "<circle", 1, "cx");
  const double at_99 = attribute_of(svg, "<circle", 2, "cx");
  const double left = attribute_of(svg, "<line", 0, "x1");
  EXPECT_NEAR(at_90 - left, at_99 - at_90, 0.2);
}

TEST(PercentileChart, ATenfoldLatencyIsADecadeHigher) {
  const std::string svg = percentile_chart(
      {{"low", {{0, 10}, {50, 100}, {100, 1000}}}, {"high", {{0, 100}, {50, 1000}, {100, 10000}}}});
  const double decade = attribute_of(svg, "<line", 0, "y1") - attribute_of(svg, "<line", 1, "y1");
  EXPECT_GT(decade, 0);
  EXPECT_NEAR(attribute_of(svg, "<circle", 0, "cy") - attribute_of(svg, "<circle", 3, "cy"), decade,
              0.2);
  EXPECT_TRUE(contains(svg, ">10 us<"));
  EXPECT_TRUE(contains(svg, ">10 ms<"));
}

TEST(PercentileChart, CurvesAreNamedAndEmptyOnesLeftOut) {
  const std::string svg = percentile_chart({{"empty", {}}, {"a & b", {{0, 1}, {50, 2}, {100, 3}}}});
  EXPECT_EQ(times(svg, "<polyline"), 1U);
  EXPECT_TRUE(contains(svg, "a &amp; b: p50 2.00 us, p99 2.00 us, max 3.00 us"));
  EXPECT_FALSE(contains(svg, "empty"));
  EXPECT_EQ(percentile_chart({{"empty", {}}}), "");
}

TEST(PercentileChart, ALatencyOfZeroHasAPlace) {
  const std::string svg = percentile_chart({{"zero", {{0, 0}, {100, 0}}}});
  EXPECT_FALSE(contains(svg, "nan"));
  EXPECT_FALSE(contains(svg, "inf"));
}

}  // namespace
}  // namespace quicore::tools
