// SPDX-License-Identifier: Apache-2.0
//
// RFC 9000 sections 5, 6, 12 and 17: packets, versions, Retry; RFC 9287; RFC 9368 and 9369.
#include <ngtcp2/ngtcp2_crypto.h>

#include <array>

#include "tests/conformance/peers.h"

namespace quicore::test {
namespace {

TEST(Rfc9000Section17_3_1, ReservedBitsOfAShortHeaderAreAProtocolViolation) {
  for (const unsigned bits : {1u, 2u, 3u}) {
    AgainstServer test;
    ASSERT_EQ(test.handshake(), kOpen);
    EXPECT_EQ(test.answer_to(wire::ping(), {.reserved_bits = bits}), kProtocolViolation) << bits;
  }
}

TEST(Rfc9000Section17_2, ReservedBitsOfAHandshakePacketAreAProtocolViolation) {
  HostileOptions options;
  options.edit_crypto = [](Level level, std::string& bytes) {
    if (level == Level::handshake) bytes.clear();
  };
  AgainstServer test(options);
  test.hostile.connect(test.victim.address());
  test.world.run_until([&] { return test.hostile.has_keys(Level::handshake); });
  test.hostile.send(Level::handshake, wire::ping(), {.reserved_bits = 1});
  EXPECT_EQ(test.verdict(), kProtocolViolation);
}

TEST(Rfc9000Section17_3_1, PacketNumbersMayHaveOneToFourBytes) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  std::uint64_t offset = 0;
  for (const std::size_t size : {4u, 3u, 2u, 1u}) {
    EXPECT_EQ(test.answer_to(wire::stream(0, offset++, "x"), {.number_size = size}), kOpen);
  }
  EXPECT_EQ(test.accepted().streams.front().received, "xxxx");
}

TEST(Rfc9000Section12_3, APacketThatComesTwiceIsProcessedOnce) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  const std::string packet = test.hostile.packet(Level::application, wire::datagram("once"));
  for (int i = 0; i < 3; ++i) test.hostile.send_datagram(packet);
  EXPECT_EQ(test.verdict(), kOpen);
  EXPECT_EQ(test.accepted().datagrams.size(), 1u);
}

TEST(Rfc9000Section12_2, APacketForAnotherConnectionBehindOursIsIgnored) {
  AgainstServer test;
  test.hostile.connect(test.victim.address());
  test.world.run_for(6ms);
  std::string datagram = test.hostile.packet(Level::initial, wire::ping() + wire::padding(600));
  datagram += test.hostile.packet(Level::initial, wire::ping() + wire::padding(600),
                                  {.dcid = std::string(8, 'o')});
  test.hostile.send_datagram(datagram);
  EXPECT_EQ(test.verdict(), kOpen);
  EXPECT_EQ(test.victim.connections.size(), 1u);
}

TEST(Rfc9000Section17_2, ALongHeaderWithAnotherSourceConnectionIdIsIgnored) {
  HostileOptions options;
  options.edit_crypto = [](Level level, std::string& bytes) {
    if (level == Level::handshake) bytes.clear();
  };
  AgainstServer test(options);
  test.hostile.connect(test.victim.address());
  test.world.run_until([&] { return test.hostile.has_keys(Level::handshake); });
  test.hostile.send(Level::handshake, wire::handshake_done(), {.scid = std::string(8, 'o')});
  EXPECT_EQ(test.verdict(), kOpen);
}

TEST(Rfc9000Section17_2, PacketsCutShortOrWithSillyLengthsAreDropped) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  const std::string whole = test.hostile.packet(Level::application, wire::handshake_done());
  for (std::size_t size = 1; size < whole.size(); ++size) {
    test.hostile.send_datagram(whole.substr(0, size));
  }
  const std::string initial = test.hostile.packet(Level::initial, wire::padding(1200));
  for (std::size_t size = 1; size < 60; ++size) test.hostile.send_datagram(initial.substr(0, size));
  EXPECT_EQ(test.verdict(), kOpen);
  EXPECT_EQ(test.answer_to(wire::stream(0, 0, "alive")), kOpen);
  EXPECT_EQ(test.accepted().streams.front().received, "alive");
}

TEST(Rfc9000Section17_2_2, AClientDropsInitialsThatCarryAToken) {
  AgainstClient test;
  test.connect();
  test.world.run_until([&] { return test.hostile.has_keys(Level::handshake); });
  // RFC 9000 17.2.2: discard, or PROTOCOL_VIOLATION.
  test.hostile.send(Level::initial, wire::connection_close(1), {.token = "token"});
  test.world.run_for(300ms);
  EXPECT_FALSE(test.session().closed);
  EXPECT_TRUE(test.session().handshake_completed);
}

