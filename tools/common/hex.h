// SPDX-License-Identifier: Apache-2.0
//
// Bytes as hexadecimal digits: written in lower case, read in either. Pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quicore::tools {

std::string to_hex(const std::vector<std::byte>& bytes);

// None when the digits are odd in number, or one of them is no digit.
std::optional<std::vector<std::byte>> from_hex(std::string_view text);

}  // namespace quicore::tools
