// SPDX-License-Identifier: Apache-2.0
#include "tools/common/key_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace quicore::tools {

namespace {

constexpr mode_t kOwnerOnly = 0600;
constexpr const char* kVariable = "SSLKEYLOGFILE";

}  // namespace

Result<std::optional<KeyLog>> KeyLog::open(const std::string& option) {
  const char* variable = option.empty() ? std::getenv(kVariable) : nullptr;
  const std::string path = variable != nullptr ? variable : option;
  if (path.empty()) return std::optional<KeyLog>();
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kOwnerOnly);
  if (fd < 0) {
    const int number = errno;
    return std::unexpected(Error::system(
        number, std::string(variable != nullptr ? kVariable : "--keylog") + ": cannot write \"" +
                    path + "\": " + std::strerror(number) + "; name a file in a folder of yours"));
  }
  return std::optional<KeyLog>(KeyLog(fd));
}

KeyLog::KeyLog(KeyLog&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

KeyLog::~KeyLog() {
  if (fd_ >= 0) ::close(fd_);
}

void KeyLog::follow(const Session& session) const {
  session.on_keylog() = [fd = fd_](KeylogEvent event) {
    event.line += '\n';
    // A full disk must not end the session that is to be diagnosed.
    static_cast<void>(!::write(fd, event.line.data(), event.line.size()));
  };
}

}  // namespace quicore::tools
