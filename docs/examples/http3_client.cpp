// SPDX-License-Identifier: Apache-2.0
//
// An HTTP/3 client: posts "hello there", prints the answer's headers and body.
//
//   example_http3_client 127.0.0.1:12345 certificate.pem
#include <quicore.h>

#include <cstdio>
#include <cstdlib>

using namespace quicore;

Task<int> http3_client(Shard& shard, Address server, TlsSettings tls, std::FILE* out) {
  auto client = value_or_throw(Endpoint::create(shard));
  auto session = value_or_throw(client.connect(server, {.hostname = "localhost", .secure = tls}));

  value_or_throw(co_await session.handshake());

  auto stream = value_or_throw(session.open({
      .headers = {{":method", "POST"}},
      .body = "hello there",
  }));

  for (auto [name, value, sensitive] : value_or_throw(co_await stream.headers())) {
    std::fprintf(out, "%s: %s\n", std::string(name).c_str(), std::string(value).c_str());
  }
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
      http3_client(runtime->shard(0), server, {.ca = {Pem::file(argv[2])}}, stdout));
}
