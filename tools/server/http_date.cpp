// SPDX-License-Identifier: Apache-2.0
#include "tools/server/http_date.h"

#include <array>
#include <ctime>

namespace quicore::tools {

namespace {

constexpr std::array<const char*, 3> kForms = {
    "%a, %d %b %Y %H:%M:%S GMT",  // IMF-fixdate
    "%A, %d-%b-%y %H:%M:%S GMT",  // RFC 850
    "%a %b %e %H:%M:%S %Y",       // asctime
};

}  // namespace

std::string utc_text(const char* form, std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm calendar{};
  std::array<char, 64> text{};
  if (::gmtime_r(&time, &calendar) == nullptr) return {};
  return {text.data(), std::strftime(text.data(), text.size(), form, &calendar)};
}

std::string http_date(std::int64_t seconds) { return utc_text(kForms.front(), seconds); }

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  const std::string copy(text);
  for (const char* form : kForms) {
    std::tm calendar{};
    const char* end = ::strptime(copy.c_str(), form, &calendar);
    if (end != nullptr && *end == '\0') return static_cast<std::int64_t>(::timegm(&calendar));
  }
  return std::nullopt;
}

}  // namespace quicore::tools
