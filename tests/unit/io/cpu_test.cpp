// SPDX-License-Identifier: Apache-2.0
#include "io/cpu.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

namespace quicore::io {
namespace {

TEST(Cpu, APinnedThreadRunsOnItsCpuOnly) {
  for (const int cpu : allowed_cpus()) {
    std::thread([cpu] {
      ASSERT_TRUE(pin_this_thread(cpu));
      EXPECT_EQ(current_cpu(), cpu);
      EXPECT_EQ(allowed_cpus(), std::vector<int>{cpu});
    }).join();
  }
}

TEST(Cpu, ACpuThatDoesNotExistIsRefusedAndTheOthersAreNamed) {
  for (const int cpu : {-1, 8000, 100000}) {
    const auto pinned = pin_this_thread(cpu);
    ASSERT_FALSE(pinned);
    EXPECT_EQ(pinned.error().kind, Errc::invalid_argument);
    EXPECT_NE(pinned.error().reason.find(std::to_string(allowed_cpus().front())),
              std::string::npos);
  }
}

TEST(Cpu, AllowedCpusAreSortedAndNotEmpty) {
  const auto cpus = allowed_cpus();
  ASSERT_FALSE(cpus.empty());
  EXPECT_TRUE(std::ranges::is_sorted(cpus));
}

TEST(Cpu, AThreadNameTooLongIsCutOff) {
  std::thread([] {
    name_this_thread("quicore-shard-number-twelve");
    std::array<char, 32> name{};
    ASSERT_EQ(pthread_getname_np(pthread_self(), name.data(), name.size()), 0);
    EXPECT_STREQ(name.data(), "quicore-shard-n");
  }).join();
}

}  // namespace
}  // namespace quicore::io
