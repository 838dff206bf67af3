// SPDX-License-Identifier: Apache-2.0
#include "tools/common/parse.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <span>
#include <sstream>

namespace quicore::tools {
namespace {

__extension__ using Wide = unsigned __int128;  // not ISO C++, but every compiler's here

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr Unit kDurationUnits[] = {
    {"ns", 1},
    {"us", 1'000},
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"min", 60'000'000'000},
    {"h", 3'600'000'000'000},
};

constexpr Unit kSizeUnits[] = {
    {"", 1},
    {"B", 1},
    {"KB", 1'000},
    {"kB", 1'000},
    {"MB", 1'000'000},
    {"GB", 1'000'000'000},
    {"TB", 1'000'000'000'000},
    {"KiB", std::uint64_t{1} << 10},
    {"MiB", std::uint64_t{1} << 20},
    {"GiB", std::uint64_t{1} << 30},
    {"TiB", std::uint64_t{1} << 40},
};

constexpr std::string_view kDurationForm = "write a number and ns, us, ms, s, min or h, as in 10s";
constexpr std::string_view kSizeForm =
    "write a number and B, KB, MB, GB, TB, KiB, MiB, GiB or TiB, as in 1GiB";

std::string refusal(std::string_view text, std::string_view what, std::string_view why,
                    std::string_view form) {
  std::string sentence = "\"";
  sentence.append(text).append("\" is not a ").append(what).append(": ").append(why);
  return sentence.append("; ").append(form);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A decimal number as digits and the power of ten they are divided by: 1.50 = 150 / 10^2.
struct Decimal {
  std::uint64_t digits = 0;
  std::uint64_t divisor = 1;
  std::size_t length = 0;  // characters read
};

constexpr unsigned kMaxDecimals = 9;

// Why the text does not begin with a number, or the number.
std::expected<Decimal, std::string_view> read_decimal(std::string_view text) {
  if (text.empty()) return std::unexpected("it is empty");
  if (text[0] == '-') return std::unexpected("it must not be negative");
  if (!is_digit(text[0])) return std::unexpected("it does not begin with a digit");
  Decimal number;
  bool fraction = false;
  unsigned decimals = 0;
  for (; number.length < text.size(); ++number.length) {
    const char c = text[number.length];
    if (c == '.' && !fraction) {
      fraction = true;
      continue;
    }
    if (!is_digit(c)) break;
    if (fraction && ++decimals > kMaxDecimals) return std::unexpected("it has over nine decimals");
    if (__builtin_mul_overflow(number.digits, 10, &number.digits) ||
        __builtin_add_overflow(number.digits, static_cast<unsigned>(c - '0'), &number.digits)) {
      return std::unexpected("it is too large");
    }
    if (fraction) number.divisor *= 10;
  }
  if (fraction && decimals == 0) return std::unexpected("a digit must follow the point");
  return number;
}

std::optional<std::uint64_t> factor_of(std::string_view name, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (unit.name == name) return unit.factor;
  }
  return std::nullopt;
}

Parsed<std::uint64_t> parse_with_unit(std::string_view text, std::string_view what,
                                      std::span<const Unit> units, std::string_view form,
                                      std::uint64_t highest) {
  const auto refuse = [&](std::string_view why) {
    return std::unexpected(refusal(text, what, why, form));
  };
  const auto number = read_decimal(text);
  if (!number) return refuse(number.error());
  const std::string_view name = text.substr(number->length);
  const auto factor = factor_of(name, units);
  if (!factor) {
    if (name.empty() && number->digits == 0) return 0;
    if (name.empty()) return refuse("the unit is missing");
    return refuse("the unit \"" + std::string(name) + "\" is unknown");
  }
  // 128 bits hold any product of the two; the division must leave nothing over.
  const auto scaled = static_cast<Wide>(number->digits) * *factor;
  if (scaled / number->divisor > highest) return refuse("it is too large");
  if (scaled % number->divisor != 0) return refuse("it is finer than the smallest unit");
  return static_cast<std::uint64_t>(scaled / number->divisor);
}

}  // namespace

Parsed<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  constexpr auto kHighest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const auto ns = parse_with_unit(text, "duration", kDurationUnits, kDurationForm, kHighest);
  if (!ns) return std::unexpected(ns.error());
  return std::chrono::nanoseconds(static_cast<std::int64_t>(*ns));
}

Parsed<std::uint64_t> parse_size(std::string_view text) {
  return parse_with_unit(text, "size", kSizeUnits, kSizeForm, UINT64_MAX);
}

Parsed<std::uint64_t> parse_number(std::string_view text, std::uint64_t lowest,
                                   std::uint64_t highest) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && last == end && number >= lowest && number <= highest) return number;
  return std::unexpected("\"" + std::string(text) +
                         "\" cannot be taken: write a whole number from " + std::to_string(lowest) +
                         " to " + std::to_string(highest));
}

Parsed<double> parse_decimal(std::string_view text, double lowest, double highest) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error == std::errc() && last == end && number >= lowest && number <= highest) return number;
  std::ostringstream sentence;
  sentence << '"' << text << "\" cannot be taken: write a number from " << lowest << " to "
           << highest;
  return std::unexpected(sentence.str());
}

Parsed<std::size_t> parse_choice(std::string_view text, std::span<const std::string_view> names) {
  const auto found = std::ranges::find(names, text);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  std::string sentence = "\"" + std::string(text) + "\" is not known here: write ";
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) sentence += i + 1 == names.size() ? " or " : ", ";
    sentence += names[i];
  }
  return std::unexpected(std::move(sentence));
}

Parsed<std::vector<int>> parse_cpu_list(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return std::unexpected(
        refusal(text, "list of CPUs", why, "write numbers separated by commas, as in 0,1 or 0-3"));
  };
  std::vector<int> cpus;
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto read_cpu = [&](int& cpu) {
    const auto [next, error] = std::from_chars(at, end, cpu);
    at = next;
    return error == std::errc() && cpu >= 0 && cpu <= kMaxCpu;
  };
  if (text.empty()) return refuse("it is empty");
  while (true) {
    int first = 0;
    if (!read_cpu(first)) return refuse("a CPU is a number from 0 to 1023");
    int last = first;
    if (at != end && *at == '-') {
      ++at;
      if (!read_cpu(last)) return refuse("a CPU is a number from 0 to 1023");
      if (last < first) return refuse("a range runs upwards");
    }
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
    if (at == end) return cpus;
    if (*at++ != ',') return refuse("only digits, commas and dashes may stand in it");
  }
}

}  // namespace quicore::tools
