// SPDX-License-Identifier: Apache-2.0
//
// Routing: whose is a datagram? What a shard does before it touches a connection, and what it
// remembers of hosts when it has none.
//
//   quicore_microbench --benchmark_filter='ConnectionTable|KeyedHash|Steering|ConnectionId|HostTable'
//
// One iteration is one look-up (one hash, one decision, one new ID). Each look-up waits for the
// answer of the one before, as the work on a datagram waits for its connection: the time is that of
// an answer, not of many look-ups at once. The argument is how many IDs or hosts the table holds:
// the answer to what a hundred thousand connections cost a datagram of one.
#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "engine/connection_id.h"
#include "engine/connection_table.h"
#include "engine/host_table.h"
#include "engine/keyed_hash.h"
#include "io/random.h"
#include "io/steering.h"

namespace quicore::engine {
namespace {

constexpr std::size_t kLookups = 1 << 16;  // different ones, before they repeat
constexpr HashSecret kSecret{0x0123456789abcdef, 0xfedcba9876543210};

void count_items(benchmark::State& state) { state.SetItemsProcessed(state.iterations()); }

// --- ConnectionTable ----------------------------------------------------------------------------

// As they stand in a short header.
using ShortHeaderId = std::array<std::uint8_t, limits::kConnectionIdLength>;

// A table whose connections are places, never looked behind, in a block of memory.
class Connections {
 public:
  explicit Connections(std::size_t count) : table_(kSecret.word0, kSecret.word1), places_(count) {
    while (ids_.size() < count) {
      const ConnectionId id = make_connection_id(random_, 0, 1);
      if (table_.insert(id, connection(ids_.size()))) ids_.push_back(id);
    }
  }

  ConnectionTable& table() noexcept { return table_; }
  const ConnectionId& id(std::size_t index) const noexcept { return ids_[index]; }
  Connection* connection(std::size_t index) noexcept {
    return reinterpret_cast<Connection*>(&places_[index]);
  }
  io::Random& random() noexcept { return random_; }

  // In random order, as datagrams of many clients come.
  std::vector<ShortHeaderId> lookups() {
    std::vector<ShortHeaderId> lookups(kLookups);
    for (ShortHeaderId& lookup : lookups) {
      std::memcpy(lookup.data(), ids_[random_.below(ids_.size())].bytes.data(), lookup.size());
    }
    return lookups;
  }

  bool all_found() {
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      if (table_.find(ids_[i].span()) != connection(i)) return false;
    }
    return true;
  }

