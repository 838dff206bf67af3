// SPDX-License-Identifier: Apache-2.0
#include "engine/connection_table.h"

#include <cstring>

#include "engine/prefetch.h"
#include "io/check.h"

namespace quicore::engine {

namespace {

constexpr std::size_t kInitialEntries = 64;
static_assert(limits::kConnectionIdLength == sizeof(std::uint64_t));

}  // namespace

ConnectionTable::ConnectionTable(std::uint64_t secret0, std::uint64_t secret1)
    : secret_{secret0, secret1},
      mask_(kInitialEntries - 1),
      entries_(std::make_unique<Entry[]>(kInitialEntries)) {}

ConnectionTable::Key ConnectionTable::to_key(std::span<const std::uint8_t> id) noexcept {
  const std::uint64_t size = std::uint64_t{id.size()} << 32;
  if (id.size() == limits::kConnectionIdLength) {  // nearly always: one load, no call of memcpy
    Key key{0, 0, size};
    std::memcpy(key.data(), id.data(), sizeof(key[0]));
    return key;
  }
  std::array<std::uint8_t, limits::kMaxConnectionIdLength> padded{};
  if (!id.empty()) std::memcpy(padded.data(), id.data(), id.size());
  Key key{};
  std::uint32_t tail = 0;
  std::memcpy(key.data(), padded.data(), 16);
  std::memcpy(&tail, padded.data() + 16, sizeof(tail));
  key[2] = size | tail;
  return key;
}

std::size_t ConnectionTable::home(const Key& key) const noexcept {
  return keyed_hash(secret_, key) & mask_;
}

std::size_t ConnectionTable::locate(const Key& key) const noexcept {
  std::size_t at = home(key);
  while (entries_[at].connection != nullptr && !equal(entries_[at].key, key)) at = (at + 1) & mask_;
  return at;
}

Connection* ConnectionTable::find(std::span<const std::uint8_t> id) const noexcept {
  if (id.size() > limits::kMaxConnectionIdLength) return nullptr;
  const Key key = to_key(id);
  const Entry& last = entries_[last_found_];
  if (last.connection != nullptr && equal(last.key, key)) return last.connection;
  last_found_ = locate(key);
  return entries_[last_found_].connection;
}

void ConnectionTable::prefetch(std::span<const std::uint8_t> id) const noexcept {
  if (id.empty() || id.size() > limits::kMaxConnectionIdLength) return;
  engine::prefetch(&entries_[home(to_key(id))], sizeof(Entry));
}

bool ConnectionTable::insert(const ConnectionId& id, Connection* connection) {
  QUICORE_CHECK(connection != nullptr);
  const Key key = to_key(id.span());
  std::size_t at = locate(key);
  if (entries_[at].connection != nullptr) return false;
  if ((size_ + 1) * 4 > (mask_ + 1) * 3) {
    grow();
    at = locate(key);
  }
  entries_[at] = {key, connection};
  ++size_;
  return true;
}

void ConnectionTable::erase(const ConnectionId& id) noexcept {
  std::size_t hole = locate(to_key(id.span()));
  if (entries_[hole].connection == nullptr) return;
  // Every follower in the run that may stand in the hole moves there, so that no lookup meets a gap
  // between an entry's home and its place.
  for (std::size_t at = (hole + 1) & mask_; entries_[at].connection != nullptr;
       at = (at + 1) & mask_) {
    const std::size_t from_home = (at - home(entries_[at].key)) & mask_;
    const std::size_t from_hole = (at - hole) & mask_;
    if (from_home < from_hole) continue;
    entries_[hole] = entries_[at];
    hole = at;
  }
  entries_[hole] = {};
  --size_;
}

void ConnectionTable::grow() {
  const std::size_t old_entries = mask_ + 1;
  auto bigger = std::make_unique<Entry[]>(old_entries * 2);
  std::swap(entries_, bigger);
  mask_ = old_entries * 2 - 1;
  for (std::size_t i = 0; i < old_entries; ++i) {
    if (bigger[i].connection != nullptr) entries_[locate(bigger[i].key)] = bigger[i];
  }
}

}  // namespace quicore::engine
