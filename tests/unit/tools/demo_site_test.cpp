// SPDX-License-Identifier: Apache-2.0
#include "tools/demo/site.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "tools/common/child_process.h"
#include "tools/common/percent.h"
#include "tools/common/sha256.h"
#include "tools/demo/verification.h"

namespace quicore::tools {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

bool go_on(double) { return true; }

class DemoSite : public testing::Test {
 protected:
  DemoSite() {
    folder_ = fs::path(testing::TempDir()) / ("quicore_site_" + std::to_string(getpid()));
    fs::remove_all(folder_);
    write(tree_ = folder_ / "tree_on_disk" / "a.txt", "aaa");
    tree_ = tree_.parent_path();
    write(tree_ / "sub" / "b with space.txt", "bbb");
  }
  ~DemoSite() override { fs::remove_all(folder_); }

  Result<Site> prepare(std::uint64_t large = 1000) {
    return prepare_site(tree_, folder_ / "site", large, go_on);
  }

  fs::path folder_;
  fs::path tree_;
};

TEST_F(DemoSite, EveryFileOfAFolderIsServed) {
  const auto site = prepare();
  ASSERT_TRUE(site) << site.error().reason;
  ASSERT_EQ(site->tree.size(), 2U);
  EXPECT_EQ(site->tree[0].path, "tree/a.txt");
  EXPECT_EQ(site->tree[1].path, "tree/sub/b with space.txt");
  EXPECT_EQ(site->tree_bytes(), 6U);
  EXPECT_EQ(read_text(site->root / "tree/sub/b with space.txt"), "bbb");
}

TEST_F(DemoSite, RepositoriesAndBuildsAreNotWalkedInto) {
  write(tree_ / ".git" / "config", "x");
  write(tree_ / "build" / "x.o", "x");
  write(tree_ / "sub" / "build.txt", "x");
  const auto site = prepare();
  ASSERT_TRUE(site);
  EXPECT_EQ(site->tree.size(), 3U);
}

TEST_F(DemoSite, WhatWasDeletedSinceTheLastRunIsNotServed) {
  ASSERT_TRUE(prepare());
  fs::remove(tree_ / "a.txt");
  const auto site = prepare();
  ASSERT_TRUE(site);
  EXPECT_EQ(site->tree.size(), 1U);
  EXPECT_FALSE(fs::exists(site->root / "tree/a.txt"));
}

TEST_F(DemoSite, AnEmptyTreeIsRefusedWithTheOptionToUse) {
  fs::remove_all(tree_);
  fs::create_directories(tree_);
  const auto site = prepare();
  ASSERT_FALSE(site);
  EXPECT_EQ(site.error().reason,
            "there are no files below " + tree_.string() + ": name a folder with --tree");
}

TEST_F(DemoSite, TheLargeFileHasItsSizeAndAlwaysTheSameContent) {
  const auto first = prepare(3'000'001);
  ASSERT_TRUE(first);
  EXPECT_EQ(fs::file_size(first->large.original), 3'000'001U);
  const std::string hash = value_or_throw(sha256_of_file(first->large.original));
  fs::remove(first->large.original);
  ASSERT_TRUE(prepare(3'000'001));
  EXPECT_EQ(value_or_throw(sha256_of_file(first->large.original)), hash);
}

TEST_F(DemoSite, ALargeFileOfTheRightSizeIsKept) {
  const auto site = prepare(5);
  ASSERT_TRUE(site);
  write(site->large.original, "12345");
  ASSERT_TRUE(prepare(5));
  EXPECT_EQ(read_text(site->large.original), "12345");
  ASSERT_TRUE(prepare(6));
  EXPECT_EQ(fs::file_size(site->large.original), 6U);
}

TEST_F(DemoSite, AnInterruptedGenerationLeavesNoFile) {
  const auto site = prepare_site(tree_, folder_ / "site", 5'000'000, [](double) { return false; });
  ASSERT_FALSE(site);
  EXPECT_EQ(site.error().kind, Errc::cancelled);
  EXPECT_FALSE(fs::exists(folder_ / "site/generated.bin"));
  EXPECT_FALSE(fs::exists(folder_ / "site/generated.bin.partial"));
}

TEST(UrlPath, WhatAUrlCannotHoldIsEncoded) {
  EXPECT_EQ(percent_encode_path("tree/io/time.h"), "tree/io/time.h");
  EXPECT_EQ(percent_encode_path("a b%c?d#e"), "a%20b%25c%3Fd%23e");
  EXPECT_EQ(percent_encode_path("\xc3\xa9"), "%C3%A9");
}

TEST_F(DemoSite, EqualCopiesAreCounted) {
  const auto site = prepare();
  ASSERT_TRUE(site);
  const auto compared = compare_with_disk(site->tree, site->root, go_on);
  ASSERT_TRUE(compared);
  EXPECT_EQ(compared->files, 2U);
  EXPECT_EQ(compared->bytes, 6U);
  EXPECT_TRUE(compared->differences.empty());
}

TEST_F(DemoSite, EachKindOfDifferenceIsToldInASentence) {
  write(tree_ / "c.txt", "ccc");
  const auto site = prepare();
  ASSERT_TRUE(site);
  const fs::path fetched = folder_ / "fetched";
  write(fetched / "tree/a.txt", "aaX");
  write(fetched / "tree/c.txt", "cccc");
  const auto compared = compare_with_disk(site->tree, fetched, go_on);
  ASSERT_TRUE(compared);
  EXPECT_EQ(compared->files, 0U);
  ASSERT_EQ(compared->differences.size(), 3U);
  EXPECT_EQ(compared->differences[0].rfind("tree/a.txt has the hash ", 0), 0U);
  EXPECT_EQ(compared->differences[1], "tree/c.txt has 4 bytes instead of 3");
  EXPECT_EQ(compared->differences[2], "tree/sub/b with space.txt was not fetched");
}

}  // namespace
}  // namespace quicore::tools
