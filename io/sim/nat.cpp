// SPDX-License-Identifier: Apache-2.0
#include "io/sim/nat.h"

#include <algorithm>
#include <utility>

#include "io/check.h"

namespace quicore::sim {
namespace {

constexpr std::uint16_t kFirstPublicPort = 1024;

}  // namespace

Nat::Nat(std::vector<Rebind> rebinds, const Random& random, Allocate allocate)
    : random_(random), allocate_(std::move(allocate)), public_(1) {
  std::stable_sort(rebinds.begin(), rebinds.end(),
                   [](const Rebind& a, const Rebind& b) { return a.at < b.at; });
  for (const Rebind& rebind : rebinds) add(rebind);
}

void Nat::add(const Rebind& rebind) {
  QUICORE_CHECK(rebinds_.empty() || rebinds_.back().at <= rebind.at);
  rebinds_.push_back(rebind);
  public_.emplace_back();
}

void Nat::translate_out(Datagram& datagram, Duration now) {
  const std::size_t current = generation(now);
  if (current == 0) return;
  const Address inside = datagram.source;
  Mapping& mapping = out_.try_emplace(inside, Mapping{inside, 0}).first->second;
  while (mapping.since < current) {
    ++mapping.since;
    mapping.address = changed(mapping.address, mapping.since, inside);
    in_.insert_or_assign(mapping.address, Mapping{inside, mapping.since});
  }
  datagram.source = mapping.address;
}

const char* Nat::translate_in(Datagram& datagram, Duration now) const {
  const std::size_t current = generation(now);
  if (current == 0) return nullptr;
  const auto found = in_.find(datagram.destination);
  const std::size_t since = found != in_.end() ? found->second.since : 0;
  if (!alive(since, current)) return "NAT mapping gone";
  if (found != in_.end()) datagram.destination = found->second.address;
  return nullptr;
}

std::size_t Nat::generation(Duration now) const noexcept {
  return static_cast<std::size_t>(std::count_if(
      rebinds_.begin(), rebinds_.end(), [now](const Rebind& rebind) { return rebind.at <= now; }));
}

bool Nat::alive(std::size_t since, std::size_t current) const noexcept {
  return std::all_of(rebinds_.begin() + static_cast<std::ptrdiff_t>(since),
                     rebinds_.begin() + static_cast<std::ptrdiff_t>(current),
                     [](const Rebind& rebind) { return rebind.keep_old; });
}

Address Nat::changed(Address outside, std::size_t generation, const Address& inside) {
  const NatChange change = rebinds_[generation - 1].change;
  std::uint16_t port = outside.port();
  if (change != NatChange::port) {
    auto& known = public_[generation];
    const auto found = known.find(inside.host());
    outside = found != known.end()
                  ? found->second
                  : known.emplace(inside.host(), allocate_(inside.host())).first->second;
    outside.set_port(port);
  }
  if (change != NatChange::address) {
    do {
      port = static_cast<std::uint16_t>(kFirstPublicPort + random_.below(65536 - kFirstPublicPort));
      outside.set_port(port);
    } while (in_.contains(outside) || outside == inside || out_.contains(outside));
  }
  return outside;
}

}  // namespace quicore::sim
