// SPDX-License-Identifier: Apache-2.0
//
// What HTTP/3 has beside ordinary requests, through the public API: SETTINGS, extended CONNECT
// (RFC 9220), datagrams (RFC 9297), expectations, and messages that do not keep their word.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/http3_error.h"
#include "tests/support/api_node.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;
using testing::HasSubstr;

SessionConfig with(Http3Settings settings, SessionConfig config) {
  config.http3 = settings;
  return config;
}

// A server that does `serve` with every request.
struct Web : ApiPair {
  Web(WorldOptions options, std::function<void(StreamEvent)> serve, Http3Settings of_server = {},
      Http3Settings of_client = {})
      : ApiPair(std::move(options)) {
    server.endpoint.on_session() = [serve = std::move(serve)](Session begun) {
      begun.on_stream() = serve;
    };
    connect(with(of_server, server_config("h3")), with(of_client, client_config("h3")));
  }

  // What a request is answered with; fails the test when it is not.
  Headers ask(StreamOptions options) {
    Result<Headers> answer;
    run([](Session begun, StreamOptions request, Result<Headers>& into) -> Task<> {
      auto stream = value_or_throw(begun.open(std::move(request)));
      into = co_await stream.headers();
    }(session, std::move(options), answer));
    EXPECT_TRUE(answer.has_value());
    return answer.value_or(Headers());
  }
};

void ok(StreamEvent event) { event.respond_with({.body = "ok"}); }

// --- SETTINGS --------------------------------------------------------------------------------------

TEST(Http3Settings, AreSeenByThePeer) {
  Http3Settings announced;
  announced.max_field_section_size = 20000;
  announced.qpack_table_capacity = 1000;
  announced.qpack_blocked_streams = 7;
  announced.extended_connect = true;
  announced.datagrams = true;
  Web web(this_test(), ok, announced);
  std::optional<Http3Settings> seen;
  web.run([](Session session, std::optional<Http3Settings>& into) -> Task<> {
    into = value_or_throw(Result<Http3Settings>(co_await session.http3_settings()));
  }(web.session, seen));
  EXPECT_EQ(seen->max_field_section_size, 20000u);
  EXPECT_EQ(seen->qpack_table_capacity, 1000u);
  EXPECT_EQ(seen->qpack_blocked_streams, 7u);
  EXPECT_TRUE(seen->extended_connect);
  EXPECT_TRUE(seen->datagrams);
}

TEST(Http3Settings, BoundTheFieldsThatAreAccepted) {
  Http3Settings small;
  small.max_field_section_size = 1024;
  Web web(this_test(), ok, small);
  const auto refused = web.session.open({.headers = {{"x", std::string(1024, 'x')}}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().reason, HasSubstr("the peer accepts 1024"));
  EXPECT_EQ(web.ask({}).get(":status"), "200");
}

TEST(Http3Settings, DoWithoutADynamicTable) {
  Http3Settings none;
  none.qpack_table_capacity = 0;
  none.qpack_encoder_table_capacity = 0;
  none.qpack_blocked_streams = 0;
  Web web(this_test(), ok, none, none);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(web.ask({}).get(":status"), "200");
}

TEST(Http3Settings, AreNotThereOnOtherProtocols) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  const auto settings = pair.session.http3_settings();
  ASSERT_TRUE(settings.ready());
  EXPECT_EQ(settings.peek()->error().kind, Errc::not_supported);
}

// RFC 9114 6.2.3: one stream more than HTTP/3 needs, which the peer ignores.
TEST(Http3Settings, GreaseIsOneMoreStreamThatThePeerIgnores) {
  Http3Settings without;
  without.grease = false;
  Web plain(this_test(), ok, without, without);
  plain.ask({});
  Web greased(this_test(), ok);
  greased.ask({});
  EXPECT_EQ(plain.accepted.stats().uni_stream_count, 3u);
  EXPECT_EQ(greased.accepted.stats().uni_stream_count, 4u);
  EXPECT_EQ(greased.session.stats().uni_stream_count, 4u);
}

