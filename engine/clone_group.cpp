// SPDX-License-Identifier: Apache-2.0
#include "engine/clone_group.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/limits.h"

namespace quicore::engine {

CloneGroup::CloneGroup(io::Random& random)
    : owners_(0, Hash{HashSecret{random.next(), random.next()}}) {}

std::size_t CloneGroup::Hash::operator()(const ConnectionId& id) const noexcept {
  std::array<std::uint64_t, 3> words{};
  static_assert(sizeof(words) > limits::kMaxConnectionIdLength);
  std::memcpy(words.data(), id.bytes.data(), id.bytes.size());
  words[2] |= std::uint64_t{id.size} << 56;
  return keyed_hash(secret, words);
}

bool CloneGroup::join(std::uint32_t shard) {
  const std::lock_guard guard(lock_);
  if (std::find(members_.begin(), members_.end(), shard) != members_.end()) return false;
  members_.push_back(shard);
  return true;
}

void CloneGroup::leave(std::uint32_t shard) {
  end_listening(shard);
  const std::lock_guard guard(lock_);
  std::erase(members_, shard);
}

void CloneGroup::begin_listening(std::uint32_t shard) {
  const std::lock_guard guard(lock_);
  if (std::find(listening_.begin(), listening_.end(), shard) == listening_.end()) {
    // Behind the one that was served last, or it would be first and last in the same round.
    listening_.insert(listening_.begin() + static_cast<std::ptrdiff_t>(next_), shard);
    if (listening_.size() > 1) ++next_;
  }
}

void CloneGroup::end_listening(std::uint32_t shard) {
  const std::lock_guard guard(lock_);
  const auto place = std::find(listening_.begin(), listening_.end(), shard);
  if (place == listening_.end()) return;
  const auto index = static_cast<std::size_t>(place - listening_.begin());
  listening_.erase(place);
  if (index < next_) --next_;
  if (next_ >= listening_.size()) next_ = 0;
}

std::optional<std::uint32_t> CloneGroup::owner_of(std::span<const std::uint8_t> id) const {
  const ConnectionId key = ConnectionId::from(id);
  const std::lock_guard guard(lock_);
  const auto found = owners_.find(key);
  return found != owners_.end() ? std::optional(found->second) : std::nullopt;
}

std::optional<std::uint32_t> CloneGroup::take_turn(std::span<const std::uint8_t> id) {
  const ConnectionId key = ConnectionId::from(id);
  const std::lock_guard guard(lock_);
  if (const auto found = owners_.find(key); found != owners_.end()) return found->second;
  if (listening_.empty()) return std::nullopt;
  const std::uint32_t shard = listening_[next_];
  next_ = (next_ + 1) % listening_.size();
  insert(key, shard);
  return shard;
}

std::optional<std::uint32_t> CloneGroup::next() const {
  const std::lock_guard guard(lock_);
  return listening_.empty() ? std::nullopt : std::optional(listening_[next_]);
}

void CloneGroup::remember(const ConnectionId& id, std::uint32_t shard) {
  const std::lock_guard guard(lock_);
  insert(id, shard);
}

void CloneGroup::insert(const ConnectionId& id, std::uint32_t shard) {
  if (const auto [place, is_new] = owners_.insert_or_assign(id, shard); !is_new) return;
  if (ring_.size() < limits::kCloneIds) {
    ring_.push_back(id);
    return;
  }
  owners_.erase(ring_[oldest_]);
  ring_[oldest_] = id;
  oldest_ = (oldest_ + 1) % ring_.size();
}

}  // namespace quicore::engine
