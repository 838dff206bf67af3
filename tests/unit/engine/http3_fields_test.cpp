// SPDX-License-Identifier: Apache-2.0
#include "engine/http3_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace quicore::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

using Lines = std::vector<std::pair<std::string, std::string>>;

Lines read(const FieldLines& lines) {
  Lines read;
  for (std::size_t i = 0; i < lines.size(); ++i) read.emplace_back(lines[i].name, lines[i].value);
  return read;
}

Lines request(const Headers& fields) {
  FieldLines lines;
  const auto completed = complete_request(fields, "server.example:4433", lines);
  EXPECT_TRUE(completed.has_value()) << (completed ? "" : completed.error().reason);
  return read(lines);
}

Lines response(const Headers& fields, FieldSection section = FieldSection::headers) {
  FieldLines lines;
  const auto completed = complete_response(fields, section, lines);
  EXPECT_TRUE(completed.has_value()) << (completed ? "" : completed.error().reason);
  return read(lines);
}

// The reason of the refusal; empty when it was accepted.
std::string request_refused(const Headers& fields) {
  FieldLines lines;
  const auto completed = complete_request(fields, "server.example", lines);
  if (completed) return "";
  EXPECT_EQ(completed.error().kind, Errc::invalid_argument);
  return completed.error().reason;
}

std::string response_refused(const Headers& fields, FieldSection section = FieldSection::headers) {
  FieldLines lines;
  const auto completed = complete_response(fields, section, lines);
  return completed ? "" : completed.error().reason;
}

std::string trailers_refused(const Headers& fields) {
  FieldLines lines;
  const auto completed = complete_trailers(fields, lines);
  return completed ? "" : completed.error().reason;
}

// --- requests: spec A12, H5
// ------------------------------------------------------------------------

TEST(Http3Request, WithoutAnyFieldIsAGetOfTheRoot) {
  EXPECT_THAT(request({}),
              ElementsAre(Pair(":method", "GET"), Pair(":scheme", "https"),
                          Pair(":authority", "server.example:4433"), Pair(":path", "/")));
}

TEST(Http3Request, KeepsWhatIsGivenAndFillsInTheRest) {
  EXPECT_THAT(request({{":method", "POST"}, {"content-type", "text/plain"}}),
              ElementsAre(Pair(":method", "POST"), Pair(":scheme", "https"),
                          Pair(":authority", "server.example:4433"), Pair(":path", "/"),
                          Pair("content-type", "text/plain")));
  EXPECT_THAT(request({{":path", "/a?b=c"}, {":authority", "other"}, {":scheme", "http"}}),
              ElementsAre(Pair(":method", "GET"), Pair(":scheme", "http"),
                          Pair(":authority", "other"), Pair(":path", "/a?b=c")));
}

TEST(Http3Request, PutsPseudoHeaderFieldsFirstWhereverTheyStood) {
  EXPECT_THAT(request({{"accept", "*/*"}, {":path", "/late"}}),
              ElementsAre(Pair(":method", "GET"), Pair(":scheme", "https"),
                          Pair(":authority", "server.example:4433"), Pair(":path", "/late"),
                          Pair("accept", "*/*")));
}

TEST(Http3Request, KeepsTheOrderAndTheRepetitionOfOtherFields) {
  const Lines lines = request({{"x-b", "1"}, {"x-a", "2"}, {"x-b", "3"}});
  EXPECT_THAT(Lines(lines.begin() + 4, lines.end()),
              ElementsAre(Pair("x-b", "1"), Pair("x-a", "2"), Pair("x-b", "3")));
}

TEST(Http3Request, SendsNamesInLowerCase) {
  EXPECT_EQ(request({{"X-Upper", "Kept As It Is"}}).back(),
            (Lines::value_type{"x-upper", "Kept As It Is"}));
}

TEST(Http3Request, TurnsHostIntoAuthority) {
  EXPECT_THAT(request({{"host", "virtual.example"}}),
              ElementsAre(Pair(":method", "GET"), Pair(":scheme", "https"),
                          Pair(":authority", "virtual.example"), Pair(":path", "/")));
  EXPECT_THAT(request({{"host", "a"}, {":authority", "a"}}),
              ElementsAre(Pair(":method", "GET"), Pair(":scheme", "https"), Pair(":authority", "a"),
                          Pair(":path", "/")));
  EXPECT_THAT(request_refused({{"host", "a"}, {":authority", "b"}}), HasSubstr("'host'"));
  EXPECT_THAT(request_refused({{"host", "a"}, {"host", "a"}}), HasSubstr("twice"));
  EXPECT_THAT(request_refused({{"host", "user@a"}}), HasSubstr("'host'"));
}

