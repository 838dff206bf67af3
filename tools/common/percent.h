// SPDX-License-Identifier: Apache-2.0
//
// Paths of URLs: percent encoding (RFC 3986 2.1) and dot segments. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace quicore::tools {

// "%2e" becomes "."; empty for broken encodings and for NUL, which no file name has.
std::optional<std::string> percent_decode(std::string_view text);

// The other way round, for a path as part of a URL (RFC 3986 3.3): what is neither unreserved nor
// '/' is encoded.
std::string percent_encode_path(std::string_view path);

// True when a segment of the (decoded) path is "." or "..".
bool has_dot_segment(std::string_view path);

}  // namespace quicore::tools
