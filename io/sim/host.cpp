// SPDX-License-Identifier: Apache-2.0
#include "io/sim/host.h"

#include <errno.h>
#include <netinet/in.h>

#include <algorithm>
#include <utility>

#include "io/check.h"
#include "io/steering.h"

namespace quicore::sim {
namespace {

// Linux's ip_local_port_range.
constexpr std::uint16_t kFirstEphemeralPort = 32768;
constexpr std::uint16_t kLastEphemeralPort = 60999;
// "As large as helps": what UringPort asks for is in io/limits.h; the simulator only needs a bound.
constexpr std::size_t kDefaultRoom = 8 * 1024 * 1024;

bool families_meet(const Address& a, bool a_ipv6_only, const Address& b, bool b_ipv6_only) {
  if (a.family() == b.family()) return true;
  return a.family() == Family::ipv6 ? !a_ipv6_only && a.is_any() : !b_ipv6_only && b.is_any();
}

bool same_ip(const Address& a, const Address& b) { return a.host() == b.host(); }

bool joins(const Train& train, const Datagram& next) {
  const Datagram& first = *train.datagrams.front();
  const std::size_t stride = first.payload.size();
  return first.source == next.source && first.destination == next.destination &&
         first.ecn == next.ecn && train.datagrams.back()->payload.size() == stride &&
         next.payload.size() <= stride && train.datagrams.size() < io::kMaxTrainSegments &&
         train.bytes + next.payload.size() <= kLargestPayload;
}

std::uint64_t flow_hash(const Datagram& datagram) {
  return datagram.source.hash() * 31 + datagram.destination.hash();
}

}  // namespace

Host::Host(std::string name, const Random& random, Trace& trace, Gro gro)
    : name_(std::move(name)), random_(random), trace_(trace), gro_(gro) {}

Address Host::address(Family family) const { return address_with_port(0, family); }

Address Host::address_with_port(std::uint16_t port, Family family) const {
  const auto found = std::find_if(addresses_.begin(), addresses_.end(),
                                  [family](const Address& a) { return a.family() == family; });
  if (found == addresses_.end()) return {};
  Address address = *found;
  address.set_port(port);
  return address;
}

bool Host::is_local(const Address& address) const noexcept {
  return address.is_loopback() ||
         std::any_of(addresses_.begin(), addresses_.end(),
                     [&](const Address& a) { return same_ip(a, address); });
}

void Host::remove_address(const Address& address) {
  std::erase_if(addresses_, [&](const Address& a) { return same_ip(a, address); });
}

Result<std::unique_ptr<Socket>> Host::bind(SimPort& port, const io::SocketOptions& options) {
  if (options.bind_address.empty()) {
    return failure(Errc::invalid_argument,
                   "bind_address is empty; give Address::any or a local one");
  }
  const Address wanted = options.bind_address;
  if (!wanted.is_any() && !is_local(wanted)) {
    return std::unexpected(Error::system(EADDRNOTAVAIL, name_ + " has no address " + wanted.ip()));
  }
  auto socket = std::make_unique<Socket>();
  socket->port = &port;
  socket->options = options;
  socket->bound = wanted;
  socket->room =
      static_cast<std::size_t>(options.receive_buffer.value_or(static_cast<int>(kDefaultRoom)));
  if (wanted.port() == 0) {
    const auto chosen = ephemeral_port(options);
    if (!chosen) return std::unexpected(chosen.error());
    socket->bound.set_port(*chosen);
  } else if (in_use(wanted, options)) {
    return std::unexpected(
        Error::system(EADDRINUSE, wanted.to_string() + " is in use on " + name_));
  }
  if (Group* group = group_of(socket->bound)) {
    group->push_back(socket.get());
  } else {
    groups_.push_back({socket.get()});
  }
  return socket;
}

void Host::unbind(Socket& socket) {
  for (const Train& train : socket.queue) {
    for (const DatagramPtr& datagram : train.datagrams) {
      trace_.record(What::dropped, name_, *datagram, "socket closed");
    }
  }
  socket.queue.clear();
  Group* group = group_of(socket.bound);
  QUICORE_CHECK(group != nullptr);
  // The kernel moves the last socket of a reuse-port group into the hole.
  const auto place = std::find(group->begin(), group->end(), &socket);
  QUICORE_CHECK(place != group->end());
  *place = group->back();
  group->pop_back();
  std::erase_if(groups_, [](const Group& g) { return g.empty(); });
}

void Host::arrive(DatagramPtr datagram) {
  Group* group = find_group(datagram->destination);
  if (group == nullptr) {
    trace_.record(What::dropped, name_, *datagram, "no socket");
    return;
  }
  Socket* socket = nullptr;
  Train* train = train_to_join(*group, *datagram, socket);
  if (train == nullptr) socket = &steer(*group, *datagram);
  const std::size_t size = datagram->payload.size();
  if (socket->queued_bytes + size > socket->room) {
    trace_.record(What::dropped, name_, *datagram, "receive buffer full");
    return;
  }
  trace_.record(What::delivered, name_, *datagram);
  if (train == nullptr) train = &socket->queue.emplace_back(Train{next_train_++, 0, {}});
  train->datagrams.push_back(std::move(datagram));
  train->bytes += size;
  socket->queued_bytes += size;
}

std::optional<Address> Host::source_for(const Socket& socket, const Address& remote,
                                        const Address& wanted) const {
  const Address ip = wanted.unmapped();
  const Address bound = socket.bound.unmapped();
  Address source;
  if (!ip.empty() && !ip.is_any()) {
    source = ip;
  } else if (!bound.is_any()) {
    source = bound;
  } else {
    source =
        remote.is_loopback() ? Address::loopback(remote.family(), 0) : address(remote.family());
  }
  if (source.family() != remote.family() || !is_local(source)) return std::nullopt;
  source.set_port(socket.bound.port());
  return source;
}

std::size_t Host::queued_datagrams() const noexcept {
  std::size_t count = 0;
  for (const Group& group : groups_) {
    for (const Socket* socket : group) {
      for (const Train& train : socket->queue) count += train.datagrams.size();
    }
  }
  return count;
}

Host::Group* Host::group_of(const Address& bound) {
  const auto found = std::find_if(groups_.begin(), groups_.end(), [&](const Group& group) {
    return group.front()->bound == bound;
  });
  return found == groups_.end() ? nullptr : &*found;
}

// The most specific one wins: the address itself, any address of the family, any of both families.
Host::Group* Host::find_group(const Address& destination) {
  if (!is_local(destination)) return nullptr;
  if (Group* group = group_of(destination)) return group;
  if (Group* group = group_of(Address::any(destination.family(), destination.port()))) return group;
  if (destination.family() == Family::ipv6) return nullptr;
  Group* group = group_of(Address::any(Family::ipv6, destination.port()));
  return group != nullptr && !group->front()->options.ipv6_only ? group : nullptr;
}

bool Host::in_use(const Address& bind_address, const io::SocketOptions& options) const {
  for (const Group& group : groups_) {
    const Socket& other = *group.front();
    if (other.bound.port() != bind_address.port()) continue;
    if (!families_meet(bind_address, options.ipv6_only, other.bound, other.options.ipv6_only)) {
      continue;
    }
    const bool overlap =
        bind_address.is_any() || other.bound.is_any() || same_ip(bind_address, other.bound);
    if (overlap && !(options.reuse_port && other.options.reuse_port)) return true;
  }
  return false;
}

Result<std::uint16_t> Host::ephemeral_port(const io::SocketOptions& options) {
  constexpr std::uint32_t kPorts = kLastEphemeralPort - kFirstEphemeralPort + 1;
  io::SocketOptions alone = options;
  alone.reuse_port = false;  // a chosen port is a new one also for a socket that would share
  const std::uint64_t start = random_.below(kPorts);
  for (std::uint32_t i = 0; i < kPorts; ++i) {
    Address candidate = options.bind_address;
    candidate.set_port(static_cast<std::uint16_t>(kFirstEphemeralPort + (start + i) % kPorts));
    if (!in_use(candidate, alone)) return candidate.port();
  }
  return std::unexpected(Error::system(EADDRINUSE, name_ + " has no free port left"));
}

// Joining comes before steering, as in the kernel: a datagram follows the train it joins even if
// its connection lives on another shard.
Train* Host::train_to_join(const Group& group, const Datagram& datagram, Socket*& owner) {
  if (gro_ == Gro::off || !group.front()->options.gro) return nullptr;
  Train* newest = nullptr;  // of this address pair
  for (Socket* socket : group) {
    for (auto train = socket->queue.rbegin(); train != socket->queue.rend(); ++train) {
      const Datagram& first = *train->datagrams.front();
      if (!(first.source == datagram.source && first.destination == datagram.destination)) continue;
      if (newest == nullptr || train->number > newest->number) {
        newest = &*train;
        owner = socket;
      }
      break;
    }
  }
  if (newest == nullptr || !joins(*newest, datagram)) return nullptr;
  if (gro_ == Gro::random && random_.chance(0.5)) return nullptr;
  return newest;
}

// An index past the end of the group (the filter counts on shards that are not there) is answered
// by the kernel with its own hash.
Socket& Host::steer(const Group& group, const Datagram& datagram) const {
  const io::SocketOptions& options = group.front()->options;
  if (options.steering && options.shard_count > 1) {
    const std::uint32_t shard = io::steer(datagram.payload, options.shard_count);
    if (shard < group.size()) return *group[shard];
  }
  return *group[flow_hash(datagram) % group.size()];
}

Address mapped_to_ipv6(const Address& ipv4) noexcept {
  sockaddr_in6 mapped{};
  mapped.sin6_family = AF_INET6;
  mapped.sin6_port = htons(ipv4.port());
  mapped.sin6_addr.s6_addr[10] = 0xff;
  mapped.sin6_addr.s6_addr[11] = 0xff;
  std::memcpy(mapped.sin6_addr.s6_addr + 12, ipv4.ip_bytes().data(), 4);
  return Address::from_sockaddr(&mapped, sizeof mapped);
}

}  // namespace quicore::sim
