// SPDX-License-Identifier: Apache-2.0
//
// RFC 9000 sections 8, 9 and 14: address validation, the amplification limit, migration, sizes.
#include "tests/conformance/peers.h"

namespace quicore::test {
namespace {

constexpr std::uint64_t kAmplification = 3;  // RFC 9000 8.1

// A hostile client that says nothing after its first datagrams.
HostileOptions silent() {
  HostileOptions options;
  options.acknowledges = false;
  options.edit_crypto = [](Level level, std::string& bytes) {
    if (level == Level::handshake) bytes.clear();
  };
  return options;
}

// A certificate chain much larger than what three datagrams hold.
SessionConfig with_long_chain() {
  SessionConfig config = server_config("raw");
  Pem chain = config.secure.certificate.front();
  for (int i = 0; i < 7; ++i) config.secure.certificate.front().text += chain.text;
  return config;
}

TEST(Rfc9000Section8_1, AServerSendsAtMostThreeTimesWhatCameFromAnUnvalidatedAddress) {
  AgainstServer test(silent(), with_long_chain());
  test.hostile.connect(test.victim.address());
  test.world.run_for(20s);  // with every retransmission
  EXPECT_LE(test.hostile.bytes_received(), kAmplification * test.hostile.bytes_sent());
  // And uses what it may: more than twice, or the limit is not what stops it.
  EXPECT_GT(test.hostile.bytes_received(), 2 * test.hostile.bytes_sent());
}

TEST(Rfc9000Section8_1, WhatThePeerPadsOrCoalescesCountsOncePerDatagram) {
  HostileOptions options = silent();
  AgainstServer test(options, with_long_chain());
  test.hostile.connect(test.victim.address());
  test.world.run_for(15ms);
  // Two Initials in one datagram, and garbage behind them: its size counts, once.
  for (int i = 0; i < 3; ++i) {
    std::string datagram = test.hostile.packet(Level::initial, wire::ping() + wire::padding(400));
    datagram += test.hostile.packet(Level::initial, wire::ping() + wire::padding(400));
    datagram += std::string(300, '\0');
    test.hostile.send_datagram(datagram);
    test.world.run_for(3s);
    EXPECT_LE(test.hostile.bytes_received(), kAmplification * test.hostile.bytes_sent());
  }
  // What came later has raised the limit of the first datagram.
  EXPECT_GT(test.hostile.bytes_received(), kAmplification * 1200);
}

TEST(Rfc9000Section8_1, ClosingTheHandshakeStaysBelowTheLimitToo) {
  HostileOptions options;
  options.alpn = "other";
  options.acknowledges = false;
  AgainstServer test(options);
  test.hostile.connect(test.victim.address());
  test.world.run_for(1s);
  for (int i = 0; i < 20; ++i) {  // more packets to a connection that is closing
    test.hostile.send_datagram(test.hostile.packet(Level::initial, wire::ping()));
    test.world.run_for(20ms);
  }
  EXPECT_LE(test.hostile.bytes_received(), kAmplification * test.hostile.bytes_sent());
  EXPECT_GT(test.hostile.bytes_received(), 0u);
}

TEST(Rfc9000Section14_1, AnInitialInADatagramBelow1200BytesIsDropped) {
  HostileOptions options;
  options.pads_initials = false;
  AgainstServer test(options);
  test.hostile.connect(test.victim.address());
  test.world.run_for(1s);
  EXPECT_EQ(test.hostile.bytes_received(), 0u);
  EXPECT_TRUE(test.victim.connections.empty());
}

TEST(Rfc9000Section14_1, OurOwnInitialDatagramsAreAtLeast1200Bytes) {
  std::vector<std::size_t> sizes;
  HostileOptions options;
  options.on_datagram = [&](std::string_view datagram) {
    sizes.push_back(datagram.size());
    return false;
  };
  AgainstClient test(options);
  test.connect();
  test.world.run_for(1s);
  ASSERT_FALSE(sizes.empty());
  for (const std::size_t size : sizes) EXPECT_GE(size, 1200u);
}

TEST(Rfc9000Section8_1_3, AnInvalidNewTokenIsNoReasonToRefuse) {
  AgainstServer test;
  test.hostile.connect(test.victim.address(), "rubbish");
  test.world.run_until([&] { return test.hostile.confirmed() || test.hostile.close(); }, 5s);
  EXPECT_EQ(test.hostile.close(), kOpen);
  EXPECT_TRUE(test.hostile.confirmed());
}

TEST(Rfc9000Section8_2, ANewAddressIsChallengedAndNotUsedBeforeItAnswers) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.answer_to(wire::new_connection_id(1, 0, test.hostile.scid().substr(0, 7) + "n",
                                                   std::string(16, 't'))),
            kOpen);
  test.hostile.send_datagram_from_elsewhere(
      test.hostile.packet(Level::application, wire::stream(0, 0, "moved")));
  test.world.run_for(300ms);
  EXPECT_GT(test.hostile.count_frames(Level::application, 0x1a), 0u);
  EXPECT_EQ(test.hostile.close(), kOpen);
  ASSERT_EQ(test.accepted().streams.size(), 1u);
  EXPECT_EQ(test.accepted().streams.front().received, "moved");
  EXPECT_EQ(test.accepted().path_changes, 0);
}

TEST(Rfc9000Section9, AClientIgnoresAServerAtAnotherAddress) {
  AgainstClient test;
  ASSERT_EQ(test.handshake(), kOpen);
  const Address before = test.session().connection->remote_address();
  test.hostile.send_datagram_from_elsewhere(
      test.hostile.packet(Level::application, wire::stream(kServerBidi, 0, "elsewhere")));
  EXPECT_EQ(test.verdict(), kOpen);
  EXPECT_EQ(test.session().connection->remote_address(), before);
  EXPECT_TRUE(test.session().streams.empty());
}

TEST(Rfc9000Section9, ADuringTheHandshakePacketFromElsewhereIsIgnored) {
  AgainstServer test;
  test.hostile.connect(test.victim.address());
  test.world.run_for(6ms);
  test.hostile.send_datagram_from_elsewhere(
      test.hostile.packet(Level::initial, wire::ping() + wire::padding(1150)));
  EXPECT_EQ(test.verdict(), kOpen);
  EXPECT_TRUE(test.hostile.confirmed());
}

TEST(Rfc9000Section8_2_1, PathChallengesAreSentInDatagramsOf1200Bytes) {
  HostileOptions options;
  std::size_t largest = 0;
  bool watching = false;
  options.on_datagram = [&](std::string_view datagram) {
    if (watching) largest = std::max(largest, datagram.size());
    return true;
  };
  AgainstServer test(options);
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.answer_to(wire::new_connection_id(1, 0, test.hostile.scid().substr(0, 7) + "n",
                                                   std::string(16, 't'))),
            kOpen);
  watching = true;
  // Large, so that the limit of amplification leaves room for the answer.
  test.hostile.send_datagram_from_elsewhere(
      test.hostile.packet(Level::application, wire::ping() + wire::padding(1100)));
  test.world.run_for(300ms);
  EXPECT_GT(test.hostile.count_frames(Level::application, 0x1a), 0u);
  EXPECT_GE(largest, 1200u);
}

}  // namespace
}  // namespace quicore::test
