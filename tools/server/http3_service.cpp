// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/shard.h"
#include "tools/common/parse.h"
#include "tools/server/echo.h"
#include "tools/server/http_content.h"
#include "tools/server/services.h"

namespace quicore::tools {

namespace {

constexpr std::string_view kBytesPath = "/bytes/";
constexpr std::uint64_t kLargestBytes = 1ULL << 40;  // 1 TiB

std::string copy_of(const Headers& headers, std::string_view name) {
  return std::string(headers.get(name).value_or(""));
}

// One request and its answer, which is logged when its stream has closed.
struct Exchange {
  const Web& web;
  StreamEvent event;

  // `length`: of the body, where it is known.
  void respond(Headers headers, Body body = {}, std::optional<std::uint64_t> length = 0) const {
    if (web.log) log_when_closed(copy_of(headers, ":status"), length);
    // What cannot be answered any more (the client went away) needs no answer.
    (void)event.respond_with({.headers = std::move(headers), .body = std::move(body)});
  }
  void say(std::string_view status, std::string_view text) const {
    Headers headers{{":status", status}, {"content-type", "text/plain; charset=utf-8"}};
    headers.add("content-length", std::to_string(text.size()));
    respond(std::move(headers), Buf::copy(text), text.size());
  }
  void refuse_method(std::string_view allowed) const {
    respond({{":status", "405"}, {"allow", allowed}});
  }

 private:
  void log_when_closed(std::string status, std::optional<std::uint64_t> length) const;
};

void Exchange::log_when_closed(std::string status, std::optional<std::uint64_t> length) const {
  AccessEntry entry;
  entry.remote = event.stream.session().remote_address();
  entry.method = copy_of(*event.headers, ":method");
  entry.target = copy_of(*event.headers, ":path");
  entry.status = std::move(status);
  entry.referer = copy_of(*event.headers, "referer");
  entry.user_agent = copy_of(*event.headers, "user-agent");
  event.stream.closed().then([entry = std::move(entry), stream = event.stream, length,
                              log = &*web.log](const Result<>& end) mutable {
    const StreamStats stats = stream.stats();
    // Clients leave as soon as they have everything, perhaps without acknowledging the end.
    entry.complete = end.has_value() || (length && stats.bytes_sent >= *length);
    entry.bytes = entry.complete && length ? *length : stats.bytes_sent;
    entry.took = stats.duration;
    log->record(entry);
  });
}

void serve_bytes(const Exchange& exchange, std::string_view number, bool head) {
  const auto count = parse_number(number, 0, kLargestBytes);
  if (!count) return exchange.say("400", "write /bytes/N with N from 0 to 2^40\n");
  Headers headers{{":status", "200"}, {"content-type", "application/octet-stream"}};
  headers.add("content-length", std::to_string(*count));
  if (head) return exchange.respond(std::move(headers));
  exchange.respond(std::move(headers), zeros(*count), *count);
}

void serve_content(const Exchange& exchange, RecentFile& recent, bool head) {
  const Headers& request = *exchange.event.headers;
  const std::vector<SiteFile>& encoded = recent.encoded();
  const SiteFile* better = preferred_encoding(request.get("accept-encoding").value_or(""), encoded);
  const SiteFile& file = better != nullptr ? *better : recent.entry().file;
  ContentAnswer answer = answer_for(request, file, !encoded.empty());
  if (head || !answer.has_body) return exchange.respond(std::move(answer.headers));
  if (const auto content = recent.content(file)) {
    return exchange.respond(std::move(answer.headers), content->slice(answer.offset, answer.length),
                            answer.length);
  }
  exchange.respond(std::move(answer.headers),
                   File{.path = file.path, .offset = answer.offset, .length = answer.length},
                   answer.length);
}

void redirect_to_directory(const Exchange& exchange, std::string_view target) {
  const std::size_t query = std::min(target.find('?'), target.size());
  const std::string path(target.substr(0, query));
  // "//host/" would be read as another host.
  const std::size_t slashes = std::min(path.find_first_not_of('/'), path.size());
  Headers headers{{":status", "301"}};
  headers.add("location", "/" + path.substr(slashes) + "/" + std::string(target.substr(query)));
  exchange.respond(std::move(headers));
}

void serve_path(const Exchange& exchange, std::string_view target, bool head) {
  RecentFile& recent = exchange.web.look_up(target);
  const SiteEntry& entry = recent.entry();
  switch (entry.kind) {
    case SiteEntry::Kind::missing:
      return exchange.say("404", "no such file\n");
    case SiteEntry::Kind::with_a_slash:
      return redirect_to_directory(exchange, target);
    case SiteEntry::Kind::file:
      return serve_content(exchange, recent, head);
    case SiteEntry::Kind::directory:
      break;
  }
  const std::string page = listing_of(entry.path, target.substr(0, target.find('?')));
  Headers headers{{":status", "200"}, {"content-type", "text/html; charset=utf-8"}};
  headers.add("content-length", std::to_string(page.size()));
  if (head) return exchange.respond(std::move(headers));
  exchange.respond(std::move(headers), page, page.size());
}

void echo(const Exchange& exchange) {
  const StreamEvent& event = exchange.event;
  Headers headers{{":status", "200"}};
  if (const auto type = event.headers->get("content-type")) headers.add("content-type", *type);
  if (const auto length = event.headers->get("content-length")) {
    headers.add("content-length", *length);
  }
  exchange.respond(std::move(headers), echo_of(event.stream), std::nullopt);
}

void discard(const Exchange& exchange) {
  (void)exchange.event.stream.consume(
      [exchange, received = std::uint64_t{0}](std::span<const Bytes> chunks, bool done) mutable {
        for (const Bytes chunk : chunks) received += chunk.size();
        if (done) exchange.say("200", std::to_string(received) + "\n");
      });
}

}  // namespace

RecentFile& Web::look_up(std::string_view target) const {
  const Shard& shard = Shard::current();
  return recent[shard.index()].look_up(files, target, shard.now());
}

void serve_http3(const Web& web, StreamEvent event) {
  if (!event.respond_with || event.headers == nullptr) return;
  const Exchange exchange{web, std::move(event)};
  const Headers& request = *exchange.event.headers;
  const std::string_view method = request.get(":method").value_or("");
  const std::string_view path = request.get(":path").value_or("");
  const bool head = method == "HEAD";
  if (path == "/echo" || path == "/discard") {
    if (method != "POST" && method != "PUT") return exchange.refuse_method("POST, PUT");
    return path == "/echo" ? echo(exchange) : discard(exchange);
  }
  if (method != "GET" && !head) return exchange.refuse_method("GET, HEAD");
  if (path.starts_with(kBytesPath))
    return serve_bytes(exchange, path.substr(kBytesPath.size()), head);
  serve_path(exchange, path, head);
}

}  // namespace quicore::tools
