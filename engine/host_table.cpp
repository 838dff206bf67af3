// SPDX-License-Identifier: Apache-2.0
#include "engine/host_table.h"

#include <cstring>

#include "engine/limits.h"
#include "io/check.h"

namespace quicore::engine {

namespace {

Address host_of(const Address& address) noexcept { return address.unmapped().host(); }

}  // namespace

HostTable::HostTable(std::size_t capacity, const HashSecret& secret)
    : capacity_(capacity), hosts_(0, Hash{secret}) {}

std::size_t HostTable::Hash::operator()(const Address& address) const noexcept {
  const std::string_view ip = address.ip_bytes();
  std::array<std::uint64_t, 3> words{0, 0, ip.size()};
  std::memcpy(words.data(), ip.data(), ip.size());
  return keyed_hash(secret, words);
}

const Host* HostTable::find(const Address& address) const {
  const auto found = hosts_.find(host_of(address));
  return found == hosts_.end() ? nullptr : &found->second;
}

Host& HostTable::find_or_add(const Address& host) {
  return hosts_.try_emplace(host, host).first->second;
}

Host& HostTable::use(const Address& address, Instant now) {
  Host& host = find_or_add(host_of(address));
  if (!host.counted_since || now - *host.counted_since >= limits::kHostCounterPeriod) {
    host.counted_since = now;
    host.retries = host.stateless_resets = 0;
  }
  mark_used(host);
  return host;
}

void HostTable::connection_added(const Address& address) {
  Host& host = find_or_add(host_of(address));
  ++host.connections;
  mark_used(host);
}

void HostTable::connection_removed(const Address& address) {
  const auto found = hosts_.find(host_of(address));
  QUICORE_CHECK(found != hosts_.end() && found->second.connections > 0);
  Host& host = found->second;
  --host.connections;
  mark_used(host);
}

void HostTable::mark_used(Host& host) {
  if (host.linked()) {
    host.unlink();
    --idle_count_;
  }
  if (host.connections > 0) return;
  idle_.push_back(host);
  ++idle_count_;
  while (idle_count_ > capacity_ && idle_.front() != &host) {
    const Address oldest = idle_.front()->address;
    --idle_count_;
    hosts_.erase(oldest);  // its hook unlinks it
  }
}

}  // namespace quicore::engine