// --- extended CONNECT ------------------------------------------------------------------------------

Http3Settings extended() {
  Http3Settings settings;
  settings.extended_connect = true;
  return settings;
}

StreamOptions web_socket() {
  return {.headers = {{":method", "CONNECT"}, {":protocol", "websocket"}, {":path", "/chat"}},
          .body = Body::streamed()};
}

TEST(ExtendedConnect, IsATunnelOnceItWasAccepted) {
  std::string seen;
  Web web(
      this_test(),
      [&](StreamEvent event) {
        seen = event.headers->get(":protocol").value_or("none");
        event.respond_with({.headers = {{":status", "200"}}, .body = event.stream.reader().body()});
      },
      extended());
  std::string echoed;
  web.run([](Session session, std::string& into) -> Task<> {
    co_await session.http3_settings();
    auto stream = value_or_throw(session.open(web_socket()));
    auto answer = co_await stream.headers();
    EXPECT_EQ(answer->get(":status"), "200");
    const Reader reader = stream.reader();
    for (const std::string_view text : {"one ", "two ", "three"}) {
      co_await stream.writer().write(text);
      const auto chunk = co_await reader.next();
      EXPECT_TRUE(chunk) << (chunk ? "" : to_string(chunk.error()));
      if (chunk && *chunk) into += (*chunk)->text();
    }
    EXPECT_TRUE(stream.writer().finish());
    const auto end = co_await reader.next();
    EXPECT_TRUE(end && !*end);
  }(web.session, echoed));
  EXPECT_EQ(seen, "websocket");
  EXPECT_EQ(echoed, "one two three");
}

TEST(ExtendedConnect, IsRefusedHereWhenTheServerDoesNotOfferIt) {
  Web web(this_test(), ok);
  EXPECT_EQ(web.ask({}).get(":status"), "200");  // its SETTINGS have come with that
  const auto refused = web.session.open(web_socket());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Errc::not_supported);
  EXPECT_EQ(web.ask({}).get(":status"), "200");
}

// RFC 9220 3: a client must not use it before the server's SETTINGS.
TEST(ExtendedConnect, WaitsForTheSettingsOfTheServer) {
  ApiPair pair(this_test());
  pair.server.endpoint.on_session() = [](Session begun) { begun.on_stream() = ok; };
  ASSERT_TRUE(pair.server.endpoint.listen(with(extended(), server_config("h3"))));
  Session session = value_or_throw(
      pair.client.endpoint.connect(*pair.server.endpoint.address(), client_config("h3")));
  pair.run([](Session begun) -> Task<> {
    co_await begun.handshake();
    if (const auto early = begun.open(web_socket()); !early) {
      EXPECT_EQ(early.error().kind, Errc::invalid_state);
    }
    co_await begun.http3_settings();
    EXPECT_TRUE(begun.open(web_socket()));
  }(session));
}

// --- datagrams -------------------------------------------------------------------------------------

Http3Settings datagrams() {
  Http3Settings settings;
  settings.datagrams = true;
  return settings;
}

void echo_datagrams(StreamEvent event) {
  event.stream.on_datagram() = [](StreamDatagramEvent datagram) {
    EXPECT_TRUE(datagram.stream.send_datagram(std::move(datagram.datagram)));
  };
  event.respond_with({.body = event.stream.reader().body()});
}

