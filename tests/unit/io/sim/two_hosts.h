// SPDX-License-Identifier: Apache-2.0
//
// Two hosts with one plain node each: what the tests of links, ports and worlds talk through.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "io/buf.h"
#include "io/sim/world.h"
#include "tests/support/sim_test.h"

namespace quicore::sim {

using namespace std::chrono_literals;

// A node that keeps what it receives and sends what the test tells it to.
class Peer {
 public:
  struct Received {
    Duration at;
    Address remote;
    Address local;
    io::Ecn ecn;
    std::string payload;
    std::size_t train;  // index of the train it came in
    io::SocketId socket;
  };

  Peer(World& world, Host& host, const io::SocketOptions& options, const PortOptions& ports = {})
      : world_(world), port(world.add_port(host, ports)) {
    auto opened = port->open(options);
    EXPECT_TRUE(opened.has_value());
    socket = *opened;
    world.drive(*port, [this](Instant) { turn(); });
  }

  Address address() const {
    Address address = port->host().address(Family::ipv4);
    address.set_port(port->local_address(socket).port());
    return address;
  }

  void send(const Address& to, std::string_view payload, io::Ecn ecn = io::Ecn::not_ect) {
    send_train(to, payload, static_cast<std::uint32_t>(payload.size()), ecn);
  }
  void send_train(const Address& to, std::string_view bytes, std::uint32_t segment,
                  io::Ecn ecn = io::Ecn::not_ect, const Address& from = {}) {
    io::SendSlot* slot = port->lease();
    ASSERT_NE(slot, nullptr);
    std::memcpy(slot->bytes, bytes.data(), bytes.size());
    slot->size = static_cast<std::uint32_t>(bytes.size());
    slot->segment_size = segment;
    slot->socket = socket;
    slot->ecn = ecn;
    slot->remote = to;
    slot->local = from;
    port->send(slot);
  }

  std::vector<std::string> payloads() const {
    std::vector<std::string> all;
    for (const Received& datagram : received) all.push_back(datagram.payload);
    return all;
  }

  Instant deadline = kNever;
  int turns = 0;
  std::vector<Received> received;
  std::function<void()> on_received;

 private:
  void turn() {
    ++turns;
    port->wait(deadline);
    for (const io::ReceivedTrain& train : port->received()) {
      for (std::size_t at = 0; at < train.bytes.size(); at += train.segment_size) {
        const auto size = std::min<std::size_t>(train.segment_size, train.bytes.size() - at);
        received.push_back({world_.elapsed(), train.remote, train.local, train.ecn,
                            std::string(as_text(train.bytes.subspan(at, size))), trains_,
                            train.socket});
      }
      ++trains_;
    }
    if (!port->received().empty() && on_received) on_received();
  }
  World& world_;
  std::size_t trains_ = 0;

 public:
  std::unique_ptr<SimPort> port;
  io::SocketId socket{};
};

inline io::SocketOptions bound_to(const Address& address) {
  io::SocketOptions options;
  options.bind_address = address;
  return options;
}

inline io::SocketOptions any_port(Family family = Family::ipv4) {
  return bound_to(Address::any(family, 0));
}

inline std::string numbered(int i) {
  const std::string digits = std::to_string(i);
  return std::string(4 - digits.size(), '0') + digits;
}

// A sends, B receives; the network between them is the test's.
struct TwoHosts {
  explicit TwoHosts(const Path& path, WorldOptions options = this_test())
      : world(std::move(options)),
        first(world.add_host("a")),
        second(world.add_host("b")),
        route(world.connect(first, second, path)),
        a(world, first, any_port()),
        b(world, second, bound_to(Address::any(Family::ipv4, 443))) {}

  // One datagram after the other, numbered payloads of the same size: "0000", "0001", ...
  void send_numbered(int count, io::Ecn ecn = io::Ecn::not_ect) {
    for (int i = 0; i < count; ++i) {
      a.send(b.address(), numbered(i), ecn);
      ASSERT_EQ(world.run_for(Duration::zero()), Outcome::timed_out) << world.report();
    }
  }
  void settle() { ASSERT_EQ(world.run_until_quiet(), Outcome::quiet) << world.report(); }

  World world;
  Host& first;
  Host& second;
  Route& route;
  Peer a;
  Peer b;
};

}  // namespace quicore::sim
