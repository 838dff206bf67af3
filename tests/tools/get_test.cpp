// SPDX-License-Identifier: Apache-2.0
//
// quicore-get against quicore-server: key logs, redirects, transfers that broke, and addresses that
// change in mid transfer.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>

#include "tests/tools/programs.h"

namespace quicore::test {
namespace {

std::multiset<std::string> lines_of(const std::string& text) {
  std::multiset<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.insert(line);
  return lines;
}

TEST(KeyLogFile, BothEndsWriteTheSameSecrets) {
  const WorkingDirectory directory;
  RunningServer server(directory, {"--keylog", "server.keys"});
  const std::vector<std::string> fetch = {"quicore-get", "--ca",      "cert.pem",
                                          "--output",    "copy.html", server.url("/page.html")};
  const Ended first = directory.run(fetch, {"SSLKEYLOGFILE=client.keys"});
  ASSERT_EQ(first.status, 0) << first.errors;
  const auto one_session = lines_of(directory.read("client.keys"));
  EXPECT_EQ(one_session.size(), 4u);
  EXPECT_EQ(one_session, lines_of(directory.read("server.keys")));

  auto again = fetch;
  again.insert(again.begin() + 1, {"--keylog", "client.keys"});
  const Ended second = directory.run(again, {"SSLKEYLOGFILE=other.keys"});
  ASSERT_EQ(second.status, 0) << second.errors;
  EXPECT_EQ(lines_of(directory.read("client.keys")).size(), 8u) << "the file is appended to";
  EXPECT_EQ(lines_of(directory.read("client.keys")), lines_of(directory.read("server.keys")));
  EXPECT_FALSE(std::filesystem::exists(directory.path() / "other.keys")) << "the option goes first";
}

TEST(KeyLogFile, IsReadableByItsOwnerOnly) {
  const WorkingDirectory directory;
  const RunningServer server(directory, {"--keylog", "server.keys"});
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(directory.path() / "server.keys").permissions(),
            perms::owner_read | perms::owner_write);
}

std::set<std::string> names_in(const std::filesystem::path& directory) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    names.insert(entry.path().filename());
  }
  return names;
}

TEST(QlogDirectory, HasAFileOfEachEndNamedByTheConnection) {
  const WorkingDirectory directory;
  RunningServer server(directory, {"--qlog", "folder"});
  const Ended fetched = directory.run({"quicore-get", "--qlog", "folder", "--ca", "cert.pem",
                                       "--output", "copy.html", server.url("/page.html")});
  ASSERT_EQ(fetched.status, 0) << fetched.errors;
  ASSERT_EQ(server.stop(), 0) << directory.read("server.err");
  const std::set<std::string> names = names_in(directory.path() / "folder");
  ASSERT_EQ(names.size(), 2u);
  const std::string id = names.begin()->substr(0, names.begin()->find('_'));
  EXPECT_EQ(names, (std::set<std::string>{id + "_client.sqlog", id + "_server.sqlog"}));
  for (const std::string& name : names) {
    const std::string log = directory.read("folder/" + name);
    EXPECT_TRUE(log.starts_with("\x1e{\"qlog_format\":\"JSON-SEQ\"")) << log.substr(0, 100);
    EXPECT_TRUE(log.ends_with("}\n"));
    EXPECT_NE(log.find("connection_close"), std::string::npos) << "complete to the last packet";
  }
}

// --- redirects -------------------------------------------------------------------------------------

TEST(Redirects, AreFollowedOnDemand) {
  const WorkingDirectory directory;
  RunningServer server(directory);
  directory.write("folder/index.html", "the index");
  const Ended fetched =
      directory.run({"quicore-get", "--ca", "cert.pem", "--location", server.url("/folder")});
  EXPECT_EQ(fetched.status, 0) << fetched.errors;
  EXPECT_EQ(fetched.output, "the index");
}

// --- transfers that broke --------------------------------------------------------------------------

struct Broken {
  WorkingDirectory directory;
  RunningServer server{directory};
  std::string whole;

