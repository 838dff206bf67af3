// SPDX-License-Identifier: Apache-2.0
//
// quicore-compare: real servers and clients, for a moment each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/tools/programs.h"

namespace quicore::test {
namespace {

using nlohmann::json;

json figure(const json& report, const std::string& name) {
  for (const json& one : report["figures"]) {
    if (one["name"] == name) return one;
  }
  ADD_FAILURE() << name << " is not in " << report.dump();
  return {};
}

TEST(Compare, PutsOursAndOthersSideBySide) {
  const WorkingDirectory directory;
  directory.write("others.json", R"json([{"name": "a shell", "quantity": "latency-p50",
    "server": ["/bin/sh", "-c", "echo ready to serve; sleep 60"], "ready": "ready to serve",
    "client": ["/bin/sh", "-c", "echo took 5 ms"], "value": "took ([0-9]+) ms", "scale": 1000}])json");
  const Ended ended = directory.run(
      {"quicore-compare", "--only", "requests-100x1,latency,latency-half-load", "--rounds", "2",
       "--duration", "100ms", "--others", "others.json", "--output", "out"});
  EXPECT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.output, testing::HasSubstr("a shell: 5000 us (5000 to 5000)"));
  const json report = json::parse(directory.read("out/report.json"), nullptr, false);
  ASSERT_TRUE(report.is_object());
  EXPECT_TRUE(report["problems"].empty()) << report["problems"].dump();
  for (const char* name : {"requests-100x1", "latency-p50", "latency-half-load-p99"}) {
    const json one = figure(report, name);
    ASSERT_EQ(one["ours"].size(), 2u) << name;
    EXPECT_GT(one["ours"][0].get<double>(), 0) << name;
  }
  EXPECT_EQ(figure(report, "latency-p50")["others"]["a shell"].size(), 2u);
  EXPECT_THAT(directory.read("out/report.md"), testing::HasSubstr("| figure | ours |"));
}

TEST(Compare, WhatFailsIsNotedAndTheRestGoesOn) {
  const WorkingDirectory directory;
  directory.write("others.json", R"json([{"name": "nobody", "quantity": "latency-p50",
    "server": ["/bin/sleep", "60"], "client": ["/bin/false"], "value": "([0-9]+)"}])json");
  const Ended ended =
      directory.run({"quicore-compare", "--only", "latency", "--rounds", "1", "--duration", "100ms",
                     "--others", "others.json", "--output", "out"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.errors, testing::HasSubstr("/bin/false failed with exit status 1"));
  const json report = json::parse(directory.read("out/report.json"), nullptr, false);
  EXPECT_EQ(figure(report, "latency-p99")["ours"].size(), 1u);
  EXPECT_EQ(report["problems"].size(), 1u);
}

}  // namespace
}  // namespace quicore::test
