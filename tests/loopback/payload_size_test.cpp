// SPDX-License-Identifier: Apache-2.0
//
// The largest datagrams there are, which loopback carries, over real sockets.
#include <gtest/gtest.h>
#include <quicore.h>

#include <memory>
#include <string>

#include "tests/loopback/both_ports.h"
#include "tests/support/engine_node.h"

namespace quicore::test {
namespace {

constexpr std::size_t kBytes = 8 << 20;

class PayloadSize : public OnBothPorts {
 protected:
  // Sends kBytes from the client to the server. Returns the client's packets, -1 if not all arrived.
  int packets_of_an_upload(EndpointConfig config) {
    config.address = Address::loopback(Family::ipv4, 0);
    return runtime_->run(upload(runtime_->shard(0), std::move(config)));
  }

 private:
  static Task<int> upload(Shard& shard, EndpointConfig config) {
    const DevelopmentIdentity identity = value_or_throw(make_development_identity());
    auto server = value_or_throw(Endpoint::create(shard, config));
    const Promise<std::size_t> arrived;
    server.on_session() = [arrived](Session session) {
      session.on_stream() = [arrived](StreamEvent event) -> Task<> {
        auto body = co_await event.stream.reader().read_all(2 * kBytes);
        arrived.set(body ? body->size() : 0);
      };
    };
    value_or_throw(server.listen({.alpn = {"xyz"}, .secure = identity.server}));
    auto client = value_or_throw(Endpoint::create(shard, config));
    auto session = value_or_throw(client.connect(
        *server.address(), {.alpn = {"xyz"}, .hostname = "localhost", .secure = identity.client}));
    value_or_throw(co_await session.confirmed());
    auto stream = value_or_throw(session.open({.body = std::string(kBytes, 'x')}));
    const auto size = co_await arrived.completion();
    const auto packets = static_cast<int>(session.stats().packets_sent);
    co_await client.close();
    co_await server.close();
    if (!size || *size != kBytes) co_return -1;
    co_return packets;
  }
};

INSTANTIATE_TEST_SUITE_P(Ports, PayloadSize, kBothPorts, name_of_port);

// spec: EC14
TEST_P(PayloadSize, MayBeTheLargestOfUdpFromTheBeginning) {
  const int packets =
      packets_of_an_upload({.max_payload_size = 65507, .path_mtu_discovery = false});
  EXPECT_GT(packets, 0);
  EXPECT_LT(packets, 400);
}

// spec: EC14
TEST_P(PayloadSize, GrowsToTheLargestOfUdpByDiscovery) {
  const int packets = packets_of_an_upload({.max_payload_size = 65507});
  EXPECT_GT(packets, 0);
  EXPECT_LT(packets, 4000) << "kBytes / 1252 are 6,700";
}

}  // namespace
}  // namespace quicore::test
