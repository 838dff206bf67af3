// SPDX-License-Identifier: Apache-2.0
#include "tools/server/access_log.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "tools/server/http_date.h"

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

}  // namespace

std::string access_line(const AccessEntry& entry, AccessLogFormat format, std::int64_t seconds) {
  if (format == AccessLogFormat::json) {
    const nlohmann::ordered_json line = {
        {"time", utc_text("%Y-%m-%dT%H:%M:%SZ", seconds)},
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
  return entry.remote.unmapped().ip() + " - - [" + utc_text("%d/%b/%Y:%H:%M:%S +0000", seconds) +
         "] " + in_quotes(entry.method + " " + entry.target + " HTTP/3") + " " + entry.status +
         " " + std::to_string(entry.bytes);
}

Result<AccessLog> AccessLog::open(const std::string& path, AccessLogFormat format) {
  auto file = AppendFile::open_or_standard_output("--access-log", path, kMode);
  if (!file) return std::unexpected(std::move(file.error()));
  return AccessLog(std::move(*file), format);
}

void AccessLog::record(const AccessEntry& entry) const {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  file_.write_line(
      access_line(entry, format_, std::chrono::duration_cast<std::chrono::seconds>(now).count()));
}

}  // namespace quicore::tools
