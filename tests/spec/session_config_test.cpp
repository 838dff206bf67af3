// SPDX-License-Identifier: Apache-2.0
//
// The specification's SessionConfig but for TLS and transport parameters: SC1 to SC8.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <any>
#include <span>

#include "tests/spec/two_ends.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

// spec: SC1
TEST(SpecSessionConfig, IsToldFromOtherValues) {
  EXPECT_TRUE(SessionConfig::is_session_config(SessionConfig()));
  EXPECT_TRUE(SessionConfig::is_session_config(std::any(SessionConfig())));
  EXPECT_FALSE(SessionConfig::is_session_config(std::any(EndpointConfig())));
  EXPECT_FALSE(SessionConfig::is_session_config(EndpointConfig()));
}

// spec: SC2
TEST(SpecSessionConfig, IsCheckedForTheSideItIsUsedOn) {
  TwoEnds ends(this_test());
  SessionConfig of_server = server_config("xyz");
  of_server.dcid.assign(8, std::byte{1});
  EXPECT_THAT(ends.server.endpoint.listen(of_server).error().reason,
              testing::HasSubstr("dcid is for clients only"));
  SessionConfig of_client = client_config("xyz");
  of_client.transport.preferred_address_ipv4 = Address::loopback(Family::ipv4, 443);
  EXPECT_THAT(ends.client.endpoint.connect(ends.address(), of_client).error().reason,
              testing::HasSubstr("is for servers only"));
  EXPECT_TRUE(ends.server.endpoint.listen(server_config("xyz")).has_value());
}

// spec: SC3 H1
TEST(SpecSessionConfig, TheProtocolIsH3UnlessAnotherIsNamed) {
  TwoEnds ends(this_test());
  SessionConfig of_server = server_config("ignored");
  SessionConfig of_client = client_config("ignored");
  of_server.alpn = of_client.alpn = SessionConfig().alpn;
  ends.listen(std::move(of_server));
  Session session = ends.begin(std::move(of_client));
  EXPECT_EQ(session.alpn(), "h3");
  EXPECT_EQ(ends.accepted.at(0).alpn(), "h3");
  EXPECT_TRUE(session.open({.headers = {{":path", "/"}}}).has_value()) << "HTTP/3 has headers";
}

// spec: SC3
TEST(SpecSessionConfig, TheFirstProtocolOfTheClientThatTheServerHasIsTaken) {
  TwoEnds ends(this_test());
  SessionConfig of_server = server_config("b");
  of_server.alpn = {"c", "b"};
  ends.listen(std::move(of_server));
  SessionConfig of_client = client_config("a");
  of_client.alpn = {"a", "b", "c"};
  EXPECT_EQ(ends.begin(std::move(of_client)).alpn(), "b");
  const Session foreign = ends.connect("z");
  EXPECT_FALSE(ends.confirm(foreign).has_value());
}

// spec: SC4
TEST(SpecSessionConfig, TheServerHearsTheHostName) {
  TwoEnds ends(this_test());
  ends.listen("xyz");
  SessionConfig named = client_config("xyz");
  named.hostname = "www.example.org";
  named.secure.verify = Verify::none;  // the certificate is localhost's
  ends.begin(std::move(named));
  EXPECT_EQ(ends.accepted.at(0).server_name(), "www.example.org");
}

