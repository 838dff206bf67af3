// SPDX-License-Identifier: Apache-2.0
//
// What a person writes on a command line, read exactly: durations, sizes, numbers, CPU lists.
// A refused value comes back as one sentence that quotes it and says what to write instead.
// Pure functions, no locale.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quicore::tools {

template <class T>
using Parsed = std::expected<T, std::string>;

// A number, with up to nine decimals, and its unit: ns, us, ms, s, min, h. "10s", "1.5ms".
// Zero needs no unit.
[[nodiscard]] Parsed<std::chrono::nanoseconds> parse_duration(std::string_view text);

// A number, with decimals, and a unit: B (or none), KB, MB, GB, TB (powers of 1000), KiB, MiB,
// GiB, TiB (powers of 1024). "512", "1.5MiB". Fractions of a byte are refused.
[[nodiscard]] Parsed<std::uint64_t> parse_size(std::string_view text);

// A whole number within bounds, both allowed.
[[nodiscard]] Parsed<std::uint64_t> parse_number(std::string_view text, std::uint64_t lowest,
                                                 std::uint64_t highest);

// The same with decimals, in digits alone: "0.5", "1000".
[[nodiscard]] Parsed<double> parse_decimal(std::string_view text, double lowest, double highest);

// The place of `text` among `names`.
[[nodiscard]] Parsed<std::size_t> parse_choice(std::string_view text,
                                               std::span<const std::string_view> names);

// CPU numbers separated by commas, ranges with a dash: "0", "0,1", "0-3,8".
[[nodiscard]] Parsed<std::vector<int>> parse_cpu_list(std::string_view text);

// The highest CPU number a list may name: that of the kernel's default cpu_set_t.
inline constexpr int kMaxCpu = 1023;

}  // namespace quicore::tools
