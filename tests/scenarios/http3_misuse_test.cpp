// SPDX-License-Identifier: Apache-2.0
//
// HTTP/3: what a program gets that makes a mistake, and a peer that breaks the rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/http3_error.h"
#include "engine/limits.h"
#include "tests/support/hostile_client.h"
#include "tests/support/http3_web.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;
using engine::FieldSection;
using testing::HasSubstr;

// --- a program's mistakes ------------------------------------------------------------------------------

TEST(Http3Misuse, RefusesToSendMalformedFieldsAndGoesOn) {
  Web web(this_test());
  TestStream& exchange = web.session->open();
  const auto sent =
      exchange.stream->send_headers(FieldSection::headers, {{"x-a", "1\r\nx-b: 2"}}, true);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().kind, Errc::invalid_argument);
  EXPECT_THAT(sent.error().reason, HasSubstr("'x-a'"));
  Web::send_headers(exchange, FieldSection::headers, {{"x-a", "1"}}, true);
  web.run_until_closed(exchange);
  EXPECT_EQ(exchange.received, "ok");
}

TEST(Http3Misuse, RefusesToSendMoreFieldsThanThePeerAccepts) {
  Web web(this_test());
  web.world.run_for(50ms);  // its SETTINGS
  TestStream& exchange = web.session->open();
  const auto sent = exchange.stream->send_headers(FieldSection::headers,
                                                  {{"x-large", std::string(70'000, 'a')}}, true);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().kind, Errc::invalid_argument);
  EXPECT_THAT(sent.error().reason, HasSubstr("65536"));
}

TEST(Http3Misuse, RefusesMessagesInTheWrongOrder) {
  Web web(this_test());
  TestStream& exchange = web.session->open();
  EXPECT_EQ(exchange.stream->write(Buf::copy("body")).error().kind, Errc::invalid_state);
  EXPECT_EQ(exchange.stream->send_headers(FieldSection::trailers, {}, true).error().kind,
            Errc::invalid_state);
  EXPECT_EQ(exchange.stream->send_headers(FieldSection::informational, {}, false).error().kind,
            Errc::invalid_argument);
  Web::send_headers(exchange, FieldSection::headers, {}, true);
  EXPECT_EQ(exchange.stream->send_headers(FieldSection::headers, {}, true).error().kind,
            Errc::invalid_state);
}

// --- a peer that breaks the rules ----------------------------------------------------------------------

// The code with which the server closed, and what its handlers saw of the request.
struct Verdict {
  std::optional<std::uint64_t> code;
  std::size_t requests = 0;
};

Verdict judge(Web& web, const std::string& bytes) {
  HostileClient hostile(web.world, web.client, web.server, *web.session->connection);
  hostile.send(web.hostile_bytes.emplace_back(bytes));
  web.world.run_for(200ms);
  Verdict verdict;
  if (web.accepted().error) verdict.code = web.accepted().error->code;
  for (const TestStream& stream : web.accepted().streams) {
    if (!stream.headers.empty()) ++verdict.requests;
  }
  return verdict;
}

const Headers kOrdinary{
    {":method", "GET"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}};

Headers ordinary_and(std::string_view name, std::string_view value) {
  Headers fields = kOrdinary;
  fields.add(name, value);
  return fields;
}

TEST(Http3Misuse, AnOrdinaryRequestOfTheHostileClientIsServed) {  // what the tests below rest on
  Web web(this_test());
  web.serve = [](TestStream&) {};
  const Verdict verdict = judge(web, http3_headers_frame(ordinary_and("x-a", "b")));
  EXPECT_EQ(verdict.code, std::nullopt);
  EXPECT_EQ(verdict.requests, 1u);
}

TEST(Http3Misuse, AMalformedRequestClosesTheConnectionWithMessageError) {
  for (const Headers& fields : {
           Headers{{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}},
           Headers{{":method", "GET"}, {":scheme", "https"}, {":path", "/"}},
           Headers{{":method", "G\nT"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}},
           Headers{{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/\r"}},
           ordinary_and(":path", "/twice"),
           ordinary_and(":status", "200"),
           ordinary_and("connection", "close"),
           ordinary_and("transfer-encoding", "chunked"),
           ordinary_and("te", "gzip"),
           ordinary_and("content-length", "1x"),
       }) {
    Web web(this_test());
    const Verdict verdict = judge(web, http3_headers_frame(fields));
    EXPECT_EQ(verdict.code, http3::kMessageError) << text_of(&fields);
    EXPECT_EQ(verdict.requests, 0u) << text_of(&fields);
  }
}

// RFC 9114 10.3. nghttp3 would leave the field out instead.
TEST(Http3Misuse, ARequestWithALineBreakInAFieldNeverReachesAHandler) {
  using namespace std::string_view_literals;
  for (const std::string_view value : {"1\r\nx-b: 2"sv, "1\n2"sv, "1\0002"sv}) {
    Web web(this_test());
    web.serve = [](TestStream&) {};
    const Verdict verdict = judge(web, http3_headers_frame(ordinary_and("x-a", value)));
    EXPECT_EQ(verdict.code, std::nullopt);  // the connection lives, the request does not
    EXPECT_EQ(verdict.requests, 0u);
    ASSERT_EQ(web.accepted().streams.size(), 1u);
    ASSERT_TRUE(web.accepted().streams[0].error.has_value());
    EXPECT_EQ(web.accepted().streams[0].error->code, http3::kMessageError);
  }
}

TEST(Http3Misuse, ARequestWithLessContentThanItSaysClosesTheConnection) {
  Web web(this_test());
  const Verdict verdict = judge(
      web, http3_headers_frame(ordinary_and("content-length", "10")) + http3_frame(0, "short"));
  EXPECT_EQ(verdict.code, http3::kMessageError);
}

TEST(Http3Misuse, TooManyFieldsResetTheRequestWithExcessiveLoad) {
  Web web(this_test());
  Headers fields = kOrdinary;
  for (int i = 0; i < 40; ++i) fields.add("x-" + std::to_string(i), std::string(2000, 'a'));
  ASSERT_GT(fields.field_section_size(), engine::limits::kMaxFieldSectionSize);
  const Verdict verdict = judge(web, http3_headers_frame(fields));
  EXPECT_EQ(verdict.code, std::nullopt);
  EXPECT_EQ(verdict.requests, 0u);
  ASSERT_EQ(web.accepted().streams.size(), 1u);
  EXPECT_TRUE(web.accepted().streams[0].closed);
  ASSERT_TRUE(web.accepted().streams[0].error.has_value());
  EXPECT_EQ(web.accepted().streams[0].error->code, http3::kExcessiveLoad);

  TestStream& next = web.request({});
  web.run_until_closed(next);
  EXPECT_EQ(next.received, "ok");
}

TEST(Http3Misuse, TooManyTrailersResetTheRequestWithExcessiveLoad) {
  Web web(this_test());
  Headers trailers;
  for (int i = 0; i < 40; ++i) trailers.add("x-" + std::to_string(i), std::string(2000, 'a'));
  judge(web,
        http3_headers_frame(kOrdinary) + http3_frame(0, "body") + http3_headers_frame(trailers));
  ASSERT_EQ(web.accepted().streams.size(), 1u);
  const TestStream& seen = web.accepted().streams[0];
  EXPECT_EQ(seen.section(FieldSection::trailers), nullptr);
  EXPECT_FALSE(seen.fin);
  ASSERT_TRUE(seen.error.has_value());
  EXPECT_EQ(seen.error->code, http3::kExcessiveLoad);
}

TEST(Http3Misuse, OneEnormousFieldClosesTheConnectionWithExcessiveLoad) {
  Web web(this_test());
  const Verdict verdict =
      judge(web, http3_headers_frame(ordinary_and("x", std::string(70'000, 'a'))));
  EXPECT_EQ(verdict.code, http3::kExcessiveLoad);
  EXPECT_EQ(verdict.requests, 0u);
}

TEST(Http3Misuse, ContentBeforeHeadersIsAnUnexpectedFrame) {
  Web web(this_test());
  EXPECT_EQ(judge(web, http3_frame(0, "body")).code, http3::kFrameUnexpected);
}

TEST(Http3Misuse, FramesOfUnknownTypeAreSkipped) {  // RFC 9114 9
  Web web(this_test());
  web.serve = [](TestStream&) {};
  const Verdict verdict = judge(web, http3_frame(0x21, "grease") + http3_headers_frame(kOrdinary));
  EXPECT_EQ(verdict.code, std::nullopt);
  EXPECT_EQ(verdict.requests, 1u);
}

TEST(Http3Misuse, AFrameCutShortByTheEndIsAnError) {
  Web web(this_test());
  std::string bytes = http3_headers_frame(kOrdinary);
  bytes.pop_back();
  EXPECT_EQ(judge(web, bytes).code, http3::kFrameError);
}

}  // namespace
}  // namespace quicore::test
