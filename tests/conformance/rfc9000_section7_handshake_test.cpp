// SPDX-License-Identifier: Apache-2.0
//
// RFC 9000 sections 7 and 18: transport parameters, and the connection IDs that they authenticate.
#include "tests/conformance/peers.h"

namespace quicore::test {
namespace {

using Edit = std::function<void(wire::Parameters&)>;

std::optional<Close> server_answers(Edit edit) {
  HostileOptions options;
  options.edit_parameters = std::move(edit);
  return AgainstServer(options).handshake();
}

std::optional<Close> client_answers(Edit edit) {
  HostileOptions options;
  options.edit_parameters = std::move(edit);
  return AgainstClient(options).handshake();
}

Edit with(std::uint64_t id, std::uint64_t value) {
  return [=](wire::Parameters& list) { wire::set(list, id, value); };
}
Edit with(std::uint64_t id, const std::string& value) {
  return [=](wire::Parameters& list) { wire::set(list, id, value); };
}
Edit without(std::uint64_t id) {
  return [=](wire::Parameters& list) { wire::remove(list, id); };
}

struct Bound {
  std::uint64_t parameter;
  std::uint64_t allowed;
  std::uint64_t forbidden;
};

// RFC 9000 18.2.
const Bound kBounds[] = {
    {wire::kMaxUdpPayloadSize, 1200, 1199},
    {wire::kInitialMaxStreamsBidi, std::uint64_t{1} << 60, (std::uint64_t{1} << 60) + 1},
    {wire::kInitialMaxStreamsUni, std::uint64_t{1} << 60, (std::uint64_t{1} << 60) + 1},
    {wire::kAckDelayExponent, 20, 21},
    {wire::kMaxAckDelay, (1 << 14) - 1, 1 << 14},
    {wire::kActiveConnectionIdLimit, 2, 1},
};

TEST(Rfc9000Section18_2, AValueOutOfBoundsIsATransportParameterError) {
  for (const Bound& bound : kBounds) {
    EXPECT_EQ(server_answers(with(bound.parameter, bound.allowed)), kOpen) << bound.parameter;
    EXPECT_EQ(server_answers(with(bound.parameter, bound.forbidden)), kTransportParameterError)
        << bound.parameter;
    EXPECT_EQ(client_answers(with(bound.parameter, bound.allowed)), kOpen) << bound.parameter;
    EXPECT_EQ(client_answers(with(bound.parameter, bound.forbidden)), kTransportParameterError)
        << bound.parameter;
  }
}

TEST(Rfc9000Section18_2, AValueThatIsNoIntegerIsATransportParameterError) {
  for (const std::uint64_t id :
       {wire::kMaxIdleTimeout, wire::kMaxUdpPayloadSize, wire::kInitialMaxData,
        wire::kInitialMaxStreamDataBidiLocal, wire::kInitialMaxStreamsUni, wire::kAckDelayExponent,
        wire::kMaxAckDelay, wire::kActiveConnectionIdLimit, wire::kMaxDatagramFrameSize}) {
    EXPECT_EQ(server_answers(with(id, std::string())), kTransportParameterError) << id;
    EXPECT_EQ(server_answers(with(id, wire::varint(1200, 4).substr(0, 3))),
              kTransportParameterError)
        << id;
    EXPECT_EQ(server_answers(with(id, wire::varint(1200) + "x")), kTransportParameterError) << id;
  }
}

TEST(Rfc9000Section18_2, AFlagWithAValueIsATransportParameterError) {
  EXPECT_EQ(server_answers(with(wire::kDisableActiveMigration, std::string())), kOpen);
  EXPECT_EQ(server_answers(with(wire::kDisableActiveMigration, std::string("x"))),
            kTransportParameterError);
}

TEST(Rfc9000Section18_2, WhatOnlyServersSendIsATransportParameterErrorFromAClient) {
  const std::string preferred =
      std::string(6 + 18, '\1') + '\x08' + std::string(8, 'i') + std::string(16, 't');
  EXPECT_EQ(server_answers(with(wire::kOriginalDcid, std::string(8, 'i'))),
            kTransportParameterError);
  EXPECT_EQ(server_answers(with(wire::kRetryScid, std::string(8, 'i'))), kTransportParameterError);
  EXPECT_EQ(server_answers(with(wire::kStatelessResetToken, std::string(16, 't'))),
            kTransportParameterError);
  EXPECT_EQ(server_answers(with(wire::kPreferredAddress, preferred)), kTransportParameterError);
}

TEST(Rfc9000Section18_2, AResetTokenOfAnotherSizeIsATransportParameterError) {
  EXPECT_EQ(client_answers(with(wire::kStatelessResetToken, std::string(16, 't'))), kOpen);
  EXPECT_EQ(client_answers(with(wire::kStatelessResetToken, std::string(15, 't'))),
            kTransportParameterError);
  EXPECT_EQ(client_answers(with(wire::kStatelessResetToken, std::string(17, 't'))),
            kTransportParameterError);
}

TEST(Rfc9000Section18_2, APreferredAddressWithoutConnectionIdIsATransportParameterError) {
  const std::string no_id = std::string(6 + 18, '\1') + '\0' + std::string(16, 't');
  EXPECT_EQ(client_answers(with(wire::kPreferredAddress, no_id)), kTransportParameterError);
  const std::string cut = std::string(6 + 18, '\1') + '\x08' + std::string(8, 'i');
  EXPECT_EQ(client_answers(with(wire::kPreferredAddress, cut)), kTransportParameterError);
}

TEST(Rfc9000Section18_2, AConnectionIdThatIsTooLongIsATransportParameterError) {
  EXPECT_EQ(server_answers(with(wire::kInitialScid, std::string(21, 'i'))),
            kTransportParameterError);
}

TEST(Rfc9000Section7_3, AnInitialSourceConnectionIdThatIsNotTheOneUsedIsRefused) {
  EXPECT_THAT(server_answers(with(wire::kInitialScid, std::string(8, 'x'))),
              testing::Optional(testing::AnyOf(kTransportParameterError, kProtocolViolation)));
  EXPECT_THAT(client_answers(with(wire::kInitialScid, std::string(8, 'x'))),
              testing::Optional(testing::AnyOf(kTransportParameterError, kProtocolViolation)));
}

TEST(Rfc9000Section7_3, WithoutInitialSourceConnectionIdTheHandshakeEnds) {
  EXPECT_EQ(server_answers(without(wire::kInitialScid)), kTransportParameterError);
  EXPECT_EQ(client_answers(without(wire::kInitialScid)), kTransportParameterError);
}

TEST(Rfc9000Section7_3, AClientDemandsItsOriginalDestinationConnectionId) {
  EXPECT_EQ(client_answers(without(wire::kOriginalDcid)), kTransportParameterError);
  EXPECT_THAT(client_answers(with(wire::kOriginalDcid, std::string(8, 'x'))),
              testing::Optional(testing::AnyOf(kTransportParameterError, kProtocolViolation)));
}

TEST(Rfc9000Section7_3, ARetrySourceConnectionIdWithoutRetryIsRefused) {
  EXPECT_THAT(client_answers(with(wire::kRetryScid, std::string(8, 'x'))),
              testing::Optional(testing::AnyOf(kTransportParameterError, kProtocolViolation)));
}

TEST(Rfc9000Section7_4, AParameterGivenTwiceIsATransportParameterError) {
  for (const std::uint64_t id : {std::uint64_t{wire::kInitialMaxData}, std::uint64_t{0x3127}}) {
    const Edit twice = [&](wire::Parameters& list) {
      wire::remove(list, id);
      list.emplace_back(id, wire::varint(5000));
      list.emplace_back(id, wire::varint(5000));
    };
    EXPECT_EQ(server_answers(twice), kTransportParameterError) << id;
    EXPECT_EQ(client_answers(twice), kTransportParameterError) << id;
  }
}

TEST(Rfc9000Section7_4_2, ParametersThatNobodyKnowsAreIgnored) {
  const Edit grease = [](wire::Parameters& list) {
    list.emplace_back(27, "reserved");
    list.emplace_back(31 * 1000 + 27, std::string(100, 'x'));
    list.emplace_back(0x3fff, "");
  };
  EXPECT_EQ(server_answers(grease), kOpen);
  EXPECT_EQ(client_answers(grease), kOpen);
}

TEST(Rfc9000Section7_4, ParametersCutShortAreATransportParameterError) {
  // The last parameter announces more bytes than there are.
  const Edit cut = [](wire::Parameters& list) {
    list.clear();
    list.emplace_back(wire::kInitialScid, "");
    list.emplace_back(0x40, "");
  };
  EXPECT_EQ(server_answers(cut), kTransportParameterError);  // and the ID is wrong
}

TEST(Rfc9000Section7_5, CryptoDataFarAheadExceedsTheBuffer) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.answer_to(wire::crypto(200'000, "x")), kCryptoBufferExceeded);
  AgainstClient client;
  ASSERT_EQ(client.handshake(), kOpen);
  EXPECT_EQ(client.answer_to(wire::crypto(200'000, "x")), kCryptoBufferExceeded);
}

TEST(Rfc9000Section7_5, AtLeast4096BytesOfCryptoDataMayComeOutOfOrder) {
  AgainstClient test;
  ASSERT_EQ(test.handshake(), kOpen);
  // A NewSessionTicket from its end to its beginning, which TLS then refuses for what it says.
  for (std::uint64_t at = 4096; at > 1024; at -= 512) {
    test.hostile.send(Level::application, wire::crypto(at - 512, std::string(512, '\0')));
  }
  EXPECT_EQ(test.verdict(), kOpen);
}

// --- frames of the handshake's packets ---------------------------------------------------------------

// Anybody who saw the first packet can make Initials: one that breaks rules is dropped, and ends
// nothing (RFC 9001 7 and 9.2 leave that choice for packets that are hardly authenticated).
TEST(Rfc9000Section12_4, InitialPacketsWithFramesTheyMustNotHoldAreDropped) {
  for (const std::string& frame :
       {wire::stream(0, 0, "x"), wire::max_data(9),
        wire::new_connection_id(1, 0, "12345678", std::string(16, 't')), wire::handshake_done(),
        wire::reset_stream(0, 0, 0), wire::path_challenge("12345678"), wire::datagram("x"),
        wire::application_close(1), wire::new_token("t"), wire::varint(0x21)}) {
    AgainstServer test;
    test.hostile.connect(test.victim.address());
    test.world.run_for(6ms);  // our answer is under way: the Initial keys still live
    test.hostile.send(Level::initial, frame);
    EXPECT_EQ(test.verdict(), kOpen) << testing::PrintToString(frame);
    EXPECT_TRUE(test.hostile.confirmed()) << testing::PrintToString(frame);
    EXPECT_TRUE(test.accepted().streams.empty());
    EXPECT_TRUE(test.accepted().datagrams.empty());
  }
}

TEST(Rfc9000Section12_4, FramesThatHandshakePacketsMustNotHoldAreAProtocolViolation) {
  for (const std::string& frame :
       {wire::stream(0, 0, "x"), wire::max_data(9), wire::retire_connection_id(0),
        wire::handshake_done(), wire::stop_sending(0, 0), wire::path_response("12345678"),
        wire::datagram("x"), wire::application_close(1)}) {
    HostileOptions options;
    options.edit_crypto = [](Level level, std::string& bytes) {
      if (level == Level::handshake) bytes.clear();  // the Finished never leaves
    };
    AgainstServer test(options);
    test.hostile.connect(test.victim.address());
    test.world.run_until([&] { return test.hostile.has_keys(Level::handshake); });
    test.hostile.send(Level::handshake, frame);
    EXPECT_THAT(test.verdict(),
                testing::Optional(testing::AnyOf(kProtocolViolation, kFrameEncodingError)))
        << testing::PrintToString(frame);
  }
}

}  // namespace
}  // namespace quicore::test
