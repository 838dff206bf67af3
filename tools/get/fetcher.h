// SPDX-License-Identifier: Apache-2.0
//
// Fetches URLs of one origin over one connection. What a redirect leads elsewhere, and what a server
// that is going away did not process, is handed back.
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

struct FetchRequest {
  explicit FetchRequest(Url asked_for) : asked(asked_for), url(std::move(asked_for)) {}

  Url asked;  // as given: what the result and its file are called
  Url url;    // where redirects have led
  std::uint32_t redirects = 0;
  bool plain_get = false;  // after 303, or 301 and 302 in answer to POST (RFC 9110 15.4)
};

struct FetchResult {
  std::string url;
  std::string status;  // ":status", or "done" without headers
  std::vector<std::pair<std::string, std::string>> headers;
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;  // bytes that were there before
  std::string error;         // empty: complete
  bool write_failed = false;
  // Of the session that carried it.
  bool resumed = false;
  bool early_data = false;
  QuicVersion version{};
  std::string remote;             // where the server was in the end
  std::string ocsp;               // "stapled" or "none"; empty: not asked for
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
  Fetcher(const GetOptions& options, std::vector<FetchRequest> requests, const Logs& logs,
          FetchTotals& totals);

  // What an earlier run kept of a session with this server.
  void resume(Resume kept) { resume_ = std::move(kept); }
  // Tries the addresses in turn until a handshake succeeds. Fails with a sentence for a person.
  Task<Result<>> connect(std::vector<Address> addresses);
  // Every request has a result afterwards, or is among these:
  Task<> fetch_all();
  std::vector<FetchRequest> take_redirected() {
    return std::move(redirected_);
  }  // to other origins
  std::vector<FetchRequest> take_rejected() { return std::move(rejected_); }
  // Waits for a ticket, a moment, and writes the session file if there is to be one.
  Task<Result<>> keep_session();
  Task<> close();

  const std::vector<FetchResult>& results() const noexcept { return results_; }
  const Session& session() const noexcept { return session_; }

 private:
  Result<> check_status() const;
  std::string ocsp_status() const;
  Task<> move_after(Duration delay, bool rebinding_only);
  Task<> fetch_in_turn(std::size_t* running, Promise<> all_done);
  // Nothing: the request goes on elsewhere.
  Task<std::optional<FetchResult>> fetch(FetchRequest request);
  Task<std::optional<FetchResult>> take_answer(FetchRequest request, Stream stream,
                                               OutputFile file);
  bool send_again(const FetchRequest& request, const Error& error);
  bool follow(FetchRequest& request, FetchResult& result, const Headers& headers);
  enum class Content : std::uint8_t { write, none };
  Result<Content> begin_file(OutputFile& file, FetchResult& result, const Headers& headers) const;
  static void finish(FetchResult& result, const Result<>& received, OutputFile& file);
  Task<Result<>> receive(Stream stream, OutputFile& file);
  Result<Stream> open_request(const FetchRequest& request, const OutputFile& file);
  Headers headers_of(const FetchRequest& request, const OutputFile& file) const;
  Result<OutputFile> open_output(const Url& url) const;

  const GetOptions& options_;
  std::deque<FetchRequest> waiting_;
  std::string origin_;
  const Logs& logs_;
  FetchTotals& totals_;
  Endpoint endpoint_;
  Session session_;
  std::optional<Resume> resume_;
  bool key_updated_ = false;
  std::vector<FetchResult> results_;
  std::vector<FetchRequest> redirected_;
  std::vector<FetchRequest> rejected_;
};

}  // namespace quicore::tools