TEST(Http3Request, MarksSensitiveFieldsAsNeverIndexed) {
  FieldLines lines;
  const Headers fields{{"authorization", "secret", true}, {"accept", "*/*"}};
  ASSERT_TRUE(complete_request(fields, "a", lines));
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_TRUE(lines[4].sensitive);
  EXPECT_FALSE(lines[5].sensitive);
}

TEST(Http3Request, ConnectHasAnAuthorityAndNeitherSchemeNorPath) {
  EXPECT_THAT(request({{":method", "CONNECT"}, {":authority", "db.example:5432"}}),
              ElementsAre(Pair(":method", "CONNECT"), Pair(":authority", "db.example:5432")));
  EXPECT_THAT(request_refused({{":method", "CONNECT"}}), HasSubstr("':authority'"));
  EXPECT_THAT(request_refused({{":method", "CONNECT"}, {":authority", "a:1"}, {":path", "/"}}),
              HasSubstr("':path'"));
  EXPECT_THAT(request_refused({{":method", "CONNECT"}, {":authority", "a:1"}, {":scheme", "x"}}),
              HasSubstr("':scheme'"));
}

TEST(Http3Request, ExtendedConnectHasATargetAndAProtocol) {  // RFC 9220 3
  EXPECT_THAT(request({{":method", "CONNECT"}, {":protocol", "websocket"}, {":path", "/chat"}}),
              ElementsAre(Pair(":method", "CONNECT"), Pair(":scheme", "https"),
                          Pair(":authority", "server.example:4433"), Pair(":path", "/chat"),
                          Pair(":protocol", "websocket")));
}

TEST(Http3Request, RefusesAProtocolWithoutConnect) {
  EXPECT_THAT(request_refused({{":protocol", "websocket"}}), HasSubstr(":protocol"));
  EXPECT_THAT(request_refused({{":method", "CONNECT"}, {":protocol", "web socket"}}),
              HasSubstr(":protocol"));
}

TEST(Http3Request, RefusesAWrongTargetByName) {
  EXPECT_THAT(request_refused({{":method", ""}}), HasSubstr("':method'"));
  EXPECT_THAT(request_refused({{":method", "GET /"}}), HasSubstr("':method'"));
  EXPECT_THAT(request_refused({{":scheme", ""}}), HasSubstr("':scheme'"));
  EXPECT_THAT(request_refused({{":scheme", "1https"}}), HasSubstr("':scheme'"));
  EXPECT_THAT(request_refused({{":scheme", "ht tps"}}), HasSubstr("':scheme'"));
  EXPECT_THAT(request_refused({{":path", ""}}), HasSubstr("':path'"));
  EXPECT_THAT(request_refused({{":path", "relative"}}), HasSubstr("':path'"));
  EXPECT_THAT(request_refused({{":path", "/a b"}}), HasSubstr("':path'"));
  EXPECT_THAT(request_refused({{":path", "/a\r\nx: y"}}), HasSubstr("':path'"));
  EXPECT_THAT(request_refused({{":authority", ""}}), HasSubstr("':authority'"));
  EXPECT_THAT(request_refused({{":authority", "user:password@a"}}), HasSubstr("':authority'"));
  EXPECT_THAT(request_refused({{":authority", "a/b"}}), HasSubstr("':authority'"));
  EXPECT_THAT(request_refused({{":method", "GET"}, {":method", "GET"}}), HasSubstr("twice"));
}

TEST(Http3Request, AcceptsAsteriskForOptionsOnly) {
  EXPECT_EQ(request_refused({{":method", "OPTIONS"}, {":path", "*"}}), "");
  EXPECT_THAT(request_refused({{":method", "GET"}, {":path", "*"}}), HasSubstr("':path'"));
}

TEST(Http3Request, LeavesThePathOfOtherSchemesToThem) {
  EXPECT_EQ(request_refused({{":scheme", "coap"}, {":path", "x"}}), "");
}

TEST(Http3Request, RefusesPseudoHeaderFieldsItDoesNotHave) {
  EXPECT_THAT(request_refused({{":status", "200"}}), HasSubstr("':status'"));
  EXPECT_THAT(request_refused({{":unknown", "x"}}), HasSubstr("':unknown'"));
}

// --- fields of every message: RFC 9114 4.2, RFC 9110 5.5
// -----------------------------------------------

TEST(Http3Fields, RefuseValuesThatWouldSplitALine) {
  using namespace std::string_view_literals;
  EXPECT_THAT(request_refused({{"x-a", "1\r\nx-b: 2"}}),
              HasSubstr("'x-a': the value contains a line"));
  EXPECT_THAT(request_refused({{"x-a", "1\r2"}}), HasSubstr("line break"));
  EXPECT_THAT(request_refused({{"x-a", "1\n2"}}), HasSubstr("line break"));
  EXPECT_THAT(request_refused({{"x-a", "1\0002"sv}}), HasSubstr("NUL"));
  EXPECT_THAT(response_refused({{"x-a", "1\n2"}}), HasSubstr("line break"));
  EXPECT_THAT(trailers_refused({{"x-a", "1\n2"}}), HasSubstr("line break"));
}

