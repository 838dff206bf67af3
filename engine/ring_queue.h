// SPDX-License-Identifier: Apache-2.0
//
// A queue in a growing ring: no allocation once it has reached its working size (std::deque
// allocates and frees a block every few hundred bytes for as long as it is used). Short ones take
// their memory from the thread's pool.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "engine/prefetch.h"
#include "io/block_pool.h"
#include "io/check.h"

namespace quicore::engine {

template <class T>
class RingQueue {
 public:
  RingQueue() = default;
  // A queue moved from is empty and may be used again.
  RingQueue(RingQueue&& other) noexcept
      : items_(std::exchange(other.items_, nullptr)),
        capacity_(std::exchange(other.capacity_, 0)),
        head_(std::exchange(other.head_, 0)),
        size_(std::exchange(other.size_, 0)) {}
  RingQueue& operator=(RingQueue&& other) noexcept {
    RingQueue taken(std::move(other));
    std::swap(items_, taken.items_);
    std::swap(capacity_, taken.capacity_);
    std::swap(head_, taken.head_);
    std::swap(size_, taken.size_);
    return *this;
  }
  ~RingQueue() { give_back(); }

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  T& front() noexcept { return (*this)[0]; }
  T& back() noexcept { return (*this)[size_ - 1]; }
  T& operator[](std::size_t index) noexcept {
    QUICORE_DCHECK_THAT(index < size_);
    return items_[(head_ + index) & (capacity_ - 1)];
  }
  const T& operator[](std::size_t index) const noexcept {
    return const_cast<RingQueue&>(*this)[index];
  }

  void push_back(T item) {
    if (size_ == capacity_) grow();
    items_[(head_ + size_) & (capacity_ - 1)] = std::move(item);
    ++size_;
  }
  void pop_front() noexcept {
    QUICORE_DCHECK_THAT(size_ > 0);
    items_[head_] = T{};
    head_ = (head_ + 1) & (capacity_ - 1);
    --size_;
  }
  T take_front() noexcept {
    T item = std::move(front());
    pop_front();
    return item;
  }
  void clear() noexcept {
    while (!empty()) pop_front();
  }
  // Has what is in a queue that has never been long fetched (engine/prefetch.h).
  void prefetch() const noexcept {
    if (capacity_ <= kFirstCapacity) engine::prefetch(items_, capacity_ * sizeof(T));
  }

 private:
  static constexpr std::size_t kFirstCapacity = 4;

  void grow() {
    const std::size_t capacity = capacity_ == 0 ? kFirstCapacity : capacity_ * 2;
    T* items = io::BlockAllocator<T>().allocate(capacity);
    std::uninitialized_value_construct_n(items, capacity);
    for (std::size_t i = 0; i < size_; ++i) items[i] = std::move((*this)[i]);
    give_back();
    items_ = items;
    capacity_ = capacity;
    head_ = 0;
  }
  void give_back() noexcept {
    if (items_ == nullptr) return;
    std::destroy_n(items_, capacity_);
    io::BlockAllocator<T>().deallocate(items_, capacity_);
  }

  T* items_ = nullptr;        // all of them constructed
  std::size_t capacity_ = 0;  // zero or a power of two
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace quicore::engine
