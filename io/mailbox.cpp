// SPDX-License-Identifier: Apache-2.0
#include "io/mailbox.h"

#include <bit>
#include <cstring>
#include <new>
#include <utility>

#include "io/check.h"

namespace quicore::io {

namespace {

constexpr std::size_t kRecordUnit = 128;

std::size_t round_up(std::size_t size) noexcept {
  return (size + kRecordUnit - 1) / kRecordUnit * kRecordUnit;
}

}  // namespace

// In front of a train's bytes. Records fill whole units and never wrap around the end; what is left
// there is a record without bytes, for which one unit is always enough.
struct alignas(kRecordUnit) DatagramMailbox::Record {
  ReceivedTrain train;     // its bytes lie behind this header
  std::size_t length = 0;  // of the whole record
};

DatagramMailbox::DatagramMailbox(std::shared_ptr<Waker> consumer, std::size_t capacity)
    : consumer_(std::move(consumer)),
      capacity_(std::bit_ceil(capacity)),
      memory_(static_cast<std::byte*>(::operator new(capacity_, std::align_val_t(kRecordUnit)))) {
  static_assert(sizeof(Record) == kRecordUnit);
}

DatagramMailbox::~DatagramMailbox() { ::operator delete(memory_, std::align_val_t(kRecordUnit)); }

void* DatagramMailbox::place(std::size_t position) const noexcept {
  return memory_ + (position & (capacity_ - 1));
}

bool DatagramMailbox::push(const ReceivedTrain& train) noexcept {
  const std::size_t length = sizeof(Record) + round_up(train.bytes.size());
  std::size_t position = written_.load(std::memory_order_relaxed);
  const std::size_t before_end = capacity_ - (position & (capacity_ - 1));
  const std::size_t padding = length > before_end ? before_end : 0;
  if (length + padding > capacity_ - (position - read_seen_)) {
    read_seen_ = read_.load(std::memory_order_acquire);
    if (length + padding > capacity_ - (position - read_seen_)) return false;
  }
  if (padding != 0) {
    new (place(position)) Record{{}, padding};
    position += padding;
  }
  auto* record = new (place(position)) Record{train, length};
  auto* bytes = reinterpret_cast<std::byte*>(record + 1);
  std::memcpy(bytes, train.bytes.data(), train.bytes.size());
  record->train.bytes = {bytes, train.bytes.size()};
  written_.store(position + length, std::memory_order_release);
  consumer_->wake();
  return true;
}

bool DatagramMailbox::pop(ReceivedTrain& train) noexcept {
  // Only now may the record handed out last be overwritten.
  read_.store(popped_end_, std::memory_order_release);
  for (;;) {
    if (popped_end_ == written_seen_) {
      written_seen_ = written_.load(std::memory_order_acquire);
      if (popped_end_ == written_seen_) return false;
    }
    const auto* record = static_cast<const Record*>(place(popped_end_));
    popped_end_ += record->length;
    if (record->train.bytes.empty()) continue;
    train = record->train;
    return true;
  }
}

struct Inbox::Node {
  Function function;
  Node* next = nullptr;
};

Inbox::~Inbox() {
  close();
  while (Node* node = left_over_) {
    left_over_ = node->next;
    delete node;
  }
}

Inbox::Node* Inbox::closed_mark() noexcept {
  static Node mark;
  return &mark;
}

bool Inbox::post(Function function) {
  auto node = std::make_unique<Node>(std::move(function));
  Node* newest = newest_.load(std::memory_order_relaxed);
  do {
    if (newest == closed_mark()) return false;
    node->next = newest;
  } while (!newest_.compare_exchange_weak(newest, node.get(), std::memory_order_release,
                                          std::memory_order_relaxed));
  node.release();
  shard_->wake();
  return true;
}

// The list is linked from the newest to the oldest.
Inbox::Node* Inbox::reversed(Node* newest) noexcept {
  Node* oldest = nullptr;
  while (newest != nullptr) {
    Node* next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  return oldest;
}

std::size_t Inbox::run_all() noexcept {
  Node* node = std::exchange(left_over_, nullptr);
  if (node == nullptr && newest_.load(std::memory_order_relaxed) != closed_mark()) {
    node = reversed(newest_.exchange(nullptr, std::memory_order_acquire));
  }
  std::size_t count = 0;
  for (; node != nullptr; ++count) {
    const std::unique_ptr<Node> current(node);
    node = current->next;
    current->function();
  }
  return count;
}

void Inbox::close() noexcept {
  Node* newest = newest_.exchange(closed_mark(), std::memory_order_acquire);
  if (newest != closed_mark()) left_over_ = reversed(newest);
}

}  // namespace quicore::io
