// SPDX-License-Identifier: Apache-2.0
//
// HTTP/3, and what options mean with it and without it, where tests/unit/api/http3_test.cpp does not
// prove it already.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "tests/support/api_node.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

struct Site : ApiPair {
  Site(WorldOptions options, std::function<void(StreamEvent)> serve) : ApiPair(std::move(options)) {
    server.endpoint.on_session() = [serve = std::move(serve)](Session begun) {
      begun.on_stream() = serve;
    };
    connect("h3");
  }
};

struct Answer {
  std::string hints;
  std::string headers;
  std::string body;
  std::string trailers;
  bool ended = false;
};

Task<> ask(Session session, StreamOptions options, Answer& answer) {
  auto stream = value_or_throw(session.open(std::move(options)));
  const auto info = stream.info();
  info.then([&answer](const Result<Headers>& hint) {
    if (hint) answer.hints += text_of(*hint);
  });
  const auto headers = co_await stream.headers();
  answer.headers = headers ? text_of(*headers) : "(none)";
  const auto body = co_await stream.reader().read_all(1 << 20);
  answer.body = body ? std::string(body->text()) : "(none)";
  const auto trailers = co_await stream.trailers();
  answer.trailers = trailers ? text_of(*trailers) : "(none)";
  answer.ended = true;
}

// spec: H1 H2
TEST(SpecHttp3, IsWhatASessionSpeaksByDefault) {
  ApiPair pair(this_test());
  pair.server.endpoint.on_session() = [](Session session) {
    session.on_stream() = [](StreamEvent event) {
      EXPECT_NE(event.headers, nullptr);
      event.respond_with({.body = "over HTTP/3"});
    };
  };
  SessionConfig for_server = server_config("unused");
  SessionConfig for_client = client_config("unused");
  for_server.alpn = SessionConfig().alpn;
  for_client.alpn = SessionConfig().alpn;
  pair.connect(std::move(for_server), std::move(for_client));
  EXPECT_EQ(pair.session.alpn(), "h3");
  Answer answer;
  pair.run(ask(pair.session, {}, answer));
  EXPECT_EQ(answer.body, "over HTTP/3");
}

