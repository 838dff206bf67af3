// SPDX-License-Identifier: Apache-2.0
#include "tools/get/session_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <utility>

#include "tools/common/hex.h"
#include "tools/common/sentence.h"

namespace quicore::tools {

namespace {

constexpr mode_t kOwnerOnly = 0600;

}  // namespace

Result<std::optional<Resume>> load_session_file(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  std::ifstream file(path);
  std::string ticket;
  std::string params;
  std::string token;
  std::getline(file, ticket);
  std::getline(file, params);
  std::getline(file, token);
  auto ticket_bytes = from_hex(ticket);
  auto params_bytes = from_hex(params);
  auto token_bytes = from_hex(token);
  if (!ticket_bytes || ticket_bytes->empty() || !params_bytes || !token_bytes) {
    return failure(Errc::invalid_argument,
                   "--session-file: \"" + path +
                       "\" is not a session file: name another, or delete it to make a new one");
  }
  Resume resume;
  resume.session_ticket = std::move(*ticket_bytes);
  resume.transport_params = std::move(*params_bytes);
  resume.token = std::move(*token_bytes);
  return resume;
}

Result<> save_session_file(const std::string& path, const Resume& resume) {
  const std::string text = to_hex(resume.session_ticket) + "\n" + to_hex(resume.transport_params) +
                           "\n" + to_hex(resume.token) + "\n";
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kOwnerOnly);
  const bool ok =
      fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int number = errno;
  if (fd >= 0) ::close(fd);
  if (ok) return {};
  return std::unexpected(cannot_write("--session-file", path, number));
}

}  // namespace quicore::tools
