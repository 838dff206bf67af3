// SPDX-License-Identifier: Apache-2.0
#include "io/sim/replay.h"

#include <errno.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>

namespace quicore::sim {
namespace {

std::optional<std::uint64_t> environment_seed() {
  const char* text = std::getenv("QUICORE_SEED");
  if (text == nullptr || *text == '\0') return std::nullopt;
  std::string_view digits(text);
  int base = 10;
  if (digits.starts_with("0x")) {
    digits.remove_prefix(2);
    base = 16;
  }
  std::uint64_t seed = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), seed, base);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    std::fprintf(stderr, "QUICORE_SEED=%s is not a number; give a decimal or 0x... one\n", text);
    std::abort();
  }
  return seed;
}

}  // namespace

std::uint64_t seed_from_environment(std::uint64_t fallback) {
  return environment_seed().value_or(fallback);
}

std::vector<std::uint64_t> seeds_from_environment(std::uint64_t first, std::size_t count) {
  if (const auto seed = environment_seed()) return {*seed};
  std::vector<std::uint64_t> seeds(count);
  for (auto& seed : seeds) seed = first++;
  return seeds;
}

std::string replay_command(std::uint64_t seed, std::string_view test) {
  std::string command = "QUICORE_SEED=" + std::to_string(seed) + " ";
  command += program_invocation_name;
  if (!test.empty()) command.append(" --gtest_filter='").append(test).append("'");
  return command;
}

}  // namespace quicore::sim
