// SPDX-License-Identifier: Apache-2.0
#include "tools/server/file_site.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "tools/common/percent.h"

namespace quicore::tools {
namespace {

namespace fs = std::filesystem;
using Kind = SiteEntry::Kind;

class FileSiteTest : public testing::Test {
 protected:
  FileSiteTest() {
    std::string name = (fs::temp_directory_path() / "quicore-site-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    base_ = fs::canonical(name);
    write("outside/secret.txt", "secret");
    write("root/index.html", "<p>");
    write("root/page.html", "<p>page");
    write("root/folder/index.html", "<p>");
    write("root/bare/b & <c>.txt", "b");
    write("root/bare/.hidden", "h");
    write("root/bare/sub/x", "x");
    write("root/two words.txt", "2");
    fs::create_symlink(base_ / "root/page.html", base_ / "root/inside.html");
    fs::create_symlink(base_ / "outside/secret.txt", base_ / "root/leads-out.txt");
    fs::create_directory_symlink(base_ / "outside", base_ / "root/way-out");
  }
  ~FileSiteTest() override { fs::remove_all(base_); }

  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((base_ / name).parent_path());
    std::ofstream(base_ / name) << text;
  }
  FileSite site(SiteOptions options = {}) const { return FileSite(base_ / "root", options); }
  Kind kind(std::string_view target, SiteOptions options = {}) const {
    return site(options).look_up(target).kind;
  }

  fs::path base_;
};

TEST_F(FileSiteTest, FindsFilesByTheirPath) {
  const SiteEntry entry = site().look_up("/page.html?query=1");
  ASSERT_EQ(entry.kind, Kind::file);
  EXPECT_EQ(entry.file.path, base_ / "root/page.html");
  EXPECT_EQ(entry.file.size, 7u);
  EXPECT_EQ(entry.file.type, "text/html; charset=utf-8");
  EXPECT_GT(entry.file.modified, 0);
  EXPECT_EQ(kind("/two%20words.txt"), Kind::file);
  EXPECT_EQ(kind("/"), Kind::file) << "index.html";
  EXPECT_EQ(kind("/folder/"), Kind::file);
  EXPECT_EQ(kind("/folder"), Kind::with_a_slash);
  EXPECT_EQ(kind("/page.html/"), Kind::missing);
  EXPECT_EQ(kind("/none"), Kind::missing);
  EXPECT_EQ(kind(""), Kind::missing);
  EXPECT_EQ(kind("page.html"), Kind::missing);
  EXPECT_TRUE(site().find("/folder").has_value()) << "without redirections";
}

TEST_F(FileSiteTest, NamesNothingOutsideOfTheRoot) {
  const SiteOptions all{.symlinks = Symlinks::all, .list = true};
  for (const char* target :
       {"/../outside/secret.txt", "/folder/../../outside/secret.txt", "/%2e%2e/outside/secret.txt",
        "/..%2foutside/secret.txt", "//outside/../../outside/secret.txt", "/%00",
        "/page.html%00.txt", "/%", "/%zz", "/./page.html"}) {
    EXPECT_EQ(kind(target), Kind::missing) << target;
    EXPECT_EQ(kind(target, all), Kind::missing) << target;
  }
}

TEST_F(FileSiteTest, FollowsTheLinksItIsToldTo) {
  const auto with = [](Symlinks symlinks) { return SiteOptions{.symlinks = symlinks}; };
  EXPECT_EQ(kind("/inside.html", with(Symlinks::none)), Kind::missing);
  EXPECT_EQ(kind("/inside.html", with(Symlinks::inside)), Kind::file);
  EXPECT_EQ(kind("/leads-out.txt", with(Symlinks::none)), Kind::missing);
  EXPECT_EQ(kind("/leads-out.txt", with(Symlinks::inside)), Kind::missing);
  EXPECT_EQ(kind("/leads-out.txt", with(Symlinks::all)), Kind::file);
  EXPECT_EQ(kind("/way-out/secret.txt", with(Symlinks::none)), Kind::missing);
  EXPECT_EQ(kind("/way-out/secret.txt", with(Symlinks::inside)), Kind::missing);
  EXPECT_EQ(kind("/way-out/secret.txt", with(Symlinks::all)), Kind::file);
}

TEST_F(FileSiteTest, ListsDirectoriesOnDemandOnly) {
  EXPECT_EQ(kind("/bare/"), Kind::missing);
  const SiteEntry entry = site({.list = true}).look_up("/bare/");
  ASSERT_EQ(entry.kind, Kind::directory);
  const std::string page = listing_of(entry.path, "/<bare>/");
  EXPECT_THAT(page, testing::HasSubstr("&lt;bare&gt;")) << "nothing of a name is markup";
  EXPECT_THAT(page,
              testing::HasSubstr("<a href=\"./b%20%26%20%3Cc%3E.txt\">b &amp; &lt;c&gt;.txt</a>"));
  EXPECT_THAT(page, testing::HasSubstr("<a href=\"./sub/\">sub/</a>"));
  EXPECT_THAT(page, testing::Not(testing::HasSubstr("hidden")));
}

TEST_F(FileSiteTest, KnowsCompressedSiblings) {
  write("root/page.html.gz", "zzz");
  write("root/page.html.br", "b");
  const auto found = site().precompressed(*site().find("/page.html"));
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].encoding, "br");
  EXPECT_EQ(found[0].size, 1u);
  EXPECT_EQ(found[0].type, "text/html; charset=utf-8") << "of what is inside";
  EXPECT_EQ(found[1].encoding, "gzip");
  EXPECT_TRUE(site().precompressed(*site().find("/folder/")).empty());
}

TEST(PercentEncoding, OfAPathIsUndoneByDecoding) {
  const std::string path = "/a b/%41/\xc3\xa4?#&.txt";
  EXPECT_EQ(percent_encode_path(path), "/a%20b/%2541/%C3%A4%3F%23%26.txt");
  EXPECT_EQ(percent_decode(percent_encode_path(path)), path);
}

}  // namespace
}  // namespace quicore::tools
