// SPDX-License-Identifier: Apache-2.0
#include "tools/common/sha256.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string_view>

namespace quicore::tools {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// The examples of FIPS 180-4.
constexpr std::string_view kHashOfNothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kHashOfAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Sha256, TheStandardsExamples) {
  Sha256Hasher hash;
  EXPECT_EQ(hash.finish(), kHashOfNothing);
  hash.update(bytes_of("abc"));
  EXPECT_EQ(hash.finish(), kHashOfAbc);
}

TEST(Sha256, PiecesEqualTheWhole) {
  Sha256Hasher hash;
  hash.update(bytes_of("a"));
  hash.update(bytes_of(""));
  hash.update(bytes_of("bc"));
  EXPECT_EQ(hash.finish(), kHashOfAbc);
}

TEST(Sha256, AFileIsHashedToItsEnd) {
  const auto path = std::filesystem::path(testing::TempDir()) / "quicore_sha256_test";
  const std::string content(3'000'000, 'x');  // more than one read
  std::ofstream(path, std::ios::binary) << content;
  Sha256Hasher hash;
  hash.update(bytes_of(content));
  const auto of_file = sha256_of_file(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(of_file) << of_file.error().reason;
  EXPECT_EQ(*of_file, hash.finish());
}

TEST(Sha256, AMissingFileIsNamed) {
  const auto missing = sha256_of_file("/does/not/exist");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().reason, "cannot read /does/not/exist: No such file or directory");
}

TEST(Sha256, AFolderIsNoFile) { EXPECT_FALSE(sha256_of_file("/")); }

}  // namespace
}  // namespace quicore::tools
