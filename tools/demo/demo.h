// SPDX-License-Identifier: Apache-2.0
//
// The main job from begin to end: serve, fetch, verify, measure.
//
//   1. prepare what is served (site.h)
//   2. start quicore-server
//   3. fetch everything with quicore-get and compare every hash with the disk
//   4. quicore-limit, first half of its rounds
//   5. quicore-load: the bulk transfers
//   6. quicore-limit, second half: the limit frames what it is compared with, because the speed of
//      a shared machine drifts
//   7. quicore-load: small requests and handshakes
//   8. stop the server gracefully
//
// A step that fails is noted in the result and the others go on, unless the server has gone or the
// user interrupted. Threading: the main thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "tools/common/progress_line.h"
#include "tools/demo/demo_result.h"

namespace quicore::tools {

struct DemoOptions {
  std::filesystem::path programs;    // the folder of quicore-server and the others
  std::filesystem::path tree = ".";  // what to serve
  std::filesystem::path output = "build/demo";
  std::uint64_t large_size = std::uint64_t{1} << 30;
  std::chrono::nanoseconds duration = std::chrono::seconds(5);  // of each measurement
  std::vector<int> server_cpus;
  std::vector<int> client_cpus;
};

// Never fails as a whole: what went wrong stands in `problems`.
[[nodiscard]] DemoResult run_demo(const DemoOptions& options, ProgressLine& progress);

}  // namespace quicore::tools
