// SPDX-License-Identifier: Apache-2.0
#include "tools/demo/verification.h"

#include <algorithm>

#include "tools/common/format.h"
#include "tools/common/sha256.h"

namespace quicore::tools {
namespace {

namespace fs = std::filesystem;

// Empty if they are equal.
std::string difference(const DemoFile& file, const fs::path& copy) {
  std::error_code error;
  const std::uint64_t size = fs::file_size(copy, error);
  if (error) return file.path + " was not fetched";
  const std::uint64_t expected = fs::file_size(file.original, error);
  if (error) return file.original.string() + " is gone from the disk";
  if (size != expected) {
    return file.path + " has " + format_count(size) + " bytes instead of " + format_count(expected);
  }
  const auto got = sha256_of_file(copy);
  if (!got) return got.error().reason;
  const auto wanted = sha256_of_file(file.original);
  if (!wanted) return wanted.error().reason;
  return *got == *wanted ? "" : file.path + " has the hash " + *got + " instead of " + *wanted;
}

}  // namespace

Result<Verification> compare_with_disk(const std::vector<DemoFile>& files, const fs::path& fetched,
                                       const Progress& progress) {
  std::uint64_t total = 1;
  for (const DemoFile& file : files) total += file.size;
  Verification verification;
  std::uint64_t done = 0;
  for (const DemoFile& file : files) {
    if (!progress(static_cast<double>(done) / static_cast<double>(total))) {
      return failure(Errc::cancelled, "interrupted");
    }
    if (std::string found = difference(file, fetched / file.path); !found.empty()) {
      verification.differences.push_back(std::move(found));
    } else {
      ++verification.files;
      verification.bytes += file.size;
    }
    done += file.size;
  }
  return verification;
}

}  // namespace quicore::tools