 private:
  io::Random random_ = io::Random::seeded(1);
  ConnectionTable table_;
  std::vector<std::byte> places_;
  std::vector<ConnectionId> ids_;
};

void find_each(benchmark::State& state, ConnectionTable& table,
               const std::vector<ShortHeaderId>& lookups, bool known) {
  std::size_t at = 0;
  std::size_t wrong = 0;
  for (auto _ : state) {
    const Connection* found = table.find(lookups[at]);
    const std::size_t unexpected = (found != nullptr) != known ? 1 : 0;
    wrong += unexpected;
    at = (at + 1 + unexpected) & (kLookups - 1);
  }
  if (wrong != 0) state.SkipWithError("a look-up had the wrong answer");
  count_items(state);
}

// The first datagram of a train: another connection than that of the one before.
void find_any(benchmark::State& state) {
  Connections connections(static_cast<std::size_t>(state.range(0)));
  if (!connections.all_found()) return state.SkipWithError("a connection was not found");
  find_each(state, connections.table(), connections.lookups(), true);
}
BENCHMARK(find_any)
    ->Name("ConnectionTable/find_any")
    ->ArgName("connections")
    ->Arg(1)
    ->Arg(1'000)
    ->Arg(100'000);

// The others of a train belong to the same connection.
void find_again(benchmark::State& state) {
  Connections connections(static_cast<std::size_t>(state.range(0)));
  if (!connections.all_found()) return state.SkipWithError("a connection was not found");
  find_each(state, connections.table(),
            std::vector<ShortHeaderId>(kLookups, connections.lookups().front()), true);
}
BENCHMARK(find_again)->Name("ConnectionTable/find_again")->ArgName("connections")->Arg(100'000);

// What an attacker can make of random IDs.
void find_unknown(benchmark::State& state) {
  Connections connections(static_cast<std::size_t>(state.range(0)));
  std::vector<ShortHeaderId> lookups(kLookups);
  for (ShortHeaderId& lookup : lookups) {
    do {
      connections.random().fill(std::as_writable_bytes(std::span(lookup)));
    } while (connections.table().find(lookup) != nullptr);
  }
  find_each(state, connections.table(), lookups, false);
}
BENCHMARK(find_unknown)
    ->Name("ConnectionTable/find_unknown")
    ->ArgName("connections")
    ->Arg(1'000)
    ->Arg(100'000);

// A connection comes and goes: one iteration is both, at a fixed size of the table.
void insert_and_erase(benchmark::State& state) {
  Connections connections(static_cast<std::size_t>(state.range(0)));
  std::vector<ConnectionId> ids(kLookups);
  for (ConnectionId& id : ids) id = make_connection_id(connections.random(), 0, 1);
  std::size_t refused = 0;
  std::size_t at = 0;
  for (auto _ : state) {
    const ConnectionId& id = ids[at++ & (kLookups - 1)];
    refused += connections.table().insert(id, connections.connection(0)) ? 0 : 1;
    connections.table().erase(id);
  }
  if (refused != 0 || !connections.all_found()) {
    state.SkipWithError("the table is not what it was before");
  }
  count_items(state);
}
BENCHMARK(insert_and_erase)
    ->Name("ConnectionTable/insert_and_erase")
    ->ArgName("connections")
    ->Arg(1)
    ->Arg(1'000)
    ->Arg(100'000);

// --- what routing is made of --------------------------------------------------------------------

void hash(benchmark::State& state) {
  std::array<std::uint64_t, 3> words{1, 2, 3};
  for (auto _ : state) words[0] ^= keyed_hash(kSecret, words);
  benchmark::DoNotOptimize(words);
  count_items(state);
}
BENCHMARK(hash)->Name("KeyedHash/24_bytes");

// The rule that the kernel applies too: asked in user space for what arrived elsewhere.
void steer(benchmark::State& state) {
  constexpr std::uint32_t kShards = 6;
  constexpr std::size_t kIdOffsets[] = {1, 6};  // short header, long header
  constexpr std::uint32_t kOwner = 5;
  const bool long_header = state.range(0) != 0;
  io::Random random = io::Random::seeded(1);
  std::array<std::byte, 64> datagram{};
  datagram[0] = long_header ? std::byte{0xc0} : std::byte{0x40};
  const ConnectionId id = make_connection_id(random, kOwner, kShards);
  std::memcpy(&datagram[kIdOffsets[state.range(0)]], id.bytes.data(), id.size);
  // Not known when the program is compiled. Not by DoNotOptimize, after which GCC 12 has another value
  // where a sanitizer watches the variable.
  const volatile std::uint32_t unknown = kShards;
  const std::uint32_t shards = unknown;
  if (io::steer(datagram, shards) != kOwner) return state.SkipWithError("not the ID's owner");
  for (auto _ : state) {
    benchmark::DoNotOptimize(datagram);
    benchmark::DoNotOptimize(io::steer(datagram, shards));
  }
  count_items(state);
}
BENCHMARK(steer)->Name("Steering/steer")->ArgName("long_header")->Arg(0)->Arg(1);

// A connection issues up to four at a time.
void make_id(benchmark::State& state) {
  constexpr std::uint32_t kShards = 6;
  constexpr std::uint32_t kOwner = 5;
  io::Random random = io::Random::seeded(1);
  std::size_t misplaced = 0;
  for (auto _ : state) {
    const ConnectionId id = make_connection_id(random, kOwner, kShards);
    misplaced += io::shard_of_connection_id(std::as_bytes(id.span()), kShards) == kOwner ? 0 : 1;
  }
  if (misplaced != 0) state.SkipWithError("an ID does not name its shard");
  count_items(state);
}
BENCHMARK(make_id)->Name("ConnectionId/make");

// --- HostTable ----------------------------------------------------------------------------------

// 10.0.0.0/8, in the order of their numbers.
Address host_address(std::size_t number) {
  const std::string ip = "10." + std::to_string(number >> 16 & 255) + "." +
                         std::to_string(number >> 8 & 255) + "." + std::to_string(number & 255);
  return value_or_throw(Address::parse(ip, 4433));
}

std::vector<Address> host_addresses(std::size_t count) {
  std::vector<Address> addresses(count);
  for (std::size_t i = 0; i < count; ++i) addresses[i] = host_address(i);
  return addresses;
}

// Every Initial asks what is known of its host.
void find_host(benchmark::State& state) {
  const auto addresses = host_addresses(static_cast<std::size_t>(state.range(0)));
  HostTable table(addresses.size(), kSecret);
  for (const Address& address : addresses) table.use(address, Instant{});
  io::Random random = io::Random::seeded(1);
  std::vector<Address> lookups(kLookups);
  for (Address& lookup : lookups) lookup = addresses[random.below(addresses.size())];
  std::size_t at = 0;
  std::size_t wrong = 0;
  for (auto _ : state) {
    const Host* host = table.find(lookups[at]);
    const std::size_t unknown = host == nullptr ? 1 : 0;
    wrong += unknown;
    at = (at + 1 + unknown) & (kLookups - 1);
  }
  if (wrong != 0) state.SkipWithError("a host was not found");
  count_items(state);
}
BENCHMARK(find_host)->Name("HostTable/find")->ArgName("hosts")->Arg(1)->Arg(1'000)->Arg(100'000);

// Initials with forged addresses: each host is new, and another is forgotten for it.
void use_new_host(benchmark::State& state) {
  const auto capacity = static_cast<std::size_t>(state.range(0));
  const auto addresses =
      host_addresses(capacity + kLookups);  // none is still known when it repeats
  HostTable table(capacity, kSecret);
  std::size_t at = 0;
  for (; at < capacity; ++at) table.use(addresses[at], Instant{});
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.use(addresses[at], Instant{}).connections);
    if (++at == addresses.size()) at = 0;
  }
  if (table.size() != capacity) state.SkipWithError("the table does not keep to its capacity");
  count_items(state);
}
BENCHMARK(use_new_host)->Name("HostTable/use_new")->ArgName("hosts")->Arg(1'000)->Arg(100'000);

}  // namespace
}  // namespace quicore::engine
