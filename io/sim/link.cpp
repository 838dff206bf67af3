// SPDX-License-Identifier: Apache-2.0
#include "io/sim/link.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "io/check.h"

namespace quicore::sim {
namespace {

class DelayLink final : public Link {
 public:
  DelayLink(Delay spec, const Random& random) : Link("delay"), spec_(spec), random_(random) {}

 private:
  Fate decide(Datagram&, Duration now) override {
    const Duration due = now + spec_.delay + random_.up_to(spec_.jitter);
    last_ = std::max(last_, due);
    return {.hold = last_ - now};
  }
  Delay spec_;
  Random random_;
  Duration last_{};
};

class BandwidthLink final : public Link {
 public:
  explicit BandwidthLink(Bandwidth spec) : Link("bandwidth"), spec_(spec) {
    QUICORE_CHECK(spec.bits_per_second > 0);
    QUICORE_CHECK(spec.changes_at == kForever || spec.bits_per_second_then > 0);
  }

 private:
  struct Waiting {
    Duration leaves;
    std::uint64_t size;
  };

  Fate decide(Datagram& datagram, Duration now) override {
    while (!queue_.empty() && queue_.front().leaves <= now) {
      queued_ -= queue_.front().size;
      queue_.pop_front();
    }
    const std::uint64_t size = datagram.wire_size();
    // An idle link takes a packet of any size: nothing has to wait.
    if (!queue_.empty() && queued_ + size > spec_.queue_bytes) return {.drop = "queue full"};
    Fate fate;
    if (spec_.mark_above > 0 && queued_ > spec_.mark_above && capable(datagram.ecn)) {
      datagram.ecn = io::Ecn::ce;
      fate.changed = true;
    }
    const Duration starts = queue_.empty() ? now : queue_.back().leaves;
    const Duration leaves = starts + time_on_wire(size, starts);
    queue_.push_back({leaves, size});
    queued_ += size;
    stats_.longest_queue = std::max(stats_.longest_queue, queued_);
    stats_.waited += starts - now;
    fate.hold = leaves - now;
    return fate;
  }
  static bool capable(io::Ecn ecn) { return ecn == io::Ecn::ect0 || ecn == io::Ecn::ect1; }
  Duration time_on_wire(std::uint64_t size, Duration starts) const {
    const std::uint64_t rate =
        starts < spec_.changes_at ? spec_.bits_per_second : spec_.bits_per_second_then;
    return Duration(static_cast<Duration::rep>(size * 8 * 1'000'000'000 / rate));
  }

  Bandwidth spec_;
  std::deque<Waiting> queue_;  // the front one is on the wire
  std::uint64_t queued_ = 0;
};

class LossLink final : public Link {
 public:
  LossLink(Loss spec, const Random& random) : Link("loss"), spec_(spec), random_(random) {}

 private:
  Fate decide(Datagram&, Duration) override {
    return {.drop = random_.chance(spec_.probability) ? "loss" : nullptr};
  }
  Loss spec_;
  Random random_;
};

class BurstLossLink final : public Link {
 public:
  BurstLossLink(BurstLoss spec, const Random& random)
      : Link("burst loss"), spec_(spec), random_(random) {}

 private:
  Fate decide(Datagram&, Duration) override {
    if (random_.chance(bad_ ? spec_.leave : spec_.enter)) bad_ = !bad_;
    return {.drop = bad_ ? "burst loss" : nullptr};
  }
  BurstLoss spec_;
  Random random_;
  bool bad_ = false;
};

class ReorderLink final : public Link {
 public:
  ReorderLink(Reorder spec, const Random& random) : Link("reorder"), spec_(spec), random_(random) {}

 private:
  Fate decide(Datagram&, Duration) override {
    if (!random_.chance(spec_.probability)) return {};
    return {.hold = random_.up_to(spec_.delay)};
  }
  Reorder spec_;
  Random random_;
};

class DuplicateLink final : public Link {
 public:
  DuplicateLink(Duplicate spec, const Random& random)
      : Link("duplicate"), spec_(spec), random_(random) {}

 private:
  Fate decide(Datagram&, Duration) override {
    if (!random_.chance(spec_.probability)) return {};
    return {.copy = random_.up_to(spec_.delay)};
  }
  Duplicate spec_;
  Random random_;
};

class CorruptLink final : public Link {
 public:
  CorruptLink(Corrupt spec, const Random& random) : Link("corrupt"), spec_(spec), random_(random) {}

 private:
  Fate decide(Datagram& datagram, Duration) override {
    if (datagram.payload.empty() || !random_.chance(spec_.probability)) return {};
    for (std::uint32_t i = 0; i < spec_.bits; ++i) {
      const std::uint64_t bit = random_.below(datagram.payload.size() * 8);
      datagram.payload[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    }
    return {.changed = true};
  }
  Corrupt spec_;
  Random random_;
};

class MtuLink final : public Link {
 public:
  explicit MtuLink(Mtu spec) : Link("mtu"), spec_(spec) {}

 private:
  Fate decide(Datagram& datagram, Duration) override {
    return {.drop = datagram.wire_size() > spec_.bytes ? "larger than the MTU" : nullptr};
  }
  Mtu spec_;
};

class EcnMarkLink final : public Link {
 public:
  EcnMarkLink(EcnMark spec, const Random& random)
      : Link("ecn mark"), spec_(spec), random_(random) {}

 private:
  Fate decide(Datagram& datagram, Duration) override {
    const bool hit = random_.chance(spec_.probability);
    if (!hit || datagram.ecn == io::Ecn::not_ect || datagram.ecn == io::Ecn::ce) return {};
    datagram.ecn = io::Ecn::ce;
    return {.changed = true};
  }
  EcnMark spec_;
  Random random_;
};

class EcnBleachLink final : public Link {
 public:
  explicit EcnBleachLink(EcnBleach spec) : Link("ecn bleach"), spec_(spec) {}

 private:
  Fate decide(Datagram& datagram, Duration) override {
    return {.changed = std::exchange(datagram.ecn, spec_.to) != spec_.to};
  }
  EcnBleach spec_;
};

class BlackHoleLink final : public Link {
 public:
  explicit BlackHoleLink(BlackHole spec) : Link("black hole"), spec_(spec) {}

 private:
  Fate decide(Datagram& datagram, Duration now) override {
    const bool open = now >= spec_.from && now < spec_.to;
    const bool swallowed = open && datagram.payload.size() > spec_.above;
    return {.drop = swallowed ? "black hole" : nullptr};
  }
  BlackHole spec_;
};

class DropLink final : public Link {
 public:
  explicit DropLink(Drop spec) : Link("drop"), spec_(std::move(spec)) {}

 private:
  Fate decide(Datagram& datagram, Duration) override {
    return {.drop = spec_.when(datagram, index_++) ? "drop" : nullptr};
  }
  Drop spec_;
  std::uint64_t index_ = 0;
};

class RewriteLink final : public Link {
 public:
  explicit RewriteLink(Rewrite spec) : Link("rewrite"), spec_(std::move(spec)) {}

 private:
  Fate decide(Datagram& datagram, Duration) override {
    const Datagram before = datagram;
    spec_.with(datagram, index_++);
    return {.changed = before.payload != datagram.payload || before.ecn != datagram.ecn ||
                       !(before.source == datagram.source) ||
                       !(before.destination == datagram.destination)};
  }
  Rewrite spec_;
  std::uint64_t index_ = 0;
};

struct Make {
  Random random;
  template <class Made, class Spec>
  static std::unique_ptr<Link> plain(const Spec& spec) {
    return std::make_unique<Made>(spec);
  }
  template <class Made, class Spec>
  std::unique_ptr<Link> chancy(const Spec& spec) const {
    return std::make_unique<Made>(spec, random);
  }
  auto operator()(const Delay& spec) const { return chancy<DelayLink>(spec); }
  auto operator()(const Bandwidth& spec) const { return plain<BandwidthLink>(spec); }
  auto operator()(const Loss& spec) const { return chancy<LossLink>(spec); }
  auto operator()(const BurstLoss& spec) const { return chancy<BurstLossLink>(spec); }
  auto operator()(const Reorder& spec) const { return chancy<ReorderLink>(spec); }
  auto operator()(const Duplicate& spec) const { return chancy<DuplicateLink>(spec); }
  auto operator()(const Corrupt& spec) const { return chancy<CorruptLink>(spec); }
  auto operator()(const Mtu& spec) const { return plain<MtuLink>(spec); }
  auto operator()(const EcnMark& spec) const { return chancy<EcnMarkLink>(spec); }
  auto operator()(const EcnBleach& spec) const { return plain<EcnBleachLink>(spec); }
  auto operator()(const BlackHole& spec) const { return plain<BlackHoleLink>(spec); }
  auto operator()(const Drop& spec) const { return plain<DropLink>(spec); }
  auto operator()(const Rewrite& spec) const { return plain<RewriteLink>(spec); }
  std::unique_ptr<Link> operator()(const Rebind&) const { return nullptr; }
};

}  // namespace

Fate Link::pass(Datagram& datagram, Duration now) {
  ++stats_.datagrams;
  stats_.bytes += datagram.wire_size();
  const Fate fate = decide(datagram, now);
  QUICORE_CHECK(fate.hold >= Duration::zero());
  if (fate.drop != nullptr) {
    ++stats_.dropped;
    return fate;
  }
  if (fate.hold > Duration::zero()) ++stats_.held;
  if (fate.copy) ++stats_.duplicated;
  if (fate.changed) ++stats_.changed;
  return fate;
}

std::unique_ptr<Link> make_link(const LinkSpec& spec, const Random& random) {
  return std::visit(Make{random}, spec);
}

Drop drop_these(std::vector<std::uint64_t> indices) {
  return {[indices = std::move(indices)](const Datagram&, std::uint64_t index) {
    return std::find(indices.begin(), indices.end(), index) != indices.end();
  }};
}

std::uint64_t digest(std::span<const std::byte> bytes) noexcept {
  constexpr std::uint64_t kPrime = 0x100000001b3;
  std::uint64_t hash = 0xcbf29ce484222325 ^ bytes.size();
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    hash = (hash ^ word) * kPrime;
    hash ^= hash >> 29;
  }
  for (const std::byte byte : bytes) hash = (hash ^ static_cast<std::uint8_t>(byte)) * kPrime;
  return hash;
}

}  // namespace quicore::sim
