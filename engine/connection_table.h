// SPDX-License-Identifier: Apache-2.0
//
// From connection ID to connection: asked once for every datagram that arrives.
//
// Open addressing with linear probing; an entry is 32 bytes (two in a cache line) and is compared as
// three words. Erasing shifts the followers back, so there are no tombstones and lookups stay short
// for ever. The hash is keyed with a secret (SipHash-1-3): clients choose the connection ID of their
// first Initial, and without a secret could choose thousands that collide.
//
// Threading: its shard's thread. Lifetime: holds pointers only; the owner erases an ID before the
// connection dies.
// Cost: find is about 3 ns for the ID found last (the datagrams of a train belong to one connection),
// else about 15 ns plus one cache miss in a large table. insert is amortised O(1); it allocates when
// the table is three quarters full.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "engine/connection_id.h"
#include "engine/keyed_hash.h"

namespace quicore::engine {

class Connection;

class ConnectionTable {
 public:
  ConnectionTable(std::uint64_t secret0, std::uint64_t secret1);

  // Nullptr when unknown; also for IDs longer than 20 bytes, which no connection has.
  Connection* find(std::span<const std::uint8_t> id) const noexcept;
  // Has the place fetched where find() will begin (engine/prefetch.h).
  void prefetch(std::span<const std::uint8_t> id) const noexcept;
  // False when the ID is there already; then nothing changes. `connection` is not null.
  [[nodiscard]] bool insert(const ConnectionId& id, Connection* connection);
  // Does nothing when the ID is not there.
  void erase(const ConnectionId& id) noexcept;
  std::size_t size() const noexcept { return size_; }

 private:
  // The 20 bytes of the ID, padded with zeros, and its size.
  using Key = std::array<std::uint64_t, 3>;
  // Three compares in registers; operator== of std::array calls memcmp, which waits for the stores.
  static bool equal(const Key& a, const Key& b) noexcept {
    return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2])) == 0;
  }
  struct Entry {
    Key key;
    Connection* connection;  // null: the entry is free
  };
  static_assert(sizeof(Entry) == 32);

  static Key to_key(std::span<const std::uint8_t> id) noexcept;
  std::size_t home(const Key& key) const noexcept;
  std::size_t locate(const Key& key) const noexcept;  // the entry with this key, or the free one
  void grow();

  HashSecret secret_;
  std::size_t mask_;  // number of entries, a power of two, minus 1
  std::size_t size_ = 0;
  mutable std::size_t last_found_ = 0;  // an entry, whatever is in it now
  std::unique_ptr<Entry[]> entries_;
};

}  // namespace quicore::engine
