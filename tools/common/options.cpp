// SPDX-License-Identifier: Apache-2.0
#include "tools/common/options.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>

namespace quicore::tools {

namespace {

// 0, or the errno of the first thing that is in the way of reading it.
int why_unreadable(const std::string& path, bool directory) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | (directory ? O_DIRECTORY : 0));
  if (fd < 0) return errno;
  struct stat status {};
  const bool known = ::fstat(fd, &status) == 0;
  ::close(fd);
  return known && !directory && S_ISDIR(status.st_mode) ? EISDIR : 0;
}

Parsed<std::string> parse_input(const std::string& path, bool directory) {
  const int number = why_unreadable(path, directory);
  if (number == 0) return path;
  return std::unexpected("cannot read \"" + path + "\": " + std::strerror(number) + "; name a " +
                         (directory ? "directory" : "file") + " that this user may read");
}

}  // namespace

Parsed<std::string> parse_input_file(const std::string& path) { return parse_input(path, false); }
Parsed<std::string> parse_input_directory(const std::string& path) {
  return parse_input(path, true);
}

void exit_because(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) std::exit(app.exit(error));
  std::cerr << app.get_name() << ": " << error.what() << "\nRun " << app.get_name()
            << " --help for more.\n";
  std::exit(kUsageError);
}

}  // namespace quicore::tools
