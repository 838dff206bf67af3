// SPDX-License-Identifier: Apache-2.0
//
// Numbers as people read them: three significant digits and the unit that fits.
// Pure functions; the decimal point is always '.'. For machines, write JSON instead.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace quicore::tools {

// 812 ns, 80.4 us, 1.80 ms, 12.3 s, 4 min 10 s
[[nodiscard]] std::string format_duration(std::chrono::nanoseconds value);

// 1500ms: as the programs' options take it
[[nodiscard]] std::string duration_option(std::chrono::nanoseconds value);

// 0,2: as the programs' --cpus takes them
[[nodiscard]] std::string cpu_list(const std::vector<int>& cpus);

// 512 B, 64.0 KiB, 1.00 GiB (powers of 1024)
[[nodiscard]] std::string format_size(std::uint64_t bytes);

// 870 bit/s, 12.3 Mbit/s, 23.3 Gbit/s (powers of 1000, as networks count)
[[nodiscard]] std::string format_bit_rate(double bits_per_second);

// 53,600 requests/s; below 100 one decimal: 12.5 requests/s
[[nodiscard]] std::string format_rate(double per_second, const char* unit);

// 1,234,567
[[nodiscard]] std::string format_count(std::uint64_t value);

// 0.27 -> "27 %", 0.034 -> "3.4 %"
[[nodiscard]] std::string format_share(double share);

}  // namespace quicore::tools
