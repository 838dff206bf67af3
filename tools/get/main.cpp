// SPDX-License-Identifier: Apache-2.0
//
// quicore-get: fetches URLs over HTTP/3.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "api/runtime.h"
#include "tools/common/format.h"
#include "tools/common/progress_line.h"
#include "tools/common/sentence.h"
#include "tools/get/fetcher.h"
#include "tools/get/session_file.h"

namespace quicore::tools {
namespace {

constexpr int kExitFailures = 1;
constexpr int kExitUsage = 2;
constexpr int kExitNoConnection = 3;
constexpr int kExitNotWritten = 4;
constexpr std::chrono::milliseconds kProgressInterval{200};
constexpr std::uint32_t kMostVainAttempts = 3;

int say(const Error& error, int status = kExitFailures) {
  std::fprintf(stderr, "quicore-get: %s\n", sentence_of(error).c_str());
  return status;
}

// Requests by origin, in the order of their names; redirects add to it.
using Pending = std::map<std::string, std::vector<FetchRequest>>;

void print_results(const GetOptions& options, const std::vector<FetchResult>& results) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const FetchResult& result : results) {
    if (options.json) {
      nlohmann::ordered_json headers = nlohmann::ordered_json::object();
      for (const auto& [name, value] : result.headers) headers[name] = value;
      json.push_back({{"url", result.url},
                      {"status", result.status},
                      {"headers", std::move(headers)},
                      {"bytes", result.bytes},
                      {"offset", result.offset},
                      {"resumed", result.resumed},
                      {"early_data", result.early_data},
                      {"version", result.version == QuicVersion::v2 ? "v2" : "v1"},
                      {"remote", result.remote},
                      {"ocsp", result.ocsp},
                      {"key_updates", result.key_updates},
                      {"error", result.error}});
    } else if (!result.ok()) {
      std::fprintf(
          stderr, "quicore-get: %s: %s\n", result.url.c_str(),
          result.error.empty() ? ("status " + result.status).c_str() : result.error.c_str());
    }
  }
  if (options.json) std::printf("%s\n", json.dump().c_str());
}

int exit_status(const std::vector<FetchResult>& results) {
  int status = 0;
  for (const FetchResult& result : results) {
    if (result.write_failed) return kExitNotWritten;
    if (!result.ok()) status = kExitFailures;
  }
  return status;
}

Task<> show_progress(const FetchTotals& totals, ProgressLine& progress) {
  for (;;) {
    (void)co_await Shard::current().sleep_for(kProgressInterval);
    progress.update(ProgressLine::Clock::now(), format_count(totals.finished) + " of " +
                                                    format_count(totals.wanted) + ", " +
                                                    format_size(totals.bytes));
  }
}

Task<> give_up_after(Runtime& runtime, Duration timeout, int& status) {
  (void)co_await Shard::current().sleep_for(timeout);
  std::fprintf(stderr, "quicore-get: not finished within --timeout %s: raise it, or fetch less\n",
               format_duration(timeout).c_str());
  status = kExitFailures;
  runtime.stop();
}

// What is known before the first connection.
struct Start {
  Pending pending;
  std::map<std::string, std::vector<Address>> addresses;  // of the URLs given
  std::optional<Resume> resume;                           // of the one server
  std::optional<Logs> logs;
};

class Run {
 public:
  Run(const GetOptions& options, Start& start) : options_(options), start_(start) {
    for (const auto& [origin, requests] : start_.pending) totals_.wanted += requests.size();
  }

  Task<int> fetch() {
    auto style = ProgressLine::style_of(2);
    style.quiet = options_.quiet;
    ProgressLine progress(std::cerr, style);
    Shard::current().spawn(show_progress(totals_, progress));
    while (!start_.pending.empty()) {
      auto next = start_.pending.extract(start_.pending.begin());
      const int status = co_await fetch_from(next.key(), std::move(next.mapped()), progress);
      if (status != 0) co_return status;
    }
    co_await start_.logs->qlogs.complete();
    progress.clear();
    print_results(options_, results_);
    const int status = exit_status(results_);
    co_return status == 0 && !session_kept_ ? kExitNotWritten : status;
  }

