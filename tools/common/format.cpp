// SPDX-License-Identifier: Apache-2.0
#include "tools/common/format.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <span>

namespace quicore::tools {
namespace {

// Three significant digits: 1.80, 12.3, 870.
std::string three_digits(double value) {
  const double magnitude = std::fabs(value);
  // The thresholds are where rounding would add a fourth digit (9.996 -> 10.00).
  const int decimals = magnitude < 9.995 ? 2 : magnitude < 99.95 ? 1 : 0;
  char text[40];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

// `value` with the largest of `units` (each `step` times the one before) it fills at least once.
std::string with_unit(double value, double step, std::span<const char* const> units) {
  std::size_t unit = 0;
  // 999.6 would print as "1000": it belongs to the next unit.
  while (unit + 1 < units.size() && std::fabs(value) >= step - 0.5) {
    value /= step;
    ++unit;
  }
  const bool whole = unit == 0 && value == std::floor(value);
  char text[40];
  std::snprintf(text, sizeof text, "%.0f", value);
  return (whole ? std::string(text) : three_digits(value)) + " " + units[unit];
}

}  // namespace

std::string format_duration(std::chrono::nanoseconds value) {
  using std::chrono::seconds;
  if (value >= std::chrono::minutes(2)) {
    const auto total = std::chrono::round<seconds>(value).count();
    const bool hours = total >= 2 * 3600;
    char text[64];
    std::snprintf(text, sizeof text, hours ? "%lld h %lld min" : "%lld min %lld s",
                  static_cast<long long>(hours ? total / 3600 : total / 60),
                  static_cast<long long>(hours ? total / 60 % 60 : total % 60));
    return text;
  }
  static constexpr std::array<const char*, 4> kUnits = {"ns", "us", "ms", "s"};
  return with_unit(static_cast<double>(value.count()), 1000.0, kUnits);
}

std::string duration_option(std::chrono::nanoseconds value) {
  return std::to_string(std::chrono::round<std::chrono::milliseconds>(value).count()) + "ms";
}

std::string cpu_list(const std::vector<int>& cpus) {
  std::string list;
  for (const int cpu : cpus) list += (list.empty() ? "" : ",") + std::to_string(cpu);
  return list;
}

std::string format_size(std::uint64_t bytes) {
  static constexpr std::array<const char*, 6> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  return with_unit(static_cast<double>(bytes), 1024.0, kUnits);
}

std::string format_bit_rate(double bits_per_second) {
  static constexpr std::array<const char*, 5> kUnits = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s",
                                                        "Tbit/s"};
  return with_unit(bits_per_second, 1000.0, kUnits);
}

std::string format_rate(double per_second, const char* unit) {
  char small[40];
  std::snprintf(small, sizeof small, "%.1f", per_second);
  const std::string number = per_second < 100.0
                                 ? std::string(small)
                                 : format_count(static_cast<std::uint64_t>(per_second + 0.5));
  return number + " " + unit + "/s";
}

std::string format_count(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string format_share(double share) {
  char text[40];
  std::snprintf(text, sizeof text, share < 0.0995 ? "%.1f %%" : "%.0f %%", share * 100.0);
  return text;
}

}  // namespace quicore::tools
