// SPDX-License-Identifier: Apache-2.0
//
// RFC 9000 section 4: flow control, final sizes and limits of streams.
#include "tests/conformance/peers.h"

namespace quicore::test {
namespace {

constexpr std::uint64_t kConnectionWindow = 600;
constexpr std::uint64_t kBidiWindow = 400;
constexpr std::uint64_t kUniWindow = 200;
constexpr std::uint64_t kBidiStreams = 4;
constexpr std::uint64_t kUniStreams = 2;

SessionConfig with_small_windows(SessionConfig config) {
  config.transport.initial_max_data = kConnectionWindow;
  config.transport.initial_max_stream_data_bidi_remote = kBidiWindow;
  config.transport.initial_max_stream_data_bidi_local = kBidiWindow;
  config.transport.initial_max_stream_data_uni = kUniWindow;
  config.transport.initial_max_streams_bidi = kBidiStreams;
  config.transport.initial_max_streams_uni = kUniStreams;
  return config;
}

std::optional<Close> server_answers(std::string_view frames) {
  AgainstServer test({}, with_small_windows(server_config("raw")));
  EXPECT_EQ(test.handshake(), kOpen);
  return test.answer_to(frames);
}

std::optional<Close> client_answers(std::string_view frames) {
  AgainstClient test({}, with_small_windows(client_config("raw")));
  EXPECT_EQ(test.handshake(), kOpen);
  return test.answer_to(frames);
}

std::string ending_at(std::uint64_t id, std::uint64_t end) {
  return wire::stream(id, end - 1, "x");
}

TEST(Rfc9000Section4, AnOrdinaryHostileClientIsServed) {  // what the tests below rest on
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.answer_to(wire::stream(kClientBidi, 0, "hello", true)), kOpen);
  ASSERT_EQ(test.accepted().streams.size(), 1u);
  EXPECT_EQ(test.accepted().streams.front().received, "hello");
  EXPECT_TRUE(test.accepted().streams.front().fin);
}

TEST(Rfc9000Section4, AnOrdinaryHostileServerIsUsed) {
  AgainstClient test;
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.answer_to(wire::stream(kServerBidi, 0, "hello", true)), kOpen);
  ASSERT_EQ(test.session().streams.size(), 1u);
  EXPECT_EQ(test.session().streams.front().received, "hello");
}

TEST(Rfc9000Section4_1, DataBeyondTheLimitOfAStreamIsAFlowControlError) {
  EXPECT_EQ(server_answers(ending_at(kClientBidi, kBidiWindow)), kOpen);
  EXPECT_EQ(server_answers(ending_at(kClientBidi, kBidiWindow + 1)), kFlowControlError);
  EXPECT_EQ(server_answers(ending_at(kClientUni, kUniWindow)), kOpen);
  EXPECT_EQ(server_answers(ending_at(kClientUni, kUniWindow + 1)), kFlowControlError);
  EXPECT_EQ(client_answers(ending_at(kServerBidi, kBidiWindow + 1)), kFlowControlError);
}

TEST(Rfc9000Section4_1, DataBeyondTheLimitOfTheConnectionIsAFlowControlError) {
  const std::string full = ending_at(kClientBidi, 400) + ending_at(kClientBidi + 4, 200);
  EXPECT_EQ(server_answers(full), kOpen);
  EXPECT_EQ(server_answers(full + ending_at(kClientBidi + 8, 1)), kFlowControlError);
  EXPECT_EQ(client_answers(ending_at(kServerBidi, 400) + ending_at(kServerBidi + 4, 201)),
            kFlowControlError);
}

TEST(Rfc9000Section4_1, TheSenderStopsAtThePeersLimitAndGoesOnWhenItGrows) {
  HostileOptions options;
  options.edit_parameters = [](wire::Parameters& list) {
    wire::set(list, wire::kInitialMaxStreamDataBidiLocal, std::uint64_t{1000});
  };
  AgainstServer test(options);
  ASSERT_EQ(test.handshake(), kOpen);
  test.accepted().on_stream_opened = [](TestStream& opened) { opened.send(pattern(3000)); };
  EXPECT_EQ(test.answer_to(wire::stream(kClientBidi, 0, "x", true)), kOpen);
  EXPECT_EQ(test.hostile.received_on_stream(kClientBidi), pattern(3000).substr(0, 1000));
  // A limit that shrinks is ignored.
  EXPECT_EQ(test.answer_to(wire::max_stream_data(kClientBidi, 500)), kOpen);
  EXPECT_EQ(test.answer_to(wire::max_stream_data(kClientBidi, 2000)), kOpen);
  EXPECT_EQ(test.hostile.received_on_stream(kClientBidi), pattern(3000).substr(0, 2000));
  EXPECT_EQ(test.answer_to(wire::max_stream_data(kClientBidi, 3000)), kOpen);
  EXPECT_EQ(test.hostile.received_on_stream(kClientBidi), pattern(3000));
}

