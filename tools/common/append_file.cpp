// SPDX-License-Identifier: Apache-2.0
#include "tools/common/append_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "tools/common/sentence.h"

namespace quicore::tools {

Result<AppendFile> AppendFile::open(const std::string& option, const std::string& path,
                                    mode_t mode) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
  return checked(::open(path.c_str(), kFlags, mode), option, path);
}

Result<AppendFile> AppendFile::open_or_standard_output(const std::string& option,
                                                       const std::string& path, mode_t mode) {
  return path == "-" ? checked(::dup(STDOUT_FILENO), option, path) : open(option, path, mode);
}

Result<AppendFile> AppendFile::checked(int fd, const std::string& option, const std::string& path) {
  if (fd < 0) return std::unexpected(cannot_write(option, path, errno));
  return AppendFile(fd);
}

AppendFile::AppendFile(AppendFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

AppendFile::~AppendFile() {
  if (fd_ >= 0) ::close(fd_);
}

void AppendFile::write_line(std::string line) const {
  line += '\n';
  static_cast<void>(!::write(fd_, line.data(), line.size()));
}

}  // namespace quicore::tools
