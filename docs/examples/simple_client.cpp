// SPDX-License-Identifier: Apache-2.0
//
// A QUIC client: sends "Hello World" on a stream and prints what comes back.
//
//   example_simple_client 127.0.0.1:4433 certificate.pem
#include <quicore.h>

#include <cstdio>
#include <cstdlib>

using namespace quicore;

Task<int> simple_client(Shard& shard, Address server, TlsSettings tls, std::FILE* out) {
  auto client = value_or_throw(Endpoint::create(shard));
  auto session = value_or_throw(
      client.connect(server, {.alpn = {"xyz"}, .hostname = "localhost", .secure = tls}));

  value_or_throw(co_await session.handshake());

  auto stream = value_or_throw(session.open({.body = "Hello World"}));
  value_or_throw(co_await stream.reader().for_each(
      [out](Bytes chunk) { std::fwrite(chunk.data(), 1, chunk.size(), out); }));

  co_await client.close();
  co_return EXIT_SUCCESS;
}

int main(int argc, char** argv) {
  if (argc != 3) return EXIT_FAILURE;
  const auto server = value_or_throw(Address::parse_with_port(argv[1]));
  auto runtime = value_or_throw(Runtime::create({.shards = 1}));
  return runtime->run(
      simple_client(runtime->shard(0), server, {.ca = {Pem::file(argv[2])}}, stdout));
}
