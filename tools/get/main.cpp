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

int say(const Error& error, int status = kExitFailures) {
  std::fprintf(stderr, "quicore-get: %s\n", sentence_of(error).c_str());
  return status;
}

struct Origin {
  std::vector<Address> addresses;
  std::unique_ptr<Fetcher> fetcher;
};

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
                      {"resumed", result.resumed},
                      {"early_data", result.early_data},
                      {"version", result.version == QuicVersion::v2 ? "v2" : "v1"},
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

Task<int> fetch(const GetOptions& options, std::map<std::string, Origin>& origins, const Logs& logs,
                FetchTotals& totals) {
  auto style = ProgressLine::style_of(2);
  style.quiet = options.quiet;
  ProgressLine progress(std::cerr, style);
  Shard::current().spawn(show_progress(totals, progress));
  std::vector<FetchResult> results;
  bool session_kept = true;
  for (auto& [name, origin] : origins) {
    if (auto connected = co_await origin.fetcher->connect(origin.addresses); !connected) {
      progress.clear();
      std::fprintf(stderr, "quicore-get: %s: %s\n", name.c_str(),
                   sentence_of(connected.error()).c_str());
      co_return connected.error().kind == Errc::invalid_argument ? kExitUsage : kExitNoConnection;
    }
    co_await origin.fetcher->fetch_all();
    const auto& fetched = origin.fetcher->results();
    results.insert(results.end(), fetched.begin(), fetched.end());
    if (auto kept = co_await origin.fetcher->keep_session(); !kept) {
      say(kept.error());
      session_kept = false;
    }
    co_await origin.fetcher->close();
  }
  co_await logs.qlogs.complete();
  progress.clear();
  print_results(options, results);
  const int status = exit_status(results);
  co_return status == 0 && !session_kept ? kExitNotWritten : status;
}

int run(const GetOptions& options) {
  // Resolving blocks, so it is done before the runtime starts.
  std::map<std::string, std::vector<Url>> by_origin;
  for (const Url& url : options.urls) by_origin[url.origin()].push_back(url);
  auto key_log = KeyLog::open(options.keylog);
  if (!key_log) return say(key_log.error(), kExitUsage);
  auto qlogs = QlogFiles::open(options.qlog);
  if (!qlogs) return say(qlogs.error(), kExitUsage);
  const Logs logs{std::move(*key_log), std::move(*qlogs)};
  std::optional<Resume> resume;
  if (!options.session_file.empty()) {
    auto kept = load_session_file(options.session_file);
    if (!kept) return say(kept.error(), kExitUsage);
    resume = std::move(*kept);
  }
  FetchTotals totals;
  std::map<std::string, Origin> origins;
  for (auto& [name, urls] : by_origin) {
    auto addresses = resolve(urls.front().host, urls.front().port);
    if (!addresses) return say(addresses.error(), kExitNoConnection);
    auto fetcher = std::make_unique<Fetcher>(options, std::move(urls), logs, totals);
    if (resume) fetcher->resume(*resume);
    origins.emplace(name, Origin{std::move(*addresses), std::move(fetcher)});
  }
  RuntimeConfig config;
  config.shards = 1;
  config.port = options.port;
  auto runtime = Runtime::create(std::move(config));
  if (!runtime) return say(runtime.error(), kExitUsage);
  int timed_out = 0;
  (*runtime)->shard(0).spawn(give_up_after(**runtime, options.timeout, timed_out));
  const int status = (*runtime)->run(fetch(options, origins, logs, totals));
  return timed_out != 0 ? timed_out : status;
}

}  // namespace
}  // namespace quicore::tools

int main(int argc, char** argv) {
  return quicore::tools::run(quicore::tools::parse_get_options(argc, argv));
}
