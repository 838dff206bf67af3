// SPDX-License-Identifier: Apache-2.0
//
// Free blocks of memory, linked through themselves: the last one put in is the first one taken.
//
// Threading: a value type, for one thread. Lifetime: it owns nothing; whoever fills it empties it.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

namespace quicore::io {

class FreeList {
 public:
  std::size_t size() const noexcept { return size_; }
  // A block that was put in, or nullptr.
  void* take() noexcept {
    if (first_ == nullptr) return nullptr;
    --size_;
    return std::exchange(first_, first_->next);
  }
  // Of the size of a pointer at least, and aligned as one.
  void put(void* block) noexcept {
    first_ = new (block) Block{first_};
    ++size_;
  }

 private:
  struct Block {
    Block* next;
  };
  Block* first_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace quicore::io