std::vector<std::byte> bytes(std::string_view text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

// The IDs of a client's first Initial (RFC 9000 17.2).
struct FirstIds {
  std::vector<std::byte> dcid;
  std::vector<std::byte> scid;
};
FirstIds first_ids(std::span<const std::byte> packet) {
  const auto id_at = [&](std::size_t at) {
    const auto id = packet.subspan(at + 1, std::to_integer<std::size_t>(packet[at]));
    return std::vector<std::byte>(id.begin(), id.end());
  };
  FirstIds ids;
  ids.dcid = id_at(5);
  ids.scid = id_at(6 + ids.dcid.size());
  return ids;
}

FirstIds ids_on_the_wire(SessionConfig config) {
  TwoEnds ends(this_test());
  std::optional<FirstIds> seen;
  ends.world.trace().observe([&](const Sight& sight) {
    if (sight.what == What::sent && !seen) seen = first_ids(sight.datagram.payload);
  });
  ends.server.endpoint.on_session() = echo_streams;
  ends.listen("xyz");
  const Session session = ends.begin(std::move(config));
  ends.run(expect_echo(session, std::string(50'000, 'x')));
  return seen.value_or(FirstIds());
}

// spec: SC5
TEST(SpecSessionConfig, DcidIsTheFirstDestinationId) {
  SessionConfig config = client_config("xyz");
  for (const std::string_view id : {"8 bytes!", "twenty bytes of mine"}) {
    config.dcid = bytes(id);
    EXPECT_EQ(ids_on_the_wire(config).dcid, bytes(id));
  }
  config.dcid.clear();
  EXPECT_GE(ids_on_the_wire(config).dcid.size(), 8u) << "a random one, RFC 9000 7.2";
  for (const std::size_t size : {7u, 21u}) {  // RFC 9000 forbids less than 8, more than 20
    TwoEnds ends(this_test());
    config.dcid.assign(size, std::byte{1});
    EXPECT_THAT(ends.client.endpoint.connect(ends.address(), config).error().reason,
                testing::HasSubstr("dcid"));
  }
}

// spec: SC6
TEST(SpecSessionConfig, ScidIsTheOwnFirstId) {
  SessionConfig config = client_config("xyz");
  for (const std::string_view id : {"1", "8 bytes!", "twenty bytes of mine"}) {
    config.scid = bytes(id);
    EXPECT_EQ(ids_on_the_wire(config).scid, bytes(id));
  }
  config.scid.assign(21, std::byte{1});
  TwoEnds ends(this_test());
  EXPECT_THAT(ends.client.endpoint.connect(ends.address(), config).error().reason,
              testing::HasSubstr("scid"));
}

// A server whose wildcard address has two interfaces; the second is the preferred one.
Address remote_in_the_end(bool use, Family family) {
  World world(this_test());
  Host& server_host = world.add_host("server");
  Host& client_host = world.add_host("client");
  const Address second = world.add_address(server_host, family);
  world.connect(client_host, server_host, {Delay{5ms}});
  world.connect(client_host, End(server_host, second), {Delay{5ms}});
  EndpointConfig of_server;
  of_server.address = Address::any(family, 4433);
  EndpointConfig of_client;
  of_client.address = client_host.address(family);
  ApiNode server(world, server_host, of_server);
  ApiNode client(world, client_host, of_client);
  server.endpoint.on_session() = echo_streams;
  SessionConfig listening = server_config("xyz");
  Address preferred = second;
  preferred.set_port(4433);
  if (family == Family::ipv4) {
    listening.transport.preferred_address_ipv4 = preferred;
  } else {
    listening.transport.preferred_address_ipv6 = preferred;
  }
  value_or_throw(server.endpoint.listen(std::move(listening)));
  SessionConfig connecting = client_config("xyz");
  connecting.use_preferred_address = use;
  const Address first = server_host.address_with_port(4433, family);
  Session session = value_or_throw(client.endpoint.connect(first, std::move(connecting)));
  const auto confirmed = session.confirmed();
  EXPECT_EQ(world.run_until([&] { return confirmed.ready(); }), Outcome::reached);
  bool echoed = false;
  client.shard().spawn([](Session over, bool& flag) -> Task<> {
    (void)co_await Shard::current().sleep_for(1s);
    co_await expect_echo(over, "where are you?");
    flag = true;
  }(session, echoed));
  EXPECT_EQ(world.run_until([&] { return echoed; }), Outcome::reached) << world.report();
  EXPECT_TRUE(session.remote_address() == first || session.remote_address() == preferred);
  return session.remote_address() == preferred ? preferred : Address();
}

// spec: SC7 SC52
TEST(SpecSessionConfig, ThePreferredIpv4AddressIsUsedUnlessIgnored) {
  EXPECT_FALSE(remote_in_the_end(true, Family::ipv4).empty());
  EXPECT_TRUE(remote_in_the_end(false, Family::ipv4).empty());
  EXPECT_TRUE(SessionConfig().use_preferred_address);
}

// spec: SC7 SC53
TEST(SpecSessionConfig, ThePreferredIpv6AddressIsUsedUnlessIgnored) {
  EXPECT_FALSE(remote_in_the_end(true, Family::ipv6).empty());
  EXPECT_TRUE(remote_in_the_end(false, Family::ipv6).empty());
}

}  // namespace
}  // namespace quicore::test
