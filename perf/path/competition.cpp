// SPDX-License-Identifier: Apache-2.0
#include "perf/path/competition.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include "io/sim/world.h"
#include "perf/path/flow.h"

namespace quicore::perf {

namespace {

sim::Path changing(const CompetitionPlan& plan) {
  sim::Path path = there(plan.path);
  if (plan.bits_per_second_then != 0) {
    auto& bottleneck = std::get<sim::Bandwidth>(path.front());
    bottleneck.changes_at = plan.steady_from();
    bottleneck.bits_per_second_then = plan.bits_per_second_then;
  }
  return path;
}

// What one flow looked like at a moment; the difference of two is what it did between them.
struct Reading {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;
  std::uint64_t blocked = 0;
};

class Competition {
 public:
  explicit Competition(const CompetitionPlan& plan)
      : plan_(plan),
        world_(world_options(plan.seed)),
        server_host_(world_.add_host("server")),
        client_host_(world_.add_host("client")),
        route_(world_.connect(server_host_, client_host_, changing(plan), back(plan.path))),
        next_sample_(plan.sample),
        sampled_(plan.flows.size()) {
    for (const CongestionControl algorithm : plan.flows) {
      Runner& runner = runners_.emplace_back();
      runner.flow =
          std::make_unique<Flow>(world_, server_host_, client_host_, algorithm, plan.path);
    }
  }

  Result<CompetitionResult> run() {
    for (std::size_t i = 0; i < runners_.size(); ++i) {
      if (auto passed = pass_until(plan_.begins(i)); !passed) {
        return std::unexpected(passed.error());
      }
      if (auto begun = runners_[i].flow->connect(); !begun) return std::unexpected(begun.error());
      runners_[i].stage = Stage::connecting;
    }
    if (auto passed = pass_until(plan_.steady_from()); !passed) {
      return std::unexpected(passed.error());
    }
    std::vector<Reading> before;
    for (const Runner& runner : runners_) {
      if (runner.stage != Stage::asked) {
        return failure(Errc::timed_out, "a handshake did not complete before the steady part");
      }
      before.push_back(read(*runner.flow));
    }
    const sim::LinkStats link_before = bottleneck();
    if (auto passed = pass_until(plan_.ends()); !passed) return std::unexpected(passed.error());
    return result(before, link_before);
  }

 private:
  enum class Stage : std::uint8_t { waiting, connecting, asked };
  struct Runner {
    std::unique_ptr<Flow> flow;
    Stage stage = Stage::waiting;
  };

  const sim::LinkStats& bottleneck() const { return route_.there().link(0).stats(); }

  static Reading read(const Flow& flow) {
    const SessionStats stats = flow.stats();
    return {.received = flow.received(),
            .sent = stats.packets_sent,
            .lost = stats.packets_lost,
            .blocked = stats.block_count};
  }

  // To this time since the world began. Flows that become connected meanwhile ask at once.
  Result<> pass_until(Duration end) {
    while (world_.elapsed() < end) {
      const bool samples = plan_.sample > Duration::zero();
      const Duration stop = samples ? std::min(end, next_sample_) : end;
      if (auto passed = pass_to(stop); !passed) return passed;
      if (samples && world_.elapsed() >= next_sample_) take_sample();
    }
    return {};
  }

  Result<> pass_to(Duration stop) {
    while (world_.elapsed() < stop) {
      const Duration rest = stop - world_.elapsed();
      if (std::ranges::any_of(runners_, connecting)) {
        (void)world_.run_until([this] { return std::ranges::any_of(runners_, may_ask); }, rest);
      } else {
        (void)world_.run_for(rest);
      }
      for (Runner& runner : runners_) {
        if (runner.stage == Stage::waiting) continue;
        if (const auto why = runner.flow->ended()) return std::unexpected(*why);
        if (!may_ask(runner)) continue;
        if (auto asked = runner.flow->request(); !asked) return asked;
        runner.stage = Stage::asked;
      }
    }
    return {};
  }

  static bool connecting(const Runner& runner) { return runner.stage == Stage::connecting; }
  static bool may_ask(const Runner& runner) {
    return connecting(runner) && (runner.flow->connected() || runner.flow->ended());
  }

  void take_sample() {
    CompetitionSample& sample = samples_.emplace_back();
    sample.at = seconds(world_.elapsed());
    for (std::size_t i = 0; i < runners_.size(); ++i) {
      const std::uint64_t received = runners_[i].flow->received();
      sample.goodput_mbps.push_back(mbps(received - sampled_[i], plan_.sample));
      sampled_[i] = received;
    }
    next_sample_ += plan_.sample;
  }

  CompetitionResult result(const std::vector<Reading>& before, const sim::LinkStats& link_before) {
    CompetitionResult result;
    std::vector<double> rates;
    for (std::size_t i = 0; i < runners_.size(); ++i) {
      const Reading now = read(*runners_[i].flow);
      FlowResult& flow = result.flows.emplace_back();
      flow.steady_mbps = mbps(now.received - before[i].received, plan_.duration);
      flow.packets_sent = now.sent - before[i].sent;
      flow.packets_lost = now.lost - before[i].lost;
      flow.blocked = now.blocked - before[i].blocked;
      rates.push_back(flow.steady_mbps);
    }
    result.steady_mbps = std::accumulate(rates.begin(), rates.end(), 0.0);
    for (FlowResult& flow : result.flows) {
      flow.share = result.steady_mbps > 0 ? flow.steady_mbps / result.steady_mbps : 0;
    }
    result.jain_index = jain_index(rates);
    PathShape path = plan_.path;
    if (plan_.bits_per_second_then != 0) path.bits_per_second = plan_.bits_per_second_then;
    result.theory_mbps = bottleneck_theory(path) * 8 / 1e6;

    const sim::LinkStats& link = bottleneck();
    const auto arrived = static_cast<double>(link.datagrams - link_before.datagrams);
    const auto dropped = static_cast<double>(link.dropped - link_before.dropped);
    if (arrived > 0) result.dropped_by_queue = dropped / arrived;
    if (arrived > dropped) {
      result.queueing_ms = seconds(link.waited - link_before.waited) * 1e3 / (arrived - dropped);
    }
    result.longest_queue = link.longest_queue;
    result.samples = std::move(samples_);
    return result;
  }

  const CompetitionPlan plan_;
  sim::World world_;
  sim::Host& server_host_;
  sim::Host& client_host_;
  sim::Route& route_;
  std::vector<Runner> runners_;
  Duration next_sample_;
  std::vector<std::uint64_t> sampled_;  // bytes of each flow
  std::vector<CompetitionSample> samples_;
};

}  // namespace

Duration CompetitionPlan::begins(std::size_t flow) const noexcept {
  return stagger * static_cast<Duration::rep>(flow);
}

Duration CompetitionPlan::steady_from() const noexcept {
  return begins(flows.empty() ? 0 : flows.size() - 1) + start;
}

Duration CompetitionPlan::ends() const noexcept { return steady_from() + duration; }

double jain_index(std::span<const double> shares) noexcept {
  double sum = 0;
  double squares = 0;
  for (const double share : shares) {
    sum += share;
    squares += share * share;
  }
  return squares > 0 ? sum * sum / (static_cast<double>(shares.size()) * squares) : 0;
}

Result<CompetitionResult> run_competition(const CompetitionPlan& plan) {
  return Competition(plan).run();
}

}  // namespace quicore::perf
