// SPDX-License-Identifier: Apache-2.0
//
// Command-line options of the kinds CLI11 does not know: durations, sizes, CPU lists. A wrong value
// ends the program with CLI11's usual message, which names the option and says what to write.
//
//   CLI::App app("...");
//   std::chrono::nanoseconds duration = 5s;
//   add_duration(app, "--duration", duration, "how long to measure");
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
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
    target = std::move(*value);
  };
  return app.add_option_function<std::string>(name, read, help);
}

inline CLI::Option* add_duration(CLI::App& app, const std::string& name,
                                 std::chrono::nanoseconds& target, const std::string& help) {
  return add_parsed(app, name, target, help, parse_duration)
      ->type_name("DURATION")
      ->default_str(format_duration(target));
}

inline CLI::Option* add_size(CLI::App& app, const std::string& name, std::uint64_t& target,
                             const std::string& help) {
  return add_parsed(app, name, target, help, parse_size)
      ->type_name("SIZE")
      ->default_str(format_size(target));
}

inline CLI::Option* add_cpu_list(CLI::App& app, const std::string& name, std::vector<int>& target,
                                 const std::string& help) {
  return add_parsed(app, name, target, help, parse_cpu_list)->type_name("CPUS");
}

inline constexpr int kUsageError = 2;  // exit status of every program told something wrong

// Reads the command line. Ends the program after --help (status 0) and after a wrong option.
inline void parse_or_exit(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : kUsageError);
  }
}

}  // namespace quicore::tools
