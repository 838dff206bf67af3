// SPDX-License-Identifier: Apache-2.0
//
// The streams of a connection by their number. Chains through the streams themselves, in a table
// that doubles: a look-up takes a mask and mostly one comparison, adding and removing a stream
// allocate nothing but the table. (std::unordered_map divides by a prime, forty cycles on some CPUs,
// in each of the half dozen look-ups of a request, and allocates a node for each stream.)
//
// Threading: the shard's thread. Lifetime: owns its streams.
// Cost: 8 bytes a stream, and as many for a chain; a table that has become large is given back when
// the last stream goes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "engine/prefetch.h"
#include "engine/stream.h"
#include "io/block_pool.h"
#include "io/check.h"

namespace quicore::engine {

// T has an id() and a pointer next_in_table_, which is the table's.
template <class T>
class StreamTable {
 public:
  StreamTable() = default;
  ~StreamTable() { clear(); }
  StreamTable(const StreamTable&) = delete;
  StreamTable& operator=(const StreamTable&) = delete;

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::size_t chains() const noexcept { return chains_.size(); }
  T* find(std::int64_t id) const noexcept {
    if (empty()) return nullptr;
    T* stream = chains_[chain_of(id)];
    while (stream != nullptr && raw(stream->id()) != id) stream = stream->next_in_table_;
    return stream;
  }
  // Has the stream fetched that is likely to be this one (engine/prefetch.h), without looking at it.
  void prefetch(std::int64_t id) const noexcept {
    if (!empty()) engine::prefetch(chains_[chain_of(id)], sizeof(T));
  }
  // Has fetched where the streams of a small table are.
  void prefetch_chains() const noexcept {
    engine::prefetch(static_cast<const void*>(chains_.data()),
                     std::min(chains_.size(), kKeptChains) * sizeof(T*));
  }
  // Its number is not in use.
  void add(std::unique_ptr<T> stream) {
    QUICORE_CHECK(find(raw(stream->id())) == nullptr);
    if (size_ == chains_.size()) resize(chains_.empty() ? kFewestChains : 2 * chains_.size());
    put(*stream.release());
    ++size_;
  }
  // Nothing when it is not here.
  std::unique_ptr<T> remove(T& stream) noexcept {
    if (empty()) return nullptr;
    T** link = &chains_[chain_of(raw(stream.id()))];
    while (*link != nullptr && *link != &stream) link = &(*link)->next_in_table_;
    if (*link == nullptr) return nullptr;
    *link = std::exchange(stream.next_in_table_, nullptr);
    --size_;
    if (empty() && chains_.size() > kKeptChains) chains_ = {};
    return std::unique_ptr<T>(&stream);
  }
  // All of them, behind what is there.
  void move_to(std::vector<std::unique_ptr<T>>& others) {
    others.reserve(others.size() + size_);
    take_all([&](std::unique_ptr<T> stream) { others.push_back(std::move(stream)); });
  }
  void clear() noexcept {
    take_all([](std::unique_ptr<T>) {});
  }

  // For range-based loops, in no order; nothing may be added or removed meanwhile.
  class Iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    explicit Iterator(const StreamTable& table) noexcept : table_(&table) { to_next_chain(); }
    T& operator*() const noexcept { return *stream_; }
    Iterator& operator++() noexcept {
      stream_ = stream_->next_in_table_;
      to_next_chain();
      return *this;
    }
    Iterator operator++(int) noexcept {
      Iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const Iterator& one, const Iterator& other) noexcept {
      return one.stream_ == other.stream_;
    }

   private:
    void to_next_chain() noexcept {
      if (table_->empty()) return;
      while (stream_ == nullptr && next_chain_ < table_->chains_.size()) {
        stream_ = table_->chains_[next_chain_++];
      }
    }

    const StreamTable* table_ = nullptr;
    std::size_t next_chain_ = 0;
    T* stream_ = nullptr;  // none: the end
  };
  Iterator begin() const noexcept { return Iterator(*this); }
  Iterator end() const noexcept { return {}; }

 private:
  static constexpr std::size_t kFewestChains = 8;  // what the smallest block of the pool holds
  static constexpr std::size_t kKeptChains = 64;   // for the next streams: half a KiB

  // Streams of one kind are numbered in steps of four (RFC 9000 2.1): consecutive ones get chains of
  // their own, which at most the four kinds share. A peer that wants a long chain has to open and end
  // as many streams as there are chains for each one in it.
  std::size_t chain_of(std::int64_t id) const noexcept {
    return static_cast<std::size_t>(id) >> 2 & (chains_.size() - 1);
  }
  void put(T& stream) noexcept {
    stream.next_in_table_ = std::exchange(chains_[chain_of(raw(stream.id()))], &stream);
  }
  void resize(std::size_t chains) {
    Chains before(chains, nullptr);
    before.swap(chains_);
    for (T* stream : before) {
      while (stream != nullptr) put(*std::exchange(stream, stream->next_in_table_));
    }
  }
  template <class F>
  void take_all(F take) {
    size_ = 0;
    for (T* stream : std::exchange(chains_, {})) {
      while (stream != nullptr) {
        take(std::unique_ptr<T>(std::exchange(stream, stream->next_in_table_)));
      }
    }
  }

  using Chains = std::vector<T*, io::BlockAllocator<T*>>;
  Chains chains_;  // none or a power of two
  std::size_t size_ = 0;
};

}  // namespace quicore::engine
