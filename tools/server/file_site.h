// SPDX-License-Identifier: Apache-2.0
//
// A directory as a web site: from a request's path to a file below the root, and to its type.
//
// Nothing outside of the root is ever named: dot segments, encoded or not, and symbolic links that
// lead out are refused as if the file were not there.
//
// Threading: const after construction, any shard. Cost: a few system calls per look-up.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace quicore::tools {

struct SiteFile {
  std::string path;
  std::uint64_t size = 0;
  std::string_view type;  // MIME
};

class FileSite {
 public:
  explicit FileSite(const std::filesystem::path& root);

  // `target` is a request's path, percent-encoded, with or without a query. "/" and directories
  // give their index.html. Empty when there is no such file, or it may not be read.
  std::optional<SiteFile> find(std::string_view target) const;

 private:
  std::filesystem::path root_;
};

// By the name's ending; "application/octet-stream" when unknown.
std::string_view mime_type_of(std::string_view name);

}  // namespace quicore::tools
