// SPDX-License-Identifier: Apache-2.0
//
// What the plans of all runs have: the path but for its rate, the first seed and the times.
#pragma once

#include <nlohmann/json.hpp>

#include "perf/path/theory.h"

namespace quicore::perf {

template <class Plan>
void conditions_to_json(nlohmann::ordered_json& json, const Plan& plan) {
  json["rtt_ms"] = seconds(plan.path.round_trip) * 1e3;
  json["queue_bytes"] = plan.path.queue_bytes();
  json["loss"] = plan.path.loss;
  json["back_loss"] = plan.path.back_loss;
  json["payload"] = plan.path.payload;
  json["first_seed"] = plan.seed;
  json["start_seconds"] = seconds(plan.start);
  json["steady_seconds"] = seconds(plan.duration);
}

}  // namespace quicore::perf
