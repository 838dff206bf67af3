// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "api/shard.h"
#include "tools/server/echo.h"
#include "tools/server/services.h"

namespace quicore::tools {

namespace {

// Small enough to stay in the cache: the encryption reads it again and again.
constexpr std::size_t kZerosSize = 64 * 1024;
constexpr std::size_t kLongestRequestLine = 8192;
constexpr std::uint64_t kNotFound = 404;  // RESET_STREAM code: HTTP/0.9 has no status line

Bytes zero_block() {
  static const std::vector<std::byte> kZeros(kZerosSize);
  return kZeros;
}

// "GET /path\r\n" or "GET /path\n"; empty when it is neither.
std::string_view path_of_request_line(std::string_view line) {
  constexpr std::string_view kMethod = "GET ";
  if (!line.starts_with(kMethod)) return {};
  line.remove_prefix(kMethod.size());
  return line.substr(0, line.find_first_of("\r\n "));
}

Task<> answer_hq(const FileSite& site, Stream stream) {
  auto request = co_await stream.reader().read_all(kLongestRequestLine);
  if (!request) co_return stream.reset(kNotFound);
  auto file = site.find(path_of_request_line(request->text()));
  if (!file) co_return stream.reset(kNotFound);
  (void)stream.send(File{.path = std::move(file->path), .offset = 0, .length = file->size});
}

}  // namespace

Body zeros(std::uint64_t count) {
  const Bytes block = zero_block();
  if (count <= block.size()) return Buf::borrow(block.first(static_cast<std::size_t>(count)));
  return [block, left = count]() mutable -> std::optional<Buf> {
    if (left == 0) return std::nullopt;
    const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(left, block.size()));
    left -= size;
    return Buf::borrow(block.first(size));
  };
}

void serve_hq(const FileSite& site, StreamEvent event) {
  if (!event.respond_with) return void(event.stream.discard());
  Shard::current().spawn(answer_hq(site, event.stream));
}

void serve_echo(StreamEvent event) {
  if (!event.respond_with) return void(event.stream.discard());
  (void)event.stream.send(echo_of(event.stream));
}

void serve_perf(StreamEvent event) {
  if (!event.respond_with) return void(event.stream.discard());
  (void)event.stream.consume([stream = event.stream, answer = std::uint64_t{0}, prefix = 0](
                                 std::span<const Bytes> chunks, bool done) mutable {
    for (Bytes chunk : chunks) {
      for (; prefix < 8 && !chunk.empty(); ++prefix, chunk = chunk.subspan(1)) {
        answer = answer << 8 | std::to_integer<std::uint64_t>(chunk.front());
      }
    }
    if (done) (void)stream.send(zeros(answer));
  });
}

namespace {

using Service = void (*)(const Web&, StreamEvent);

Service service_of(std::string_view alpn) {
  if (alpn == "h3") return serve_http3;
  if (alpn == "hq-interop") {
    return [](const Web& web, StreamEvent event) { serve_hq(web.files, std::move(event)); };
  }
  if (alpn == "quicore-echo") {
    return [](const Web&, StreamEvent event) { serve_echo(std::move(event)); };
  }
  return [](const Web&, StreamEvent event) { serve_perf(std::move(event)); };
}

}  // namespace

void serve_session(const Web& web, const Session& session) {
  // Found out with the first stream, when the protocol is known: then all it takes is at hand.
  session.on_stream() = [&web, serve = Service{}](StreamEvent event) mutable {
    if (serve == nullptr) serve = service_of(event.stream.session().alpn());
    serve(web, std::move(event));
  };
  session.on_datagram() = [](DatagramEvent event) {
    // Unreliable: what does not fit into the queue is lost.
    if (event.session.alpn() == "quicore-echo") event.session.datagram(event.datagram.bytes());
  };
}

}  // namespace quicore::tools
