// SPDX-License-Identifier: Apache-2.0
//
// Where an answer goes: a file that appears under its name only once it is complete, or standard
// output. Until then it is NAME.partial; with Partial::keep that stays when the transfer breaks,
// beside NAME.partial.etag, the validator of what it is a part of (RFC 9110 8.8): the next run asks
// for the rest, if the server still has the same.
//
// Threading: one. Writes go through a buffer of 256 KiB to write(2), on the shard's thread: the page
// cache takes them in microseconds; a disk that cannot keep up slows the transfer, as back-pressure
// would.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "io/buf.h"
#include "io/error.h"

namespace quicore::tools {

class OutputFile {
 public:
  enum class Partial : std::uint8_t { remove, keep };
  // "-" is standard output. Creates the folders above. Errors: system, with the path.
  static Result<OutputFile> open(const std::filesystem::path& path,
                                 Partial partial = Partial::remove);
  // Nowhere: the bytes are counted only.
  static OutputFile none() { return OutputFile(); }

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();  // removes what was not finished

  // What an earlier run left, and its validator: both, or neither.
  std::uint64_t offset() const noexcept { return offset_; }
  const std::string& validator() const noexcept { return validator_; }
  // The answer is whole, not the rest: begins anew. With an empty validator nothing will be kept.
  Result<> begin(std::string validator);

  Result<> write(Bytes bytes);
  Result<> finish();
  std::uint64_t written() const noexcept { return written_; }  // since open()

 private:
  OutputFile() = default;
  Result<> flush();
  Result<> find_partial();

  std::filesystem::path path_;
  std::filesystem::path partial_;
  std::filesystem::path validator_file_;  // empty: nothing is kept
  std::string validator_;
  std::uint64_t offset_ = 0;
  std::vector<std::byte> buffer_;
  std::uint64_t written_ = 0;
  int fd_ = -1;
};

// The file below `directory` that a URL's path names: "/a/b?x" is directory/a/b, "/" is index.html.
// Fails with invalid_argument for paths that would leave the directory.
Result<std::filesystem::path> file_for_url(const std::filesystem::path& directory,
                                           std::string_view url_path);

}  // namespace quicore::tools
