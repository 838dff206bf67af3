// SPDX-License-Identifier: Apache-2.0
//
// quicore-load: drives a server and measures it.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>
#include <vector>

#include "api/runtime.h"
#include "tools/common/format.h"
#include "tools/common/load_report.h"
#include "tools/common/progress_line.h"
#include "tools/common/sentence.h"
#include "tools/load/report_table.h"
#include "tools/load/worker.h"

namespace quicore::tools {
namespace {

constexpr int kExitFailures = 1;
constexpr int kExitUsage = 2;
constexpr int kExitNoConnection = 3;
constexpr std::chrono::milliseconds kWatchInterval{100};

int fail(const Error& error, int status) {
  std::fprintf(stderr, "quicore-load: %s\n", sentence_of(error).c_str());
  return status;
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class LoadRun {
 public:
  LoadRun(Runtime& runtime, const LoadPlan& plan)
      : runtime_(runtime), plan_(plan), progress_(std::cerr, progress_style(plan.options)) {}

  Task<int> run() {
    create_workers();
    if (auto connected = co_await connect_all(); !connected) {
      co_await stop_all();
      if (connected.error().kind == Errc::invalid_argument) {
        co_return fail(connected.error(), kExitUsage);
      }
      const std::string why =
          why_not_connected(connected.error(), plan_.server, plan_.options.connect_timeout);
      std::fprintf(stderr, "quicore-load: %s\n", why.c_str());
      co_return kExitNoConnection;
    }
    for (std::uint32_t i = 0; i < workers_.size(); ++i) {
      co_await runtime_.shard(i).call([worker = workers_[i].get()] { worker->start(); });
    }
    co_await measure();
    progress_.clear();
    const LoadReport report = co_await collect();
    if (plan_.options.json) {
      std::printf("%s\n", to_json_line(report).c_str());
    } else {
      std::fputs(report_table(report).c_str(), stdout);
    }
    if (connects() && report.handshakes == 0) {
      std::fprintf(
          stderr, "quicore-load: no handshake was completed with %s within --duration %s\n",
          plan_.server.to_string().c_str(), format_duration(plan_.options.duration).c_str());
      co_return kExitNoConnection;
    }
    co_return report.errors == 0 ? 0 : kExitFailures;
  }

 private:
  static ProgressLine::Style progress_style(const LoadOptions& options) {
    auto style = ProgressLine::style_of(2);
    style.quiet = options.quiet;
    return style;
  }

  void create_workers() {
    const LoadOptions& options = plan_.options;
    const std::uint32_t count = runtime_.size();
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t share = options.connections / count + (i < options.connections % count);
      const double rate = options.rate * share / options.connections;
      workers_.push_back(std::make_unique<Worker>(runtime_.shard(i), plan_, window_, share, rate));
    }
  }

  // On a shard of its own each; a task of this shard cannot run there, so each side is told by post.
  Task<Result<>> connect_all() {
    Shard& home = Shard::current();
    std::vector<Completion<>> connected;
    for (auto& worker : workers_) {
      auto promise = std::make_shared<Promise<>>();
      connected.push_back(promise->completion());
      worker->shard().post([worker = worker.get(), &home, promise] {
        worker->shard().spawn(connect_one(*worker, home, promise));
      });
    }
    Result<> all;
    for (auto& completion : connected) {
      const Result<>& one = co_await completion;
      if (!one && all) all = one;
    }
    co_return all;
  }

  static Task<> connect_one(Worker& worker, Shard& home, std::shared_ptr<Promise<>> promise) {
    auto result = co_await worker.connect();
    home.post([promise = std::move(promise), result = std::move(result)]() mutable {
      promise->set(std::move(result));
    });
  }

  Task<> measure() {
    Shard& shard = Shard::current();
    const LoadOptions& options = plan_.options;
    begin_ = shard.now() + options.warmup;
    window_.end_ns = (begin_ + options.duration).time_since_epoch().count();
    window_.begin_ns = begin_.time_since_epoch().count();
    bool measuring = false;
    while (shard.now() < begin_ + options.duration) {
      (void)co_await shard.sleep_for(kWatchInterval);
      if (!measuring && shard.now() >= begin_) {
        measuring = true;
        cpu_at_begin_ = cpu_seconds();
        cpu_begin_ = shard.now();
      }
      show_progress(shard.now());
      const auto done = total(&LiveCounters::requests) + total(&LiveCounters::handshakes);
      if (options.requests != 0 && done >= options.requests) break;
    }
    end_ = std::min(shard.now(), begin_ + options.duration);
    window_.end_ns = end_.time_since_epoch().count();
    const std::chrono::duration<double> observed = shard.now() - cpu_begin_;
    cpu_ = observed.count() > 0 ? (cpu_seconds() - cpu_at_begin_) / observed.count() : 0;
  }

  std::uint64_t total(std::atomic<std::uint64_t> LiveCounters::*counter) const {
    std::uint64_t sum = 0;
    for (const auto& worker : workers_) {
      sum += (worker->counters().*counter).load(std::memory_order_relaxed);
    }
    return sum;
  }

  void show_progress(Instant now) {
    const auto clock = ProgressLine::Clock::now();
    if (!progress_.due(clock)) return;
    if (now < begin_) return progress_.update(clock, "warming up");
    const double seconds = std::chrono::duration<double>(now - begin_).count();
    const double bytes = static_cast<double>(total(&LiveCounters::bytes));
    const double requests =
        static_cast<double>(total(&LiveCounters::requests) + total(&LiveCounters::handshakes));
    std::string line = format_rate(requests / seconds, connects() ? "handshakes" : "requests") +
                       "  " + format_bit_rate(bytes * 8 / seconds);
    if (const auto errors = total(&LiveCounters::errors)) {
      line += "  " + std::to_string(errors) + " errors";
    }
    progress_.update(clock, line);
  }

  // Connections are what is made and measured, not what requests travel on.
  bool connects() const noexcept {
    return plan_.options.mode == LoadMode::handshake || plan_.options.mode == LoadMode::resume;
  }

  Task<> stop_all() {
    for (auto& worker : workers_) {
      co_await worker->shard().call([worker = worker.get()] { worker->stop(); });
    }
  }

  Task<LoadReport> collect() {
    co_await stop_all();
    LoadReport report;
    report.mode = std::string(name_of(plan_.options.mode));
    report.url = plan_.url.origin() + plan_.url.path;
    report.connections = plan_.options.connections;
    report.streams = plan_.options.streams;
    report.offered_rate = plan_.options.rate;
    report.seconds = std::chrono::duration<double>(end_ - begin_).count();
    LatencyHistogram latency;
    for (auto& worker : workers_) {
      const WorkerResult result =
          co_await worker->shard().call([worker = worker.get()] { return worker->take_result(); });
      latency.merge(result.latency);
      report.requests += result.requests;
      report.bytes += result.bytes;
      report.handshakes += result.handshakes;
      report.retransmitted_packets += result.lost_packets;
      for (const auto& [sentence, times] : result.errors) {
        report.error_counts[sentence] += times;
        report.errors += times;
      }
    }
    report.cpu_seconds = cpu_ * report.seconds;
    report.set_latency(latency);
    report.derive_rates();
    co_return report;
  }

  Runtime& runtime_;
  const LoadPlan& plan_;
  MeasuringWindow window_;
  std::vector<std::unique_ptr<Worker>> workers_;
  ProgressLine progress_;
  Instant begin_;
  Instant end_;
  Instant cpu_begin_;
  double cpu_at_begin_ = 0;
  double cpu_ = 0;  // seconds of CPU per second
};

int run(const LoadOptions& options) {
  auto url = parse_url(options.url);
  if (!url) return fail(url.error(), kExitUsage);
  auto addresses = resolve(url->host, url->port);
  if (!addresses) return fail(addresses.error(), kExitNoConnection);
  // Prefer IPv4 where both are: most development servers listen on 127.0.0.1 only.
  std::stable_sort(addresses->begin(), addresses->end(), [](const Address& a, const Address& b) {
    return a.family() == Family::ipv4 && b.family() == Family::ipv6;
  });
  const LoadPlan plan = make_plan(options, std::move(*url), addresses->front());
  RuntimeConfig config;
  config.shards = std::min(options.threads, options.connections);
  config.cpus.assign(options.cpus.begin(), options.cpus.end());
  config.port = options.port;
  config.busy_poll = options.busy_poll;
  auto runtime = Runtime::create(std::move(config));
  if (!runtime) return fail(runtime.error(), kExitUsage);
  LoadRun load(**runtime, plan);
  return (*runtime)->run(load.run());
}

}  // namespace
}  // namespace quicore::tools

int main(int argc, char** argv) {
  return quicore::tools::run(quicore::tools::parse_load_options(argc, argv));
}