TEST(Rfc9287Section3, OurPeersMayClearTheQuicBitSinceWeOfferIt) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  constexpr std::uint64_t kGreaseQuicBit = 0x2ab2;
  EXPECT_TRUE(std::ranges::any_of(test.hostile.peer_parameters(),
                                  [](const auto& entry) { return entry.first == kGreaseQuicBit; }));
  EXPECT_EQ(test.answer_to(wire::stream(0, 0, "x"), {.fixed_bit = false}), kOpen);
  EXPECT_EQ(test.accepted().streams.size(), 1u);
}

// --- versions ------------------------------------------------------------------------------------------

TEST(Rfc9000Section6_1, AnUnknownVersionIsAnsweredByVersionNegotiation) {
  std::vector<std::string> replies;
  HostileOptions options;
  options.on_datagram = [&](std::string_view datagram) {
    replies.emplace_back(datagram);
    return false;
  };
  AgainstServer test(options);
  test.hostile.connect(test.victim.address());
  test.world.run_for(100ms);
  replies.clear();
  test.hostile.send(Level::initial, wire::ping(), {.dcid = "another1", .version = 0x1a2a3a4a});
  test.world.run_for(100ms);
  ASSERT_EQ(replies.size(), 1u);
  const std::string& reply = replies.front();
  EXPECT_EQ(reply.substr(1, 4), std::string(4, '\0'));
  EXPECT_EQ(reply.substr(6, 8), test.hostile.scid());  // the IDs are exchanged
  EXPECT_EQ(reply.substr(15, 8), "another1");
  EXPECT_NE(reply.find(wire::big_endian(kVersion1, 4), 23), reply.npos);
  EXPECT_NE(reply.find(wire::big_endian(kVersion2, 4), 23), reply.npos);
}

TEST(Rfc9000Section6_1, ASmallDatagramOfAnUnknownVersionIsNotAnswered) {
  HostileOptions options;
  AgainstServer test(options);
  test.hostile.connect(test.victim.address());
  test.world.run_for(100ms);
  const std::uint64_t before = test.hostile.datagrams_received();
  const std::string packet = test.hostile.packet(Level::initial, wire::ping() + wire::padding(900),
                                                 {.dcid = "another1", .version = 0x1a2a3a4a});
  test.hostile.send_datagram(packet);
  test.world.run_for(100ms);
  EXPECT_EQ(test.hostile.datagrams_received(), before);
}

std::string version_negotiation_to(const HostileEndpoint& server, std::string_view client_scid,
                                   const std::vector<std::uint32_t>& versions) {
  std::string packet = "\xc0" + std::string(4, '\0');
  packet += static_cast<char>(client_scid.size());
  packet.append(client_scid);
  packet += static_cast<char>(server.first_dcid().size());
  packet.append(server.first_dcid());
  for (const std::uint32_t version : versions) packet.append(wire::big_endian(version, 4));
  return packet;
}

TEST(Rfc9000Section6_2, VersionNegotiationThatListsTheOfferedVersionIsIgnored) {
  AgainstClient test;
  test.connect();
  test.world.run_for(6ms);
  // Our client's first flight has arrived and was answered; a packet of an attacker comes late too.
  test.hostile.send_datagram(
      version_negotiation_to(test.hostile, test.hostile.dcid(), {kVersion1, 0x1a2a3a4a}));
  test.hostile.send_datagram(
      version_negotiation_to(test.hostile, test.hostile.dcid(), {0x1a2a3a4a}));
  test.world.run_for(300ms);
  EXPECT_FALSE(test.session().closed);
  EXPECT_TRUE(test.session().handshake_completed);
}

TEST(Rfc9369Section3, Version2IsSpokenWithItsOwnPacketTypesAndKeys) {
  HostileOptions options;
  options.version = kVersion2;
  AgainstServer test(options);
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.accepted().connection->version(), QuicVersion::v2);
  EXPECT_EQ(test.answer_to(wire::stream(0, 0, "two", true)), kOpen);
  EXPECT_EQ(test.accepted().streams.front().received, "two");
  EXPECT_EQ(test.answer_to(wire::handshake_done()), kProtocolViolation);
}

TEST(Rfc9369Section4, AServerWithVersion1OnlyAnswersVersion2WithVersionNegotiation) {
  SessionConfig config = server_config("raw");
  config.versions = {QuicVersion::v1};
  std::vector<std::string> replies;
  HostileOptions options;
  options.version = kVersion2;
  options.on_datagram = [&](std::string_view datagram) {
    replies.emplace_back(datagram);
    return false;
  };
  AgainstServer test(options, config);
  test.hostile.connect(test.victim.address());
  test.world.run_for(100ms);
  ASSERT_FALSE(replies.empty());
  EXPECT_EQ(replies.front().substr(1, 4), std::string(4, '\0'));
  EXPECT_TRUE(test.victim.connections.empty());
}

TEST(Rfc9368Section4, VersionInformationThatDisagreesWithThePacketsIsRefused) {
  HostileOptions options;
  options.edit_parameters = [](wire::Parameters& list) {
    wire::set(list, wire::kVersionInformation,
              wire::big_endian(kVersion2, 4) + wire::big_endian(kVersion2, 4));
  };
  EXPECT_EQ(AgainstServer(options).handshake(), kVersionNegotiationError);
}

