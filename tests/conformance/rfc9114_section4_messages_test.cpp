// SPDX-License-Identifier: Apache-2.0
//
// RFC 9114 section 4: requests and responses that are malformed are refused in both directions, and
// the application never sees them.
#include "tests/conformance/http3_peers.h"

namespace quicore::test {
namespace {

using namespace std::string_literals;

const wire::FieldList kOk{{":status", "200"}};

// By an error of the stream, or of the whole connection (RFC 9114 8 permits it).
bool is_message_error(const Http3Answer& answer) {
  if (answer.close) return answer.close == kMessageError;
  // Once both sides have ended the stream only the application is left to be told.
  return answer.failed == http3::kMessageError &&
         answer.reset.value_or(http3::kMessageError) == http3::kMessageError &&
         answer.stopped.value_or(http3::kMessageError) == http3::kMessageError;
}

void expect_refused(const Http3Answer& answer, const std::string& what) {
  EXPECT_TRUE(is_message_error(answer)) << what << testing::PrintToString(answer.close);
  EXPECT_EQ(answer.sections, 0u) << what;
  EXPECT_FALSE(answer.finished) << what;
}

// Field lines that neither a request nor a response may have.
const wire::FieldList kForbiddenLines{
    {"X-Upper", "1"},
    {"x-Upper", "1"},
    {"connection", "close"},
    {"keep-alive", "1"},
    {"proxy-connection", "1"},
    {"transfer-encoding", "chunked"},
    {"upgrade", "websocket"},
    {":unknown", "1"},
    {"x-line", "1\r\nx-b: 2"},
    {"x-line", "1\n2"},
    {"x-line", "1\r2"},
    {"x-nul", "1\0002"s},
    {"x-space", " 1"},
    {"x-space", "1\t"},
    {"x nam", "1"},
    {"x\nnam", "1"},
    {"x\0nam"s, "1"},
    {"x:nam", "1"},
    {"", "1"},
    {"content-length", "abc"},
    {"content-length", "-1"},
    {"content-length", "99999999999999999999999"},
};

TEST(Rfc9114Section4_1, AnOrdinaryRequestIsServed) {  // what the tests below rest on
  const Http3Answer answer =
      server_gets(wire::h3_headers(plus(kGet, "content-length", "4")) + wire::h3_data("body"));
  EXPECT_EQ(answer.close, kOpen);
  EXPECT_EQ(answer.sections, 1u);
  EXPECT_EQ(answer.content, "body");
  EXPECT_TRUE(answer.finished);
}

TEST(Rfc9114Section4_1, AnOrdinaryResponseIsTaken) {
  const Http3Answer answer = client_gets(wire::h3_headers({{":status", "103"}, {"link", "<a>"}}) +
                                         wire::h3_headers(plus(kOk, "content-length", "4")) +
                                         wire::h3_data("bo") + wire::h3_frame(0x21, "grease") +
                                         wire::h3_data("dy") + wire::h3_headers({{"x-sum", "1"}}));
  EXPECT_EQ(answer.close, kOpen);
  EXPECT_EQ(answer.sections, 3u);
  EXPECT_EQ(answer.content, "body");
  EXPECT_TRUE(answer.finished);
}

TEST(Rfc9114Section4_1, FramesInAnInvalidOrderAreUnexpected) {
  const std::string headers = wire::h3_headers(kGet);
  const std::string trailers = wire::h3_headers({{"x-sum", "1"}});
  const std::string data = wire::h3_data("body");
  EXPECT_EQ(server_gets(data + headers).close, kFrameUnexpected);
  EXPECT_EQ(server_gets(headers + trailers + data).close, kFrameUnexpected);
  EXPECT_EQ(server_gets(headers + data + trailers + trailers).close, kFrameUnexpected);
  const std::string ok = wire::h3_headers(kOk);
  EXPECT_EQ(client_gets(data + ok).close, kFrameUnexpected);
  EXPECT_EQ(client_gets(ok + trailers + data).close, kFrameUnexpected);
  EXPECT_EQ(client_gets(wire::h3_headers({{":status", "103"}}) + data).close, kFrameUnexpected);
}

TEST(Rfc9114Section4_1, ARequestStreamThatEndsWithoutARequestIsIncomplete) {
  const Http3Answer empty = server_gets("");
  EXPECT_EQ(empty.close, kOpen);  // a stream error: the connection lives
  EXPECT_EQ(empty.reset, http3::kRequestIncomplete);
  EXPECT_EQ(empty.sections, 0u);
  const Http3Answer grease = server_gets(wire::h3_frame(0x21, "grease"));
  EXPECT_TRUE(grease.close == kRequestIncomplete || grease.reset == http3::kRequestIncomplete);
  EXPECT_EQ(grease.sections, 0u);
}

TEST(Rfc9114Section4_1, AResponseThatEndsBeforeItsFinalHeadersIsMalformed) {
  const Http3Answer informational = client_gets(wire::h3_headers({{":status", "103"}}));
  EXPECT_EQ(informational.close, kMessageError);
  EXPECT_FALSE(informational.finished);
  const Http3Answer empty = client_gets("");
  EXPECT_EQ(empty.close, kMessageError);
  EXPECT_FALSE(empty.finished);
}

TEST(Rfc9114Section4_1_2, ContentThatIsNotAsLongAsItSaysIsMalformed) {
  for (const std::string& length : {"3"s, "5"s, "0"s}) {
    const Http3Answer request =
        server_gets(wire::h3_headers(plus(kGet, "content-length", length)) + wire::h3_data("body"));
    EXPECT_EQ(request.close, kMessageError) << length;
    EXPECT_FALSE(request.finished) << length;
    const Http3Answer response =
        client_gets(wire::h3_headers(plus(kOk, "content-length", length)) + wire::h3_data("body"));
    EXPECT_EQ(response.close, kMessageError) << length;
    EXPECT_FALSE(response.finished) << length;
  }
  EXPECT_EQ(server_gets(wire::h3_headers(plus(kGet, "content-length", "1"))).close, kMessageError);
}

TEST(Rfc9114Section4_1_2, ContentLengthTwiceIsMalformed) {
  const auto twice = [](const wire::FieldList& fields) {
    return wire::h3_headers(plus(plus(fields, "content-length", "4"), "content-length", "4")) +
           wire::h3_data("body");
  };
  expect_refused(server_gets(twice(kGet)), "request");
  expect_refused(client_gets(twice(kOk)), "response");
}

TEST(Rfc9114Section4_1, ContentWhereNoneMayBeIsMalformed) {
  for (const char* status : {"204", "304"}) {
    const Http3Answer answer =
        client_gets(wire::h3_headers({{":status", status}}) + wire::h3_data("body"));
    EXPECT_EQ(answer.close, kMessageError) << status;
    EXPECT_EQ(answer.content, "") << status;
  }
  const Http3Answer head =
      client_gets(wire::h3_headers(kOk) + wire::h3_data("body"), true, {{":method", "HEAD"}});
  EXPECT_EQ(head.close, kMessageError);
  EXPECT_EQ(head.content, "");
}

TEST(Rfc9114Section4_2, AForbiddenFieldLineMakesARequestMalformed) {
  for (const auto& [name, value] : kForbiddenLines) {
    expect_refused(server_gets(wire::h3_headers(plus(kGet, name, value))),
                   testing::PrintToString(name) + testing::PrintToString(value));
  }
  expect_refused(server_gets(wire::h3_headers(plus(kGet, "te", "gzip"))), "te");
  EXPECT_EQ(server_gets(wire::h3_headers(plus(kGet, "te", "trailers"))).close, kOpen);
}

TEST(Rfc9114Section4_1_2, ALineThatNghttp3WouldLeaveOutEndsItsOwnRequestOnly) {
  AgainstServer test(of_http3(), server_config("h3"));
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.answer_to(wire::stream(0, 0, wire::h3_headers(plus(kGet, "x-a", "1\n2")), true) +
                           wire::stream(4, 0, wire::h3_headers(kGet), true)),
            kOpen);
  std::size_t served = 0;
  for (const TestStream& stream : test.accepted().streams) served += stream.headers.size();
  EXPECT_EQ(served, 1u);
  EXPECT_EQ(look(test.hostile, test.victim.connections, 0).reset, http3::kMessageError);
  EXPECT_EQ(look(test.hostile, test.victim.connections, 4).reset, std::nullopt);
}

TEST(Rfc9114Section4_2, AForbiddenFieldLineMakesAResponseMalformed) {
  for (const auto& [name, value] : kForbiddenLines) {
    expect_refused(client_gets(wire::h3_headers(plus(kOk, name, value))),
                   testing::PrintToString(name) + testing::PrintToString(value));
  }
}

TEST(Rfc9114Section4_2, AForbiddenFieldLineMakesTrailersMalformed) {
  for (const auto& [name, value] : kForbiddenLines) {
    if (name == "content-length") continue;  // left out instead: RFC 9110 6.5.1
    const Http3Answer answer = server_gets(wire::h3_headers(kGet) + wire::h3_data("body") +
                                           wire::h3_headers({{name, value}}));
    EXPECT_TRUE(is_message_error(answer)) << testing::PrintToString(name);
    EXPECT_LE(answer.sections, 1u) << testing::PrintToString(name);
    EXPECT_FALSE(answer.finished) << testing::PrintToString(name);
  }
}

TEST(Rfc9114Section4_3, PseudoFieldsBehindOrdinaryOnesAreMalformed) {
  expect_refused(server_gets(wire::h3_headers({{":method", "GET"},
                                               {":scheme", "https"},
                                               {":authority", "a"},
                                               {"x-a", "b"},
                                               {":path", "/"}})),
                 "request");
  expect_refused(client_gets(wire::h3_headers({{"x-a", "b"}, {":status", "200"}})), "response");
}

TEST(Rfc9114Section4_3, PseudoFieldsInTrailersAreMalformed) {
  for (const char* name : {":path", ":status", ":method"}) {
    const Http3Answer answer =
        server_gets(wire::h3_headers(kGet) + wire::h3_headers({{name, "200"}}));
    EXPECT_EQ(answer.close, kMessageError) << name;
    EXPECT_FALSE(answer.finished) << name;
    const Http3Answer response =
        client_gets(wire::h3_headers(kOk) + wire::h3_headers({{name, "200"}}));
    EXPECT_EQ(response.close, kMessageError) << name;
    EXPECT_FALSE(response.finished) << name;
  }
}

TEST(Rfc9114Section4_3_1, ARequestWithoutOneOfItsPseudoFieldsIsMalformed) {
  for (std::size_t left_out = 0; left_out < kGet.size(); ++left_out) {
    wire::FieldList fields = kGet;
    fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(left_out));
    expect_refused(server_gets(wire::h3_headers(fields)), kGet[left_out].first);
  }
}

