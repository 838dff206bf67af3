// SPDX-License-Identifier: Apache-2.0
//
// Dates of HTTP fields (RFC 9110 5.6.7), in seconds since 1970.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace quicore::tools {

// In UTC, by a form of strftime(3).
std::string utc_text(const char* form, std::int64_t seconds);

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date(std::int64_t seconds);
// That form, and the two obsolete ones which servers must still understand.
std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace quicore::tools