// spec: H3 H4
TEST(SpecHttp3, AResponseMayBeginBeforeTheRequestIsRead) {
  std::string received;
  Site site(this_test(), [&](StreamEvent event) {
    EXPECT_TRUE(event.respond_with({.headers = {{":status", "200"}}, .body = "early"}).has_value());
    auto read = [](Stream stream, std::string& into) -> Task<> {
      auto body = co_await stream.reader().read_all(1 << 20);
      if (body) into = body->text();
    };
    Shard::current().spawn(read(event.stream, received));
  });
  Answer answer;
  site.run(ask(site.session, {.headers = {{":method", "POST"}}, .body = pattern(100'000)}, answer));
  EXPECT_EQ(answer.body, "early");
  site.settle(1s);
  EXPECT_TRUE(received == pattern(100'000));
}

// Headers, trailers and body now or later: what is late holds back what follows, never what went.
LaterHeaders completion_of(Shard& shard, internal::ShardState& state, Headers fields) {
  Promise<Headers> promise(state);
  auto set = [](Promise<Headers> of, Headers what) -> Task<> {
    (void)co_await Shard::current().sleep_for(30ms);
    of.set(std::move(what));
  };
  shard.spawn(set(promise, std::move(fields)));
  return promise.completion();
}

// spec: SO3 SO4 SO5 SO6 SO7 H5
TEST(SpecHttp3, StreamOptionsAreValuesOrCompletions) {
  for (const bool later : {false, true}) {
    std::string request;
    std::string body;
    std::string trailers;
    Site site(this_test(), [&](StreamEvent event) {
      request = text_of(*event.headers);
      event.stream.trailers().then(
          [&](const Result<Headers>& fields) { trailers = fields ? text_of(*fields) : "-"; });
      (void)event.stream.consume([&](std::span<const Bytes> chunks, bool) {
        for (const Bytes chunk : chunks) body += as_text(chunk);
      });
      event.respond_with({});
    });
    const Headers fields{{":method", "POST"}, {":path", "/form"}};
    const Headers after{{"checksum", "42"}};
    StreamOptions options{.body = "the body"};
    if (later) {
      options.headers = completion_of(site.client.shard(), site.client.state(), fields);
      options.trailers = completion_of(site.client.shard(), site.client.state(), after);
    } else {
      options.headers = fields;
      options.trailers = after;
    }
    Answer answer;
    site.run(ask(site.session, std::move(options), answer));
    site.settle();
    EXPECT_THAT(request, testing::HasSubstr(":method=POST;"));
    EXPECT_THAT(request, testing::HasSubstr(":path=/form;"));
    EXPECT_EQ(body, "the body");
    EXPECT_EQ(trailers, "checksum=42;");
  }
}

// spec: RO3 RO4 RO5 RO6 RO7 ST9 ST24
TEST(SpecHttp3, ResponseOptionsAreValuesOrCompletions) {
  for (const bool later : {false, true}) {
    std::function<ResponseOptions()> make;
    Site site(this_test(), [&](StreamEvent event) {
      event.stream.discard();
      EXPECT_TRUE(event.respond_with(make()).has_value());
    });
    make = [&] {
      const Headers fields{{":status", "201"}, {"kind", "made"}};
      const Headers after{{"checksum", "42"}};
      ResponseOptions options;
      options.hints = {{{":status", "103"}, {"link", "</a>"}}};
      options.body = "the body";
      if (later) {
        options.headers = completion_of(site.server.shard(), site.server.state(), fields);
        options.trailers = completion_of(site.server.shard(), site.server.state(), after);
      } else {
        options.headers = fields;
        options.trailers = after;
      }
      return options;
    };
    Answer answer;
    site.run(ask(site.session, {}, answer));
    EXPECT_EQ(answer.hints, ":status=103;link=</a>;");
    EXPECT_EQ(answer.headers, ":status=201;kind=made;");
    EXPECT_EQ(answer.body, "the body");
    EXPECT_EQ(answer.trailers, "checksum=42;");
    // Nothing was given: a whole, empty answer.
    make = [] { return ResponseOptions(); };
    Answer empty;
    site.run(ask(site.session, {}, empty));
    EXPECT_EQ(empty.headers, ":status=200;");
    EXPECT_EQ(empty.body, "");
    EXPECT_EQ(empty.trailers, "");
  }
}

// spec: SO4 SO5 RO3 RO5
TEST(SpecHttp3, HeadersOrTrailersThatFailToComeResetTheStream) {
  for (const bool trailers : {false, true}) {
    Site site(this_test(), [](StreamEvent event) {
      event.stream.discard();
      event.respond_with({});
    });
    const Promise<Headers> never(site.client.state());
    StreamOptions options{.headers = {{":method", "POST"}}, .body = "body"};
    (trailers ? options.trailers : options.headers) = LaterHeaders(never.completion());
    auto stream = value_or_throw(site.session.open(std::move(options)));
    const auto closed = stream.closed();
    stream.discard();
    site.settle();
    never.set(failure(Errc::system, "no fields today"));
    site.settle(1s);
    stream.stop_sending(0);
    site.run_until([&] { return closed.ready(); });
    ASSERT_FALSE(closed.peek()->has_value()) << trailers;
    EXPECT_EQ(closed.peek()->error().reason, "no fields today");
  }
}

// spec: H6 RO3 RO4 RO5 SO4 SO5
TEST(SpecHttp3, FieldsOnAProtocolWithoutThemAreAnErrorThatSaysSo) {
  ApiPair pair(this_test());
  std::vector<StreamEvent> events;
  pair.server.endpoint.on_session() = [&](Session session) {
    session.on_stream() = [&](StreamEvent event) { events.push_back(std::move(event)); };
  };
  pair.connect("xyz");
  const auto says_so = [](const auto& result) {
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().kind, Errc::not_supported);
    EXPECT_THAT(result.error().reason, testing::HasSubstr("HTTP/3"));
  };
  says_so(pair.session.open({.headers = {{"a", "b"}}, .body = "x"}));
  says_so(pair.session.open({.trailers = {{"a", "b"}}, .body = "x"}));
  auto stream = value_or_throw(pair.session.open({.body = "x"}));
  pair.run_until([&] { return !events.empty(); });
  says_so(events.front().respond_with({.headers = {{"a", "b"}}}));
  says_so(events.front().respond_with({.trailers = {{"a", "b"}}}));
  ResponseOptions hinting;
  hinting.hints = {{{":status", "103"}}};
  says_so(events.front().respond_with(std::move(hinting)));
  says_so(*stream.headers().peek());
  says_so(*stream.trailers().peek());
  EXPECT_EQ(stream.info().peek()->error().kind, Errc::not_supported);
  EXPECT_TRUE(events.front().respond_with({.body = "still possible"}).has_value());
}

// spec: H7
TEST(SpecHttp3, ClosingTheSessionRightAfterSendingLetsTheStreamEnd) {
  std::string received;
  Site site(this_test(), [&](StreamEvent event) {
    auto serve = [](StreamEvent asked, std::string& into) -> Task<> {
      auto body = co_await asked.stream.reader().read_all(1 << 20);
      if (body) into = body->text();
      asked.respond_with({.body = "got it"});
    };
    Shard::current().spawn(serve(std::move(event), received));
  });
  Answer answer;
  site.client.shard().spawn(
      ask(site.session, {.headers = {{":method", "POST"}}, .body = pattern(300'000)}, answer));
  const auto closed = site.session.close();
  site.run_until([&] { return closed.ready(); });
  EXPECT_TRUE(closed.peek()->has_value());
  EXPECT_TRUE(answer.ended);
  EXPECT_EQ(answer.body, "got it");
  EXPECT_TRUE(received == pattern(300'000));
}

// spec: SO1 SO2 RO1 RO2
TEST(SpecHttp3, OptionsAreTypesOfTheirOwn) {
  // What isStreamOptions() and isResponseOptions() tell at run time, the compiler tells here.
  static_assert(std::is_invocable_v<decltype(&Session::open), Session, StreamOptions>);
  static_assert(!std::is_invocable_v<decltype(&Session::open), Session, ResponseOptions>);
  static_assert(std::is_invocable_v<decltype(&Stream::respond), Stream, ResponseOptions>);
  static_assert(!std::is_invocable_v<decltype(&Stream::respond), Stream, StreamOptions>);
  // The constructor's defaults: an ordinary bidirectional stream, an empty response.
  Site site(this_test(), [](StreamEvent event) {
    EXPECT_EQ(event.headers->get(":method"), "GET");
    EXPECT_TRUE(event.respond_with(ResponseOptions()).has_value());
  });
  const StreamOptions defaults;
  EXPECT_FALSE(defaults.unidirectional);
  Answer answer;
  site.run(ask(site.session, StreamOptions(), answer));
  EXPECT_EQ(answer.headers, ":status=200;");
  EXPECT_EQ(answer.body, "");
}

}  // namespace
}  // namespace quicore::test
