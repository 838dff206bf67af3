// SPDX-License-Identifier: Apache-2.0
//
// Checkers that watch a world from outside and know of QUIC only what everybody on the path can see
// (RFC 8999, the unprotected bits of RFC 9000 17.2).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "io/sim/nat.h"
#include "io/sim/trace.h"

namespace quicore::sim {

// Whether a server that receives this datagram may take the sender's address for validated
// (RFC 9000 8.1): it holds a Handshake packet, an Initial packet with a token, or a 1-RTT packet.
// Generous: it cannot tell a good token from a bad one, nor a 1-RTT packet of a client that has
// moved (RFC 9000 9.3.1) from one of a client that has not.
bool may_validate_address(std::span<const std::byte> datagram) noexcept;

// RFC 9000 8.1: to an address that is not validated, at most three times what came from it.
class AmplificationChecker {
 public:
  using Validates = std::function<bool(std::span<const std::byte> datagram)>;

  static constexpr std::uint64_t kFactor = 3;

  AmplificationChecker(std::string server, Validates validates);

  // Feed it every sight; returns what is wrong.
  std::optional<std::string> see(const Sight& sight);

 private:
  struct Peer {
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
    bool validated = false;
  };

  std::string server_;
  Validates validates_;
  std::unordered_map<Address, Peer, AddressHash> peers_;
};

}  // namespace quicore::sim