TEST(Rfc9000Section4_1, TheSenderStopsAtThePeersLimitOfTheConnection) {
  HostileOptions options;
  options.edit_parameters = [](wire::Parameters& list) {
    wire::set(list, wire::kInitialMaxData, std::uint64_t{700});
  };
  AgainstServer test(options);
  ASSERT_EQ(test.handshake(), kOpen);
  test.accepted().on_stream_opened = [](TestStream& opened) { opened.send(pattern(500)); };
  EXPECT_EQ(test.answer_to(wire::stream(0, 0, "x", true) + wire::stream(4, 0, "x", true)), kOpen);
  const auto received = [&] {
    return test.hostile.received_on_stream(0).size() + test.hostile.received_on_stream(4).size();
  };
  EXPECT_EQ(received(), 700u);
  EXPECT_EQ(test.answer_to(wire::max_data(600)), kOpen);
  EXPECT_EQ(test.answer_to(wire::max_data(1000)), kOpen);
  EXPECT_EQ(received(), 1000u);
}

TEST(Rfc9000Section4_5, DataBeyondTheFinalSizeIsAFinalSizeError) {
  EXPECT_EQ(server_answers(wire::stream(0, 0, "12345", true) + wire::stream(0, 5, "6")),
            kFinalSizeError);
  EXPECT_EQ(server_answers(wire::stream(0, 0, "12345", true) + wire::stream(0, 0, "123", true)),
            kFinalSizeError);
  EXPECT_EQ(server_answers(wire::stream(0, 3, "45") + wire::stream(0, 0, "123", true)),
            kFinalSizeError);
  EXPECT_EQ(server_answers(wire::stream(0, 0, "12345", true) + wire::stream(0, 0, "12345", true)),
            kOpen);
}

TEST(Rfc9000Section4_5, AResetThatChangesTheFinalSizeIsAFinalSizeError) {
  EXPECT_EQ(server_answers(wire::stream(0, 0, "12345") + wire::reset_stream(0, 1, 4)),
            kFinalSizeError);
  EXPECT_EQ(server_answers(wire::stream(0, 4, "5", true) + wire::reset_stream(0, 1, 6)),
            kFinalSizeError);
  EXPECT_EQ(server_answers(wire::reset_stream(0, 1, 6) + wire::reset_stream(0, 1, 7)),
            kFinalSizeError);
  EXPECT_EQ(server_answers(wire::reset_stream(0, 1, 6) + wire::stream(0, 0, "1234567")),
            kFinalSizeError);
  EXPECT_EQ(server_answers(wire::stream(0, 0, "12345") + wire::reset_stream(0, 1, 5)), kOpen);
}

TEST(Rfc9000Section4_5, AFinalSizeCountsAgainstFlowControl) {
  EXPECT_EQ(server_answers(wire::reset_stream(0, 1, kBidiWindow)), kOpen);
  EXPECT_EQ(server_answers(wire::reset_stream(0, 1, kBidiWindow + 1)), kFlowControlError);
  EXPECT_EQ(server_answers(wire::reset_stream(0, 1, 400) + wire::reset_stream(4, 1, 201)),
            kFlowControlError);
}

TEST(Rfc9000Section4_6, AStreamBeyondTheLimitIsAStreamLimitError) {
  const std::uint64_t bidi = 4 * kBidiStreams;
  const std::uint64_t uni = 4 * kUniStreams + 2;
  EXPECT_EQ(server_answers(wire::stream(bidi - 4, 0, "x")), kOpen);
  for (const std::string& frames :
       {wire::stream(bidi, 0, "x"), wire::stream(uni, 0, "x"), wire::stream(bidi, 0, ""),
        wire::reset_stream(bidi, 0, 0), wire::reset_stream(uni, 0, 0), wire::stop_sending(bidi, 0),
        wire::max_stream_data(bidi, 1), wire::stream_data_blocked(bidi, 1),
        wire::stream_data_blocked(uni, 1)}) {
    EXPECT_EQ(server_answers(frames), kStreamLimitError) << testing::PrintToString(frames);
  }
  EXPECT_EQ(client_answers(wire::stream(4 * kBidiStreams + 1, 0, "x")), kStreamLimitError);
  EXPECT_EQ(client_answers(wire::stream(4 * kUniStreams + 3, 0, "x")), kStreamLimitError);
}

TEST(Rfc9000Section4_6, LimitsOfStreamsAbove2To60AreMalformed) {
  const std::uint64_t most = std::uint64_t{1} << 60;
  for (const bool unidirectional : {false, true}) {
    EXPECT_EQ(server_answers(wire::max_streams(unidirectional, most)), kOpen);
    EXPECT_EQ(server_answers(wire::max_streams(unidirectional, most + 1)), kFrameEncodingError);
    // RFC 9000 19.14 permits either.
    EXPECT_THAT(server_answers(wire::streams_blocked(unidirectional, most + 1)),
                testing::AnyOf(kFrameEncodingError, kStreamLimitError));
  }
}

TEST(Rfc9000Section4_6, AClientOpensNoMoreStreamsThanTheServerAllows) {
  HostileOptions options;
  options.edit_parameters = [](wire::Parameters& list) {
    wire::set(list, wire::kInitialMaxStreamsBidi, std::uint64_t{2});
  };
  AgainstClient test(options);
  ASSERT_EQ(test.handshake(), kOpen);
  test.session().open();
  test.session().open();
  EXPECT_FALSE(test.session().connection->open_stream(false).has_value());
  // A limit that shrinks is ignored, one that grows counts.
  EXPECT_EQ(test.answer_to(wire::max_streams(false, 1)), kOpen);
  EXPECT_FALSE(test.session().connection->open_stream(false).has_value());
  EXPECT_EQ(test.answer_to(wire::max_streams(false, 3)), kOpen);
  test.session().open();
}

}  // namespace
}  // namespace quicore::test
