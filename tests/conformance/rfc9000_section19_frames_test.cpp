// SPDX-License-Identifier: Apache-2.0
//
// RFC 9000 section 19: frames that are malformed, or that do not belong to the state they meet.
#include "tests/conformance/peers.h"

namespace quicore::test {
namespace {

const std::string kToken16(16, 't');
constexpr std::uint64_t kLargest = (std::uint64_t{1} << 62) - 1;

std::optional<Close> server_answers(std::string_view frames) {
  AgainstServer test;
  EXPECT_EQ(test.handshake(), kOpen);
  return test.answer_to(frames);
}

std::optional<Close> client_answers(std::string_view frames) {
  AgainstClient test;
  EXPECT_EQ(test.handshake(), kOpen);
  return test.answer_to(frames);
}

std::string id_of(char letter) { return std::string(8, letter); }

TEST(Rfc9000Section19_2, APingIsAcknowledged) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  const std::size_t before = test.hostile.count_frames(Level::application, 0x02);
  EXPECT_EQ(test.answer_to(wire::ping()), kOpen);
  EXPECT_GT(test.hostile.count_frames(Level::application, 0x02), before);
}

TEST(Rfc9000Section19_3, AnAckOfPacketsThatWereNeverSentIsAProtocolViolation) {
  EXPECT_EQ(server_answers(wire::ack(1'000'000)), kProtocolViolation);
  EXPECT_EQ(client_answers(wire::ack(1'000'000)), kProtocolViolation);
}

TEST(Rfc9000Section19_3, AnAckWithNegativePacketNumbersIsMalformed) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  const std::uint64_t largest = test.hostile.largest_received(Level::application);
  EXPECT_EQ(test.answer_to(wire::ack(largest, largest + 1)), kFrameEncodingError);

  AgainstServer other;
  ASSERT_EQ(other.handshake(), kOpen);
  EXPECT_EQ(other.answer_to(wire::ack(largest, 0, {{largest, 0}})), kFrameEncodingError);
}

TEST(Rfc9000Section19_3, AnAckCutShortIsMalformed) {
  EXPECT_EQ(server_answers(wire::varint(0x02) + wire::varint(0) + wire::varint(0) +
                           wire::varint(5) + wire::varint(0)),
            kFrameEncodingError);
}

// The RFC names STREAM_STATE_ERROR; ngtcp2 closes with the general code: docs/conformance.md.
TEST(Rfc9000Section19_4, ResettingAStreamThatOnlyWeSendOnClosesTheConnection) {
  const auto either = testing::AnyOf(kStreamStateError, kProtocolViolation);
  EXPECT_THAT(server_answers(wire::reset_stream(kServerUni, 0, 0)), testing::Optional(either));
  EXPECT_THAT(client_answers(wire::reset_stream(kClientUni, 0, 0)), testing::Optional(either));
}

TEST(Rfc9000Section19_4, AResetReachesTheApplicationWithItsCode) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.answer_to(wire::stream(0, 0, "12") + wire::reset_stream(0, 77, 2)), kOpen);
  ASSERT_EQ(test.accepted().streams.size(), 1u);
  EXPECT_EQ(test.accepted().streams.front().reset_code, 77u);
  EXPECT_FALSE(test.accepted().streams.front().fin);
}

TEST(Rfc9000Section19_5, StopSendingForAStreamThatOnlyThePeerSendsOnIsAStreamStateError) {
  EXPECT_EQ(server_answers(wire::stop_sending(kClientUni, 0)), kStreamStateError);
  EXPECT_EQ(client_answers(wire::stop_sending(kServerUni, 0)), kStreamStateError);
}

TEST(Rfc9000Section19_5, StopSendingForAStreamThatWeHaveNotOpenedIsAStreamStateError) {
  EXPECT_EQ(server_answers(wire::stop_sending(kServerBidi, 0)), kStreamStateError);
  EXPECT_EQ(server_answers(wire::stop_sending(kServerUni, 0)), kStreamStateError);
}

TEST(Rfc9000Section19_5, StopSendingIsAnsweredByAResetWithItsCode) {  // RFC 9000 3.5
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.answer_to(wire::stream(0, 0, "x")), kOpen);
  EXPECT_EQ(test.answer_to(wire::stop_sending(0, 55)), kOpen);
  const auto& frames = test.hostile.frames(Level::application);
  const auto reset = std::ranges::find(frames, 0x04u, &wire::Frame::type);
  ASSERT_NE(reset, frames.end());
  EXPECT_EQ(reset->numbers[0], 0u);
  EXPECT_EQ(reset->numbers[1], 55u);
}

TEST(Rfc9000Section19_6, CryptoDataBeyondTheLargestOffsetIsRefused) {
  EXPECT_THAT(server_answers(wire::crypto(kLargest, "x")),
              testing::AnyOf(kFrameEncodingError, kCryptoBufferExceeded));
}

TEST(Rfc9000Section19_6, CryptoDataThatIsCutShortIsMalformed) {
  std::string frame = wire::crypto(0, "xxxxxxxx");
  frame.pop_back();
  EXPECT_EQ(server_answers(frame), kFrameEncodingError);
}

