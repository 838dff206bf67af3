// SPDX-License-Identifier: Apache-2.0
//
// 0-RTT data can be copied by anybody who sees it and sent again (RFC 8446 section 8). This filter
// makes a ticket good for one session of the process only: who shows it a second time gets a full
// handshake, and what was sent early is not delivered.
//
// The TLS library refuses tickets whose age differs from the client's claim by more than ten
// seconds (RFC 8446 8.3), so the filter remembers the tickets of the last fifteen to thirty. When
// it is full it lets nobody through instead of forgetting.
//
// Not covered: a copy sent to another machine of a fleet with the same ticket keys, or after a
// restart with given keys. Where that matters, leave early data off.
//
// Threading: any; one mutex, taken once per ClientHello that shows a ticket of a server with early
// data on. Never on the data path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_set>

#include "engine/limits.h"
#include "io/time.h"

namespace quicore::engine {

class ReplayFilter {
 public:
  explicit ReplayFilter(std::size_t tickets_per_period = limits::kReplayFilterTickets)
      : capacity_(tickets_per_period) {}

  // True for a ticket that was not shown in the last period or two; it is remembered. `tag` is its
  // authentication tag: different for each ticket and not to be chosen by a client.
  bool first_time(std::span<const std::uint8_t, 16> tag, Instant now);

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::unordered_set<std::uint64_t> current_, previous_;
  std::optional<Instant> begin_;  // of the current period
};

}  // namespace quicore::engine
