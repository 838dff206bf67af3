// SPDX-License-Identifier: Apache-2.0
#include "io/check.h"

#include <cstdio>
#include <cstdlib>

namespace quicore {

void check_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "quicore: invariant broken: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace quicore