TEST(Rfc9000Section19_7, ANewTokenSentToAServerIsAProtocolViolation) {
  EXPECT_EQ(server_answers(wire::new_token("token")), kProtocolViolation);
}

TEST(Rfc9000Section19_7, AnEmptyNewTokenIsMalformed) {
  EXPECT_EQ(client_answers(wire::new_token("token")), kOpen);
  EXPECT_EQ(client_answers(wire::new_token("")), kFrameEncodingError);
}

TEST(Rfc9000Section19_8, DataOnAStreamThatOnlyWeSendOnIsAStreamStateError) {
  EXPECT_EQ(server_answers(wire::stream(kServerUni, 0, "x")), kStreamStateError);
  EXPECT_EQ(client_answers(wire::stream(kClientUni, 0, "x")), kStreamStateError);
}

TEST(Rfc9000Section19_8, DataOnAStreamThatWeHaveNotOpenedIsAStreamStateError) {
  EXPECT_EQ(server_answers(wire::stream(kServerBidi, 0, "x")), kStreamStateError);
  EXPECT_EQ(client_answers(wire::stream(kClientBidi, 0, "x")), kStreamStateError);
}

TEST(Rfc9000Section19_8, DataBeyondTheLargestOffsetIsRefused) {
  EXPECT_THAT(server_answers(wire::stream(0, kLargest, "x")),
              testing::AnyOf(kFrameEncodingError, kFlowControlError));
}

TEST(Rfc9000Section19_8, AStreamFrameCutShortIsMalformed) {
  std::string frame = wire::stream(0, 0, "12345678");
  frame.pop_back();
  EXPECT_EQ(server_answers(frame), kFrameEncodingError);
}

TEST(Rfc9000Section19_10, ALimitForAStreamThatOnlyThePeerSendsOnIsAStreamStateError) {
  EXPECT_EQ(server_answers(wire::max_stream_data(kClientUni, 9)), kStreamStateError);
  EXPECT_EQ(server_answers(wire::max_stream_data(kServerBidi, 9)), kStreamStateError);
}

TEST(Rfc9000Section19_13, BlockedOnAStreamThatOnlyWeSendOnIsAStreamStateError) {
  EXPECT_EQ(server_answers(wire::stream_data_blocked(kServerUni, 9)), kStreamStateError);
  EXPECT_EQ(client_answers(wire::stream_data_blocked(kClientUni, 9)), kStreamStateError);
  EXPECT_EQ(server_answers(wire::stream_data_blocked(kClientUni, 9)), kOpen);
  EXPECT_EQ(server_answers(wire::data_blocked(9) + wire::streams_blocked(false, 9)), kOpen);
}

TEST(Rfc9000Section19_15, AConnectionIdOfAWrongLengthIsMalformed) {
  EXPECT_EQ(server_answers(wire::new_connection_id(1, 0, "", kToken16)), kFrameEncodingError);
  EXPECT_EQ(server_answers(wire::new_connection_id(1, 0, std::string(21, 'a'), kToken16)),
            kFrameEncodingError);
  EXPECT_EQ(server_answers(wire::new_connection_id(1, 0, std::string(20, 'a'), kToken16)), kOpen);
}

TEST(Rfc9000Section19_15, ToRetireMoreThanTheFrameBringsIsMalformed) {
  EXPECT_EQ(server_answers(wire::new_connection_id(1, 2, id_of('a'), kToken16)),
            kFrameEncodingError);
}

TEST(Rfc9000Section19_15, OneSequenceNumberForTwoConnectionIdsIsAProtocolViolation) {
  EXPECT_EQ(server_answers(wire::new_connection_id(1, 0, id_of('a'), kToken16) +
                           wire::new_connection_id(1, 0, id_of('b'), kToken16)),
            kProtocolViolation);
}

TEST(Rfc9000Section19_15, OneConnectionIdForTwoSequenceNumbersIsAProtocolViolation) {
  EXPECT_EQ(server_answers(wire::new_connection_id(1, 0, id_of('a'), kToken16) +
                           wire::new_connection_id(2, 0, id_of('a'), kToken16)),
            kProtocolViolation);
}

TEST(Rfc9000Section19_15, TheSameFrameTwiceIsNoError) {
  const std::string frame = wire::new_connection_id(1, 0, id_of('a'), kToken16);
  EXPECT_EQ(server_answers(frame + frame), kOpen);
}

TEST(Rfc9000Section19_15, ANewConnectionIdToAPeerWithoutOneIsAProtocolViolation) {
  HostileOptions options;
  options.scid = "";
  AgainstServer test(options);
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.answer_to(wire::new_connection_id(1, 0, id_of('a'), kToken16)),
            kProtocolViolation);
}

TEST(Rfc9000Section5_1_1, MoreConnectionIdsThanWeAskedForIsAConnectionIdLimitError) {
  std::string frames;
  for (std::uint64_t i = 1; i <= engine::limits::kActiveConnectionIdLimit; ++i) {
    frames += wire::new_connection_id(i, 0, id_of(static_cast<char>('a' + i)), kToken16);
  }
  EXPECT_EQ(server_answers(frames), kConnectionIdLimitError);
  EXPECT_EQ(client_answers(frames), kConnectionIdLimitError);
}

