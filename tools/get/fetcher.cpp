// SPDX-License-Identifier: Apache-2.0
#include "tools/get/fetcher.h"

#include <algorithm>
#include <cstdio>

#include "tools/common/sentence.h"
#include "tools/get/session_file.h"

namespace quicore::tools {

namespace {

// Enough of a body to be in mid transfer.
constexpr std::uint64_t kKeyUpdateAfter = 32 * 1024;
constexpr std::chrono::milliseconds kTicketWait{200};
constexpr std::chrono::milliseconds kMoveRetry{1};  // until the server has given connection IDs

}  // namespace

Fetcher::Fetcher(const GetOptions& options, std::vector<Url> urls, const Logs& logs,
                 FetchTotals& totals)
    : options_(options), waiting_(urls.begin(), urls.end()), logs_(logs), totals_(totals) {
  totals_.wanted += waiting_.size();
}

Task<Result<>> Fetcher::connect(std::vector<Address> addresses) {
  Result<> last = failure(Errc::invalid_argument, "no address to connect to");
  for (const Address& address : addresses) {
    EndpointConfig config;
    config.address = address.is_loopback() ? Address::loopback(address.family(), 0)
                                           : Address::any(address.family(), 0);
    auto endpoint = Endpoint::create(Shard::current(), config);
    if (!endpoint) co_return std::unexpected(std::move(endpoint.error()));
    SessionConfig session_config = session_config_of(options_, waiting_.front());
    session_config.secure.keylog = logs_.keys.has_value();
    session_config.qlog = logs_.qlogs.wanted();
    auto session = endpoint->connect(address, std::move(session_config), resume_);
    if (!session) co_return std::unexpected(std::move(session.error()));
    if (logs_.keys) logs_.keys->follow(*session);
    logs_.qlogs.follow(*session);
    endpoint_ = *endpoint;
    session_ = *session;
    // With 0-RTT requests may leave before the handshake has ended.
    if (options_.early_data && resume_ && session_.streams_left() > 0) co_return {};
    const auto done = co_await session_.handshake().wait({});
    if (done) co_return {};
    last = failure(done.error().kind,
                   why_not_connected(done.error(), address, options_.connect_timeout));
    endpoint_.destroy();
  }
  co_return last;
}

Task<> Fetcher::fetch_all() {
  Shard& shard = Shard::current();
  if (options_.migrate_after.count() > 0) shard.spawn(move_after(options_.migrate_after, false));
  if (options_.rebind_after.count() > 0) shard.spawn(move_after(options_.rebind_after, true));
  std::size_t running = std::min<std::size_t>(options_.parallel, waiting_.size());
  Promise<> all_done;
  for (std::size_t i = running; i > 0; --i) {
    Shard::current().spawn(fetch_in_turn(&running, all_done));
  }
  (void)co_await all_done.completion();
  const auto handshake = session_.handshake();
  for (FetchResult& result : results_) {
    if (handshake.peek() == nullptr || !*handshake.peek()) break;
    result.resumed = (*handshake.peek())->resumed;
    result.early_data = (*handshake.peek())->early_data;
    result.version = session_.version();
    result.key_updates = session_.stats().key_update_count;
  }
}

Task<Result<>> Fetcher::keep_session() {
  if (options_.session_file.empty()) co_return {};
  // Tickets follow the handshake; a very short exchange may be over before they are here.
  if (!session_.session_ticket()) (void)co_await Shard::current().sleep_for(kTicketWait);
  const auto ticket = session_.session_ticket();
  if (!ticket) co_return {};  // the server gave none
  co_return save_session_file(options_.session_file, *ticket);
}

// For tests of servers: the client's address changes in mid transfer.
Task<> Fetcher::move_after(Duration delay, bool rebinding_only) {
  const Session session = session_;
  if (auto ready = co_await session.confirmed(); !ready) co_return;
  (void)co_await Shard::current().sleep_for(delay);
  const Address before = session.local_address();
  auto moved = rebinding_only ? session.rebind() : session.migrate();
  while (!moved && moved.error().kind == Errc::blocked) {
    (void)co_await Shard::current().sleep_for(kMoveRetry);
    moved = session.migrate();
  }
  if (moved && !options_.quiet) {
    std::fprintf(stderr, "quicore-get: %s from %s\n", rebinding_only ? "rebound" : "migrating",
                 before.to_string().c_str());
  } else if (!moved && moved.error().kind != Errc::closed) {
    std::fprintf(stderr, "quicore-get: cannot move: %s\n", sentence_of(moved.error()).c_str());
  }
}

Task<> Fetcher::fetch_in_turn(std::size_t* running, Promise<> all_done) {
  while (!waiting_.empty()) {
    Url url = std::move(waiting_.front());
    waiting_.pop_front();
    FetchResult result = co_await fetch(std::move(url));
    ++totals_.finished;
    results_.push_back(std::move(result));
  }
  if (--*running == 0) all_done.set();
}

Task<FetchResult> Fetcher::fetch(Url url) {
  FetchResult result;
  result.url = url.origin() + url.path;
  auto file = open_output(url);
  if (!file) {
    result.error = file.error().reason;
    result.write_failed = true;
    co_return result;
  }
  auto stream = open_request(url);
  while (!stream && stream.error().kind == Errc::stream_limit) {
    (void)co_await Shard::current().sleep_for(std::chrono::milliseconds(1));
    stream = open_request(url);
  }
  if (!stream) {
    result.error = sentence_of(stream.error());
    co_return result;
  }
  if (options_.alpn == "h3") {
    auto completion = stream->headers();
    const auto& headers = co_await completion;
    if (!headers) {
      result.error = sentence_of(headers.error());
      co_return result;
    }
    result.status = std::string(headers->get(":status").value_or("?"));
    for (const Field field : *headers) result.headers.emplace_back(field.name, field.value);
  } else {
    result.status = "done";
  }
  const auto received = co_await receive(*stream, *file);
  result.bytes = file->written();
  if (!received) {
    result.error = sentence_of(received.error());
    result.write_failed = received.error().kind == Errc::system;
  } else if (result.ok()) {
    if (auto finished = file->finish(); !finished) {
      result.error = finished.error().reason;
      result.write_failed = true;
    }
  }
  co_return result;
}

Task<Result<>> Fetcher::receive(Stream stream, OutputFile& file) {
  const Reader reader = stream.reader();
  for (;;) {
    auto chunk = co_await reader.next();
    if (!chunk) co_return std::unexpected(std::move(chunk.error()));
    if (!*chunk) co_return {};
    totals_.bytes += (*chunk)->size();
    if (auto written = file.write((*chunk)->bytes()); !written) {
      (void)stream.cancel();
      co_return written;
    }
    if (options_.key_update && !key_updated_ && file.written() >= kKeyUpdateAfter) {
      key_updated_ = session_.update_key().has_value();
    }
  }
}

Result<Stream> Fetcher::open_request(const Url& url) {
  StreamOptions request;
  if (options_.alpn != "h3") {
    request.body = "GET " + url.path + "\r\n";
    return session_.open(std::move(request));
  }
  const bool has_data = !options_.data_file.empty();
  const std::string method = !options_.method.empty() ? options_.method : has_data ? "POST" : "GET";
  Headers headers{{":method", method},
                  {":scheme", "https"},
                  {":authority", url.authority()},
                  {":path", url.path}};
  for (const auto& [name, value] : options_.headers) headers.add(name, value);
  if (!headers.contains("user-agent")) headers.add("user-agent", "quicore-get");
  request.headers = std::move(headers);
  if (has_data) request.body = File{.path = options_.data_file};
  return session_.open(std::move(request));
}

Result<OutputFile> Fetcher::open_output(const Url& url) const {
  if (!options_.output_directory.empty()) {
    auto path = file_for_url(options_.output_directory, url.path);
    if (!path) return std::unexpected(std::move(path.error()));
    return OutputFile::open(*path);
  }
  return OutputFile::open(options_.output.empty() ? "-" : options_.output);
}

Task<> Fetcher::close() {
  if (endpoint_) (void)co_await endpoint_.close().wait(std::chrono::seconds(3));
}

}  // namespace quicore::tools
