// SPDX-License-Identifier: Apache-2.0
//
// The machine that is measured.
#pragma once

#include <string>
#include <vector>

namespace quicore::tools {

// "AMD EPYC 9R14, 2 CPUs, Linux 6.18"
[[nodiscard]] std::string describe_machine();

// The first CPUs that this process may use, at most two: the server's and the client's.
[[nodiscard]] std::vector<int> two_cpus();

}  // namespace quicore::tools
