// SPDX-License-Identifier: Apache-2.0
//
// What stands above the engine on a shard: the api, or a test. Called in the DELIVER phase only.
#pragma once

#include "io/time.h"

namespace quicore::engine {

class Application {
 public:
  virtual ~Application() = default;
  // Runs posted functions, due timers and resumed coroutines. True when something ran (events may
  // have appeared: the phase goes another round).
  virtual bool run_ready(Instant now) = 0;
  // When it wants to be called although nothing arrives; kNever if never, `now` if work is waiting.
  virtual Instant next_deadline() const noexcept = 0;
};

}  // namespace quicore::engine
