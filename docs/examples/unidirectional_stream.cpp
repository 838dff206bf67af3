// SPDX-License-Identifier: Apache-2.0
//
// A client that sends on a unidirectional stream, without copying, and waits until the peer has
// acknowledged the last byte.
//
//   example_unidirectional_stream 127.0.0.1:4433 certificate.pem
#include <quicore.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace quicore;

Task<int> unidirectional_stream(Shard& shard, Address server, TlsSettings tls) {
  auto client = value_or_throw(Endpoint::create(shard));
  auto session = value_or_throw(
      client.connect(server, {.alpn = {"xyz"}, .hostname = "localhost", .secure = tls}));

  value_or_throw(co_await session.handshake());

  // Everything at once: the stream ends with its body. Nobody has to keep it.
  value_or_throw(session.open({.unidirectional = true, .body = "hello world"}));

  // Piece by piece: memory of ours is pinned until it is acknowledged, then handed back.
  auto stream = value_or_throw(session.open({.unidirectional = true}));
  auto writer = stream.writer();
  void* memory = std::malloc(1 << 20);
  std::memset(memory, 'x', 1 << 20);
  value_or_throw(co_await writer.write(Buf::adopt(memory, 1 << 20, std::free)));
  value_or_throw(writer.finish());
  value_or_throw(co_await writer.flushed());

  co_await client.close();
  co_return EXIT_SUCCESS;
}

int main(int argc, char** argv) {
  if (argc != 3) return EXIT_FAILURE;
  const auto server = value_or_throw(Address::parse_with_port(argv[1]));
  auto runtime = value_or_throw(Runtime::create({.shards = 1}));
  return runtime->run(
      unidirectional_stream(runtime->shard(0), server, {.ca = {Pem::file(argv[2])}}));
}
