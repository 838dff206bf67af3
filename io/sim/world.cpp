// SPDX-License-Identifier: Apache-2.0
#include "io/sim/world.h"

#include <algorithm>
#include <cstdio>
#include <ostream>
#include <utility>

#include "io/check.h"

namespace quicore::sim {
namespace {

// Hosts get 10.0.0.0/16 and fd00::/112, NATs the benchmarking and documentation prefixes
// 198.18.0.0/16 (RFC 2544) and 2001:db8::/112 (RFC 3849).
Address make_address(Family family, bool is_public, std::uint32_t number) {
  QUICORE_CHECK(number > 0 && number < 65536);
  char text[64];
  if (family == Family::ipv4) {
    std::snprintf(text, sizeof text, "%s.%u.%u", is_public ? "198.18" : "10.0", number >> 8,
                  number & 255);
  } else {
    std::snprintf(text, sizeof text, "%s::%x", is_public ? "2001:db8" : "fd00", number);
  }
  const auto address = Address::parse(text, 0);
  QUICORE_CHECK(address.has_value());
  return *address;
}

bool matches(const End& end, const Host& host, const Address& address) {
  return end.host == &host && (end.only.empty() || end.only == address.host());
}

int precision(const End& a, const End& b) {
  return (a.only.empty() ? 0 : 1) + (b.only.empty() ? 0 : 1);
}

Path without_rebinds(const Path& path) {
  Path rest;
  std::copy_if(path.begin(), path.end(), std::back_inserter(rest),
               [](const LinkSpec& spec) { return !std::holds_alternative<Rebind>(spec); });
  return rest;
}

}  // namespace

World::World(WorldOptions options)
    : options_(std::move(options)),
      random_(options_.seed),
      trace_(timeline_, options_.keep_whole_trace) {}

World::~World() {
  if (violations_.empty()) return;
  std::fprintf(stderr, "%s", report().c_str());
  check_failed("a checker of the simulated world objected (see above)", __FILE__, __LINE__);
}

Host& World::add_host(std::string name) {
  hosts_.push_back(std::make_unique<Host>(std::move(name), random_.fork(), trace_, options_.gro));
  Host& host = *hosts_.back();
  ++addresses_made_;
  own(host, make_address(Family::ipv4, false, addresses_made_));
  own(host, make_address(Family::ipv6, false, addresses_made_));
  return host;
}

Address World::add_address(Host& host, Family family) {
  const Address address = make_address(family, false, ++addresses_made_);
  own(host, address);
  return address;
}

void World::own(Host& host, const Address& address) {
  owners_.emplace(address.host(), Owner{&host, address.host(), false});
  host.add_address(address);
}

Route& World::connect(const End& first, const End& second, const Path& both) {
  Path back = without_rebinds(both);
  std::reverse(back.begin(), back.end());
  return connect(first, second, both, back);
}

Route& World::connect(const End& first, const End& second, const Path& there, const Path& back) {
  QUICORE_CHECK(first.host != second.host);
  QUICORE_CHECK(without_rebinds(back).size() == back.size());  // a Rebind belongs to `there`
  auto route = std::make_unique<Route>(first, second, make_nat(first, there));
  Host& a = *first.host;
  Host& b = *second.host;
  route->there_ =
      make_lane(a, b, there, [&b](DatagramPtr datagram) { b.arrive(std::move(datagram)); });
  route->back_ = make_lane(b, a, back, [this, &a, route = route.get()](DatagramPtr datagram) {
    if (const char* reason = route->nat_.translate_in(*datagram, elapsed())) {
      trace_.record(What::dropped, route->back_->name(), *datagram, reason);
      return;
    }
    a.arrive(std::move(datagram));
  });
  routes_.push_back(std::move(route));
  return *routes_.back();
}

Nat World::make_nat(const End& first, const Path& path) {
  std::vector<Rebind> rebinds;
  for (const LinkSpec& spec : path) {
    if (const auto* rebind = std::get_if<Rebind>(&spec)) rebinds.push_back(*rebind);
  }
  return Nat(std::move(rebinds), random_.fork(), [this, host = first.host](const Address& inside) {
    const Address outside = make_address(inside.family(), true, ++public_addresses_made_);
    owners_.emplace(outside.host(), Owner{host, inside.host(), true});
    return outside;
  });
}

std::unique_ptr<Lane> World::make_lane(const Host& from, const Host& to, const Path& path,
                                       Lane::Arrive arrive) {
  return std::make_unique<Lane>(from.name() + ">" + to.name(), path, random_.fork(), timeline_,
                                trace_, std::move(arrive));
}

std::unique_ptr<SimPort> World::add_port(Host& host, const PortOptions& options) {
  return std::make_unique<SimPort>(*this, host, options);
}

void World::drive(SimPort& port, Turn turn) {
  nodes_.push_back(std::make_unique<Node>(Node{&port, std::move(turn)}));
}

void World::forget(SimPort& port) noexcept {
  for (const auto& node : nodes_) {
    if (node->port == &port) node->port = nullptr;
  }
}

void World::at(Duration since_start, Timeline::Action action) {
  timeline_.at(std::max(now(), kBeginning + since_start), std::move(action));
}

void World::rebind(Route& route, NatChange change, bool keep_old) {
  route.nat_.add({elapsed(), change, keep_old});
}

void World::inject(const Address& source, const Address& destination,
                   std::span<const std::byte> payload, io::Ecn ecn) {
  auto datagram = std::make_unique<Datagram>(
      Datagram{++datagrams_made_, source, destination, ecn, {payload.begin(), payload.end()}});
  static const std::string kNowhere = "nowhere";
  trace_.record(What::sent, kNowhere, *datagram);
  const auto owner = owners_.find(destination.host());
  if (owner == owners_.end() || owner->second.is_public) {
    trace_.record(What::dropped, kNowhere, *datagram, "no route");
    return;
  }
  loop(*owner->second.host, std::move(datagram));
}

void World::transmit(Host& from, DatagramPtr datagram) {
  datagram->number = ++datagrams_made_;
  trace_.record(What::sent, from.name(), *datagram);
  if (from.is_local(datagram->destination)) return loop(from, std::move(datagram));
  const auto owner = owners_.find(datagram->destination.host());
  const Way way = owner != owners_.end() ? find_way(from, datagram->source, owner->second) : Way{};
  if (way.route == nullptr) {
    trace_.record(What::dropped, from.name(), *datagram, "no route");
    return;
  }
  if (!way.there) return way.route->back_->send(std::move(datagram));
  way.route->nat_.translate_out(*datagram, elapsed());
  way.route->there_->send(std::move(datagram));
}

World::Way World::find_way(const Host& from, const Address& source,
                           const Owner& to) const noexcept {
  Way best;
  int best_precision = -1;
  for (const auto& route : routes_) {
    const bool there = route->first_.host == &from;
    const End& near = there ? route->first_ : route->second_;
    const End& far = there ? route->second_ : route->first_;
    if (!matches(near, from, source) || !matches(far, *to.host, to.inside)) continue;
    if (precision(near, far) <= best_precision) continue;
    best_precision = precision(near, far);
    best = {route.get(), there};
  }
  return best;
}

// Through the event queue: a node never receives inside its own wait().
void World::loop(Host& host, DatagramPtr datagram) {
  ++looping_;
  timeline_.after({}, [this, &host, datagram = std::move(datagram)]() mutable {
    --looping_;
    host.arrive(std::move(datagram));
  });
}

void World::limit_amplification(Host& server, AmplificationChecker::Validates validates) {
  trace_.observe([this, checker = AmplificationChecker(server.name(), std::move(validates))](
                     const Sight& sight) mutable {
    if (auto wrong = checker.see(sight)) violated(std::move(*wrong));
  });
}

void World::violated(std::string what) { violations_.push_back(std::move(what)); }

std::vector<std::string> World::take_violations() { return std::exchange(violations_, {}); }

std::uint64_t World::in_flight() const noexcept {
  std::uint64_t count = looping_;
  for (const auto& route : routes_) count += route->there_->in_flight() + route->back_->in_flight();
  return count;
}

}  // namespace quicore::sim
