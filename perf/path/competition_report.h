// SPDX-License-Identifier: Apache-2.0
//
// What quicore-path prints of competing flows: the mean of the seeds, and JSON.
#pragma once

#include <string>
#include <vector>

#include "perf/path/competition.h"

namespace quicore::perf {

// The runs of one plan, a seed each; `plan` is that of the first one.
std::string to_markdown(const CompetitionPlan& plan, const std::vector<CompetitionResult>& runs);
// One line.
std::string to_json_line(const CompetitionPlan& plan, const std::vector<CompetitionResult>& runs);

}  // namespace quicore::perf
