// SPDX-License-Identifier: Apache-2.0
//
// The deadlines of a shard's connections, nearest first: a heap with four children per node. Where an
// entry is in it is known, so that a deadline is moved or cancelled without a search, and kept beside
// the heap, so that moving one does not touch the memory of those it passes.
//
//   class Connection : public DeadlineEntry { ... };
//   queue.schedule(connection, deadline);                       // also moves
//   while (DeadlineEntry* entry = queue.pop_expired(now)) ...   // the nearest first
//
// Threading: its shard's thread. Lifetime: the owner cancels an entry before it dies; a debug build
// checks that it did.
// Cost: schedule and cancel are O(log4 n), and a comparison when the deadline did not change or a far
// one is put off: the entry stays where it is in the heap until its old deadline comes, so that an
// idle timeout that every packet puts off costs nothing. next is a load. Allocates only while the
// queue grows to its working size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "io/check.h"
#include "io/time.h"

namespace quicore::engine {

class DeadlineEntry {
 public:
  DeadlineEntry(const DeadlineEntry&) = delete;
  DeadlineEntry& operator=(const DeadlineEntry&) = delete;

  bool scheduled() const noexcept { return slot_ != kNotScheduled; }
  // kNever when not scheduled.
  Instant deadline() const noexcept { return deadline_; }

 protected:
  DeadlineEntry() = default;
  ~DeadlineEntry() { QUICORE_DCHECK_THAT(!scheduled()); }

 private:
  friend class DeadlineQueue;
  static constexpr std::uint32_t kNotScheduled = ~std::uint32_t{0};

  std::uint32_t slot_ = kNotScheduled;  // of its queue
  Instant deadline_ = kNever;
  Instant key_ = kNever;  // where it stands in the heap: not after deadline_
};

class DeadlineQueue {
 public:
  // Moves the entry when it is scheduled already; kNever cancels it.
  void schedule(DeadlineEntry& entry, Instant deadline);
  // Does nothing when the entry is not scheduled.
  void cancel(DeadlineEntry& entry) noexcept;
  // The nearest deadline; kNever when there is none. Earlier where an entry has put that off by more
  // than kPutOff: pop_expired() at that moment finds out.
  Instant next() const noexcept { return heap_.empty() ? kNever : heap_.front().key; }
  // Takes out the entry with the nearest deadline if that is not after `now`; else nullptr.
  DeadlineEntry* pop_expired(Instant now) noexcept;
  bool empty() const noexcept { return heap_.empty(); }
  std::size_t size() const noexcept { return heap_.size(); }

 private:
  // A deadline that is at least so far away may be put off without moving the entry. Reason: a shard
  // with nothing else to do wakes up in vain for it, so it must be rare; timers of loss recovery and
  // acknowledgements are nearer.
  static constexpr Duration kPutOff = std::chrono::seconds(1);

  // The key stands here too: comparing must not touch the connection's memory.
  struct Node {
    Instant key;
    std::uint32_t slot;
  };
  static constexpr std::uint32_t kNoSlot = DeadlineEntry::kNotScheduled;

  std::uint32_t take_slot(DeadlineEntry& entry);
  void give_slot_back(std::uint32_t slot) noexcept;

  void place(std::size_t index, const Node& node) noexcept;
  void move_up(std::size_t index, Node node) noexcept;
  void move_down(std::size_t index, Node node) noexcept;
  void remove_at(std::size_t index) noexcept;

  std::vector<Node> heap_;
  std::vector<DeadlineEntry*> entries_;  // by slot
  std::vector<std::uint32_t> places_;    // by slot: in the heap, or the next free slot
  std::uint32_t free_slot_ = kNoSlot;
  Instant now_{};  // of the last pop_expired()
};

}  // namespace quicore::engine