TEST(Http3Fields, RefuseOtherValuesARecipientWouldDrop) {
  EXPECT_THAT(request_refused({{"x-a", "\x01"}}), HasSubstr("control character"));
  EXPECT_THAT(request_refused({{"x-a", "\x7f"}}), HasSubstr("control character"));
  EXPECT_THAT(request_refused({{"x-a", " 1"}}), HasSubstr("white space"));
  EXPECT_THAT(request_refused({{"x-a", "1\t"}}), HasSubstr("white space"));
  // 32 bytes and more are checked by vectors in the library.
  EXPECT_THAT(request_refused({{"x-a", std::string(40, 'a') + "\n" + std::string(40, 'b')}}),
              HasSubstr("line break"));
}

TEST(Http3Fields, AcceptValuesThatAreUnusualButLegal) {
  EXPECT_EQ(request_refused({{"x-a", ""}}), "");
  EXPECT_EQ(request_refused({{"x-a", "a b\tc"}}), "");
  EXPECT_EQ(request_refused({{"x-a", "gr\xc3\xbc\xc3\x9f"}}), "");
}

TEST(Http3Fields, RefuseNamesThatAreNoTokens) {
  EXPECT_THAT(request_refused({{"", "1"}}), HasSubstr("name is empty"));
  EXPECT_THAT(request_refused({{"x a", "1"}}), HasSubstr("'x?a'"));
  EXPECT_THAT(request_refused({{"x\n", "1"}}), HasSubstr("'x?'"));
  EXPECT_THAT(request_refused({{"x:y", "1"}}), HasSubstr("'x:y'"));
  EXPECT_THAT(request_refused({{"x\xc3\xbc", "1"}}), HasSubstr("the name must"));
  EXPECT_EQ(request_refused({{"!#$%&'*+-.^_`|~09az", "1"}}), "");
}

TEST(Http3Fields, RefuseThoseOfOneConnection) {
  for (const char* name :
       {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}) {
    EXPECT_THAT(request_refused({{name, "x"}}), HasSubstr("connection-specific")) << name;
    EXPECT_THAT(response_refused({{name, "x"}}), HasSubstr("connection-specific")) << name;
    EXPECT_THAT(trailers_refused({{name, "x"}}), HasSubstr("connection-specific")) << name;
  }
  EXPECT_EQ(request_refused({{"connections", "x"}}), "");
}

TEST(Http3Fields, AcceptTeWithTrailersOnly) {
  EXPECT_EQ(request_refused({{"te", "trailers"}}), "");
  EXPECT_EQ(request_refused({{"te", "Trailers"}}), "");
  EXPECT_THAT(request_refused({{"te", "gzip"}}), HasSubstr("'te'"));
  EXPECT_THAT(request_refused({{"te", ""}}), HasSubstr("'te'"));
}

TEST(Http3Fields, AcceptOneContentLengthThatIsANumber) {
  EXPECT_EQ(request_refused({{"content-length", "0"}}), "");
  EXPECT_EQ(request_refused({{"content-length", "999999999999999999"}}), "");
  EXPECT_THAT(request_refused({{"content-length", "9999999999999999999"}}), HasSubstr("number"));
  EXPECT_THAT(request_refused({{"content-length", ""}}), HasSubstr("number"));
  EXPECT_THAT(request_refused({{"content-length", "-1"}}), HasSubstr("number"));
  EXPECT_THAT(request_refused({{"content-length", "1, 1"}}), HasSubstr("number"));
  EXPECT_THAT(request_refused({{"content-length", "1"}, {"content-length", "1"}}),
              HasSubstr("twice"));
}

TEST(Http3Fields, RefuseContentLengthWhereNoContentCanBe) {
  const Headers length{{"content-length", "0"}};
  EXPECT_NE(trailers_refused(length), "");
  EXPECT_NE(response_refused(length, FieldSection::informational), "");
  EXPECT_NE(response_refused({{":status", "204"}, {"content-length", "0"}}), "");
  EXPECT_EQ(response_refused({{":status", "304"}, {"content-length", "5"}}), "");
  EXPECT_NE(request_refused({{":method", "CONNECT"}, {":authority", "a"}, {"content-length", "1"}}),
            "");
}

// --- responses
// ---------------------------------------------------------------------------------------

