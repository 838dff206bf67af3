// SPDX-License-Identifier: Apache-2.0
//
// RFC 9000 sections 10 and 20: how connections end, and what their error codes are.
#include "tests/conformance/peers.h"

namespace quicore::test {
namespace {

TEST(Rfc9000Section10_1, TheSmallerIdleTimeoutOfBothSidesCounts) {
  HostileOptions options;
  options.edit_parameters = [](wire::Parameters& list) {
    wire::set(list, wire::kMaxIdleTimeout, std::uint64_t{2000});
  };
  AgainstServer test(options);
  ASSERT_EQ(test.handshake(), kOpen);
  const std::uint64_t datagrams = test.hostile.datagrams_received();
  test.world.run_for(1500ms);
  EXPECT_FALSE(test.accepted().closed);
  test.world.run_for(1500ms);
  EXPECT_TRUE(test.accepted().closed);
  // Silently: not a packet more.
  EXPECT_EQ(test.hostile.close(), kOpen);
  EXPECT_EQ(test.hostile.datagrams_received(), datagrams);
}

TEST(Rfc9000Section10_2_1, AClosingEndpointAnswersLessAndLessOften) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  ASSERT_EQ(test.answer_to(wire::handshake_done()), kProtocolViolation);
  const std::size_t first = test.hostile.count_frames(Level::application, 0x1c);
  EXPECT_EQ(first, 1u);
  for (int i = 0; i < 16; ++i) {
    test.hostile.send(Level::application, wire::ping());
    test.world.run_for(1ms);
  }
  test.world.run_for(10ms);
  const std::size_t answers = test.hostile.count_frames(Level::application, 0x1c) - first;
  EXPECT_LE(answers, 6u);
}

TEST(Rfc9000Section10_2_2, ADrainingEndpointSendsNothing) {
  for (const std::string& close : {wire::connection_close(0), wire::application_close(7, "bye")}) {
    AgainstServer test;
    ASSERT_EQ(test.handshake(), kOpen);
    test.hostile.send(Level::application, close);
    test.world.run_for(10ms);  // well inside of the draining period
    EXPECT_TRUE(test.accepted().closed);
    const std::uint64_t datagrams = test.hostile.datagrams_received();
    for (int i = 0; i < 5; ++i) test.hostile.send(Level::application, wire::ping());
    test.world.run_for(20ms);
    EXPECT_EQ(test.hostile.datagrams_received(), datagrams);
  }
}

TEST(Rfc9000Section10_2, ThePeersCodesReachTheApplication) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.answer_to(wire::application_close(4711, "bye")), kOpen);
  ASSERT_TRUE(test.accepted().error.has_value());
  EXPECT_EQ(test.accepted().error->space, ErrorSpace::application);
  EXPECT_EQ(test.accepted().error->code, 4711u);
  EXPECT_EQ(test.accepted().error->reason, "bye");
  AgainstServer other;
  ASSERT_EQ(other.handshake(), kOpen);
  EXPECT_EQ(other.answer_to(wire::connection_close(0x0a)), kOpen);
  ASSERT_TRUE(other.accepted().error.has_value());
  EXPECT_EQ(other.accepted().error->space, ErrorSpace::transport);
  EXPECT_EQ(other.accepted().error->code, 0x0au);
}

TEST(Rfc9000Section10_2, OurOwnCodeGoesOutAsAnApplicationClose) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  test.accepted().connection->close(Error::application(4711, "enough"));
  EXPECT_EQ(test.verdict(), application(4711));
}

TEST(Rfc9000Section10_2_3, AnApplicationsCodeIsHiddenDuringTheHandshake) {
  HostileOptions options;
  options.edit_crypto = [](Level level, std::string& bytes) {
    if (level == Level::handshake) bytes.clear();
  };
  AgainstServer test(options);
  test.hostile.connect(test.victim.address());
  test.world.run_until([&] { return test.hostile.has_keys(Level::handshake); });
  ASSERT_EQ(test.victim.connections.size(), 1u);
  test.accepted().connection->close(Error::application(4711, "enough"));
  EXPECT_EQ(test.verdict(), kApplicationError);
  for (const Level level : {Level::initial, Level::handshake}) {
    for (const wire::Frame& frame : test.hostile.frames(level)) {
      EXPECT_NE(frame.type, 0x1du);
      if (frame.type == 0x1c) {
        EXPECT_EQ(frame.data, "");
      }
    }
  }
}

TEST(Rfc9000Section10_3, APacketOfAConnectionThatNobodyKnowsIsAnsweredByASmallerReset) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  std::vector<std::string> replies;
  HostileOptions options;
  options.on_datagram = [&](std::string_view datagram) {
    replies.emplace_back(datagram);
    return false;
  };
  HostileEndpoint stranger(test.world, test.world.add_host("stranger"), options);
  test.world.connect(stranger.host(), test.victim.host(), {sim::Delay{5ms}});
  stranger.connect(test.victim.address());  // knows the address only
  test.world.run_for(100ms);
  replies.clear();
  const std::string packet = "\x41" + std::string(19, '\x7e') + std::string(60, 'x');
  stranger.send_datagram(packet);
  test.world.run_for(100ms);
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_LT(replies[0].size(), packet.size());
  EXPECT_GE(replies[0].size(), 21u);
  EXPECT_EQ(static_cast<std::uint8_t>(replies[0][0]) & 0xc0, 0x40);

  replies.clear();  // RFC 9000 10.3: too small to be answered by something smaller
  stranger.send_datagram(packet.substr(0, 21));
  test.world.run_for(100ms);
  EXPECT_TRUE(replies.empty());
}

TEST(Rfc9000Section10_3_1, AResetWithTheServersTokenEndsTheConnection) {
  const std::string token(16, 'T');
  HostileOptions options;
  options.edit_parameters = [&](wire::Parameters& list) {
    wire::set(list, wire::kStatelessResetToken, token);
  };
  AgainstClient test(options);
  ASSERT_EQ(test.handshake(), kOpen);
  test.hostile.send_datagram("\x41" + std::string(40, 'r') + std::string(16, 'X'));
  test.world.run_for(50ms);
  EXPECT_FALSE(test.session().closed);
  const std::uint64_t datagrams = test.hostile.datagrams_received();
  test.hostile.send_datagram("\x41" + std::string(40, 'r') + token);
  test.world.run_for(50ms);
  ASSERT_TRUE(test.session().closed);
  ASSERT_TRUE(test.session().error.has_value());
  EXPECT_EQ(test.session().error->kind, Errc::stateless_reset);
  EXPECT_EQ(test.hostile.datagrams_received(), datagrams);  // no packet more
}

TEST(Rfc9000Section20_1, ATransportErrorNamesItsReasonInAFrameOfType0x1c) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  ASSERT_EQ(test.answer_to(wire::stream(kServerUni, 0, "x")), kStreamStateError);
  EXPECT_EQ(test.hostile.count_frames(Level::application, 0x1c), 1u);
  EXPECT_EQ(test.hostile.count_frames(Level::application, 0x1d), 0u);
}

}  // namespace
}  // namespace quicore::test
