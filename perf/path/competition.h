// SPDX-License-Identifier: Apache-2.0
//
// Several downloads at once over one simulated path (theory.h): what each one gets of the bottleneck
// and what they do to it together. The flows have congestion controls of their own and begin one
// after the other. Virtual time, one seed: the same figures on every machine.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/config.h"
#include "io/error.h"
#include "io/time.h"
#include "perf/path/theory.h"

namespace quicore::perf {

struct CompetitionPlan {
  PathShape path;
  std::vector<CongestionControl> flows;  // in the order in which they begin
  std::uint64_t seed = 1;
  Duration stagger = Duration::zero();           // from one beginning to the next
  Duration start = std::chrono::seconds(4);      // after the last one, not counted as steady
  Duration duration = std::chrono::seconds(30);  // after that
  // The bottleneck's from the steady part on; 0: it stays what it was.
  std::uint64_t bits_per_second_then = 0;
  Duration sample = Duration::zero();  // of `samples`; 0: none are taken

  // Since the world began.
  Duration begins(std::size_t flow) const noexcept;
  Duration steady_from() const noexcept;
  Duration ends() const noexcept;
};

struct FlowResult {
  double steady_mbps = 0;          // of stream bytes
  double share = 0;                // of all flows' steady_mbps
  std::uint64_t packets_sent = 0;  // while steady, as the next two
  std::uint64_t packets_lost = 0;  // as the server thinks
  std::uint64_t blocked = 0;       // times a window of the client stopped the server
};

// The flows' goodput since the sample before, 0 for those that have not begun.
struct CompetitionSample {
  double at = 0;  // seconds since the world began
  std::vector<double> goodput_mbps;
};

struct CompetitionResult {
  std::vector<FlowResult> flows;
  double theory_mbps = 0;  // of the bottleneck, while steady
  double steady_mbps = 0;  // of all flows
  double jain_index = 0;
  // While steady. Dropped at the tail of the queue, in shares of the packets that reached it.
  double dropped_by_queue = 0;
  double queueing_ms = 0;           // mean wait of a packet in the bottleneck's queue
  std::uint64_t longest_queue = 0;  // bytes, starts and all
  std::vector<CompetitionSample> samples;

  double ratio() const noexcept { return theory_mbps > 0 ? steady_mbps / theory_mbps : 0; }
};

// (sum x)^2 / (n sum x^2): 1 when all have the same, 1 / n when one has everything. R. Jain, D. Chiu,
// W. Hawe: A Quantitative Measure of Fairness and Discrimination, 1984.
double jain_index(std::span<const double> shares) noexcept;

// Fails with what ended a session, if anything did.
Result<CompetitionResult> run_competition(const CompetitionPlan& plan);

}  // namespace quicore::perf
