// SPDX-License-Identifier: Apache-2.0
//
// A client that sends a datagram and prints those it receives within a second.
//
//   example_datagrams 127.0.0.1:4433 certificate.pem
#include <quicore.h>

#include <cstdio>
#include <cstdlib>

using namespace quicore;
using namespace std::chrono_literals;

Task<int> datagrams(Shard& shard, Address server, TlsSettings tls, std::FILE* out) {
  auto client = value_or_throw(Endpoint::create(shard));
  auto session = value_or_throw(
      client.connect(server, {.alpn = {"xyz"}, .hostname = "localhost", .secure = tls}));

  session.on_datagram() = [out](DatagramEvent event) {
    std::fwrite(event.datagram.data(), 1, event.datagram.size(), out);
  };

  value_or_throw(co_await session.handshake());

  if (!session.datagram("hello world datagram")) std::fputs("not sent\n", stderr);

  co_await shard.sleep_for(1s);
  co_await client.close();
  co_return EXIT_SUCCESS;
}

int main(int argc, char** argv) {
  if (argc != 3) return EXIT_FAILURE;
  const auto server = value_or_throw(Address::parse_with_port(argv[1]));
  auto runtime = value_or_throw(Runtime::create({.shards = 1}));
  return runtime->run(datagrams(runtime->shard(0), server, {.ca = {Pem::file(argv[2])}}, stdout));
}
