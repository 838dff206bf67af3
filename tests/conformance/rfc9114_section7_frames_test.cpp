// SPDX-License-Identifier: Apache-2.0
//
// RFC 9114 sections 5, 6 and 7: streams, frames, SETTINGS, GOAWAY and push.
#include "tests/conformance/http3_peers.h"

namespace quicore::test {
namespace {

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

}  // namespace
}  // namespace quicore::test
