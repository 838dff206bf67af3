// SPDX-License-Identifier: Apache-2.0
//
// A machine of the simulated network: its IP addresses and its table of UDP sockets, shared by the
// SimPorts (shards) that run on it. Does what the kernel does between wire and socket: finds the
// socket, joins datagrams (GRO), steers inside reuse-port groups, drops what has no room.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/port.h"
#include "io/sim/datagram.h"
#include "io/sim/random.h"
#include "io/sim/trace.h"

namespace quicore::sim {

class SimPort;

// How a host joins datagrams of one address pair, ECN mark and size into a train.
enum class Gro : std::uint8_t {
  off,     // every datagram arrives alone
  full,    // whatever waits and can be joined is joined
  random,  // each with even odds, as timing would have it
};

// Datagrams that were joined; handed to the port as one ReceivedTrain.
struct Train {
  std::uint64_t number = 0;  // in the order of arrival at the host
  std::size_t bytes = 0;
  std::vector<DatagramPtr> datagrams;
};

struct Socket {
  SimPort* port = nullptr;
  io::SocketOptions options;
  Address bound;         // options.bind_address with the port that was chosen
  std::size_t room = 0;  // receive buffer, bytes of payload
  std::deque<Train> queue;
  std::size_t queued_bytes = 0;
};

class Host {
 public:
  // Made by World::add_host.
  Host(std::string name, const Random& random, Trace& trace, Gro gro);
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  const std::string& name() const noexcept { return name_; }

  // The first address of the family; port 0.
  Address address(Family family = Family::ipv4) const;
  // The same with a port, to connect to.
  Address address_with_port(std::uint16_t port, Family family = Family::ipv4) const;
  // Loopback addresses are local everywhere.
  bool is_local(const Address& address) const noexcept;

  // An address went away with its interface: sends from it are refused, arrivals dropped.
  void remove_address(const Address& address);

  // Of endpoints opened from now on.
  void set_wall_clock_offset(Duration offset) noexcept { wall_clock_offset_ = offset; }
  Duration wall_clock_offset() const noexcept { return wall_clock_offset_; }

  // What Port::is_busy() of its shards tells: time does not pass while they work.
  void set_busy(bool busy) noexcept { busy_ = busy; }
  bool is_busy() const noexcept { return busy_; }

  // IP packets larger than this are refused with EMSGSIZE when they are sent. As large as on
  // loopback unless set.
  void set_mtu(std::uint32_t bytes) noexcept { mtu_ = bytes; }
  std::uint32_t mtu() const noexcept { return mtu_; }

  void set_gro(Gro gro) noexcept { gro_ = gro; }

  // --- for World and SimPort ---
  void add_address(const Address& address) { addresses_.push_back(address.host()); }
  // bind(2): EADDRNOTAVAIL, EADDRINUSE, an ephemeral port for port 0.
  Result<std::unique_ptr<Socket>> bind(SimPort& port, const io::SocketOptions& options);
  void unbind(Socket& socket);
  // Puts the datagram into the queue of the socket it belongs to.
  void arrive(DatagramPtr datagram);
  // Where a datagram to `remote` leaves from: `wanted` if it is local, else the socket's address,
  // else the first address of the family. Nothing: there is no such address here.
  std::optional<Address> source_for(const Socket& socket, const Address& remote,
                                    const Address& wanted) const;
  std::size_t queued_datagrams() const noexcept;

 private:
  using Group = std::vector<Socket*>;  // sockets of one bound address, as the kernel numbers them

  Group* group_of(const Address& bound);
  Group* find_group(const Address& destination);
  bool in_use(const Address& bind_address, const io::SocketOptions& options) const;
  Result<std::uint16_t> ephemeral_port(const io::SocketOptions& options);
  Socket& steer(const Group& group, const Datagram& datagram) const;
  Train* train_to_join(const Group& group, const Datagram& datagram, Socket*& owner);

  std::string name_;
  Random random_;
  Trace& trace_;
  Gro gro_;
  Duration wall_clock_offset_ = Duration::zero();
  bool busy_ = false;
  std::uint32_t mtu_ = 65535;
  std::vector<Address> addresses_;
  std::vector<Group> groups_;
  std::uint64_t next_train_ = 0;
};

// ::ffff:a.b.c.d: how an IPv6 socket that is open to both families sees an IPv4 address.
Address mapped_to_ipv6(const Address& ipv4) noexcept;

}  // namespace quicore::sim
