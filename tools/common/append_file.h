// SPDX-License-Identifier: Apache-2.0
//
// A file that lines are added to, by several shards or programs at once: each line is one write(2)
// to the end, so that lines never mix.
//
// Threading: any. Cost: about a microsecond a line.
#pragma once

#include <sys/types.h>

#include <string>

#include "io/error.h"

namespace quicore::tools {

class AppendFile {
 public:
  // Made when it is not there, with `mode`. Errors: system, with `option` in front of the sentence.
  static Result<AppendFile> open(const std::string& option, const std::string& path, mode_t mode);
  // The same, and "-" is standard output.
  static Result<AppendFile> open_or_standard_output(const std::string& option,
                                                    const std::string& path, mode_t mode);

  AppendFile(AppendFile&& other) noexcept;
  AppendFile& operator=(AppendFile&&) = delete;
  ~AppendFile();

  // Adds the newline. A full disk must not end the sessions that are written about: it is not told.
  void write_line(std::string line) const;

 private:
  explicit AppendFile(int fd) noexcept : fd_(fd) {}
  static Result<AppendFile> checked(int fd, const std::string& option, const std::string& path);
  int fd_;
};

}  // namespace quicore::tools
