// SPDX-License-Identifier: Apache-2.0
//
// A link at work: one per entry of a Path and direction. A link knows no queue of events; it says
// what becomes of a datagram, and the Lane (lane.h) makes it happen.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "io/sim/datagram.h"
#include "io/sim/links.h"
#include "io/sim/random.h"
#include "io/time.h"

namespace quicore::sim {

struct LinkStats {
  std::uint64_t datagrams = 0;  // that reached the link
  std::uint64_t bytes = 0;      // of IP packets
  std::uint64_t dropped = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t held = 0;           // arrived later than without this link
  std::uint64_t changed = 0;        // payload, ECN bits or addresses
  std::uint64_t longest_queue = 0;  // bytes; Bandwidth only
  Duration waited{};  // all of them together, before they went onto the wire; the same
};

struct Fate {
  const char* drop = nullptr;  // the reason; everything below is then ignored
  Duration hold{};
  std::optional<Duration> copy{};  // a duplicate follows after this time
  bool changed = false;
};

class Link {
 public:
  explicit Link(const char* name) noexcept : name_(name) {}
  virtual ~Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // `now` counts from the start of the world and never goes back.
  Fate pass(Datagram& datagram, Duration now);

  const LinkStats& stats() const noexcept { return stats_; }
  const char* name() const noexcept { return name_; }

 protected:
  virtual Fate decide(Datagram& datagram, Duration now) = 0;
  LinkStats stats_;

 private:
  const char* name_;
};

// Nullptr for a Rebind: that is no link but the Nat at the edge of the path (nat.h).
std::unique_ptr<Link> make_link(const LinkSpec& spec, const Random& random);

}  // namespace quicore::sim