TEST(Rfc9368Section3, MalformedVersionInformationIsATransportParameterError) {
  for (const std::string& value :
       {std::string("\0\0\1", 3), wire::big_endian(0, 4) + wire::big_endian(kVersion1, 4),
        wire::big_endian(kVersion1, 4) + wire::big_endian(kVersion1, 4) + "x"}) {
    HostileOptions options;
    options.edit_parameters = [&](wire::Parameters& list) {
      wire::set(list, wire::kVersionInformation, value);
    };
    EXPECT_EQ(AgainstServer(options).handshake(), kTransportParameterError)
        << testing::PrintToString(value);
  }
}

// --- Retry -----------------------------------------------------------------------------------------------

struct FirstInitial {
  std::string dcid, scid;
};

FirstInitial ids_of(std::string_view datagram) {
  const std::size_t dcid_size = static_cast<std::uint8_t>(datagram[5]);
  const std::size_t scid_size = static_cast<std::uint8_t>(datagram[6 + dcid_size]);
  return {std::string(datagram.substr(6, dcid_size)),
          std::string(datagram.substr(7 + dcid_size, scid_size))};
}

// A hostile server that answers each Initial by a Retry of its making.
struct RetryRun {
  std::vector<std::string> initials;
  std::optional<Error> error;
  bool closed = false;
};

std::string retry_packet(const FirstInitial& ids, std::string_view token, bool spoil) {
  const auto cid = [](std::string_view bytes) {
    ngtcp2_cid id;
    ngtcp2_cid_init(&id, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    return id;
  };
  const ngtcp2_cid to = cid(ids.scid), original = cid(ids.dcid);
  const ngtcp2_cid from = cid(ids.dcid == "retry-id" ? "retry-2" : "retry-id");
  std::array<std::uint8_t, 256> bytes{};
  const ngtcp2_ssize size =
      ngtcp2_crypto_write_retry(bytes.data(), bytes.size(), kVersion1, &to, &from, &original,
                                reinterpret_cast<const std::uint8_t*>(token.data()), token.size());
  QUICORE_CHECK(size > 0);
  std::string packet(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(size));
  if (spoil) packet.back() = static_cast<char>(packet.back() ^ 1);
  return packet;
}

RetryRun run_retry(bool spoil) {
  RetryRun run;
  HostileEndpoint* server = nullptr;
  HostileOptions options;
  options.on_datagram = [&](std::string_view datagram) {
    run.initials.emplace_back(datagram);
    if (run.initials.size() < 4) {
      server->send_datagram(retry_packet(ids_of(datagram), "a token", spoil));
    }
    return false;
  };
  AgainstClient test(options);
  server = &test.hostile;
  test.connect();
  test.world.run_for(200ms);
  run.closed = test.session().closed;
  return run;
}

TEST(Rfc9000Section17_2_5, ARetryIsFollowedOnceWithItsToken) {
  const RetryRun run = run_retry(false);
  ASSERT_GE(run.initials.size(), 2u);
  const FirstInitial first = ids_of(run.initials.front());
  for (std::size_t i = 1; i < run.initials.size(); ++i) {
    // Behind the first Retry every packet goes to its connection ID; a second one is ignored.
    const FirstInitial later = ids_of(run.initials[i]);
    if (later.dcid == first.dcid) continue;  // of the same first flight
    EXPECT_EQ(later.dcid, "retry-id");
    EXPECT_EQ(later.scid, first.scid);
    EXPECT_NE(run.initials[i].find("a token"), std::string::npos);
  }
  EXPECT_EQ(ids_of(run.initials.back()).dcid, "retry-id");
  EXPECT_FALSE(run.closed);
}

TEST(Rfc9000Section17_2_5_2, ARetryWhoseIntegrityTagIsWrongIsIgnored) {
  const RetryRun run = run_retry(true);
  ASSERT_FALSE(run.initials.empty());
  const FirstInitial first = ids_of(run.initials.front());
  for (const std::string& initial : run.initials) EXPECT_EQ(ids_of(initial).dcid, first.dcid);
  EXPECT_FALSE(run.closed);
}

TEST(Rfc9000Section8_1_2, AServerThatAsksForRetryRefusesATokenThatWasNotItsOwn) {
  EndpointConfig endpoint;
  endpoint.validate_address = true;
  AgainstServer test({}, server_config("raw"), endpoint);
  // 0x36 is the mark of Retry tokens in ngtcp2; anything else counts as of NEW_TOKEN: Retry again.
  test.hostile.connect(test.victim.address(), "\xb6" + std::string(60, 'x'));
  test.world.run_for(100ms);
  EXPECT_THAT(test.hostile.close(), testing::AnyOf(kOpen, testing::Optional(kInvalidToken)));
  EXPECT_TRUE(test.victim.connections.empty());
}

}  // namespace
}  // namespace quicore::test
