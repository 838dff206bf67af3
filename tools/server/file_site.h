// SPDX-License-Identifier: Apache-2.0
//
// A directory as a web site: from a request's path to a file below the root, and to its type.
//
// Nothing outside of the root is ever named: dot segments, encoded or not, and symbolic links that
// lead out (unless all are followed) are refused as if the file were not there.
//
// Threading: const after construction, any shard. Cost: a few system calls per look-up.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quicore::tools {

struct SiteFile {
  std::string path;
  std::uint64_t size = 0;
  std::int64_t modified = 0;    // nanoseconds since 1970
  std::string_view type{};      // MIME
  std::string_view encoding{};  // "br", "zstd", "gzip" of a precompressed sibling
};

enum class Symlinks : std::uint8_t { none, inside, all };

struct SiteOptions {
  Symlinks symlinks = Symlinks::inside;  // of which kind are followed
  bool list = false;                     // directories without index.html show what is in them
};

struct SiteEntry {
  enum class Kind : std::uint8_t {
    missing,
    file,
    directory,     // to be listed: `path`
    with_a_slash,  // a directory whose request lacks the last slash: relative links would go astray
  };
  Kind kind = Kind::missing;
  SiteFile file{};
  std::filesystem::path path{};
};

class FileSite {
 public:
  explicit FileSite(const std::filesystem::path& root, SiteOptions options = {});

  // `target` is a request's path, percent-encoded, with or without a query. "/" and directories
  // give their index.html. What may not be read is missing.
  SiteEntry look_up(std::string_view target) const { return resolve(target, true); }
  // The same for those who want a file only.
  std::optional<SiteFile> find(std::string_view target) const;
  // The file compressed ahead, as a sibling that is named like it and .br, .zst or .gz; smallest
  // first, as a rule.
  std::vector<SiteFile> precompressed(const SiteFile& file) const;

 private:
  // Without `slash_matters` a directory is found by its name alone.
  SiteEntry resolve(std::string_view target, bool slash_matters) const;
  std::optional<SiteFile> open_file(const std::filesystem::path& path) const;
  bool may_show(const std::filesystem::path& named, const std::filesystem::path& real) const;

  std::filesystem::path root_;
  SiteOptions options_;
};

// As SiteFile::modified.
std::int64_t modified(const struct stat& status);

// By the name's ending; "application/octet-stream" when unknown.
std::string_view mime_type_of(std::string_view name);

// A page of links to what is in the directory; hidden files are left out.
std::string listing_of(const std::filesystem::path& directory, std::string_view title);

}  // namespace quicore::tools
