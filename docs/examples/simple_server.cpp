// SPDX-License-Identifier: Apache-2.0
//
// A QUIC server: answers every stream with "Hello World".
//
//   example_simple_server 4433 certificate.pem key.pem
#include <quicore.h>

#include <csignal>
#include <cstdlib>

using namespace quicore;

Endpoint simple_server(Shard& shard, const Address& address, const TlsSettings& tls) {
  auto server = value_or_throw(Endpoint::create(shard, {.address = address}));

  server.on_session() = [](Session session) {
    session.on_stream() = [](StreamEvent event) {
      if (event.respond_with) event.respond_with({.body = "Hello World"});
    };
  };

  value_or_throw(server.listen({.alpn = {"xyz"}, .secure = tls}));
  return server;
}

Task<int> serve(Shard& shard, std::uint16_t port, TlsSettings tls) {
  auto server = simple_server(shard, Address::any(Family::ipv4, port), tls);
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