TEST(Rfc9114Section4_3_1, APseudoFieldGivenTwiceIsMalformed) {
  for (const auto& [name, value] : kGet) {
    wire::FieldList fields = kGet;
    fields.insert(fields.begin(), {name, value});
    expect_refused(server_gets(wire::h3_headers(fields)), name);
  }
}

TEST(Rfc9114Section4_3_1, PseudoFieldsWithSillyValuesAreMalformed) {
  for (const auto& [name, value] : wire::FieldList{{":path", ""},
                                                   {":path", "no-slash"},
                                                   {":path", "/a b"},
                                                   {":path", "/\r\n"},
                                                   {":path", "*"},
                                                   {":method", ""},
                                                   {":method", "G T"},
                                                   {":method", "GET\n"},
                                                   {":scheme", ""},
                                                   {":scheme", "ht tp"},
                                                   {":authority", ""},
                                                   {":authority", "a b"},
                                                   {":authority", "a\r\n"},
                                                   {":status", "200"}}) {
    wire::FieldList fields = kGet;
    bool replaced = false;
    for (auto& field : fields) {
      if (field.first != name) continue;
      field.second = value;
      replaced = true;
    }
    if (!replaced) fields.insert(fields.begin(), {name, value});
    expect_refused(server_gets(wire::h3_headers(fields)), name + testing::PrintToString(value));
  }
}