 private:
  // All of one origin over one connection. Not 0: the status to end with.
  Task<int> fetch_from(std::string origin, std::vector<FetchRequest> requests,
                       ProgressLine& progress) {
    const Url first = requests.front().url;
    const auto known = start_.addresses.find(origin);
    const bool asked_for = known != start_.addresses.end();
    Result<std::vector<Address>> addresses;
    // Behind a redirect the name is looked up here: nothing else is under way.
    addresses = asked_for ? known->second : resolve(first.host, first.port);
    if (!addresses) {
      progress.clear();
      co_return say(addresses.error(), kExitNoConnection);
    }
    Fetcher fetcher(options_, std::move(requests), *start_.logs, totals_);
    if (start_.resume && asked_for) fetcher.resume(*start_.resume);
    if (auto connected = co_await fetcher.connect(*addresses); !connected) {
      progress.clear();
      std::fprintf(stderr, "quicore-get: %s: %s\n", origin.c_str(),
                   sentence_of(connected.error()).c_str());
      co_return connected.error().kind == Errc::invalid_argument ? kExitUsage : kExitNoConnection;
    }
    co_await fetcher.fetch_all();
    results_.insert(results_.end(), fetcher.results().begin(), fetcher.results().end());
    take_what_is_left(origin, fetcher);
    if (asked_for) {
      if (auto kept = co_await fetcher.keep_session(); !kept) {
        say(kept.error());
        session_kept_ = false;
      }
    }
    co_await fetcher.close();
    co_return 0;
  }

  // A server that rejects everything, connection after connection, is given up.
  void take_what_is_left(const std::string& origin, Fetcher& fetcher) {
    for (FetchRequest& request : fetcher.take_redirected()) {
      start_.pending[request.url.origin()].push_back(std::move(request));
    }
    auto rejected = fetcher.take_rejected();
    if (!fetcher.results().empty()) vain_attempts_ = 0;
    if (rejected.empty()) return;
    if (fetcher.results().empty() && ++vain_attempts_ == kMostVainAttempts) {
      for (const FetchRequest& request : rejected) {
        FetchResult result;
        result.url = request.asked.origin() + request.asked.path;
        result.error = "the server went away before it took the request, " +
                       std::to_string(kMostVainAttempts) + " times";
        results_.push_back(std::move(result));
      }
      return;
    }
    auto& again = start_.pending[origin];
    again.insert(again.end(), rejected.begin(), rejected.end());
  }

  const GetOptions& options_;
  Start& start_;
  FetchTotals totals_;
  std::vector<FetchResult> results_;
  std::uint32_t vain_attempts_ = 0;
  bool session_kept_ = true;
};

// Resolving blocks, so it is done before the runtime starts. Not 0: the status to end with.
int prepare(const GetOptions& options, Start& start) {
  for (const Url& url : options.urls) start.pending[url.origin()].emplace_back(url);
  auto key_log = KeyLog::open(options.keylog);
  if (!key_log) return say(key_log.error(), kExitUsage);
  auto qlogs = QlogFiles::open(options.qlog);
  if (!qlogs) return say(qlogs.error(), kExitUsage);
  start.logs.emplace(Logs{std::move(*key_log), std::move(*qlogs)});
  if (!options.session_file.empty()) {
    auto kept = load_session_file(options.session_file);
    if (!kept) return say(kept.error(), kExitUsage);
    start.resume = std::move(*kept);
  }
  for (const auto& [origin, requests] : start.pending) {
    const Url& url = requests.front().url;
    auto addresses = resolve(url.host, url.port);
    if (!addresses) return say(addresses.error(), kExitNoConnection);
    start.addresses.emplace(origin, std::move(*addresses));
  }
  return 0;
}

int run(const GetOptions& options) {
  Start start;
  if (const int status = prepare(options, start); status != 0) return status;
  RuntimeConfig config;
  config.shards = 1;
  config.port = options.port;
  auto runtime = Runtime::create(std::move(config));
  if (!runtime) return say(runtime.error(), kExitUsage);
  int timed_out = 0;
  (*runtime)->shard(0).spawn(give_up_after(**runtime, options.timeout, timed_out));
  Run whole(options, start);
  const int status = (*runtime)->run(whole.fetch());
  return timed_out != 0 ? timed_out : status;
}

}  // namespace
}  // namespace quicore::tools

int main(int argc, char** argv) {
  return quicore::tools::run(quicore::tools::parse_get_options(argc, argv));
}
