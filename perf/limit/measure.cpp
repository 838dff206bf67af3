// SPDX-License-Identifier: Apache-2.0
#include "perf/limit/measure.h"

#include <algorithm>

#include "perf/limit/aead_cost.h"
#include "perf/limit/handshake_cost.h"
#include "perf/limit/kernel_exchange.h"
#include "perf/limit/kernel_udp.h"
#include "perf/limit/stalls.h"

namespace quicore::perf {
namespace {

// Parts of a round's time. The bulk path varies most, so it gets most.
constexpr int kBulkParts = 2;
constexpr int kStallParts = 2;
// AEAD; exchanges; small AEAD, keys.
constexpr int kPartsOfARound = 2 * kBulkParts + kStallParts + 1 + 2 + 2;

class LimitMeasurement {
 public:
  LimitMeasurement(const LimitOptions& options,
                   const std::function<void(const std::string&)>& progress)
      : options_(options),
        progress_(progress),
        backend_(options.backend == engine::AeadBackend::automatic ? engine::aead_backend()
                                                                   : options.backend),
        part_(options.duration / static_cast<int>(options.rounds) / kPartsOfARound) {
    const unsigned most = most_segments(options.payload);
    limit_.payload = options.payload;
    limit_.segments = options.segments == 0 ? most : std::min(options.segments, most);
    limit_.request_size = exchange_.request_size;
    limit_.answer_size = exchange_.answer_size;
  }

  Result<tools::MachineLimit> run() {
    for (round_ = 1; round_ <= options_.rounds; ++round_) {
      for (const auto step :
           {&LimitMeasurement::bulk, &LimitMeasurement::aead, &LimitMeasurement::exchanges,
            &LimitMeasurement::handshakes, &LimitMeasurement::stalls}) {
        if (auto done = (this->*step)(); !done) return std::unexpected(done.error());
      }
    }
    limit_.kernel_two_cores_gbps = tools::median(limit_.kernel_two_cores_rounds);
    limit_.kernel_one_core_gbps = tools::median(limit_.kernel_one_core_rounds);
    limit_.seal_ns = tools::median(seal_);
    limit_.open_ns = tools::median(open_);
    limit_.exchange_two_cores = tools::median(exchange_two_);
    limit_.exchange_one_core = tools::median(exchange_one_);
    limit_.exchange_server_aead_ns = tools::median(exchange_server_aead_);
    limit_.exchange_client_aead_ns = tools::median(exchange_client_aead_);
    limit_.handshake_server_ns = tools::median(handshake_server_);
    limit_.handshake_client_ns = tools::median(handshake_client_);
    summarize_stalls();
    limit_.derive();
    return limit_;
  }

 private:
  [[nodiscard]] PairTimes times(bool two_cores, int parts) const {
    const int first = options_.cpus.front();
    return {.first_cpu = first,
            .second_cpu = two_cores ? options_.cpus.back() : first,
            .duration = part_ * parts};
  }

  void announce(const std::string& step) const {
    progress_(step + " (round " + std::to_string(round_) + " of " +
              std::to_string(options_.rounds) + ")");
  }

  // Once for two cores, if there are two, and once for one.
  template <class Measure>
  Result<> on_two_cores_and_on_one(const char* step, Measure&& measure) {
    if (options_.cpus.size() > 1) {
      announce(std::string(step) + ", two cores");
      if (auto done = measure(true); !done) return done;
    }
    announce(std::string(step) + ", one core");
    return measure(false);
  }

  Result<> bulk() {
    return on_two_cores_and_on_one("kernel", [&](bool two_cores) -> Result<> {
      const auto result = measure_kernel_udp({.payload = options_.payload,
                                              .segments = options_.segments,
                                              .window = options_.window,
                                              .times = times(two_cores, kBulkParts)});
      if (!result) return std::unexpected(result.error());
      (two_cores ? limit_.kernel_two_cores_rounds : limit_.kernel_one_core_rounds)
          .push_back(result->gbps);
      return {};
    });
  }

