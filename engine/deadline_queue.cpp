// SPDX-License-Identifier: Apache-2.0
#include "engine/deadline_queue.h"

#include <algorithm>
#include <utility>

namespace quicore::engine {

namespace {

constexpr std::size_t kChildren = 4;

constexpr std::size_t parent_of(std::size_t index) noexcept { return (index - 1) / kChildren; }
constexpr std::size_t first_child_of(std::size_t index) noexcept { return index * kChildren + 1; }

}  // namespace

void DeadlineQueue::schedule(DeadlineEntry& entry, Instant deadline) {
  if (deadline == entry.deadline_) return;
  if (deadline == kNever) return cancel(entry);
  entry.deadline_ = deadline;
  const bool sooner = deadline < entry.key_;  // also when not scheduled: that is kNever
  if (!sooner && entry.key_ - now_ >= kPutOff) return;
  entry.key_ = deadline;
  if (!entry.scheduled()) {
    entry.slot_ = take_slot(entry);
    heap_.push_back({deadline, entry.slot_});
    places_[entry.slot_] = static_cast<std::uint32_t>(heap_.size() - 1);
  }
  QUICORE_DCHECK_THAT(entries_[entry.slot_] == &entry);
  if (sooner) {
    move_up(places_[entry.slot_], {deadline, entry.slot_});
  } else {
    move_down(places_[entry.slot_], {deadline, entry.slot_});
  }
}

void DeadlineQueue::cancel(DeadlineEntry& entry) noexcept {
  if (entry.scheduled()) remove_at(places_[entry.slot_]);
}

DeadlineEntry* DeadlineQueue::pop_expired(Instant now) noexcept {
  now_ = now;
  while (!heap_.empty() && heap_.front().key <= now) {
    const std::uint32_t slot = heap_.front().slot;
    DeadlineEntry* entry = entries_[slot];
    if (entry->deadline_ <= now) {
      remove_at(0);
      return entry;
    }
    entry->key_ = entry->deadline_;  // it was put off
    move_down(0, {entry->key_, slot});
  }
  return nullptr;
}

std::uint32_t DeadlineQueue::take_slot(DeadlineEntry& entry) {
  if (free_slot_ == kNoSlot) {
    entries_.push_back(&entry);
    places_.push_back(0);
    return static_cast<std::uint32_t>(entries_.size() - 1);
  }
  const std::uint32_t slot = std::exchange(free_slot_, places_[free_slot_]);
  entries_[slot] = &entry;
  return slot;
}

void DeadlineQueue::give_slot_back(std::uint32_t slot) noexcept {
  entries_[slot] = nullptr;
  places_[slot] = std::exchange(free_slot_, slot);
}

void DeadlineQueue::place(std::size_t index, const Node& node) noexcept {
  heap_[index] = node;
  places_[node.slot] = static_cast<std::uint32_t>(index);
}

void DeadlineQueue::move_up(std::size_t index, Node node) noexcept {
  while (index > 0 && node.key < heap_[parent_of(index)].key) {
    place(index, heap_[parent_of(index)]);
    index = parent_of(index);
  }
  place(index, node);
}

void DeadlineQueue::move_down(std::size_t index, Node node) noexcept {
  for (;;) {
    const std::size_t first = first_child_of(index);
    if (first >= heap_.size()) break;
    const std::size_t end = std::min(first + kChildren, heap_.size());
    std::size_t nearest = first;
    for (std::size_t child = first + 1; child < end; ++child) {
      if (heap_[child].key < heap_[nearest].key) nearest = child;
    }
    if (heap_[nearest].key >= node.key) break;
    place(index, heap_[nearest]);
    index = nearest;
  }
  place(index, node);
}

void DeadlineQueue::remove_at(std::size_t index) noexcept {
  QUICORE_DCHECK_THAT(index < heap_.size());
  DeadlineEntry& removed = *entries_[heap_[index].slot];
  give_slot_back(std::exchange(removed.slot_, DeadlineEntry::kNotScheduled));
  removed.deadline_ = kNever;
  removed.key_ = kNever;
  const Node last = heap_.back();
  heap_.pop_back();
  if (index == heap_.size()) return;
  if (index > 0 && last.key < heap_[parent_of(index)].key) {
    move_up(index, last);
  } else {
    move_down(index, last);
  }
}

}  // namespace quicore::engine
