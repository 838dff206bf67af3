// SPDX-License-Identifier: Apache-2.0
//
// What an endpoint remembers of remote hosts (IP addresses without port): how many connections they
// have, how many Retry packets and stateless resets they were sent lately, and whether their address
// was validated.
//
// Bounded: hosts without a connection are kept in order of use and the least recently used is
// forgotten beyond `capacity`. Hosts with connections are never forgotten; the limit on connections
// bounds them. Counters start afresh every limits::kHostCounterPeriod.
//
// Threading: its shard's thread. Cost: one hash lookup, one allocation for a host not known.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "engine/intrusive_list.h"
#include "engine/keyed_hash.h"
#include "io/address.h"
#include "io/time.h"

namespace quicore::engine {

struct LeastRecentlyUsedTag {};

struct Host : ListHook<LeastRecentlyUsedTag> {
  explicit Host(const Address& host) : address(host) {}

  Address address;
  std::uint64_t connections = 0;
  std::uint64_t retries = 0;
  std::uint64_t stateless_resets = 0;
  std::optional<Instant> counted_since;
  std::optional<Instant> validated_at;
};

class HostTable {
 public:
  HostTable(std::size_t capacity, const HashSecret& secret);

  // Every address is taken without its port, and IPv4-mapped IPv6 as IPv4.
  const Host* find(const Address& address) const;
  // Finds or adds, and marks as used now; may forget another host without connections.
  Host& use(const Address& address, Instant now);

  void connection_added(const Address& address);
  void connection_removed(const Address& address);

  std::size_t size() const noexcept { return hosts_.size(); }

 private:
  struct Hash {
    HashSecret secret;
    std::size_t operator()(const Address& address) const noexcept;
  };

  Host& find_or_add(const Address& host);
  void mark_used(Host& host);

  std::size_t capacity_;
  std::unordered_map<Address, Host, Hash> hosts_;
  IntrusiveList<Host, LeastRecentlyUsedTag> idle_;  // without connections, oldest use first
  std::size_t idle_count_ = 0;
};

}  // namespace quicore::engine