TEST(Http3Response, IsA200WithoutAStatus) {
  EXPECT_THAT(response({{"server", "quicore"}}),
              ElementsAre(Pair(":status", "200"), Pair("server", "quicore")));
}

TEST(Http3Response, PutsTheStatusFirst) {
  EXPECT_THAT(response({{"server", "quicore"}, {":status", "404"}}),
              ElementsAre(Pair(":status", "404"), Pair("server", "quicore")));
}

TEST(Http3Response, HintsAreEarlyHintsWithoutAStatus) {
  EXPECT_THAT(response({{"link", "</a.css>"}}, FieldSection::informational),
              ElementsAre(Pair(":status", "103"), Pair("link", "</a.css>")));
  EXPECT_THAT(response({{":status", "100"}}, FieldSection::informational),
              ElementsAre(Pair(":status", "100")));
}

TEST(Http3Response, TellsItsStatus) {
  FieldLines lines;
  const Headers fields{{":status", "304"}};
  const auto status = complete_response(fields, FieldSection::headers, lines);
  ASSERT_TRUE(status);
  EXPECT_EQ(*status, 304u);
}

TEST(Http3Response, RefusesAStatusOfTheOtherSection) {
  EXPECT_THAT(response_refused({{":status", "103"}}), HasSubstr("hints"));
  EXPECT_THAT(response_refused({{":status", "200"}}, FieldSection::informational),
              HasSubstr("headers"));
}

TEST(Http3Response, RefusesAStatusThatHttp3DoesNotHave) {
  for (const char* status : {"", "20", "2000", "2x0", "099", "600", "+20"}) {
    EXPECT_THAT(response_refused({{":status", status}}), HasSubstr("':status'")) << status;
  }
  EXPECT_THAT(response_refused({{":status", "101"}}, FieldSection::informational),
              HasSubstr("101"));
  EXPECT_THAT(response_refused({{":status", "200"}, {":status", "200"}}), HasSubstr("twice"));
  EXPECT_THAT(response_refused({{":path", "/"}}), HasSubstr("':path'"));
}

// --- trailers
// ----------------------------------------------------------------------------------------

TEST(Http3Trailers, AreSentAsGiven) {
  FieldLines lines;
  const Headers fields{{"digest", "abc"}, {"x", "y"}};
  ASSERT_TRUE(complete_trailers(fields, lines));
  EXPECT_THAT(read(lines), ElementsAre(Pair("digest", "abc"), Pair("x", "y")));
}

TEST(Http3Trailers, HaveNoPseudoHeaderFields) {
  EXPECT_THAT(trailers_refused({{":status", "200"}}), HasSubstr("':status'"));
  EXPECT_THAT(trailers_refused({{":path", "/"}}), HasSubstr("':path'"));
}

// --- FieldLines
// --------------------------------------------------------------------------------------

TEST(Http3FieldLines, HoldMoreThanFitInline) {
  Headers fields;
  for (std::size_t i = 0; i < 3 * FieldLines::kInline; ++i) {
    fields.add("x-" + std::to_string(i), std::to_string(i));
  }
  const Lines lines = request(fields);
  ASSERT_EQ(lines.size(), 4 + fields.size());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    EXPECT_EQ(lines[4 + i].first, fields[i].name);
    EXPECT_EQ(lines[4 + i].second, fields[i].value);
  }
}

TEST(Http3FieldLines, CountTheSizeAsThePeersLimitDoes) {
  FieldLines lines;
  const Headers fields{{"ab", "cde"}, {"f", ""}};
  ASSERT_TRUE(complete_trailers(fields, lines));
  EXPECT_EQ(lines.section_size(), (2u + 3 + 32) + (1u + 0 + 32));
}

// --- :authority
// --------------------------------------------------------------------------------------

TEST(Http3Authority, NamesTheHostAndAPortOtherThan443) {
  const Address remote = Address::loopback(Family::ipv4, 4433);
  EXPECT_EQ(authority_of("a.example", remote), "a.example:4433");
  EXPECT_EQ(authority_of("a.example", Address::loopback(Family::ipv4, 443)), "a.example");
}

TEST(Http3Authority, IsTheAddressWithoutAHostName) {
  EXPECT_EQ(authority_of("", Address::loopback(Family::ipv4, 4433)), "127.0.0.1:4433");
  EXPECT_EQ(authority_of("", Address::loopback(Family::ipv6, 443)), "[::1]");
}

TEST(Http3Authority, PutsIpv6LiteralsInBracketsOnce) {
  const Address remote = Address::loopback(Family::ipv6, 1);
  EXPECT_EQ(authority_of("::1", remote), "[::1]:1");
  EXPECT_EQ(authority_of("[::1]", remote), "[::1]:1");
}

}  // namespace
}  // namespace quicore::engine
