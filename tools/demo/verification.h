// SPDX-License-Identifier: Apache-2.0
//
// Whether what was fetched equals what is on the disk, by SHA-256 of both, file by file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tools/demo/site.h"

namespace quicore::tools {

struct Verification {
  std::uint64_t files = 0;               // equal
  std::uint64_t bytes = 0;               // of those
  std::vector<std::string> differences;  // one sentence for each other file
  double seconds = 0;                    // that fetching took
};

// Compares `fetched`/path with the original of every file. Errors: cancelled.
Result<Verification> compare_with_disk(const std::vector<DemoFile>& files,
                                       const std::filesystem::path& fetched,
                                       const Progress& progress);

}  // namespace quicore::tools
