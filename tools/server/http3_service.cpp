// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <optional>
#include <string>

#include "tools/server/services.h"

namespace quicore::tools {

namespace {

constexpr std::string_view kBytesPath = "/bytes/";
constexpr std::uint64_t kLargestBytes = 1ULL << 40;  // 1 TiB

void answer(const StreamEvent& event, std::string_view status, std::string_view text) {
  Headers headers{{":status", status}, {"content-type", "text/plain; charset=utf-8"}};
  headers.add("content-length", std::to_string(text.size()));
  // What cannot be answered any more (the client went away) needs no answer.
  (void)event.respond_with({.headers = std::move(headers), .body = Buf::copy(text)});
}

void refuse_method(const StreamEvent& event, std::string_view allowed) {
  (void)event.respond_with({.headers = Headers{{":status", "405"}, {"allow", allowed}}});
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size() || count > kLargestBytes) {
    return std::nullopt;
  }
  return count;
}

void serve_bytes(const StreamEvent& event, std::string_view number) {
  const auto count = parse_count(number);
  if (!count) return answer(event, "400", "write /bytes/N with N from 0 to 2^40\n");
  Headers headers{{":status", "200"}, {"content-type", "application/octet-stream"}};
  headers.add("content-length", std::to_string(*count));
  (void)event.respond_with({.headers = std::move(headers), .body = zeros(*count)});
}

void serve_file(const FileSite& site, const StreamEvent& event, std::string_view path, bool head) {
  auto file = site.find(path);
  if (!file) return answer(event, "404", "no such file\n");
  Headers headers{{":status", "200"}, {"content-type", file->type}};
  headers.add("content-length", std::to_string(file->size));
  if (head) return void(event.respond_with({.headers = std::move(headers)}));
  (void)event.respond_with(
      {.headers = std::move(headers),
       .body = File{.path = std::move(file->path), .offset = 0, .length = file->size}});
}

// The client may send faster than it reads: a chunk's credit returns when the answer takes it.
void echo(const StreamEvent& event) {
  auto next = [reader = event.stream.reader()]() -> Task<Result<std::optional<Buf>>> {
    auto chunk = co_await reader.next();
    if (!chunk) co_return std::unexpected(std::move(chunk.error()));
    if (!*chunk) co_return std::nullopt;
    co_return std::move(**chunk).retain();
  };
  Headers headers{{":status", "200"}};
  if (const auto type = event.headers->get("content-type")) headers.add("content-type", *type);
  if (const auto length = event.headers->get("content-length")) {
    headers.add("content-length", *length);
  }
  (void)event.respond_with({.headers = std::move(headers), .body = std::move(next)});
}

void discard(const StreamEvent& event) {
  (void)event.stream.consume(
      [event, received = std::uint64_t{0}](std::span<const Bytes> chunks, bool done) mutable {
        for (const Bytes chunk : chunks) received += chunk.size();
        if (done) answer(event, "200", std::to_string(received) + "\n");
      });
}

}  // namespace

void serve_http3(const FileSite& site, StreamEvent event) {
  if (!event.respond_with || event.headers == nullptr) return;
  const std::string_view method = event.headers->get(":method").value_or("");
  const std::string_view path = event.headers->get(":path").value_or("");
  const bool get = method == "GET";
  const bool head = method == "HEAD";
  if (path == "/echo" || path == "/discard") {
    if (method != "POST" && method != "PUT") return refuse_method(event, "POST, PUT");
    return path == "/echo" ? echo(event) : discard(event);
  }
  if (!get && !head) return refuse_method(event, "GET, HEAD");
  if (path.starts_with(kBytesPath)) return serve_bytes(event, path.substr(kBytesPath.size()));
  serve_file(site, event, path, head);
}

}  // namespace quicore::tools
