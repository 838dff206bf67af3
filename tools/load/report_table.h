// SPDX-License-Identifier: Apache-2.0
//
// A load report for people.
#pragma once

#include <string>

#include "tools/common/load_report.h"

namespace quicore::tools {

std::string report_table(const LoadReport& report);

}  // namespace quicore::tools
