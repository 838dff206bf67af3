// SPDX-License-Identifier: Apache-2.0
//
// Clients of one host that begin handshakes with a server and never answer it.
//
//   DeafClients deaf(world, host, "raw");
//   deaf.knock(server.address(), 300);
//
// Lifetime: within that of the world and the host.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/hostile_endpoint.h"

namespace quicore::test {

class DeafClients {
 public:
  DeafClients(sim::World& world, sim::Host& host, std::string alpn)
      : world_(world), host_(host), alpn_(std::move(alpn)) {}

  void knock(const Address& server, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      HostileOptions options;
      options.alpn = alpn_;
      options.on_datagram = [](std::string_view) { return false; };
      clients_.push_back(std::make_unique<HostileEndpoint>(world_, host_, options));
      clients_.back()->connect(server);
    }
  }

 private:
  sim::World& world_;
  sim::Host& host_;
  std::string alpn_;
  std::vector<std::unique_ptr<HostileEndpoint>> clients_;
};

}  // namespace quicore::test
