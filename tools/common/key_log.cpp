// SPDX-License-Identifier: Apache-2.0
#include "tools/common/key_log.h"

#include <cstdlib>
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
  auto file = AppendFile::open(variable != nullptr ? kVariable : "--keylog", path, kOwnerOnly);
  if (!file) return std::unexpected(std::move(file.error()));
  return std::optional<KeyLog>(KeyLog(std::move(*file)));
}

void KeyLog::follow(const Session& session) const {
  session.on_keylog() = [file = &file_](KeylogEvent event) {
    file->write_line(std::move(event.line));
  };
}

}  // namespace quicore::tools