TEST(Rfc9000Section5_1_2, RetirePriorToMakesUsRetireAndUseTheNewOne) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.answer_to(wire::new_connection_id(1, 1, id_of('a'), kToken16)), kOpen);
  const auto& frames = test.hostile.frames(Level::application);
  const auto retired = std::ranges::find(frames, 0x19u, &wire::Frame::type);
  // It comes to the new ID, of the same length as the first.
  ASSERT_NE(retired, frames.end());
  EXPECT_EQ(retired->numbers[0], 0u);
}

TEST(Rfc9000Section19_16, RetiringAConnectionIdThatWasNeverIssuedIsAProtocolViolation) {
  EXPECT_EQ(server_answers(wire::retire_connection_id(1000)), kProtocolViolation);
  EXPECT_EQ(client_answers(wire::retire_connection_id(1000)), kProtocolViolation);
}

TEST(Rfc9000Section19_16, RetiringTheConnectionIdOfThePacketItselfIsAProtocolViolation) {
  EXPECT_EQ(server_answers(wire::retire_connection_id(0)), kProtocolViolation);
}

TEST(Rfc9000Section19_16, ARetiredConnectionIdIsReplaced) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  const std::size_t before = test.hostile.count_frames(Level::application, 0x18);
  ASSERT_GT(before, 0u);
  EXPECT_EQ(test.answer_to(wire::retire_connection_id(1)), kOpen);
  EXPECT_EQ(test.hostile.count_frames(Level::application, 0x18), before + 1);
}

TEST(Rfc9000Section19_17, APathChallengeIsAnsweredWithItsData) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.answer_to(wire::path_challenge("12345678")), kOpen);
  const auto& frames = test.hostile.frames(Level::application);
  const auto response = std::ranges::find(frames, 0x1bu, &wire::Frame::type);
  ASSERT_NE(response, frames.end());
  EXPECT_EQ(response->data, "12345678");
}

TEST(Rfc9000Section19_18, APathResponseThatNobodyAskedForIsIgnored) {
  // RFC 9000 19.18: "MAY generate a connection error": we do not.
  EXPECT_EQ(server_answers(wire::path_response("12345678")), kOpen);
}

TEST(Rfc9000Section19_20, AServerThatGetsHandshakeDoneClosesWithAProtocolViolation) {
  EXPECT_EQ(server_answers(wire::handshake_done()), kProtocolViolation);
}

TEST(Rfc9000Section19_20, AClientTakesHandshakeDoneTwice) {
  EXPECT_EQ(client_answers(wire::handshake_done()), kOpen);
}

TEST(Rfc9000Section12_4, AFrameOfUnknownTypeIsAFrameEncodingError) {
  for (const std::uint64_t type : {0x1full, 0x21ull, 0x2full, 0x40ull, 0x3fffull, 0xffffffffull}) {
    EXPECT_EQ(server_answers(wire::varint(type)), kFrameEncodingError) << type;
  }
  EXPECT_EQ(client_answers(wire::varint(0x21)), kFrameEncodingError);
}

TEST(Rfc9000Section12_4, AFrameTypeThatIsNotTheShortestOfItsEncodingsIsRefused) {
  // RFC 9000 12.4: "MAY treat ... as a connection error of type PROTOCOL_VIOLATION".
  EXPECT_THAT(server_answers(wire::varint(0x01, 2)),
              testing::AnyOf(kOpen, kProtocolViolation, kFrameEncodingError));
}

TEST(Rfc9000Section12_4, APacketWithoutFramesIsAProtocolViolation) {
  EXPECT_EQ(server_answers(""), kProtocolViolation);
  EXPECT_EQ(client_answers(""), kProtocolViolation);
}

TEST(Rfc9000Section12_4, ManyKindsOfFramesCutShortAreMalformed) {
  for (const std::string& whole :
       {wire::reset_stream(0, 70, 70), wire::stop_sending(0, 70), wire::max_data(70),
        wire::max_stream_data(0, 70), wire::max_streams(false, 70), wire::data_blocked(70),
        wire::stream_data_blocked(0, 70), wire::streams_blocked(true, 70),
        wire::new_connection_id(1, 0, id_of('a'), kToken16), wire::retire_connection_id(70),
        wire::path_challenge("12345678"), wire::path_response("12345678"),
        wire::connection_close(1, "reason"), wire::application_close(1, "reason"),
        wire::datagram("data")}) {
    for (std::size_t size = 1; size < whole.size(); size += 3) {
      // Nothing before, so that a packet too short for its sample is not what is refused.
      EXPECT_EQ(server_answers(wire::ping() + wire::ping() + wire::ping() + whole.substr(0, size)),
                kFrameEncodingError)
          << testing::PrintToString(whole) << size;
    }
  }
}

}  // namespace
}  // namespace quicore::test
