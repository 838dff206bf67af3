// SPDX-License-Identifier: Apache-2.0
//
// Simulated worlds in GoogleTest: a world that knows which test it belongs to, so that its report
// holds the whole command that runs it again.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "io/sim/world.h"

namespace quicore::sim {

inline WorldOptions this_test(std::uint64_t seed = seed_from_environment()) {
  WorldOptions options;
  options.seed = seed;
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  options.test = std::string(test->test_suite_name()) + "." + test->name();
  return options;
}

}  // namespace quicore::sim
