// SPDX-License-Identifier: Apache-2.0
//
// RFC 9114 sections 5, 6 and 7: streams, frames, SETTINGS, GOAWAY and push; RFC 9204: QPACK.
#include "tests/conformance/http3_peers.h"

namespace quicore::test {
namespace {

std::string stream_of(std::uint64_t type, std::string_view bytes = {}) {
  return wire::varint(type).append(bytes);
}
std::string control(std::string_view frames) {
  return stream_of(wire::kControl, wire::h3_settings()).append(frames);
}

// --- 6: streams ------------------------------------------------------------------------------------------

TEST(Rfc9114Section6_1, AServerThatOpensABidirectionalStreamIsRefused) {
  AgainstClient test(of_http3(), client_config("h3"));
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.answer_to(wire::stream(kServerBidi, 0, "x")), kStreamCreationError);
  EXPECT_TRUE(test.session().streams.empty());
}

TEST(Rfc9114Section6_2, StreamsOfUnknownTypeAreTolerated) {
  EXPECT_EQ(server_gets_on_uni({stream_of(0x21, "grease"), stream_of(0x3fff, "x")}), kOpen);
  EXPECT_EQ(client_gets_on_uni({stream_of(0x21, "grease"), stream_of(0x3fff, "x")}), kOpen);
  EXPECT_EQ(server_gets_on_uni({stream_of(0x21, "grease")}, true), kOpen);
}

TEST(Rfc9114Section6_2, AStreamThatEndsBeforeItsTypeIsTolerated) {
  EXPECT_EQ(server_gets_on_uni({""}, true), kOpen);
}

TEST(Rfc9114Section6_2_1, ASecondControlStreamIsRefused) {
  EXPECT_EQ(server_gets_on_uni({control(""), control("")}), kStreamCreationError);
  EXPECT_EQ(client_gets_on_uni({control(""), control("")}), kStreamCreationError);
}

TEST(Rfc9114Section6_2_1, ClosingTheControlStreamClosesTheConnection) {
  EXPECT_EQ(server_gets_on_uni({control("")}, true), kClosedCriticalStream);
  EXPECT_EQ(client_gets_on_uni({control("")}, true), kClosedCriticalStream);
  AgainstServer test(of_http3(), server_config("h3"));
  ASSERT_EQ(test.handshake(), kOpen);
  const std::string bytes = control("");
  EXPECT_EQ(test.answer_to(wire::stream(kClientUni, 0, bytes)), kOpen);
  EXPECT_EQ(test.answer_to(wire::reset_stream(kClientUni, 0, bytes.size())), kClosedCriticalStream);
}

TEST(Rfc9114Section6_2_1, StoppingOurControlStreamClosesTheConnection) {
  AgainstServer test(of_http3(), server_config("h3"));
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.answer_to(wire::stop_sending(kServerUni, 0)), kClosedCriticalStream);
}

TEST(Rfc9114Section6_2_1, AControlStreamThatDoesNotBeginWithSettingsIsRefused) {
  for (const std::string& frame : {wire::h3_frame(wire::kGoaway, wire::varint(0)),
                                   wire::h3_frame(0x21, "grease"), wire::h3_data("x")}) {
    EXPECT_EQ(server_gets_on_uni({stream_of(wire::kControl, frame)}), kMissingSettings);
    EXPECT_EQ(client_gets_on_uni({stream_of(wire::kControl, frame)}), kMissingSettings);
  }
}

TEST(Rfc9114Section6_2_2, APushStreamFromAClientIsRefused) {
  EXPECT_EQ(server_gets_on_uni({stream_of(wire::kPush, wire::varint(0))}), kStreamCreationError);
}

TEST(Rfc9114Section4_6, APushStreamThatWasNotAllowedIsAnIdError) {
  EXPECT_EQ(client_gets_on_uni({stream_of(wire::kPush, wire::varint(0))}), kIdError);
}

// --- 7.1 and 7.2: frames on streams ----------------------------------------------------------------------

TEST(Rfc9114Section7_1, AFrameCutShortByTheEndOfItsStreamIsAFrameError) {
  const std::string headers = wire::h3_headers(kGet);
  EXPECT_EQ(server_gets(headers.substr(0, headers.size() - 1)).close, kFrameError);
  const std::string data = wire::h3_data("body");
  EXPECT_EQ(server_gets(headers + data.substr(0, data.size() - 1)).close, kFrameError);
  EXPECT_EQ(server_gets(headers + wire::varint(0x21, 2)).close, kFrameError);
}

