// SPDX-License-Identifier: Apache-2.0
#include "io/sim/lane.h"

#include <cinttypes>
#include <cstdio>
#include <utility>

namespace quicore::sim {

Lane::Lane(std::string name, const Path& path, const Random& random, Timeline& timeline,
           Trace& trace, Arrive arrive)
    : name_(std::move(name)),
      random_(random),
      timeline_(timeline),
      trace_(trace),
      arrive_(std::move(arrive)) {
  replace(path);
}

void Lane::replace(const Path& path) {
  auto links = std::make_shared<Links>();
  for (const LinkSpec& spec : path) {
    if (auto link = make_link(spec, random_.fork())) links->push_back(std::move(link));
  }
  links_ = std::move(links);
}

void Lane::pass(const std::shared_ptr<Links>& links, DatagramPtr datagram, std::size_t index) {
  for (; index < links->size(); ++index) {
    const Fate fate = (*links)[index]->pass(*datagram, timeline_.elapsed());
    if (fate.drop != nullptr) {
      trace_.record(What::dropped, name_, *datagram, fate.drop);
      return;
    }
    if (fate.copy) {
      trace_.record(What::duplicated, name_, *datagram);
      pass_later(links, std::make_unique<Datagram>(*datagram), index + 1, *fate.copy);
    }
    if (fate.hold > Duration::zero()) {
      pass_later(links, std::move(datagram), index + 1, fate.hold);
      return;
    }
  }
  arrive_(std::move(datagram));
}

void Lane::pass_later(std::shared_ptr<Links> links, DatagramPtr datagram, std::size_t index,
                      Duration delay) {
  ++in_flight_;
  timeline_.after(
      delay, [this, links = std::move(links), datagram = std::move(datagram), index]() mutable {
        --in_flight_;
        pass(links, std::move(datagram), index);
      });
}

std::string Lane::statistics() const {
  std::string all;
  for (const auto& link : *links_) {
    const LinkStats& stats = link->stats();
    char text[256];
    std::snprintf(text, sizeof text,
                  "  %s, %s: %" PRIu64 " datagrams, %" PRIu64 " bytes, %" PRIu64
                  " dropped, %" PRIu64 " duplicated, %" PRIu64 " held, %" PRIu64
                  " changed, longest queue %" PRIu64 "\n",
                  name_.c_str(), link->name(), stats.datagrams, stats.bytes, stats.dropped,
                  stats.duplicated, stats.held, stats.changed, stats.longest_queue);
    all += text;
  }
  return all;
}

}  // namespace quicore::sim
