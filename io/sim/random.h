// SPDX-License-Identifier: Apache-2.0
//
// Chance, as the simulator asks for it, over the seeded generator of io/random.h: the same seed
// gives the same world on every machine (the distributions of <random> do not).
//
// `fork()` gives every link and host a stream of its own, so that one more draw in one place does
// not change what all the others see.
#pragma once

#include <cstdint>

#include "io/random.h"
#include "io/time.h"

namespace quicore::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : bytes_(io::Random::seeded(seed)) {}

  std::uint64_t next() noexcept { return bytes_.next(); }
  std::uint64_t below(std::uint64_t bound) noexcept { return bytes_.below(bound); }
  bool chance(double probability) noexcept { return bytes_.unit() < probability; }
  // 0 .. longest, both included.
  Duration up_to(Duration longest) noexcept {
    return Duration(
        static_cast<Duration::rep>(below(static_cast<std::uint64_t>(longest.count()) + 1)));
  }
  Random fork() noexcept { return Random(next()); }

 private:
  io::Random bytes_;
};

}  // namespace quicore::sim
