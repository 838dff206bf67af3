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

bool is_credential(std::string_view name) noexcept {
  const auto is = [name](std::string_view other) {
    return std::ranges::equal(name, other, [](char a, char b) { return (a | 0x20) == b; });
  };
  return is("authorization") || is("cookie");
}

}  // namespace

Fetcher::Fetcher(const GetOptions& options, std::vector<FetchRequest> requests, const Logs& logs,
                 FetchTotals& totals)
    : options_(options), waiting_(requests.begin(), requests.end()), logs_(logs), totals_(totals) {
  origin_ = waiting_.front().url.origin();
}

Task<Result<>> Fetcher::connect(std::vector<Address> addresses) {
  Result<> last = failure(Errc::invalid_argument, "no address to connect to");
  for (const Address& address : addresses) {
    EndpointConfig config;
    config.address = address.is_loopback() ? Address::loopback(address.family(), 0)
                                           : Address::any(address.family(), 0);
    auto endpoint = Endpoint::create(Shard::current(), config);
    if (!endpoint) co_return std::unexpected(std::move(endpoint.error()));
    SessionConfig session_config = session_config_of(options_, waiting_.front().url);
    session_config.secure.keylog = logs_.keys.has_value();
    session_config.qlog = logs_.qlogs.wanted();
    auto session = endpoint->connect(address, session_config, resume_);
    if (!session) co_return std::unexpected(std::move(session.error()));
    if (logs_.keys) logs_.keys->follow(*session);
    logs_.qlogs.follow(*session);
    endpoint_ = *endpoint;
    session_ = *session;
    // With 0-RTT requests may leave before the handshake has ended.
    if (options_.early_data && resume_ && session_.streams_left() > 0) co_return {};
    const auto done = co_await session_.handshake().wait({});
    if (done) co_return check_status();
    last = failure(done.error().kind,
                   why_not_connected(done.error(), address, options_.connect_timeout));
    endpoint_.destroy();
  }
  co_return last;
}

// A resumed session shows no certificate, thus no status either.
Result<> Fetcher::check_status() const {
  const auto handshake = session_.handshake();
  const bool resumed = handshake.ready() && *handshake.peek() && (*handshake.peek())->resumed;
  if (options_.ocsp != OcspWish::require || resumed || ocsp_status() == "stapled") return {};
  return failure(Errc::certificate,
                 "the server stapled no OCSP response: see what it says with --ocsp off");
}

std::string Fetcher::ocsp_status() const {
  if (options_.ocsp == OcspWish::off) return {};
  const auto answer = session_.ocsp_response();
  const bool stapled = answer.ready() && *answer.peek() && !(*answer.peek())->response.empty();
  return stapled ? "stapled" : "none";
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
    result.remote = session_.remote_address().to_string();
    result.ocsp = ocsp_status();
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
    FetchRequest request = std::move(waiting_.front());
    waiting_.pop_front();
    auto result = co_await fetch(std::move(request));
    if (!result) continue;
    ++totals_.finished;
    results_.push_back(std::move(*result));
  }
  if (--*running == 0) all_done.set();
}

Task<std::optional<FetchResult>> Fetcher::fetch(FetchRequest request) {
  FetchResult result;
  result.url = request.asked.origin() + request.asked.path;
  auto file = open_output(request.asked);
  if (!file) {
    result.error = file.error().reason;
    result.write_failed = true;
    co_return result;
  }
  auto stream = open_request(request, *file);
  while (!stream && stream.error().kind == Errc::stream_limit) {
    (void)co_await Shard::current().sleep_for(std::chrono::milliseconds(1));
    stream = open_request(request, *file);
  }
  if (!stream) {
    if (send_again(request, stream.error())) co_return std::nullopt;
    result.error = sentence_of(stream.error());
    co_return result;
  }
  co_return co_await take_answer(std::move(request), *stream, std::move(*file));
}

Task<std::optional<FetchResult>> Fetcher::take_answer(FetchRequest request, Stream stream,
                                                      OutputFile file) {
  FetchResult result;
  result.url = request.asked.origin() + request.asked.path;
  result.status = "done";
  Result<Content> content = Content::write;
  if (options_.alpn == "h3") {
    auto completion = stream.headers();
    const auto& headers = co_await completion;
    if (!headers) {
      if (send_again(request, headers.error())) co_return std::nullopt;
      result.status.clear();
      result.error = sentence_of(headers.error());
      co_return result;
    }
    result.status = std::string(headers->get(":status").value_or("?"));
    for (const Field field : *headers) result.headers.emplace_back(field.name, field.value);
    if (follow(request, result, *headers)) {
      (void)stream.discard();
      if (request.url.origin() == origin_) {
        waiting_.push_back(std::move(request));
      } else {
        redirected_.push_back(std::move(request));
      }
      co_return std::nullopt;
    }
    if (!result.error.empty()) {
      (void)stream.cancel();
      co_return result;
    }
    content = begin_file(file, result, *headers);
  }
  Result<> received;
  if (!content) {
    received = std::unexpected(content.error());
    (void)stream.cancel();
  } else if (*content == Content::none) {
    received = stream.discard();
  } else {
    received = co_await receive(stream, file);
  }
  finish(result, received, file);
  co_return result;
}

