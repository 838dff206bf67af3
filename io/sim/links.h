// SPDX-License-Identifier: Apache-2.0
//
// The drawing of a network: a Path is a list of links, passed in order.
//
//   world.connect(client, server, {Delay{20ms}, Loss{0.05}, Bandwidth{10_Mbit, 64_KiB}});
//
// These are descriptions, free to copy; connect() builds from them, for each direction, links with
// their own state and their own random numbers. Probabilities are 0 .. 1. Points in time count from
// the start of the world.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <variant>
#include <vector>

#include "io/sim/datagram.h"
#include "io/time.h"

namespace quicore::sim {

inline constexpr Duration kForever = Duration::max();

// Every datagram arrives this much later. Jitter adds up to that much more, keeping the order.
struct Delay {
  Duration delay{};
  Duration jitter{};
};

// A bottleneck: IP packets leave one after the other at this rate; those that do not fit into the
// queue are dropped at its tail (the packet on the wire counts as queued). `mark_above`:
// ECN-capable datagrams that find more bytes than this waiting get CE (RFC 3168 5); 0 = never.
// From `changes_at` on packets go onto the wire at the other rate; the queue stays what it is.
struct Bandwidth {
  std::uint64_t bits_per_second{};
  std::uint64_t queue_bytes = 64 * 1024;
  std::uint64_t mark_above = 0;
  Duration changes_at = kForever;
  std::uint64_t bits_per_second_then = 0;
};

// Each datagram is lost independently.
struct Loss {
  double probability{};
};

// Gilbert's model: losses in bursts. Each datagram may change the state before it meets its fate;
// in the bad state everything is lost. Mean burst: 1 / leave.
struct BurstLoss {
  double enter{};
  double leave{};
};

// A datagram is held back for up to `delay`, so that later ones overtake it.
struct Reorder {
  double probability{};
  Duration delay{};
};

// A second copy follows within `delay`.
struct Duplicate {
  double probability{};
  Duration delay{};
};

// Flips bits of the payload, as a middlebox that recomputes checksums would.
struct Corrupt {
  double probability{};
  std::uint32_t bits = 1;
};

// IP packets above this size vanish without a word, as on a path whose ICMP is filtered.
struct Mtu {
  std::uint32_t bytes{};
};

// Congestion experienced: ECT(0) and ECT(1) become CE. Datagrams without ECT are left alone.
struct EcnMark {
  double probability = 1;
};

// A router that rewrites the ECN bits of everything, most often to zero (RFC 9000 13.4.2).
struct EcnBleach {
  io::Ecn to = io::Ecn::not_ect;
};

// Nothing passes from `from` until `to`; with `above` only payloads larger than that are swallowed.
struct BlackHole {
  Duration from{};
  Duration to = kForever;
  std::size_t above = 0;
};

// Whatever the test wants dropped. `index` counts the datagrams that reached this link, from 0.
struct Drop {
  std::function<bool(const Datagram& datagram, std::uint64_t index)> when;
};

// Drops the datagrams with these indices: drop_these({0, 2}) loses the first and the third.
Drop drop_these(std::vector<std::uint64_t> indices);

// Whatever the test wants changed: payload, ECN, addresses.
struct Rewrite {
  std::function<void(Datagram& datagram, std::uint64_t index)> with;
};

enum class NatChange : std::uint8_t {
  port,     // same public address, new port: what a home router does when its mapping timed out
  address,  // new public address, same port
  both,     // from Wi-Fi to the mobile network
};

// A NAT in front of the first host of connect(): from `at` on its datagrams leave from a new
// source address; what the peer sends there is mapped back. What it still sends to the address
// before is dropped unless `keep_old`. Several in one path happen one after the other.
// (RFC 9000 9.3.3: the connection must survive.)
struct Rebind {
  Duration at{};
  NatChange change = NatChange::port;
  bool keep_old = false;
};

using LinkSpec = std::variant<Delay, Bandwidth, Loss, BurstLoss, Reorder, Duplicate, Corrupt, Mtu,
                              EcnMark, EcnBleach, BlackHole, Drop, Rewrite, Rebind>;
using Path = std::vector<LinkSpec>;

inline namespace literals {

consteval std::uint64_t operator""_kbit(unsigned long long n) { return n * 1'000; }
consteval std::uint64_t operator""_Mbit(unsigned long long n) { return n * 1'000'000; }
consteval std::uint64_t operator""_Gbit(unsigned long long n) { return n * 1'000'000'000; }
consteval std::uint64_t operator""_KiB(unsigned long long n) { return n * 1024; }
consteval std::uint64_t operator""_MiB(unsigned long long n) { return n * 1024 * 1024; }

}  // namespace literals
}  // namespace quicore::sim
