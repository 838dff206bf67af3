// SPDX-License-Identifier: Apache-2.0
//
// One direction of a path at work: moves datagrams through its links in virtual time and counts
// that none is lost without a reason.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/sim/link.h"
#include "io/sim/timeline.h"
#include "io/sim/trace.h"

namespace quicore::sim {

class Lane {
 public:
  // Called with each datagram that came through.
  using Arrive = std::move_only_function<void(DatagramPtr)>;

  // `name` is what drops are recorded under; it and the others must outlive the Lane.
  Lane(std::string name, const Path& path, const Random& random, Timeline& timeline, Trace& trace,
       Arrive arrive);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  void send(DatagramPtr datagram) {
    const auto links = links_;
    pass(links, std::move(datagram), 0);
  }

  // From now on the path is another one. What is under way arrives by the old one.
  void replace(const Path& path);

  const std::string& name() const noexcept { return name_; }
  std::uint64_t in_flight() const noexcept { return in_flight_; }
  // The present links, in the order of the Path (without its Rebinds).
  std::size_t link_count() const noexcept { return links_->size(); }
  const Link& link(std::size_t index) const { return *links_->at(index); }
  // One line per link.
  std::string statistics() const;

 private:
  using Links = std::vector<std::unique_ptr<Link>>;

  // `links`: a datagram stays on those it began with, also when replace() happens meanwhile.
  void pass(const std::shared_ptr<Links>& links, DatagramPtr datagram, std::size_t index);
  void pass_later(std::shared_ptr<Links> links, DatagramPtr datagram, std::size_t index,
                  Duration delay);

  std::string name_;
  Random random_;
  Timeline& timeline_;
  Trace& trace_;
  Arrive arrive_;
  std::shared_ptr<Links> links_;
  std::uint64_t in_flight_ = 0;
};

}  // namespace quicore::sim
