// SPDX-License-Identifier: Apache-2.0
//
// The relay of main.cpp: the simulator's lanes (io/sim/lane.h), whose clock follows the real one, between
// sockets. One thread; turn() waits for the next datagram or due time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/address.h"
#include "io/sim/lane.h"
#include "io/sim/links.h"
#include "io/sim/timeline.h"
#include "io/sim/trace.h"

namespace quicore::test {

struct RelayOptions {
  Address listen;
  Address server;
  double drop = 0;
  double corrupt = 0;
  double rate = 0;              // Mbit/s; 0: no bottleneck
  double cross = 0;             // Mbit/s
  std::uint64_t queue = 25;     // packets
  Duration delay{};             // one way
  std::uint64_t lost_from = 0;  // datagrams to the server with these numbers, from 1, are lost
  std::uint64_t lost_to = 0;
  Duration hole_from = sim::kForever;
  Duration hole_to = sim::kForever;
  Duration rebind_first{};  // zero: never
  Duration rebind_every{};
  bool rebind_address = false;
  std::uint64_t seed = 1;
};

// "drop=0.3" and its like. False when it is not known.
bool take(std::string_view option, RelayOptions& options);

class Relay {
 public:
  explicit Relay(const RelayOptions& options);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  void turn();
  std::string statistics() const;

 private:
  // What a NAT knows of a client: one socket towards the server, and another after a rebinding.
  struct Client {
    int socket = -1;
  };

  sim::Path path(std::uint64_t seed) const;
  void catch_up();
  int open_towards_server() const;
  Client& client_at(const Address& address);
  void from_clients();
  void from_server(const std::string& name);
  void rebind();
  void send_cross_traffic();
  void to_server(sim::DatagramPtr datagram);
  void to_client(sim::DatagramPtr datagram);
  std::string tally(std::string_view direction, const std::map<int, std::uint64_t>& ecn) const;
  std::string span() const;

  const RelayOptions options_;
  const Instant begun_;
  sim::Timeline timeline_;
  sim::Trace trace_;
  int listening_ = -1;
  std::uint64_t number_ = 0;
  double cross_due_ = 0;  // bytes
  std::uint64_t rebindings_ = 0;
  std::map<std::string, Client> clients_;  // by what their address is called
  std::map<std::string, Address> addresses_;
  // Of what was delivered, cross traffic aside.
  std::uint64_t count_there_ = 0;
  std::uint64_t bytes_there_ = 0;
  std::uint64_t bytes_back_ = 0;
  // What the server had sent when it had seen one datagram of its first client.
  std::uint64_t sent_upon_the_first_ = 0;
  std::uint64_t size_of_the_first_ = 0;
  Duration first_{};
  Duration last_{};
  std::map<int, std::uint64_t> ecn_there_;
  std::map<int, std::uint64_t> ecn_back_;
  std::unique_ptr<sim::Lane> there_;
  std::unique_ptr<sim::Lane> back_;
};

}  // namespace quicore::test
