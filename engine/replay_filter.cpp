// SPDX-License-Identifier: Apache-2.0
#include "engine/replay_filter.h"

#include <cstring>
#include <utility>

namespace quicore::engine {

bool ReplayFilter::first_time(std::span<const std::uint8_t, 16> tag, Instant now) {
  // Half of the tag is enough to tell apart what one period can hold.
  std::uint64_t key = 0;
  std::memcpy(&key, tag.data(), sizeof key);
  const std::lock_guard lock(mutex_);
  if (!begin_ || now >= *begin_ + 2 * limits::kReplayPeriod) {
    current_.clear();
    previous_.clear();
    begin_ = now;
  } else if (now >= *begin_ + limits::kReplayPeriod) {
    previous_ = std::exchange(current_, {});
    *begin_ += limits::kReplayPeriod;
  }
  if (current_.contains(key) || previous_.contains(key) || current_.size() >= capacity_) {
    return false;
  }
  current_.insert(key);
  return true;
}

}  // namespace quicore::engine
