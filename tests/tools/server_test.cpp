// SPDX-License-Identifier: Apache-2.0
//
// quicore-server as a file server, asked by quicore-get.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/tools/programs.h"

namespace quicore::test {
namespace {

using nlohmann::json;

struct Fetch {
  const WorkingDirectory& directory;
  RunningServer& server;

  // The answer as quicore-get reports it; the body is in "body".
  json operator()(const std::string& path, std::vector<std::string> fields = {},
                  const std::string& method = "GET") const {
    std::vector<std::string> command = {"quicore-get", "--json", "--ca",     "cert.pem",
                                        "--output",    "body",   "--method", method};
    for (const std::string& field : fields) command.insert(command.end(), {"--header", field});
    command.push_back(server.url(path));
    const Ended ended = directory.run(command);
    const json answers = json::parse(ended.output, nullptr, false);
    if (!answers.is_array() || answers.empty()) {
      ADD_FAILURE() << ended.errors;
      return {};
    }
    return answers.front();
  }
  std::string status(const std::string& path, std::vector<std::string> fields = {}) const {
    return (*this)(path, std::move(fields)).value("status", "none");
  }
};

TEST(FileServer, AnswersConditionsAndRanges) {
  const WorkingDirectory directory;
  RunningServer server(directory, {"--root", "."});
  const Fetch fetch{directory, server};
  const json whole = fetch("/page.html");
  ASSERT_EQ(whole.at("status"), "200");
  EXPECT_EQ(directory.read("body"), directory.read("page.html"));
  const std::string tag = whole.at("headers").at("etag");
  EXPECT_EQ(fetch.status("/page.html", {"if-none-match: " + tag}), "304");
  EXPECT_EQ(fetch.status("/page.html", {"if-match: \"other\""}), "412");

  const json part = fetch("/page.html", {"range: bytes=3-7", "if-range: " + tag});
  EXPECT_EQ(part.at("status"), "206");
  EXPECT_EQ(part.at("headers").at("content-range"), "bytes 3-7/13");
  EXPECT_EQ(directory.read("body"), "hello");
  EXPECT_EQ(fetch.status("/page.html", {"range: bytes=13-"}), "416");

  const json head = fetch("/page.html", {}, "HEAD");
  EXPECT_EQ(head.at("headers").at("content-length"), "13");
  EXPECT_EQ(head.at("bytes"), 0);
  EXPECT_EQ(server.stop(), 0) << directory.read("server.err");
}

TEST(FileServer, RedirectsListsAndChoosesEncodings) {
  const WorkingDirectory directory;
  directory.write("folder/note.txt", "note");
  directory.write("folder/note.txt.gz", "compressed");
  RunningServer server(directory, {"--root", ".", "--list"});
  const Fetch fetch{directory, server};
  const json redirected = fetch("/folder?q=1");
  EXPECT_EQ(redirected.at("status"), "301");
  EXPECT_EQ(redirected.at("headers").at("location"), "/folder/?q=1");
  EXPECT_EQ(fetch.status("/folder/"), "200");
  EXPECT_THAT(directory.read("body"), testing::HasSubstr("href=\"./note.txt\""));

  const json plain = fetch("/folder/note.txt");
  EXPECT_EQ(plain.at("headers").at("vary"), "accept-encoding");
  EXPECT_EQ(directory.read("body"), "note");
  const json encoded = fetch("/folder/note.txt", {"accept-encoding: gzip, br"});
  EXPECT_EQ(encoded.at("headers").at("content-encoding"), "gzip");
  EXPECT_EQ(directory.read("body"), "compressed");
  EXPECT_EQ(server.stop(), 0) << directory.read("server.err");
}

TEST(FileServer, LogsEveryRequest) {
  const WorkingDirectory directory;
  RunningServer server(
      directory, {"--root", ".", "--access-log", "access.log", "--access-log-format", "json"});
  const Fetch fetch{directory, server};
  EXPECT_EQ(fetch.status("/page.html", {"user-agent: a \"test\""}), "200");
  EXPECT_EQ(fetch.status("/none"), "404");
  ASSERT_EQ(server.stop(), 0) << directory.read("server.err");
  std::vector<json> lines;
  std::istringstream log(directory.read("access.log"));
  for (std::string line; std::getline(log, line);) lines.push_back(json::parse(line));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].at("target"), "/page.html");
  EXPECT_EQ(lines[0].at("status"), "200");
  EXPECT_EQ(lines[0].at("bytes"), 13);
  EXPECT_EQ(lines[0].at("complete"), true);
  EXPECT_EQ(lines[0].at("user_agent"), "a \"test\"");
  EXPECT_EQ(lines[1].at("status"), "404");
}

}  // namespace
}  // namespace quicore::test
