// SPDX-License-Identifier: Apache-2.0
#include "perf/limit/measure.h"

#include <algorithm>
#include <optional>

namespace quicore::perf {
namespace {

struct Rounds {
  std::vector<double> two_cores;
  std::vector<double> one_core;
  std::vector<double> seal;
  std::vector<double> open;
};

Result<double> kernel_gbps(const LimitOptions& options, Duration duration, int sender,
                           int receiver) {
  KernelUdpOptions udp;
  udp.payload = options.payload;
  udp.segments = options.segments;
  udp.window = options.window;
  udp.sender_cpu = sender;
  udp.receiver_cpu = receiver;
  udp.duration = duration;
  const auto result = measure_kernel_udp(udp);
  if (!result) return std::unexpected(result.error());
  if (result->packets == 0) {
    return failure(Errc::system, "no datagram arrived over 127.0.0.1: a packet filter drops UDP");
  }
  return result->gbps;
}

}  // namespace

Result<tools::MachineLimit> measure_limit(const LimitOptions& options,
                                          const std::function<void(const std::string&)>& progress) {
  const unsigned most = most_segments(options.payload);
  tools::MachineLimit limit;
  limit.payload = options.payload;
  limit.segments = options.segments == 0 ? most : std::min(options.segments, most);
  if (options.cpus.empty() || options.rounds == 0) {
    return failure(Errc::invalid_argument, "at least one CPU and one round are needed");
  }
  const auto backend =
      options.backend == engine::AeadBackend::automatic ? engine::aead_backend() : options.backend;
  const int first = options.cpus[0];
  const bool two_cores = options.cpus.size() > 1;
  const Duration step = options.duration / (options.rounds * (two_cores ? 3 : 2));
  Rounds rounds;
  for (unsigned round = 1; round <= options.rounds; ++round) {
    const std::string suffix =
        " (round " + std::to_string(round) + " of " + std::to_string(options.rounds) + ")";
    if (two_cores) {
      progress("kernel, two cores" + suffix);
      const auto gbps = kernel_gbps(options, step, first, options.cpus[1]);
      if (!gbps) return std::unexpected(gbps.error());
      rounds.two_cores.push_back(*gbps);
    }
    progress("kernel, one core" + suffix);
    const auto gbps = kernel_gbps(options, step, first, first);
    if (!gbps) return std::unexpected(gbps.error());
    rounds.one_core.push_back(*gbps);

    progress("AEAD" + suffix);
    const auto cost = measure_aead(backend, options.payload, std::max(limit.segments, 1U), step);
    if (!cost) return std::unexpected(cost.error());
    limit.aead = cost->name;
    rounds.seal.push_back(cost->seal_ns);
    rounds.open.push_back(cost->open_ns);
  }
  limit.kernel_two_cores_gbps = tools::median(rounds.two_cores);
  limit.kernel_one_core_gbps = tools::median(rounds.one_core);
  limit.seal_ns = tools::median(rounds.seal);
  limit.open_ns = tools::median(rounds.open);
  limit.kernel_two_cores_rounds = std::move(rounds.two_cores);
  limit.kernel_one_core_rounds = std::move(rounds.one_core);
  limit.derive();
  return limit;
}

}  // namespace quicore::perf
