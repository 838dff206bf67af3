// SPDX-License-Identifier: Apache-2.0
//
// An HTTP/3 server: answers at once, prints the request's headers and its body.
//
//   example_http3_server 12345 certificate.pem key.pem
#include <quicore.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

using namespace quicore;

Endpoint http3_server(Shard& shard, const Address& address, const TlsSettings& tls,
                      std::FILE* out) {
  auto endpoint = value_or_throw(Endpoint::create(shard, {.address = address}));

  endpoint.on_session() = [out](Session session) {
    session.on_stream() = [out](StreamEvent event) -> Task<> {
      event.respond_with({
          .headers = {{"content-type", "text/plain"}},
          .body = "right back at you",
      });

      for (auto [name, value, sensitive] : value_or_throw(co_await event.stream.headers())) {
        std::fprintf(out, "%s: %s\n", std::string(name).c_str(), std::string(value).c_str());
      }
      co_await event.stream.reader().for_each(
          [out](Bytes chunk) { std::fwrite(chunk.data(), 1, chunk.size(), out); });
    };
  };

  value_or_throw(endpoint.listen({.secure = tls}));
  return endpoint;
}

Task<int> serve(Shard& shard, std::uint16_t port, TlsSettings tls) {
  auto server = http3_server(shard, Address::any(Family::ipv4, port), tls, stdout);
  co_await shard.signal(SIGINT, SIGTERM);
  co_await server.close();
  co_return EXIT_SUCCESS;
}

int main(int argc, char** argv) {
  if (argc != 4) return EXIT_FAILURE;
  const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  const TlsSettings tls{.certificate = {Pem::file(argv[2])}, .key = {Pem::file(argv[3])}};
  auto runtime = value_or_throw(Runtime::create({.shards = 1}));
  return runtime->run(serve(runtime->shard(0), port, tls));
}