TEST(HttpDatagrams, TravelWithTheirRequest) {
  Web web(this_test(), echo_datagrams, datagrams(), datagrams());
  std::vector<std::string> echoed(2);
  web.run([](Session session, std::vector<std::string>& into) -> Task<> {
    co_await session.http3_settings();
    std::vector<Stream> streams;
    for (std::size_t i = 0; i < into.size(); ++i) {
      Stream stream = value_or_throw(session.open({.body = Body::streamed()}));
      stream.on_datagram() = [&text = into[i]](StreamDatagramEvent event) {
        text += event.datagram.text();
      };
      streams.push_back(stream);
    }
    for (std::size_t i = 0; i < into.size(); ++i) {
      EXPECT_GT(streams[i].max_datagram_size(), 1000u);
      EXPECT_TRUE(streams[i].send_datagram(Buf::copy("of request " + std::to_string(i))));
    }
    co_await session.shard().sleep_for(100ms);
    for (const Stream& stream : streams) EXPECT_TRUE(stream.writer().finish());
  }(web.session, echoed));
  EXPECT_EQ(echoed[0], "of request 0");
  EXPECT_EQ(echoed[1], "of request 1");
}

TEST(HttpDatagrams, AreNoLargerThanThePathTakes) {
  Web web(this_test(), echo_datagrams, datagrams(), datagrams());
  web.run([](Session session) -> Task<> {
    co_await session.http3_settings();
    Stream stream = value_or_throw(session.open({.body = Body::streamed()}));
    co_await stream.headers();  // it fills a packet: the request must have gone before
    const std::size_t largest = stream.max_datagram_size();
    std::size_t received = 0;
    stream.on_datagram() = [&received](StreamDatagramEvent event) {
      received = event.datagram.size();
    };
    EXPECT_TRUE(stream.send_datagram(Buf::copy(std::string(largest, 'x'))));
    const auto refused = stream.send_datagram(Buf::copy(std::string(largest + 1, 'x')));
    EXPECT_FALSE(refused);
    co_await session.shard().sleep_for(100ms);
    EXPECT_EQ(received, largest);
  }(web.session));
}

TEST(HttpDatagrams, NeedBothSides) {
  Web web(this_test(), ok, {}, datagrams());
  web.ask({});
  Stream stream = value_or_throw(web.session.open({.body = Body::streamed()}));
  const auto refused = stream.send_datagram(Buf::copy("x"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Errc::not_supported);
  EXPECT_EQ(stream.max_datagram_size(), 0u);
}

TEST(HttpDatagrams, OfRequestsThatAreOverAreDropped) {
  Web web(this_test(), ok, datagrams(), {});
  web.ask({});
  EXPECT_TRUE(web.session.datagram(std::string_view("\x00late", 5)));  // of request 0
  EXPECT_TRUE(web.session.datagram(std::string_view("\x05never", 6)));
  EXPECT_EQ(web.ask({}).get(":status"), "200");
}

// RFC 9297 2.1: what no stream can be meant by. (A client without the setting sends raw ones.)
TEST(HttpDatagrams, ThatNameNoStreamCloseTheConnection) {
  for (const std::string_view wrong : {std::string_view(""), std::string_view("\x40", 1),
                                       std::string_view("\xf0\x00\x00\x00\x00\x00\x00\x00", 8)}) {
    Web web(this_test(), ok, datagrams(), {});
    web.ask({});
    const auto closed = web.session.closed();
    EXPECT_TRUE(web.session.datagram(wrong));
    web.run_until([&] { return closed.ready(); });
    ASSERT_FALSE(*closed.peek());
    EXPECT_EQ(closed.peek()->error().code, http3::kDatagramError);
  }
}

// --- expectations (RFC 9110 10.1.1) ----------------------------------------------------------------

Task<> hold_body_for_continue(Session session, std::string& status, std::string& answer) {
  auto stream = value_or_throw(session.open(
      {.headers = {{":method", "POST"}, {"expect", "100-Continue"}}, .body = Body::streamed()}));
  if (const auto info = co_await stream.info()) {
    status = info->get(":status").value_or("none");
    co_await stream.writer().write("the body");
    EXPECT_TRUE(stream.writer().finish());
  }
  const auto headers = co_await stream.headers();
  EXPECT_TRUE(headers.has_value());
  const auto body = co_await stream.reader().read_all(1000);
  if (body) answer = body->text();
}

TEST(ExpectContinue, IsAnsweredWhenTheBodyIsRead) {
  Web web(this_test(),
          [](StreamEvent event) { event.respond_with({.body = event.stream.reader().body()}); });
  std::string status;
  std::string answer;
  web.run(hold_body_for_continue(web.session, status, answer));
  // The response had not begun when the body was asked for.
  EXPECT_EQ(status, "100");
  EXPECT_EQ(answer, "the body");
}

TEST(ExpectContinue, IsNotAnsweredWhenTheBodyIsNotWanted) {
  Web web(this_test(), [](StreamEvent event) {
    event.respond_with({.headers = {{":status", "413"}}, .body = "too large"});
    static_cast<void>(event.stream.discard());
  });
  std::string status;
  std::string answer;
  web.run(hold_body_for_continue(web.session, status, answer));
  EXPECT_EQ(status, "");
  EXPECT_EQ(answer, "too large");
}

// --- cookies (RFC 9114 4.2.1) ----------------------------------------------------------------------

TEST(Cookies, InCrumbsArriveAsOneField) {
  std::string seen;
  Web web(this_test(), [&](StreamEvent event) {
    for (const Field field : *event.headers) {
      if (field.name == "cookie") seen += "[" + std::string(field.value) + "]";
    }
    event.respond_with({});
  });
  web.ask({.headers = {
               {"cookie", "a=1"}, {"accept", "*/*"}, {"cookie", "b=2; c=3"}, {"cookie", "d=4"}}});
  EXPECT_EQ(seen, "[a=1; b=2; c=3; d=4]");
}

// --- content-length (RFC 9110 8.6) -----------------------------------------------------------------

TEST(ContentLength, ThatTheBodyExceedsResetsTheRequestOnly) {
  Web web(this_test(), [](StreamEvent event) {
    static_cast<void>(event.stream.discard());
    event.respond_with({});
  });
  const auto refused = web.session.open(
      {.headers = {{":method", "POST"}, {"content-length", "5"}}, .body = "longer"});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().reason, HasSubstr("larger than its content-length by 1 bytes"));
  EXPECT_EQ(web.ask({}).get(":status"), "200");
}