TEST(Rfc9114Section7_1, APayloadThatIsTooLongOrTooShortIsAFrameError) {
  const std::string goaway = wire::varint(4);
  for (const std::string& frame :
       {wire::h3_frame(wire::kGoaway, ""), wire::h3_frame(wire::kMaxPushId, ""),
        wire::h3_frame(wire::kMaxPushId, wire::varint(100).substr(0, 1))}) {
    EXPECT_EQ(server_gets_on_uni({control(frame)}), kFrameError) << testing::PrintToString(frame);
  }
  EXPECT_EQ(server_gets_on_uni({stream_of(wire::kControl, wire::h3_frame(wire::kSettings, "\1"))}),
            kFrameError);
}

TEST(Rfc9114Section7_2, FramesOnAStreamWhereTheyMustNotBeAreUnexpected) {
  const std::string headers = wire::h3_headers(kGet);
  for (const std::uint64_t type : {0x03, 0x04, 0x07, 0x0d}) {
    EXPECT_EQ(server_gets(headers + wire::h3_frame(type, wire::varint(0))).close, kFrameUnexpected)
        << type;
    EXPECT_EQ(server_gets(wire::h3_frame(type, wire::varint(0))).close, kFrameUnexpected) << type;
  }
  EXPECT_EQ(server_gets(headers + wire::h3_frame(wire::kPushPromise, wire::varint(0))).close,
            kFrameUnexpected);
  for (const std::string& frame :
       {wire::h3_data("x"), headers, wire::h3_frame(wire::kPushPromise, wire::varint(0))}) {
    EXPECT_EQ(server_gets_on_uni({control(frame)}), kFrameUnexpected);
    EXPECT_EQ(client_gets_on_uni({control(frame)}), kFrameUnexpected);
  }
}

TEST(Rfc9114Section7_2_8, FrameTypesOfHttp2AreUnexpectedAndOthersSkipped) {
  for (const std::uint64_t type : {0x02, 0x06, 0x08, 0x09}) {
    EXPECT_EQ(server_gets(wire::h3_headers(kGet) + wire::h3_frame(type, "")).close,
              kFrameUnexpected)
        << type;
    EXPECT_EQ(server_gets_on_uni({control(wire::h3_frame(type, ""))}), kFrameUnexpected) << type;
  }
  EXPECT_EQ(server_gets_on_uni({control(wire::h3_frame(0x21, "grease"))}), kOpen);
}

// --- 7.2.3, 7.2.5, 7.2.7: push, which we neither send nor allow ---------------------------------------------

TEST(Rfc9114Section7_2_3, CancellingAPushThatWasNeverPromisedIsAnIdError) {
  const std::string cancel = wire::h3_frame(wire::kCancelPush, wire::varint(0));
  EXPECT_EQ(server_gets_on_uni({control(cancel)}), kIdError);
  EXPECT_EQ(client_gets_on_uni({control(cancel)}), kIdError);
}

TEST(Rfc9114Section7_2_7, AMaximumPushIdThatShrinksIsAnIdError) {
  const auto max_push_id = [](std::uint64_t id) {
    return wire::h3_frame(wire::kMaxPushId, wire::varint(id));
  };
  EXPECT_EQ(server_gets_on_uni({control(max_push_id(5) + max_push_id(9))}), kOpen);
  EXPECT_EQ(server_gets_on_uni({control(max_push_id(5) + max_push_id(4))}), kIdError);
  EXPECT_EQ(client_gets_on_uni({control(max_push_id(5))}), kFrameUnexpected);
}

// --- 7.2.4: SETTINGS -----------------------------------------------------------------------------------------

TEST(Rfc9114Section7_2_4, SettingsTwiceAreUnexpected) {
  EXPECT_EQ(server_gets_on_uni({control(wire::h3_settings())}), kFrameUnexpected);
  EXPECT_EQ(client_gets_on_uni({control(wire::h3_settings())}), kFrameUnexpected);
}

TEST(Rfc9114Section7_2_4_1, SettingsOfHttp2AreASettingsError) {
  for (const std::uint64_t id : {0x02, 0x03, 0x04, 0x05}) {
    EXPECT_EQ(server_gets_on_uni({stream_of(wire::kControl, wire::h3_settings({{id, 1}}))}),
              kSettingsError)
        << id;
  }
}

