// SPDX-License-Identifier: Apache-2.0
//
// Endpoint statistics as people and programs read them.
#pragma once

#include <string>

#include "api/stats.h"

namespace quicore::tools {

std::string statistics_table(const EndpointStats& stats);
std::string statistics_json(const EndpointStats& stats);  // one line

}  // namespace quicore::tools