void Fetcher::finish(FetchResult& result, const Result<>& received, OutputFile& file) {
  result.bytes = file.written();
  if (!received) {
    result.error = sentence_of(received.error());
    result.write_failed = received.error().kind == Errc::system;
  } else if (result.ok()) {
    if (auto finished = file.finish(); !finished) {
      result.error = finished.error().reason;
      result.write_failed = true;
    }
  }
}

// A server that goes away says which requests it has not looked at (RFC 9114 5.2).
bool Fetcher::send_again(const FetchRequest& request, const Error& error) {
  if (error.kind != Errc::rejected && error.kind != Errc::closing) return false;
  rejected_.push_back(request);
  return true;
}

// Whether the answer leads elsewhere; `request` then says where. A redirect that cannot be followed
// is an error of the result.
bool Fetcher::follow(FetchRequest& request, FetchResult& result, const Headers& headers) {
  const std::string& status = result.status;
  const bool redirect =
      status == "301" || status == "302" || status == "303" || status == "307" || status == "308";
  const auto location = headers.get("location");
  if (!redirect || !location || !options_.follow_redirects) return false;
  auto target = resolve_reference(request.url, *location);
  if (!target) {
    result.error = "redirected to " + target.error().reason;
    return false;
  }
  if (++request.redirects > options_.max_redirects) {
    result.error = "redirected more often than --max-redirects " +
                   std::to_string(options_.max_redirects) + ", last to " + target->origin() +
                   target->path;
    return false;
  }
  if (status == "303" || ((status == "301" || status == "302") && !options_.data_file.empty())) {
    request.plain_get = true;
  }
  request.url = std::move(*target);
  return true;
}

// With --continue: is this the rest, all of it anew, or nothing to keep? A weak validator does not
// tell (RFC 9110 13.1.5).
Result<Fetcher::Content> Fetcher::begin_file(OutputFile& file, FetchResult& result,
                                             const Headers& headers) const {
  if (!options_.go_on) return Content::write;
  const std::string offset = std::to_string(file.offset());
  const std::string_view range = headers.get("content-range").value_or("");
  if (file.offset() > 0) result.offset = file.offset();
  if (file.offset() > 0 && result.status == "206") {
    if (range.starts_with("bytes " + offset + "-")) return Content::write;
    return failure(Errc::application, "the server sent another range than the rest");
  }
  if (file.offset() > 0 && result.status == "416" && range == "bytes */" + offset) {
    result.status = "206";  // not even the rest is missing
    return Content::none;
  }
  if (!result.ok()) return Content::none;
  result.offset = 0;
  const std::string_view validator = headers.get("etag").value_or("");
  const bool strong = result.status == "200" && validator.starts_with('"');
  if (auto begun = file.begin(strong ? std::string(validator) : std::string()); !begun) {
    return std::unexpected(std::move(begun.error()));
  }
  return Content::write;
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

Headers Fetcher::headers_of(const FetchRequest& request, const OutputFile& file) const {
  const bool has_data = !options_.data_file.empty();
  const std::string method = request.plain_get          ? "GET"
                             : !options_.method.empty() ? options_.method
                             : has_data                 ? "POST"
                                                        : "GET";
  Headers headers{{":method", method},
                  {":scheme", "https"},
                  {":authority", request.url.authority()},
                  {":path", request.url.path}};
  // What was meant for one server is not shown to another.
  const bool elsewhere = request.url.origin() != request.asked.origin();
  for (const auto& [name, value] : options_.headers) {
    if (!elsewhere || !is_credential(name)) headers.add(name, value);
  }
  if (!headers.contains("user-agent")) headers.add("user-agent", "quicore-get");
  if (file.offset() > 0) {
    headers.add("range", "bytes=" + std::to_string(file.offset()) + "-");
    headers.add("if-range", file.validator());
  }
  return headers;
}

Result<Stream> Fetcher::open_request(const FetchRequest& request, const OutputFile& file) {
  StreamOptions options;
  if (options_.alpn != "h3") {
    options.body = "GET " + request.url.path + "\r\n";
    return session_.open(std::move(options));
  }
  options.headers = headers_of(request, file);
  if (!options_.data_file.empty() && !request.plain_get) {
    options.body = File{.path = options_.data_file};
  }
  return session_.open(std::move(options));
}

Result<OutputFile> Fetcher::open_output(const Url& url) const {
  const auto partial = options_.go_on ? OutputFile::Partial::keep : OutputFile::Partial::remove;
  if (!options_.output_directory.empty()) {
    auto path = file_for_url(options_.output_directory, url.path);
    if (!path) return std::unexpected(std::move(path.error()));
    return OutputFile::open(*path, partial);
  }
  return OutputFile::open(options_.output.empty() ? "-" : options_.output, partial);
}

Task<> Fetcher::close() {
  if (endpoint_) (void)co_await endpoint_.close().wait(std::chrono::seconds(3));
}

}  // namespace quicore::tools
