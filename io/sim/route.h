// SPDX-License-Identifier: Apache-2.0
//
// What World::connect built: the two lanes between two hosts and the NAT in front of the first.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "io/sim/host.h"
#include "io/sim/lane.h"
#include "io/sim/nat.h"

namespace quicore::sim {

// A host, or one of its addresses: a route between two addresses goes before one between hosts.
struct End {
  End(Host& whole) : host(&whole) {}  // NOLINT(google-explicit-constructor): reads as a drawing
  End(Host& of, const Address& address) : host(&of), only(address.host()) {}
  Host* host;
  Address only;  // empty: all of the host's
};

class Route {
 public:
  Route(const End& first, const End& second, Nat nat)
      : first_(first), second_(second), nat_(std::move(nat)) {}

  // From the first host of connect() to the second, and back.
  Lane& there() noexcept { return *there_; }
  Lane& back() noexcept { return *back_; }
  Nat& nat() noexcept { return nat_; }

  // Both directions become this path (whose Rebinds are ignored: see World::rebind).
  void replace(const Path& path) {
    there_->replace(path);
    back_->replace({path.rbegin(), path.rend()});
  }

 private:
  friend class World;

  const End first_;
  const End second_;
  Nat nat_;
  std::unique_ptr<Lane> there_;
  std::unique_ptr<Lane> back_;
};

}  // namespace quicore::sim
