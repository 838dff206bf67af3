// SPDX-License-Identifier: Apache-2.0
#include "tools/server/access_log.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>

namespace quicore::tools {
namespace {

using namespace std::chrono_literals;

AccessEntry entry() {
  AccessEntry entry;
  entry.remote = *Address::parse("192.0.2.7", 50000);
  entry.method = "GET";
  entry.target = "/a?b";
  entry.status = "200";
  entry.user_agent = "test/1";
  entry.bytes = 1234;
  entry.took = 1500us;
  return entry;
}

constexpr std::int64_t kThen = 971'211'336;

TEST(AccessLog, WritesTheCommonLogFormat) {
  EXPECT_EQ(access_line(entry(), AccessLogFormat::common, kThen),
            "192.0.2.7 - - [10/Oct/2000:20:55:36 +0000] \"GET /a?b HTTP/3\" 200 1234");
}

TEST(AccessLog, WritesJson) {
  AccessEntry aborted = entry();
  aborted.complete = false;
  const auto json = nlohmann::json::parse(access_line(aborted, AccessLogFormat::json, kThen));
  EXPECT_EQ(json.at("time"), "2000-10-10T20:55:36Z");
  EXPECT_EQ(json.at("remote"), "192.0.2.7:50000");
  EXPECT_EQ(json.at("target"), "/a?b");
  EXPECT_EQ(json.at("status"), "200");
  EXPECT_EQ(json.at("bytes"), 1234);
  EXPECT_EQ(json.at("microseconds"), 1500);
  EXPECT_EQ(json.at("complete"), false);
  EXPECT_EQ(json.at("user_agent"), "test/1");
}

TEST(AccessLog, NothingThatAClientMadeUpBreaksALine) {
  AccessEntry hostile = entry();
  hostile.target = "/\"\n200 \\ \x1b[31m\xff";
  EXPECT_EQ(access_line(hostile, AccessLogFormat::common, kThen),
            "192.0.2.7 - - [10/Oct/2000:20:55:36 +0000] "
            R"("GET /\"\x0a200 \\ \x1b[31m\xff HTTP/3" 200 1234)");
  const std::string json = access_line(hostile, AccessLogFormat::json, kThen);
  EXPECT_EQ(json.find('\n'), std::string::npos);
  EXPECT_TRUE(nlohmann::json::accept(json));
}

TEST(AccessLog, AFileThatCannotBeWrittenIsNamed) {
  const auto log = AccessLog::open("/nowhere/access.log", AccessLogFormat::common);
  ASSERT_FALSE(log.has_value());
  EXPECT_EQ(log.error().reason,
            "--access-log: cannot write \"/nowhere/access.log\": No such file or directory; name a "
            "file in a folder of yours");
}

}  // namespace
}  // namespace quicore::tools
