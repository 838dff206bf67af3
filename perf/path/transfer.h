// SPDX-License-Identifier: Apache-2.0
//
// One download over a simulated path, through the public API: a client asks, the server answers
// without end, and the bytes that reach the client are counted. Virtual time, one seed: the same
// figures on every machine.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/config.h"
#include "io/error.h"
#include "io/time.h"
#include "perf/path/theory.h"

namespace quicore::perf {

struct TransferPlan {
  PathShape path;
  CongestionControl algorithm = CongestionControl::bbr;
  std::uint64_t seed = 1;
  Duration start = std::chrono::seconds(4);      // from the request on, not counted as steady
  Duration duration = std::chrono::seconds(30);  // after that
  Duration sample = Duration::zero();            // of `samples`; 0: none are taken
};

// What the server's end looked like at one moment.
struct TransferSample {
  double at = 0;                // seconds since the request
  double goodput_mbps = 0;      // since the sample before
  std::uint64_t cwnd = 0;       // bytes
  std::uint64_t in_flight = 0;  // bytes
  std::uint64_t queued = 0;     // bytes of the stream, not acknowledged
  double rtt_ms = 0;            // the last one
  std::uint64_t lost = 0;       // packets so far
};

struct TransferResult {
  double steady_mbps = 0;  // of stream bytes, after the start
  double whole_mbps = 0;   // from the request on
  double theory_mbps = 0;
  std::uint64_t packets_sent = 0;
  std::uint64_t packets_lost = 0;     // as the server thinks
  std::uint64_t dropped_by_loss = 0;  // by the path, of the server's
  std::uint64_t dropped_by_queue = 0;
  std::uint64_t longest_queue = 0;  // bytes
  std::uint64_t blocked = 0;        // times a flow-control window of the client stopped the server
  std::vector<TransferSample> samples;

  double ratio() const noexcept { return theory_mbps > 0 ? steady_mbps / theory_mbps : 0; }
};

// Fails with what ended the session, if anything did.
Result<TransferResult> run_transfer(const TransferPlan& plan);

}  // namespace quicore::perf
