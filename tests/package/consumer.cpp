// SPDX-License-Identifier: Apache-2.0
//
// A program outside of the repository: includes what a user includes, links what a user links, and
// opens and closes an endpoint.
#include <quicore.h>

#include <cstdio>

quicore::Task<int> open_and_close(quicore::Shard& shard) {
  auto endpoint = quicore::Endpoint::create(shard);
  if (!endpoint) {
    std::fprintf(stderr, "%s\n", to_string(endpoint.error()).c_str());
    co_return 1;
  }
  const auto address = endpoint->address();
  std::printf("opened %s\n", address ? address->to_string().c_str() : "nothing");
  const auto closed = co_await endpoint->close();
  co_return address&& closed ? 0 : 1;
}

int main() {
  auto runtime = quicore::Runtime::create({.shards = 1});
  if (!runtime) {
    std::fprintf(stderr, "%s\n", to_string(runtime.error()).c_str());
    return 1;
  }
  return (*runtime)->run(open_and_close((*runtime)->shard(0)));
}
