// SPDX-License-Identifier: Apache-2.0
//
// Command-line options of the kinds CLI11 does not know, or answers badly when they are wrong:
// durations, sizes, numbers, choices, CPU lists, files to read. A wrong value ends the program with
// status 2 and one sentence that names the option and says what to write.
//
//   CLI::App app("...");
//   std::chrono::nanoseconds duration = 5s;
//   add_duration(app, "--duration", duration, "how long to measure");
//   parse_or_exit(app, argc, argv);
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/common/format.h"
#include "tools/common/parse.h"

namespace quicore::tools {

// An option whose text `parse` reads into `target`, which must outlive the parsing.
template <class T, class Parse>
CLI::Option* add_parsed(CLI::App& app, const std::string& name, T& target, const std::string& help,
                        Parse parse) {
  const auto read = [name, &target, parse](const std::string& text) {
    auto value = parse(text);
    if (!value) throw CLI::ValidationError(name, value.error());
    target = static_cast<T>(std::move(*value));
  };
  return app.add_option_function<std::string>(name, read, help);
}

// What `text` was read as, if it lies within the bounds.
template <class T>
Parsed<T> within(std::string_view text, Parsed<T> parsed, T lowest, T highest,
                 std::string (*format)(T)) {
  if (!parsed || (*parsed >= lowest && *parsed <= highest)) return parsed;
  return std::unexpected("\"" + std::string(text) + "\" cannot be taken: write " + format(lowest) +
                         " to " + format(highest));
}

// Beyond it, sums of times could overflow.
inline constexpr std::chrono::nanoseconds kLongestDuration = std::chrono::days(365);

inline CLI::Option* add_duration(CLI::App& app, const std::string& name,
                                 std::chrono::nanoseconds& target, const std::string& help,
                                 std::chrono::nanoseconds lowest = {}) {
  const auto parse = [lowest](std::string_view text) {
    return within(text, parse_duration(text), lowest, kLongestDuration, format_duration);
  };
  return add_parsed(app, name, target, help, parse)
      ->type_name("DURATION")
      ->default_str(format_duration(target));
}

inline CLI::Option* add_size(CLI::App& app, const std::string& name, std::uint64_t& target,
                             const std::string& help, std::uint64_t lowest = 0,
                             std::uint64_t highest = std::numeric_limits<std::uint64_t>::max()) {
  const auto parse = [lowest, highest](std::string_view text) {
    return within(text, parse_size(text), lowest, highest, format_size);
  };
  return add_parsed(app, name, target, help, parse)
      ->type_name("SIZE")
      ->default_str(format_size(target));
}

// A whole number from `lowest` to `highest`.
template <std::unsigned_integral T>
CLI::Option* add_number(CLI::App& app, const std::string& name, T& target,
                        std::type_identity_t<T> lowest, std::type_identity_t<T> highest,
                        const std::string& help) {
  const auto parse = [lowest, highest](std::string_view text) {
    return parse_number(text, lowest, highest);
  };
  return add_parsed(app, name, target, help, parse)
      ->type_name("NUMBER")
      ->default_str(std::to_string(target));
}

inline CLI::Option* add_decimal(CLI::App& app, const std::string& name, double& target,
                                double lowest, double highest, const std::string& help) {
  const auto parse = [lowest, highest](std::string_view text) {
    return parse_decimal(text, lowest, highest);
  };
  return add_parsed(app, name, target, help, parse)->type_name("NUMBER");
}

// One of the names; the default is the name of the target's value.
template <class T>
CLI::Option* add_choice(CLI::App& app, const std::string& name, T& target,
                        const std::vector<std::pair<std::string_view, T>>& choices,
                        const std::string& help) {
  std::string present;
  std::vector<std::string_view> names;
  for (const auto& [text, value] : choices) {
    names.push_back(text);
    if (value == target) present = text;
  }
  const auto read = [name, &target, names, choices](const std::string& text) {
    const auto place = parse_choice(text, names);
    if (!place) throw CLI::ValidationError(name, place.error());
    target = choices[*place].second;
  };
  return app.add_option_function<std::string>(name, read, help)
      ->type_name("NAME")
      ->default_str(present);
}

inline CLI::Option* add_cpu_list(CLI::App& app, const std::string& name, std::vector<int>& target,
                                 const std::string& help) {
  return add_parsed(app, name, target, help, parse_cpu_list)->type_name("CPUS");
}

// The path, if there is such a file, or directory, and it may be read.
[[nodiscard]] Parsed<std::string> parse_input_file(const std::string& path);
[[nodiscard]] Parsed<std::string> parse_input_directory(const std::string& path);

// A file that must be there and readable.
template <std::constructible_from<std::string> Path>
CLI::Option* add_input_file(CLI::App& app, const std::string& name, Path& target,
                            const std::string& help) {
  return add_parsed(app, name, target, help, parse_input_file)->type_name("FILE");
}

// A directory that must be there and readable.
template <std::constructible_from<std::string> Path>
CLI::Option* add_input_directory(CLI::App& app, const std::string& name, Path& target,
                                 const std::string& help) {
  std::ostringstream present;
  present << target;
  return add_parsed(app, name, target, help, parse_input_directory)
      ->type_name("DIRECTORY")
      ->default_str(present.str());
}

inline constexpr int kUsageError = 2;  // exit status of every program told something wrong

// Ends the program after --help (status 0), and with status 2 and a sentence after a wrong option.
[[noreturn]] void exit_because(const CLI::App& app, const CLI::ParseError& error);

// For checks behind the parsing, of what only the whole command line tells.
[[noreturn]] inline void refuse_option(const std::string& name, const std::string& sentence) {
  throw CLI::ValidationError(name, sentence);
}

// Reads the command line, then calls `check`, which may refuse_option().
template <std::invocable Check>
void parse_or_exit(CLI::App& app, int argc, char** argv, Check check) {
  try {
    app.parse(argc, argv);
    check();
  } catch (const CLI::ParseError& error) {
    exit_because(app, error);
  }
}

inline void parse_or_exit(CLI::App& app, int argc, char** argv) {
  parse_or_exit(app, argc, argv, [] {});
}

}  // namespace quicore::tools
