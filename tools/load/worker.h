// SPDX-License-Identifier: Apache-2.0
//
// One shard's share of the load: its endpoint, its connections, its results.
//
// Threading: everything on its shard, except `counters`, which any thread may read.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/endpoint.h"
#include "api/session.h"
#include "api/shard.h"
#include "tools/common/latency_histogram.h"
#include "tools/load/load_plan.h"

namespace quicore::tools {

class LoadConnection;

// Written by one shard, read by the progress line.
struct LiveCounters {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> handshakes{0};
  std::atomic<std::uint64_t> errors{0};
  std::atomic<std::uint32_t> connected{0};
};

struct WorkerResult {
  LatencyHistogram latency;
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
  std::uint64_t handshakes = 0;
  std::uint64_t lost_packets = 0;
  std::map<std::string, std::uint64_t> errors;  // sentence -> times, inside and outside the window
};

class Worker {
 public:
  Worker(Shard& shard, const LoadPlan& plan, MeasuringWindow& window, std::uint32_t connections,
         double rate);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Opens the connections (all modes but handshake and resume). Fails with the first error when not
  // one of them stands.
  Task<Result<>> connect();
  void start();  // the first requests leave
  void stop();   // no new ones; connections are closed
  WorkerResult take_result();
  const LiveCounters& counters() const noexcept { return counters_; }

  // --- for connections and scenarios ---
  Shard& shard() noexcept { return shard_; }
  const LoadPlan& plan() const noexcept { return plan_; }
  Endpoint& endpoint() noexcept { return endpoint_; }
  const SessionConfig& session_config() const noexcept { return session_config_; }
  bool stopping() const noexcept { return stopping_; }
  bool open_loop() const noexcept { return rate_ > 0; }
  void count_bytes(std::uint64_t count) noexcept;
  void count_request(Instant due) noexcept;
  void count_handshake(Instant begun) noexcept;
  void count_error(const std::string& sentence);
  // Open loop: the time the next waiting request was due, if one waits.
  bool take_due(Instant& due) noexcept;
  // A slot has nothing to do until a request is due.
  void slot_idle(std::move_only_function<void(Instant due)> begin);

 private:
  Task<> generate_due_times();
  void begin_request(Instant due);
  void begin_handshake(Instant due);
  Task<Result<HandshakeInfo>> handshake_of(Session session);
  Task<> connect_once(Instant due);
  Task<> connect_again_and_again(bool resume);

  Shard& shard_;
  const LoadPlan& plan_;
  MeasuringWindow& window_;
  double rate_;
  std::uint32_t wanted_;
  std::uint32_t connecting_ = 0;  // open loop of handshakes
  bool stopping_ = false;
  Endpoint endpoint_;
  SessionConfig session_config_;
  std::vector<std::unique_ptr<LoadConnection>> connections_;
  std::deque<Instant> due_;
  std::deque<std::move_only_function<void(Instant)>> idle_;
  std::optional<Error> first_error_;
  WorkerResult result_;
  LiveCounters counters_;
};

}  // namespace quicore::tools
