// SPDX-License-Identifier: Apache-2.0
//
// The address translation in front of one host: nothing until the first Rebind happens, then a new
// public address for everything the host sends, and the way back for what is sent there.
// RFC 9000 9.3.3 (NAT rebinding).
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "io/sim/datagram.h"
#include "io/sim/links.h"
#include "io/sim/random.h"
#include "io/time.h"

namespace quicore::sim {

struct AddressHash {
  std::size_t operator()(const Address& address) const noexcept { return address.hash(); }
};

class Nat {
 public:
  // Hands out an unused public IP address that the network routes to `inside`'s host.
  using Allocate = std::function<Address(const Address& inside)>;

  Nat(std::vector<Rebind> rebinds, const Random& random, Allocate allocate);

  // One more change, from `rebind.at` on; that must not lie before another one's time.
  void add(const Rebind& rebind);

  // On the way out: rewrites the source address.
  void translate_out(Datagram& datagram, Duration now);
  // On the way in: rewrites the destination address. Returns why it must be dropped, or nullptr.
  const char* translate_in(Datagram& datagram, Duration now) const;

 private:
  struct Mapping {
    Address address;    // the other side's
    std::size_t since;  // the number of rebinds that had happened: the mapping's generation
  };

  std::size_t generation(Duration now) const noexcept;
  bool alive(std::size_t since, std::size_t current) const noexcept;
  Address changed(Address outside, std::size_t generation, const Address& inside);

  std::vector<Rebind> rebinds_;  // in order of time
  Random random_;
  Allocate allocate_;
  std::unordered_map<Address, Mapping, AddressHash> out_;  // inside -> newest outside
  std::unordered_map<Address, Mapping, AddressHash> in_;   // outside -> inside
  // Public IP addresses by generation (index) and inside IP address.
  std::vector<std::unordered_map<Address, Address, AddressHash>> public_;
};

}  // namespace quicore::sim
