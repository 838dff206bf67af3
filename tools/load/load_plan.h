// SPDX-License-Identifier: Apache-2.0
//
// What all workers of a run share, read-only once it runs: options, target, and the window of time
// in which things count.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/config.h"
#include "io/address.h"
#include "tools/common/url.h"
#include "tools/load/options.h"

namespace quicore::tools {

struct LoadPlan {
  const LoadOptions& options;
  Url url;
  Address server;
  Headers headers;                 // of each request (h3)
  bool own_path = false;           // the URL named a path: its answer's length is not known
  std::vector<std::byte> request;  // of quicore-perf: the size of the answer, and filling
};

LoadPlan make_plan(const LoadOptions& options, Url url, const Address& server);

// Set once, by the main task, when every connection stands; zero before.
struct MeasuringWindow {
  std::atomic<std::int64_t> begin_ns{0};
  std::atomic<std::int64_t> end_ns{INT64_MAX};

  bool contains(Instant now) const noexcept {
    const std::int64_t ns = now.time_since_epoch().count();
    const std::int64_t begin = begin_ns.load(std::memory_order_relaxed);
    return begin != 0 && ns >= begin && ns < end_ns.load(std::memory_order_relaxed);
  }
};

}  // namespace quicore::tools