  Broken() {
    for (int i = 0; i < 20'000; ++i) whole += std::to_string(i) + " ";
    directory.write("large.txt", whole);
  }
  // As a run that ended in mid transfer leaves it.
  void leave(std::size_t bytes, const std::string& etag) const {
    directory.write("copy.txt.partial", whole.substr(0, bytes));
    directory.write("copy.txt.partial.etag", etag + "\n");
  }
  std::string etag() const {
    const Ended head = run({"--method", "HEAD", "--json"});
    const std::size_t begin = head.output.find("\"etag\":\"") + 8;
    std::string text = head.output.substr(begin, head.output.find("\",\"", begin) - begin);
    std::erase(text, '\\');
    return text;
  }
  Ended run(std::vector<std::string> options) const {
    options.insert(options.begin(), {"quicore-get", "--ca", "cert.pem", "--output", "copy.txt"});
    options.push_back(server.url("/large.txt"));
    return directory.run(options);
  }
  bool leftovers() const {
    return std::filesystem::exists(directory.path() / "copy.txt.partial") ||
           std::filesystem::exists(directory.path() / "copy.txt.partial.etag");
  }
};

TEST(Continue, AsksForTheRestOnly) {
  const Broken broken;
  const std::string etag = broken.etag();
  ASSERT_TRUE(etag.starts_with('"') && etag.ends_with('"')) << etag;
  broken.leave(70'000, etag);
  const Ended fetched = broken.run({"--continue", "--json"});
  EXPECT_EQ(fetched.status, 0) << fetched.errors;
  EXPECT_NE(fetched.output.find("\"offset\":70000"), std::string::npos) << fetched.output;
  EXPECT_NE(fetched.output.find("\"status\":\"206\""), std::string::npos) << fetched.output;
  EXPECT_TRUE(broken.directory.read("copy.txt") == broken.whole);
  EXPECT_FALSE(broken.leftovers());
}

TEST(Continue, BeginsAnewWhenTheServerHasAnother) {
  const Broken broken;
  broken.leave(70'000, "\"of-another-day\"");
  const Ended fetched = broken.run({"--continue", "--json"});
  EXPECT_EQ(fetched.status, 0) << fetched.errors;
  EXPECT_NE(fetched.output.find("\"status\":\"200\""), std::string::npos) << fetched.output;
  EXPECT_TRUE(broken.directory.read("copy.txt") == broken.whole);
  EXPECT_FALSE(broken.leftovers());
}

TEST(Continue, FinishesAFileThatLacksNothing) {
  const Broken broken;
  broken.leave(broken.whole.size(), broken.etag());
  const Ended fetched = broken.run({"--continue"});
  EXPECT_EQ(fetched.status, 0) << fetched.errors;
  EXPECT_TRUE(broken.directory.read("copy.txt") == broken.whole);
  EXPECT_FALSE(broken.leftovers());
}

// The first run breaks for a reason of its own: its time is over.
TEST(Continue, KeepsWhatArrivedOfABrokenTransfer) {
  const Broken broken;
  std::filesystem::resize_file(broken.directory.path() / "large.txt", std::uintmax_t{1} << 30);
  const Ended cut = broken.run({"--continue", "--timeout", "300ms", "--window", "64KiB"});
  EXPECT_EQ(cut.status, 1) << cut.errors;
  EXPECT_TRUE(broken.leftovers());
  EXPECT_FALSE(std::filesystem::exists(broken.directory.path() / "copy.txt"));
}

class ChangeOfAddress : public testing::TestWithParam<const char*> {};

TEST_P(ChangeOfAddress, InMidTransferDoesNotHurt) {
  const WorkingDirectory directory;
  RunningServer server(directory);
  const Ended ended = directory.run({"quicore-get", GetParam(), "1ms", "--ca", "cert.pem",
                                     "--output", "zeros", server.url("/bytes/100000000")});
  EXPECT_EQ(ended.status, 0) << ended.errors;
  EXPECT_TRUE(ended.said(
      "quicore-get: " +
      std::string(GetParam() == std::string("--rebind-after") ? "rebound" : "migrating") +
      " from 127.0.0.1:…"))
      << ended.errors;
  EXPECT_EQ(std::filesystem::file_size(directory.path() / "zeros"), 100'000'000u);
  EXPECT_EQ(server.stop(), 0) << directory.read("server.err");
}

INSTANTIATE_TEST_SUITE_P(Kinds, ChangeOfAddress,
                         testing::Values("--migrate-after", "--rebind-after"));

TEST(Statistics, TellHowLongTheServerRuns) {
  const auto before = std::chrono::steady_clock::now();
  const WorkingDirectory directory;
  RunningServer server(directory);
  const std::uint64_t seconds = server.statistic("seconds");
  const auto after = std::chrono::steady_clock::now();
  EXPECT_LE(seconds, std::chrono::ceil<std::chrono::seconds>(after - before).count());
}

}  // namespace
}  // namespace quicore::test
