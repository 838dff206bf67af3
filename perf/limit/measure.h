// SPDX-License-Identifier: Apache-2.0
//
// The whole measurement: rounds of kernel, AEAD and public-key operations, interleaved so that a
// machine that changes its speed changes all of them, and the medians of the rounds.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/packet_protection.h"
#include "io/error.h"
#include "io/time.h"
#include "tools/common/machine_limit.h"

namespace quicore::perf {

struct LimitOptions {
  unsigned payload = 1472;
  unsigned segments = 0;  // 0: as many as fit
  unsigned window = 16;
  unsigned rounds = 3;
  std::vector<int> cpus;  // one or two
  engine::AeadBackend backend = engine::AeadBackend::automatic;
  Duration duration = std::chrono::seconds(6);  // of everything, without warm-ups
};

// `progress` is called before each step with what it is.
Result<tools::MachineLimit> measure_limit(const LimitOptions& options,
                                          const std::function<void(const std::string&)>& progress);

}  // namespace quicore::perf
