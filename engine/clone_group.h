// SPDX-License-Identifier: Apache-2.0
//
// What the clones of an endpoint share: whose turn it is to get the next connection, and who was
// given which connection ID while handshakes are under way.
//
// The kernel spreads datagrams over the clones' sockets as it likes. A short header names its shard
// (io/steering.h). The Initials of a client carry an ID that the client made up; every clone asks
// here, so that all of them agree: an ID that is known belongs to its owner, a new one goes to the
// next listening clone, strictly in turn.
//
// IDs are kept in a ring of limits::kCloneIds: past that the oldest handshakes are forgotten, and an
// Initial of theirs that lands on another shard counts as new.
//
// Threading: any thread, behind one lock. Not on the data path: it is asked for long-header packets
// whose ID the receiving shard does not know, and told once or twice for each connection. Lifetime:
// shared by the clones. Cost: a hash lookup under the lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/connection_id.h"
#include "engine/keyed_hash.h"
#include "io/random.h"

namespace quicore::engine {

class CloneGroup {
 public:
  explicit CloneGroup(io::Random& random);

  // One clone on each shard: false when the shard has one.
  bool join(std::uint32_t shard);
  void leave(std::uint32_t shard);  // of the rotation as well
  // Behind those that listen already.
  void begin_listening(std::uint32_t shard);
  void end_listening(std::uint32_t shard);

  std::optional<std::uint32_t> owner_of(std::span<const std::uint8_t> id) const;
  // Gives the ID to the clone whose turn it is, or finds the owner that another shard just gave it.
  // Nothing when nobody listens.
  std::optional<std::uint32_t> take_turn(std::span<const std::uint8_t> id);
  // Who would be next; nobody's turn passes.
  std::optional<std::uint32_t> next() const;
  void remember(const ConnectionId& id, std::uint32_t shard);

 private:
  struct Hash {
    HashSecret secret;
    std::size_t operator()(const ConnectionId& id) const noexcept;
  };
  void insert(const ConnectionId& id, std::uint32_t shard);

  mutable std::mutex lock_;
  std::vector<std::uint32_t> members_;
  std::vector<std::uint32_t> listening_;  // in the order of their turns
  std::size_t next_ = 0;                  // index into `listening_`
  std::unordered_map<ConnectionId, std::uint32_t, Hash> owners_;
  std::vector<ConnectionId> ring_;  // the IDs in `owners_`, oldest at `oldest_` once it is full
  std::size_t oldest_ = 0;
};

}  // namespace quicore::engine
