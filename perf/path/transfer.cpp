// SPDX-License-Identifier: Apache-2.0
#include "perf/path/transfer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "io/sim/world.h"
#include "perf/path/flow.h"

namespace quicore::perf {

namespace {

class Transfer {
 public:
  explicit Transfer(const TransferPlan& plan)
      : plan_(plan),
        world_(world_options(plan.seed)),
        server_host_(world_.add_host("server")),
        client_host_(world_.add_host("client")),
        route_(world_.connect(server_host_, client_host_, there(plan.path), back(plan.path))),
        flow_(world_, server_host_, client_host_, plan.algorithm, plan.path) {}

  Result<TransferResult> run() {
    if (auto connecting = flow_.connect(); !connecting) return std::unexpected(connecting.error());
    world_.run_until([&] { return flow_.connected() || flow_.ended(); }, kHandshakePatience);
    if (!flow_.connected()) return failure(Errc::timed_out, "the handshake did not complete");
    if (auto asked = flow_.request(); !asked) return std::unexpected(asked.error());

    pass(plan_.start);
    const std::uint64_t at_start = flow_.received();
    pass(plan_.duration);
    if (closed_) return std::unexpected(*closed_);

    TransferResult result;
    result.steady_mbps = mbps(flow_.received() - at_start, plan_.duration);
    result.whole_mbps = mbps(flow_.received(), plan_.start + plan_.duration);
    result.theory_mbps = theory_of(plan_.algorithm, plan_.path) * 8 / 1e6;
    const SessionStats stats = flow_.stats();
    result.packets_sent = stats.packets_sent;
    result.packets_lost = stats.packets_lost;
    result.blocked = stats.block_count;
    result.longest_queue = route_.there().link(0).stats().longest_queue;
    result.dropped_by_queue = route_.there().link(0).stats().dropped;
    result.dropped_by_loss = route_.there().link(1).stats().dropped;
    result.samples = std::move(samples_);
    return result;
  }

 private:
  void pass(Duration duration) {
    const Instant end = world_.now() + duration;
    const Duration step = plan_.sample > Duration::zero() ? plan_.sample : duration;
    while (world_.now() < end && !closed_) {
      const Instant before = world_.now();
      (void)world_.run_for(std::min(step, end - before));
      closed_ = flow_.ended();
      if (plan_.sample > Duration::zero()) take_sample(world_.now() - before);
      elapsed_ += world_.now() - before;
    }
  }

  void take_sample(Duration duration) {
    const SessionStats stats = flow_.stats();
    samples_.push_back({.at = seconds(elapsed_ + duration),
                        .goodput_mbps = mbps(flow_.received() - sampled_, duration),
                        .cwnd = stats.cwnd,
                        .in_flight = stats.bytes_in_flight,
                        .queued = flow_.queued(),
                        .rtt_ms = seconds(stats.latest_rtt) * 1e3,
                        .lost = stats.packets_lost});
    sampled_ = flow_.received();
  }

  const TransferPlan plan_;
  sim::World world_;
  sim::Host& server_host_;
  sim::Host& client_host_;
  sim::Route& route_;
  Flow flow_;
  std::optional<Error> closed_;
  Duration elapsed_{};
  std::uint64_t sampled_ = 0;
  std::vector<TransferSample> samples_;
};

}  // namespace

Result<TransferResult> run_transfer(const TransferPlan& plan) { return Transfer(plan).run(); }

}  // namespace quicore::perf
