// SPDX-License-Identifier: Apache-2.0
//
// Fetches all URLs of one origin over one connection.
//
// Threading: one shard.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/endpoint.h"
#include "api/session.h"
#include "api/task.h"
#include "tools/common/key_log.h"
#include "tools/common/qlog_files.h"
#include "tools/get/options.h"
#include "tools/get/output_file.h"

namespace quicore::tools {

struct FetchResult {
  std::string url;
  std::string status;  // ":status", or "done" without headers
  std::vector<std::pair<std::string, std::string>> headers;
  std::uint64_t bytes = 0;
  std::string error;  // empty: complete
  bool write_failed = false;
  // Of the session that carried it.
  bool resumed = false;
  bool early_data = false;
  QuicVersion version{};
  std::uint64_t key_updates = 0;  // by either side, until the last answer was complete

  bool ok() const noexcept {
    return error.empty() && (status == "done" || status.starts_with('2'));
  }
};

// What is written about every session; outlives them.
struct Logs {
  std::optional<KeyLog> keys;
  QlogFiles qlogs;
};

struct FetchTotals {
  std::uint64_t finished = 0;
  std::uint64_t wanted = 0;
  std::uint64_t bytes = 0;
};

class Fetcher {
 public:
  Fetcher(const GetOptions& options, std::vector<Url> urls, const Logs& logs, FetchTotals& totals);

  // What an earlier run kept of a session with this server.
  void resume(Resume kept) { resume_ = std::move(kept); }
  // Tries the addresses in turn until a handshake succeeds. Fails with a sentence for a person.
  Task<Result<>> connect(std::vector<Address> addresses);
  // Every URL has a result afterwards.
  Task<> fetch_all();
  // Waits for a ticket, a moment, and writes the session file if there is to be one.
  Task<Result<>> keep_session();
  Task<> close();

  const std::vector<FetchResult>& results() const noexcept { return results_; }
  const Session& session() const noexcept { return session_; }

 private:
  Task<> move_after(Duration delay, bool rebinding_only);
  Task<> fetch_in_turn(std::size_t* running, Promise<> all_done);
  Task<FetchResult> fetch(Url url);
  Task<Result<>> receive(Stream stream, OutputFile& file);
  Result<Stream> open_request(const Url& url);
  Result<OutputFile> open_output(const Url& url) const;

  const GetOptions& options_;
  std::deque<Url> waiting_;
  const Logs& logs_;
  FetchTotals& totals_;
  Endpoint endpoint_;
  Session session_;
  std::optional<Resume> resume_;
  bool key_updated_ = false;
  std::vector<FetchResult> results_;
};

}  // namespace quicore::tools
