// SPDX-License-Identifier: Apache-2.0
#include "tools/server/recent_files.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace quicore::tools {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using Kind = SiteEntry::Kind;

class RecentFilesTest : public testing::Test {
 protected:
  RecentFilesTest() {
    std::string name = (fs::temp_directory_path() / "quicore-recent-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    root_ = fs::canonical(name);
    write("a.txt", "first");
  }
  ~RecentFilesTest() override { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(root_ / name) << text;
  }
  RecentFile& look_up(std::string_view target, milliseconds after = milliseconds(0)) {
    return files_.look_up(FileSite(root_), target, Instant() + after);
  }
  // Of the file itself.
  static std::string content(RecentFile& recent) {
    const auto buf = recent.content(recent.entry().file);
    return buf ? std::string(as_text(*buf)) : "none";
  }
  static std::string_view as_text(const Buf& buf) {
    return {reinterpret_cast<const char*>(buf.bytes().data()), buf.size()};
  }

  fs::path root_;
  RecentFiles files_;
};

TEST_F(RecentFilesTest, AreServedAsTheyWereForAMoment) {
  EXPECT_EQ(content(look_up("/a.txt")), "first");
  write("a.txt", "second one");
  const auto fresh = RecentFiles::kFresh;
  EXPECT_EQ(content(look_up("/a.txt?query", fresh - milliseconds(1))), "first");
  RecentFile& later = look_up("/a.txt", fresh);
  EXPECT_EQ(later.entry().file.size, 10u);
  EXPECT_EQ(content(later), "second one");
  fs::remove(root_ / "a.txt");
  EXPECT_EQ(look_up("/a.txt", 2 * fresh - milliseconds(1)).entry().kind, Kind::file);
  EXPECT_EQ(look_up("/a.txt", 2 * fresh).entry().kind, Kind::missing);
}

TEST_F(RecentFilesTest, WhatIsMissingIsFoundAsSoonAsItIsThere) {
  EXPECT_EQ(look_up("/b.txt").entry().kind, Kind::missing);
  write("b.txt", "b");
  EXPECT_EQ(content(look_up("/b.txt")), "b");
}

TEST_F(RecentFilesTest, HaveTheContentOfPrecompressedSiblings) {
  write("a.txt.br", "brotli");
  write("a.txt.gz", "gz");
  RecentFile& recent = look_up("/a.txt");
  ASSERT_EQ(recent.encoded().size(), 2u);
  const auto brotli = recent.content(recent.encoded()[0]);
  const auto gzip = recent.content(recent.encoded()[1]);
  ASSERT_TRUE(brotli && gzip);
  EXPECT_EQ(as_text(*brotli), "brotli");
  EXPECT_EQ(as_text(*gzip), "gz");
  EXPECT_EQ(content(recent), "first");
}

TEST_F(RecentFilesTest, LeaveLargeAndEmptyFilesToOthers) {
  write("largest", std::string(RecentFiles::kLargestContent, 'x'));
  write("larger", std::string(RecentFiles::kLargestContent + 1, 'x'));
  write("empty", "");
  EXPECT_EQ(content(look_up("/largest")).size(), RecentFiles::kLargestContent);
  EXPECT_EQ(content(look_up("/larger")), "none");
  EXPECT_EQ(content(look_up("/empty")), "none");
}

// The headers of an answer say what was looked up.
TEST_F(RecentFilesTest, DoNotMixWhatIsKnownOfAFileWithWhatIsInIt) {
  RecentFile& longer = look_up("/a.txt");
  write("a.txt", "longer than it was");
  EXPECT_EQ(content(longer), "none");

  RecentFile& touched = look_up("/a.txt", RecentFiles::kFresh);
  fs::last_write_time(root_ / "a.txt", fs::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_EQ(content(touched), "none");

  RecentFile& linked = look_up("/a.txt", 2 * RecentFiles::kFresh);
  fs::rename(root_ / "a.txt", root_ / "elsewhere");
  fs::create_symlink("elsewhere", root_ / "a.txt");
  EXPECT_EQ(content(linked), "none") << "a link took its place";
}

TEST_F(RecentFilesTest, AreLookedUpAnewWhenTheirContentIsNotInMemory) {
  write("large", std::string(RecentFiles::kLargestContent + 1, 'x'));
  EXPECT_EQ(look_up("/large").entry().file.size, RecentFiles::kLargestContent + 1);
  write("large", std::string(RecentFiles::kLargestContent + 2, 'x'));
  EXPECT_EQ(look_up("/large").entry().file.size, RecentFiles::kLargestContent + 2);

  EXPECT_EQ(look_up("/a.txt").entry().file.size, 5u) << "for its headers alone";
  write("a.txt", "longer than it was");
  RecentFile& longer = look_up("/a.txt");
  EXPECT_EQ(longer.entry().file.size, 18u);
  EXPECT_EQ(content(longer), "longer than it was");
}

TEST_F(RecentFilesTest, AreNotManyMoreThanABusySiteNeeds) {
  for (std::size_t i = 0; i <= RecentFiles::kMostFiles; ++i) {
    const std::string name = std::to_string(i);
    write(name, name);
    EXPECT_EQ(content(look_up("/" + name)), name);
    EXPECT_LE(files_.size(), RecentFiles::kMostFiles);
  }
  EXPECT_EQ(content(look_up("/0")), "0") << "forgotten, and found again";
}

}  // namespace
}  // namespace quicore::tools
