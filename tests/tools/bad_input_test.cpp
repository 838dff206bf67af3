// SPDX-License-Identifier: Apache-2.0
//
// docs/bad-input.md: every row about a program is run as it stands there, and has to be answered by
// that sentence and that exit status.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/support/document_table.h"
#include "tests/tools/programs.h"

namespace quicore::test {
namespace {

constexpr const char* kPage = QUICORE_SOURCE_DIR "/docs/bad-input.md";
constexpr std::array<const char*, 7> kPrograms = {
    "quicore-server", "quicore-get",     "quicore-load", "quicore-demo",
    "quicore-limit",  "quicore-compare", "quicore-path"};

struct Row {
  std::string program;
  std::string command;  // with NAME=value before it, perhaps
  std::string status;
  std::string answer;
  int line = 0;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.command; }

std::vector<Row> rows() {
  std::vector<Row> rows;
  for (const char* program : kPrograms) {
    for (TableRow& row : table_rows(kPage, program)) {
      row.cells.resize(3);
      rows.push_back({program, row.cells[0], row.cells[1], row.cells[2], row.line});
    }
  }
  return rows;
}

// Words, as a shell would split them; 'single quotes' keep one together.
std::vector<std::string> split(const std::string& command) {
  std::vector<std::string> words;
  bool quoted = false;
  bool inside = false;
  for (const char c : command) {
    if (c == '\'') {
      quoted = !quoted;
      if (!inside) words.emplace_back();
      inside = true;
    } else if (c == ' ' && !quoted) {
      inside = false;
    } else {
      if (!inside) words.emplace_back();
      inside = true;
      words.back() += c;
    }
  }
  return words;
}

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
}

class BadInput : public testing::TestWithParam<Row> {};

TEST_P(BadInput, IsAnsweredAsTheTableSays) {
  const Row& row = GetParam();
  const WorkingDirectory directory;
  const UdpSocket socket;  // bound, and answers nothing
  std::optional<RunningServer> server;
  std::string command = row.command;
  std::string answer = row.program + ": " + row.answer;
  if (command.find("SERVER") != std::string::npos) server.emplace(directory);
  for (std::string* text : {&command, &answer}) {
    replace_all(*text, "TAKEN", std::to_string(socket.port()));
    replace_all(*text, "SILENT", std::to_string(socket.port()));
    if (server) replace_all(*text, "SERVER", std::to_string(server->port()));
  }
  std::vector<std::string> words = split(command);
  std::vector<std::string> environment;
  while (words.front().find('=') != std::string::npos) {
    environment.push_back(words.front());
    words.erase(words.begin());
  }
  ASSERT_EQ(words.front(), row.program);

  const Ended ended = directory.run(words, environment);
  EXPECT_EQ(std::to_string(ended.status), row.status);
  EXPECT_TRUE(ended.said(answer)) << "expected: " << answer << "\nsaid:\n" << ended.errors;
  if (server) {
    EXPECT_EQ(server->stop(), 0) << directory.read("server.err");
  }
}

std::string name_of(const testing::TestParamInfo<Row>& test) {
  std::string name = "line_" + std::to_string(test.param.line) + "_";
  for (const char c : test.param.command) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (plain || name.back() != '_') name += plain ? c : '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Table, BadInput, testing::ValuesIn(rows()), name_of);

// --- the table itself ---------------------------------------------------------------------------

std::set<std::string> options_of(const std::string& program) {
  const WorkingDirectory directory;
  const std::string help = directory.run({program, "--help"}).output;
  std::set<std::string> options;
  const std::regex option(R"((--[a-z0-9-]+)(,-\w)? [A-Z])");  // with the name of a value behind it
  for (std::sregex_iterator at(help.begin(), help.end(), option), end; at != end; ++at) {
    options.insert((*at)[1]);
  }
  return options;
}

TEST(BadInputTable, HasARowForEveryOptionThatTakesAValue) {
  const std::vector<Row> all = rows();
  for (const std::string program : kPrograms) {
    const auto options = options_of(program);
    EXPECT_GE(options.size(), 4u) << program << " --help is written otherwise than expected";
    for (const std::string& option : options) {
      const bool found = std::ranges::any_of(all, [&](const Row& row) {
        const auto words = split(row.command);
        return row.program == program && std::ranges::find(words, option) != words.end();
      });
      EXPECT_TRUE(found) << program << ' ' << option << " is in no row of docs/bad-input.md";
    }
  }
}

// --- garbage on the wire ------------------------------------------------------------------------

TEST(Garbage, IsDroppedCountedAndSurvived) {
  const WorkingDirectory directory;
  RunningServer server(directory);
  const UdpSocket stranger;
  const std::uint64_t before = server.statistic("dropped");
  // None of these is answered: headers that are cut off, short headers of nobody that are too small
  // for a stateless reset (RFC 9000 10.3), an Initial below 1200 bytes (14.1).
  const std::vector<std::string> garbage = {
      std::string(1, '\xc0'),
      std::string("\xc0\x00\x00\x00\x01\xff", 6),
      std::string("\xc0\x00\x00\x00\x01\x14"
                  "abc",
                  9),
      std::string(12, '\x41'),
      std::string("\xc3\x00\x00\x00\x01\x08"
                  "abcdefgh"
                  "\x00\x00\x41\x00",
                  18) +
          std::string(64, 'x'),
      "GET / HTTP/1.1\r\n",
  };
  constexpr std::size_t kRounds = 20;
  for (std::size_t i = 0; i < kRounds; ++i) {
    for (const std::string& datagram : garbage) stranger.send_to(server.port(), datagram);
  }
  // Full-sized ones, of every first byte: what is answered, if anything, is the server's affair.
  for (int first = 0; first < 256; ++first) {
    std::string datagram(1200, '\xa5');
    datagram[0] = static_cast<char>(first);
    datagram.replace(1, 4, std::string("\x00\x00\x00\x01", 4));
    stranger.send_to(server.port(), datagram);
  }
  // The kernel keeps the order, so the answer to this comes after everything above was looked at.
  const Ended fetched = directory.run(
      {"quicore-get", "--ca", "cert.pem", "--output", "copy.html", server.url("/page.html")});
  EXPECT_EQ(fetched.status, 0) << fetched.errors;
  EXPECT_EQ(directory.read("copy.html"), directory.read("page.html"));
  EXPECT_GE(server.statistic("dropped") - before, kRounds * garbage.size());
  EXPECT_EQ(server.stop(), 0) << directory.read("server.err");
}

}  // namespace
}  // namespace quicore::test