TEST(Rfc9114Section7_2_4_1, UnknownSettingsAreIgnored) {
  EXPECT_EQ(
      server_gets_on_uni({stream_of(wire::kControl, wire::h3_settings({{0x21, 7}, {0x3fff, 1}}))}),
      kOpen);
}

TEST(Rfc9297Section2_1_1, ASettingOfDatagramsIsZeroOrOne) {
  EXPECT_EQ(server_gets_on_uni({stream_of(wire::kControl, wire::h3_settings({{0x33, 2}}))}),
            kSettingsError);
}

// --- 5.2 and 7.2.6: GOAWAY -----------------------------------------------------------------------------------

TEST(Rfc9114Section5_2, AGoawayThatGrowsIsAnIdError) {
  const auto goaway = [](std::uint64_t id) {
    return wire::h3_frame(wire::kGoaway, wire::varint(id));
  };
  EXPECT_EQ(client_gets_on_uni({control(goaway(8) + goaway(4))}), kOpen);
  EXPECT_EQ(client_gets_on_uni({control(goaway(4) + goaway(8))}), kIdError);
  EXPECT_EQ(server_gets_on_uni({control(goaway(4) + goaway(8))}), kIdError);
}

TEST(Rfc9114Section7_2_6, AGoawayOfAServerNamesARequest) {
  for (const std::uint64_t id : {1, 2, 3}) {
    EXPECT_EQ(client_gets_on_uni({control(wire::h3_frame(wire::kGoaway, wire::varint(id)))}),
              kIdError)
        << id;
  }
}

TEST(Rfc9218Section7_1, APriorityUpdateOfAServerIsUnexpected) {
  const std::string update = wire::h3_frame(0x0f0700, wire::varint(0) + "u=1");
  EXPECT_EQ(client_gets_on_uni({control(update)}), kFrameUnexpected);
  EXPECT_EQ(server_gets_on_uni({control(update)}), kOpen);
  EXPECT_EQ(server_gets_on_uni({control(wire::h3_frame(0x0f0700, wire::varint(1) + "u=1"))}),
            kIdError);
}

// --- RFC 9204 --------------------------------------------------------------------------------------------------

std::optional<Close> server_decodes(const std::string& section) {
  const Http3Answer answer = server_gets(wire::h3_frame(wire::kHeaders, section));
  EXPECT_EQ(answer.sections, 0u);
  return answer.close;
}

const std::string kNoDynamicTable(2, '\0');

TEST(Rfc9204Section3_1, AnIndexBeyondTheStaticTableFailsToDecompress) {
  EXPECT_EQ(server_decodes(kNoDynamicTable + wire::prefixed(0xc0, 6, 99)), kDecompressionFailed);
  EXPECT_EQ(server_decodes(kNoDynamicTable + wire::prefixed(0x50, 4, 99) + std::string(1, '\0')),
            kDecompressionFailed);
}

TEST(Rfc9204Section2_2_3, AnIndexIntoAnEmptyDynamicTableFailsToDecompress) {
  EXPECT_EQ(server_decodes(kNoDynamicTable + wire::prefixed(0x80, 6, 0)), kDecompressionFailed);
  EXPECT_EQ(server_decodes(kNoDynamicTable + wire::prefixed(0x10, 4, 0)), kDecompressionFailed);
}

