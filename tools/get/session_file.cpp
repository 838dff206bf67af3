// SPDX-License-Identifier: Apache-2.0
#include "tools/get/session_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "tools/common/sentence.h"

namespace quicore::tools {

namespace {

constexpr mode_t kOwnerOnly = 0600;

std::string to_hex(const std::vector<std::byte>& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    text.push_back(kDigits[std::to_integer<unsigned>(byte) >> 4]);
    text.push_back(kDigits[std::to_integer<unsigned>(byte) & 15]);
  }
  return text;
}

bool from_hex(const std::string& text, std::vector<std::byte>& bytes) {
  const auto value = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  if (text.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = value(text[i]);
    const int low = value(text[i + 1]);
    if (high < 0 || low < 0) return false;
    bytes.push_back(static_cast<std::byte>(high * 16 + low));
  }
  return true;
}

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
  Resume resume;
  if (!from_hex(ticket, resume.session_ticket) || !from_hex(params, resume.transport_params) ||
      !from_hex(token, resume.token) || resume.session_ticket.empty()) {
    return failure(Errc::invalid_argument,
                   "--session-file: \"" + path +
                       "\" is not a session file: name another, or delete it to make a new one");
  }
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
