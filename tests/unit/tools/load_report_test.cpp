// SPDX-License-Identifier: Apache-2.0
#include "tools/common/load_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace quicore::tools {
namespace {

using namespace std::chrono_literals;

LoadReport example() {
  LoadReport report;
  report.mode = "request";
  report.url = "https://127.0.0.1:4433/";
  report.connections = 100;
  report.streams = 1;
  report.offered_rate = 1000.5;
  report.seconds = 2.0;
  report.requests = 100'000;
  report.handshakes = 100;
  report.bytes = 250'000'000;
  report.errors = 2;
  report.error_counts = {{"the server answered 503", 2}};
  report.retransmitted_packets = 7;
  report.cpu_seconds = 3.0;
  report.derive_rates();
  LatencyHistogram histogram;
  for (int i = 1; i <= 1000; ++i) histogram.record(std::chrono::microseconds(i));
  report.set_latency(histogram);
  return report;
}

TEST(LoadReport, TheRatesFollowFromTheCounts) {
  const LoadReport report = example();
  EXPECT_DOUBLE_EQ(report.throughput_gbps, 1.0);
  EXPECT_DOUBLE_EQ(report.requests_per_second, 50'000.0);
  EXPECT_DOUBLE_EQ(report.handshakes_per_second, 50.0);
  EXPECT_DOUBLE_EQ(report.cpu_seconds_per_gigabit, 1.5);
}

TEST(LoadReport, ARunOfNoLengthHasRatesOfZero) {
  LoadReport report;
  report.requests = 5;
  report.derive_rates();
  EXPECT_EQ(report.requests_per_second, 0.0);
  EXPECT_EQ(report.cpu_seconds_per_gigabit, 0.0);
}

TEST(LoadReport, LatencyIsInMicroseconds) {
  const LoadReport report = example();
  EXPECT_EQ(report.latency_us.count, 1000U);
  EXPECT_DOUBLE_EQ(report.latency_us.min, 1.0);
  EXPECT_DOUBLE_EQ(report.latency_us.mean, 500.5);
  EXPECT_NEAR(report.latency_us.p50, 500.0, 0.5);
  EXPECT_NEAR(report.latency_us.p99_9, 999.0, 1.0);
  EXPECT_DOUBLE_EQ(report.latency_us.max, 1000.0);
  ASSERT_FALSE(report.latency_series.empty());
  EXPECT_EQ(report.latency_series.back(), (LoadReport::SeriesPoint{100.0, 1000.0}));
}

TEST(LoadReport, WhatIsWrittenIsReadBackEqual) {
  const std::string line = to_json_line(example());
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto read = parse_load_report(line);
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(to_json_line(*read), line);
  EXPECT_EQ(read->mode, "request");
  EXPECT_EQ(read->error_counts.at("the server answered 503"), 2U);
  EXPECT_EQ(read->latency_series, example().latency_series);
}

TEST(LoadReport, TheKeysAreThoseOthersRead) {
  const auto json = nlohmann::json::parse(to_json_line(example()));
  EXPECT_DOUBLE_EQ(json.at("throughput_gbps"), 1.0);
  EXPECT_DOUBLE_EQ(json.at("latency_us").at("max"), 1000.0);
  EXPECT_DOUBLE_EQ(json.at("latency_series").back().at(1), 1000.0);
  EXPECT_EQ(json.at("retransmitted_packets"), 7);
}

TEST(LoadReport, AnUnknownKeyIsPassedOver) {
  auto json = nlohmann::json::parse(to_json_line(example()));
  json["of_a_newer_version"] = true;
  EXPECT_TRUE(parse_load_report(json.dump()));
}

TEST(LoadReport, AMissingOrMistypedKeyIsNamed) {
  auto json = nlohmann::json::parse(to_json_line(example()));
  json.erase("requests");
  const auto missing = parse_load_report(json.dump());
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().find("\"requests\" is missing or of the wrong type"),
            std::string::npos);

  json["requests"] = "many";
  const auto mistyped = parse_load_report(json.dump());
  ASSERT_FALSE(mistyped);
  EXPECT_NE(mistyped.error().find("\"requests\""), std::string::npos);
}

TEST(LoadReport, WhatIsNoJsonObjectIsRefused) {
  for (const char* text : {"", "[]", "oops", "{\"mode\":"}) {
    const auto read = parse_load_report(text);
    ASSERT_FALSE(read) << text;
    EXPECT_NE(read.error().find("not a JSON object"), std::string::npos);
  }
}

TEST(LoadReport, ASentenceThatIsNoUtf8IsStillWritten) {
  LoadReport report = example();
  report.error_counts = {{"bad \xff byte", 1}};
  EXPECT_TRUE(parse_load_report(to_json_line(report)));
}

}  // namespace
}  // namespace quicore::tools