TEST(Rfc9204Section4_5_1, ARequiredInsertCountThatCannotBeFailsToDecompress) {
  EXPECT_EQ(server_decodes(wire::prefixed(0, 8, 100'000) + std::string(1, '\0') + "\xd1"),
            kDecompressionFailed);
}

TEST(Rfc9204Section4_1_1, AnIntegerThatDoesNotEndFailsToDecompress) {
  EXPECT_EQ(server_decodes(kNoDynamicTable + "\xff" + std::string(12, '\xff')),
            kDecompressionFailed);
}

TEST(Rfc9204Section4_1_2, AHuffmanStringThatIsNoneFailsToDecompress) {
  // A literal name of four bytes of ones: EOS is not allowed in it (RFC 7541 5.2).
  EXPECT_EQ(server_decodes(kNoDynamicTable + "\x2c" + std::string(4, '\xff') + "\1x"),
            kDecompressionFailed);
}

TEST(Rfc9204Section4_5, ASectionThatIsCutShortFailsToDecompress) {
  const std::string whole = wire::field_section(kGet);
  EXPECT_EQ(server_decodes(whole.substr(0, whole.size() - 3)), kDecompressionFailed);
}

TEST(Rfc9204Section4_2, ASecondEncoderOrDecoderStreamIsRefused) {
  for (const std::uint64_t type : {wire::kEncoder, wire::kDecoder}) {
    EXPECT_EQ(server_gets_on_uni({stream_of(type), stream_of(type)}), kStreamCreationError);
    EXPECT_EQ(client_gets_on_uni({stream_of(type), stream_of(type)}), kStreamCreationError);
  }
}

TEST(Rfc9204Section4_2, ClosingAnEncoderOrDecoderStreamClosesTheConnection) {
  for (const std::uint64_t type : {wire::kEncoder, wire::kDecoder}) {
    AgainstServer test(of_http3(), server_config("h3"));
    ASSERT_EQ(test.handshake(), kOpen);
    EXPECT_EQ(test.answer_to(wire::stream(kClientUni, 0, stream_of(type))), kOpen);
    EXPECT_EQ(test.answer_to(wire::stream(kClientUni, 1, "", true)), kClosedCriticalStream);
  }
}

TEST(Rfc9204Section3_2_3, ATableLargerThanWeAllowIsAnEncoderStreamError) {
  EXPECT_EQ(server_gets_on_uni({stream_of(
                wire::kEncoder, wire::prefixed(0x20, 5, engine::limits::kQpackTableCapacity + 1))}),
            kEncoderStreamError);
}

TEST(Rfc9204Section3_2_2, AnEntryThatDoesNotFitIsAnEncoderStreamError) {
  const std::string insert = wire::prefixed(0x40, 5, 3) + "abc" + wire::prefixed(0, 7, 3) + "def";
  EXPECT_EQ(server_gets_on_uni({stream_of(wire::kEncoder, insert)}), kEncoderStreamError);
  EXPECT_EQ(server_gets_on_uni({stream_of(wire::kEncoder, wire::prefixed(0x20, 5, 1000) + insert)}),
            kOpen);
}

TEST(Rfc9204Section4_3, InstructionsWithAnIndexThatIsNotThereAreEncoderStreamErrors) {
  const std::string capacity = wire::prefixed(0x20, 5, 1000);
  for (const std::string& instruction :
       {wire::prefixed(0xc0, 6, 99) + wire::prefixed(0, 7, 1) + "x",  // static name
        wire::prefixed(0x80, 6, 5) + wire::prefixed(0, 7, 1) + "x",   // dynamic name
        wire::prefixed(0x00, 5, 5)}) {                                // duplicate
    EXPECT_EQ(server_gets_on_uni({stream_of(wire::kEncoder, capacity + instruction)}),
              kEncoderStreamError)
        << testing::PrintToString(instruction);
  }
}

TEST(Rfc9204Section4_4, WhatTheDecoderStreamCannotMeanIsADecoderStreamError) {
  for (const std::string& instruction : {
           wire::prefixed(0x80, 7, 0),   // a section that was never sent
           wire::prefixed(0x00, 6, 0),   // an increment of nothing
           wire::prefixed(0x00, 6, 500)  // of more than there is
       }) {
    EXPECT_EQ(server_gets_on_uni({stream_of(wire::kDecoder, instruction)}), kDecoderStreamError)
        << testing::PrintToString(instruction);
  }
}

TEST(Rfc9204Section2_1_2, MoreBlockedStreamsThanWeAllowFailToDecompress) {
  SessionConfig config = server_config("h3");
  config.transport.initial_max_streams_bidi = 2 * engine::limits::kQpackBlockedStreams;
  AgainstServer test(of_http3(), config);
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.answer_to(wire::stream(kClientUni, 0,
                                        stream_of(wire::kEncoder, wire::prefixed(0x20, 5, 1000)))),
            kOpen);
  // Sections that need an entry which never comes.
  const std::string blocked =
      wire::h3_frame(wire::kHeaders, "\x02" + std::string(1, '\0') + "\x80");
  for (std::uint64_t i = 0; i < engine::limits::kQpackBlockedStreams; ++i) {
    test.hostile.send(Level::application, wire::stream(4 * i, 0, blocked));
    test.world.run_for(1ms);
  }
  EXPECT_EQ(test.verdict(), kOpen);
  EXPECT_EQ(test.answer_to(wire::stream(4 * engine::limits::kQpackBlockedStreams, 0, blocked)),
            kDecompressionFailed);
}

}  // namespace
}  // namespace quicore::test
