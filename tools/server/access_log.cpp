// SPDX-License-Identifier: Apache-2.0
#include "tools/server/access_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>

namespace quicore::tools {

namespace {

constexpr mode_t kMode = 0640;

// As Apache writes it: \" and \\, and \xhh for what is not printable ASCII.
std::string in_quotes(std::string_view text) {
  if (text.empty()) return "\"-\"";
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string time_text(const char* form, std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm calendar{};
  std::array<char, 64> text{};
  if (::gmtime_r(&time, &calendar) == nullptr) return {};
  return {text.data(), std::strftime(text.data(), text.size(), form, &calendar)};
}

}  // namespace

std::string access_line(const AccessEntry& entry, AccessLogFormat format, std::int64_t seconds) {
  if (format == AccessLogFormat::json) {
    const nlohmann::ordered_json line = {
        {"time", time_text("%Y-%m-%dT%H:%M:%SZ", seconds)},
        {"remote", entry.remote.to_string()},
        {"method", entry.method},
        {"target", entry.target},
        {"status", entry.status},
        {"bytes", entry.bytes},
        {"microseconds", std::chrono::duration_cast<std::chrono::microseconds>(entry.took).count()},
        {"complete", entry.complete},
        {"referer", entry.referer},
        {"user_agent", entry.user_agent},
    };
    return line.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  }
  return entry.remote.unmapped().ip() + " - - [" + time_text("%d/%b/%Y:%H:%M:%S +0000", seconds) +
         "] " + in_quotes(entry.method + " " + entry.target + " HTTP/3") + " " + entry.status +
         " " + std::to_string(entry.bytes);
}

Result<AccessLog> AccessLog::open(const std::string& path, AccessLogFormat format) {
  const int fd = path == "-"
                     ? ::dup(STDOUT_FILENO)
                     : ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kMode);
  if (fd >= 0) return AccessLog(fd, format);
  const int number = errno;
  return std::unexpected(Error::system(number, "--access-log: cannot write \"" + path +
                                                   "\": " + std::strerror(number) +
                                                   "; name a file in a folder of yours"));
}

AccessLog::AccessLog(AccessLog&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), format_(other.format_) {}

AccessLog::~AccessLog() {
  if (fd_ >= 0) ::close(fd_);
}

void AccessLog::record(const AccessEntry& entry) const {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::string line =
      access_line(entry, format_, std::chrono::duration_cast<std::chrono::seconds>(now).count()) +
      "\n";
  // A full disk must not end requests.
  static_cast<void>(!::write(fd_, line.data(), line.size()));
}

}  // namespace quicore::tools
