// SPDX-License-Identifier: Apache-2.0
//
// How a run is repeated: the seed comes from the environment variable QUICORE_SEED, and every
// failure prints the one command that runs the same thing again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quicore::sim {

// The value of QUICORE_SEED (decimal, or hexadecimal after 0x), or `fallback` if it is not set.
// A value that is not a number ends the program: a replay that silently runs another seed misleads.
std::uint64_t seed_from_environment(std::uint64_t fallback = 1);

// first, first+1, ... `count` seeds for a test that runs many; exactly one if QUICORE_SEED is set.
std::vector<std::uint64_t> seeds_from_environment(std::uint64_t first, std::size_t count);

// "QUICORE_SEED=17 build/tests/scenarios --gtest_filter=Transfer.SurvivesLoss"
std::string replay_command(std::uint64_t seed, std::string_view test);

}  // namespace quicore::sim