  Result<> aead() {
    announce("AEAD");
    const auto cost =
        measure_aead(backend_, options_.payload, std::max(limit_.segments, 1U), part_);
    if (!cost) return std::unexpected(cost.error());
    limit_.aead = cost->name;
    seal_.push_back(cost->seal_ns);
    open_.push_back(cost->open_ns);
    return {};
  }

  Result<> exchanges() {
    const auto kernel = on_two_cores_and_on_one("small requests", [&](bool two) -> Result<> {
      exchange_.times = times(two, 1);
      const auto sample = measure_kernel_exchange(exchange_);
      if (!sample) return std::unexpected(sample.error());
      (two ? exchange_two_ : exchange_one_).push_back(1e9 / sample->ns_each);
      return {};
    });
    if (!kernel) return kernel;
    const auto request = measure_aead(backend_, exchange_.request_size, 1, part_ / 2);
    const auto answer = measure_aead(backend_, exchange_.answer_size, 1, part_ / 2);
    if (!request) return std::unexpected(request.error());
    if (!answer) return std::unexpected(answer.error());
    exchange_server_aead_.push_back(request->open_ns + answer->seal_ns);
    exchange_client_aead_.push_back(request->seal_ns + answer->open_ns);
    return {};
  }

  Result<> handshakes() {
    announce("public-key operations");
    const auto cost = measure_handshake(part_);
    if (!cost) return std::unexpected(cost.error());
    handshake_server_.push_back(cost->server_ns);
    handshake_client_.push_back(cost->client_ns);
    return {};
  }

  Result<> stalls() {
    announce("stalls");
    const auto samples = observe_stalls(options_.cpus, part_ * kStallParts);
    if (!samples) return std::unexpected(samples.error());
    stalls_.resize(samples->size());
    for (std::size_t i = 0; i < samples->size(); ++i) {
      const StallSample& sample = (*samples)[i];
      stalls_[i].stalls.insert(stalls_[i].stalls.end(), sample.stalls.begin(), sample.stalls.end());
      stalls_[i].observed += sample.observed;
    }
    return {};
  }

  void summarize_stalls() {
    const Duration observed = stalls_.front().observed;  // as long as the others were
    const auto exceeded = [observed](double share, std::span<const Duration> stalls) {
      return static_cast<double>(wait_exceeded_by(share, stalls, observed).count()) / 1e3;
    };
    std::vector<Duration> all;
    for (const StallSample& cpu : stalls_) {
      all.insert(all.end(), cpu.stalls.begin(), cpu.stalls.end());
    }
    if (stalls_.size() > 1) {
      limit_.stall_p99_two_cores_us = exceeded(0.01, all);
      limit_.stall_p99_9_two_cores_us = exceeded(0.001, all);
    }
    limit_.stall_p99_one_core_us = exceeded(0.01, stalls_.front().stalls);
    limit_.stall_p99_9_one_core_us = exceeded(0.001, stalls_.front().stalls);
    const auto longest = std::max_element(all.begin(), all.end());
    if (longest != all.end()) limit_.longest_stall_us = static_cast<double>(longest->count()) / 1e3;
  }

  const LimitOptions& options_;
  const std::function<void(const std::string&)>& progress_;
  engine::AeadBackend backend_;
  Duration part_;
  unsigned round_ = 0;
  KernelExchangeOptions exchange_;
  tools::MachineLimit limit_;
  std::vector<double> seal_, open_;
  std::vector<double> exchange_two_, exchange_one_;
  std::vector<double> exchange_server_aead_, exchange_client_aead_;
  std::vector<double> handshake_server_, handshake_client_;
  std::vector<StallSample> stalls_;  // of each CPU, over all rounds
};

}  // namespace

Result<tools::MachineLimit> measure_limit(const LimitOptions& options,
                                          const std::function<void(const std::string&)>& progress) {
  if (options.cpus.empty() || options.rounds == 0) {
    return failure(Errc::invalid_argument, "at least one CPU and one round are needed");
  }
  return LimitMeasurement(options, progress).run();
}

}  // namespace quicore::perf
