// SPDX-License-Identifier: Apache-2.0
//
// What shards send each other: datagrams that the kernel delivered to the wrong one
// (DatagramMailbox, one per pair of shards and direction), and functions to run there (Inbox, one
// per shard, from any thread).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "io/datagram.h"
#include "io/limits.h"
#include "io/port.h"

namespace quicore::io {

// A bounded ring of trains from one producer to one consumer. Bytes are copied in and read in
// place.
//
// Threading: push() on one thread, pop() on one other. Lock-free. Cost: one copy of the bytes; the
// consumer is woken through its Waker, at no system call while it is awake.
class DatagramMailbox {
 public:
  explicit DatagramMailbox(std::shared_ptr<Waker> consumer, std::size_t capacity = kMailboxSize);
  ~DatagramMailbox();
  DatagramMailbox(const DatagramMailbox&) = delete;
  DatagramMailbox& operator=(const DatagramMailbox&) = delete;

  // False when there is no room: the datagrams are lost as if the network had dropped them, and the
  // caller counts them.
  bool push(const ReceivedTrain& train) noexcept;
  // False when it is empty. The bytes live until the next pop().
  bool pop(ReceivedTrain& train) noexcept;

 private:
  struct Record;
  void* place(std::size_t position) const noexcept;

  std::shared_ptr<Waker> consumer_;
  std::size_t capacity_;  // a power of two
  std::byte* memory_;
  // Positions count bytes since the beginning. Each side keeps its own line, and a copy of the
  // other's position that it refreshes only when it has to.
  alignas(64) std::atomic<std::size_t> written_{0};
  std::size_t read_seen_ = 0;
  alignas(64) std::atomic<std::size_t> read_{0};
  std::size_t written_seen_ = 0;
  std::size_t popped_end_ = 0;  // where the record handed out last ends
};

// Functions posted to a shard by any thread, run there in the order of each poster.
//
// Threading: post() anywhere, run_all() and close() on the shard. Lock-free. Cost: one allocation
// per post. Unbounded: a poster that must not flood a shard keeps its own count.
class Inbox {
 public:
  using Function = std::move_only_function<void()>;

  explicit Inbox(std::shared_ptr<Waker> shard) noexcept : shard_(std::move(shard)) {}
  ~Inbox();  // what was never run is destroyed
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // False when the inbox is closed; the function is destroyed then.
  bool post(Function function);
  // Runs what is there now; what these functions post waits for the next call. Returns how many.
  // The functions must not throw.
  std::size_t run_all() noexcept;
  // Refuses further posts; what was posted before still runs.
  void close() noexcept;

 private:
  struct Node;
  static Node* closed_mark() noexcept;
  static Node* reversed(Node* newest) noexcept;

  std::shared_ptr<Waker> shard_;
  alignas(64) std::atomic<Node*> newest_{nullptr};
  Node* left_over_ = nullptr;  // posted before close()
};

}  // namespace quicore::io