TEST(Rfc9114Section4_3_1, AHostThatDiffersFromTheAuthorityIsMalformed) {
  expect_refused(server_gets(wire::h3_headers(plus(kGet, "host", "elsewhere"))), "host");
  EXPECT_EQ(server_gets(wire::h3_headers(plus(kGet, "host", "localhost"))).close, kOpen);
}

TEST(Rfc9114Section4_3_2, AResponseWithoutAProperStatusIsMalformed) {
  for (const wire::FieldList& fields : std::vector<wire::FieldList>{
           {{"x-a", "b"}},
           {{":status", ""}},
           {{":status", "20"}},
           {{":status", "2000"}},
           {{":status", "abc"}},
           {{":status", "099"}},
           {{":status", "101"}},
           {{":status", "200"}, {":status", "200"}},
           {{":status", "200"}, {":path", "/"}},
       }) {
    expect_refused(client_gets(wire::h3_headers(fields)), fields.front().second);
  }
}

TEST(Rfc9114Section4_4, AConnectRequestHasAnAuthorityAndNeitherSchemeNorPath) {
  EXPECT_EQ(
      server_gets(wire::h3_headers({{":method", "CONNECT"}, {":authority", "a:443"}}), false).close,
      kOpen);
  expect_refused(server_gets(wire::h3_headers({{":method", "CONNECT"}})), "no authority");
  expect_refused(
      server_gets(wire::h3_headers(
          {{":method", "CONNECT"}, {":scheme", "https"}, {":authority", "a:443"}, {":path", "/"}})),
      "with a path");
}

}  // namespace
}  // namespace quicore::test