TEST(ContentLength, ThatTheBodyDoesNotReachResetsTheResponseOnly) {
  bool short_body = true;
  Web web(this_test(), [&](StreamEvent event) {
    event.respond_with(
        {.headers = {{"content-length", "5"}}, .body = short_body ? "four" : "five5"});
  });
  std::optional<Error> error;
  web.run([](Session session, std::optional<Error>& into) -> Task<> {
    auto stream = value_or_throw(session.open());
    const auto body = co_await stream.reader().read_all(1000);
    if (!body) into = body.error();
  }(web.session, error));
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind, Errc::peer_reset);
  short_body = false;
  EXPECT_EQ(web.ask({}).get(":status"), "200");
}

TEST(ContentLength, IsOnlyTheSizeOfAnAnswerToHead) {
  Web web(this_test(), [](StreamEvent event) {
    event.respond_with({.headers = {{"content-length", "1000"}}});
  });
  EXPECT_EQ(web.ask({.headers = {{":method", "HEAD"}}}).get("content-length"), "1000");
}

// --- GOAWAY ----------------------------------------------------------------------------------------

TEST(Rejected, RequestsSayThatTheyMayBeSentAgain) {
  Web web(this_test(), ok);
  web.ask({});
  static_cast<void>(web.accepted.close());
  std::optional<Error> error;
  web.run([](Session session, std::optional<Error>& into) -> Task<> {
    auto stream = value_or_throw(session.open());  // the GOAWAY is on its way
    const auto headers = co_await stream.headers();
    if (!headers) into = headers.error();
  }(web.session, error));
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind, Errc::rejected);
  EXPECT_EQ(error->code, http3::kRequestRejected);
}

}  // namespace
}  // namespace quicore::test
