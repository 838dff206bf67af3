// SPDX-License-Identifier: Apache-2.0
//
// HTTP/3 through the public API.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "engine/http3_error.h"
#include "tests/support/api_node.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

struct Web : ApiPair {
  explicit Web(std::function<void(StreamEvent)> serve, WorldOptions options)
      : ApiPair(std::move(options)) {
    server.endpoint.on_session() = [serve = std::move(serve)](Session begun) {
      begun.on_stream() = serve;
    };
    connect("h3");
  }
};

struct Answer {
  Result<Headers> headers = Headers();
  std::string body;
  std::optional<Error> error;
  Result<Headers> trailers = Headers();
};

Task<> ask(Session session, StreamOptions options, Answer& answer) {
  auto stream = value_or_throw(session.open(std::move(options)));
  answer.headers = co_await stream.headers();
  auto body = co_await stream.reader().read_all(1 << 28);
  if (body) {
    answer.body = body->text();
  } else {
    answer.error = body.error();
  }
  answer.trailers = co_await stream.trailers();
}

// spec: H2 H5
TEST(Http3Api, MissingPseudoHeadersAreFilledIn) {
  std::string seen;
  Web web(
      [&](StreamEvent event) {
        ASSERT_NE(event.headers, nullptr);  // a handler has them at once
        seen = text_of(*event.headers);
        EXPECT_TRUE(event.stream.headers().ready());
        event.respond_with({.body = "ok"});
      },
      this_test());
  Answer answer;
  web.run(ask(web.session, {.headers = {{"accept", "*/*"}}}, answer));
  const std::string port = std::to_string(web.server.endpoint.address()->port());
  EXPECT_EQ(seen,
            ":method=GET;:scheme=https;:authority=localhost:" + port + ";:path=/;accept=*/*;");
  EXPECT_EQ(text_of(answer.headers.value()), ":status=200;");
  EXPECT_EQ(answer.body, "ok");
  EXPECT_EQ(text_of(answer.trailers.value()), "");
}

TEST(Http3Api, ARequestWithoutOptionsIsWholeToo) {
  Web web([](StreamEvent event) { event.respond_with({}); }, this_test());
  Answer answer;
  web.run(ask(web.session, {}, answer));
  EXPECT_EQ(text_of(answer.headers.value()), ":status=200;");
  EXPECT_EQ(answer.body, "");
  EXPECT_FALSE(answer.error.has_value());
}

// spec: H3 H4
TEST(Http3Api, TheRequestIsReadableAfterTheResponse) {
  std::string received;
  Web web(
      [&](StreamEvent event) {
        event.respond_with({.headers = {{":status", "202"}}, .body = "right back at you"});
        event.stream.consume([&](std::span<const Bytes> chunks, bool) {
          for (const Bytes chunk : chunks) received += as_text(chunk);
        });
      },
      this_test());
  const std::string body = pattern(300'000);
  Answer answer;
  web.run(ask(web.session, {.headers = {{":method", "POST"}}, .body = body}, answer));
  EXPECT_EQ(answer.headers->get(":status"), "202");
  EXPECT_EQ(answer.body, "right back at you");
  web.settle(1s);
  EXPECT_TRUE(received == body);
}

// spec: RO3 RO4 RO5 ST9 ST24
TEST(Http3Api, HintsHeadersBodyAndTrailersComeInOrder) {
  Web web(
      [](StreamEvent event) {
        event.respond_with({
            .headers = {{":status", "200"}},
            .trailers = {{"checksum", "abc"}},
            .hints = {{{":status", "103"}, {"link", "</style.css>"}}},
            .body = "body",
        });
      },
      this_test());
  Answer answer;
  std::string hint;
  web.client.shard().spawn([](Session session, std::string& into) -> Task<> {
    auto stream = value_or_throw(session.open());
    const auto info = co_await stream.info();
    if (info) into = text_of(*info);
  }(web.session, hint));
  web.run(ask(web.session, {}, answer));
  EXPECT_EQ(hint, ":status=103;link=</style.css>;");
  EXPECT_EQ(text_of(answer.headers.value()), ":status=200;");
  EXPECT_EQ(answer.body, "body");
  EXPECT_EQ(text_of(answer.trailers.value()), "checksum=abc;");
}

// spec: SO4 SO5
TEST(Http3Api, HeadersAndTrailersMayComeLater) {
  std::string request_trailers;
  Web web(
      [&](StreamEvent event) {
        event.respond_with({
            .headers = []() -> Task<Result<Headers>> {
              co_await Shard::current().sleep_for(10ms);
              co_return Headers{{":status", "201"}};
            },
            .body = "later",
        });
        event.stream.trailers().then(
            [&](const Result<Headers>& fields) { request_trailers = text_of(fields.value()); });
        event.stream.discard();
      },
      this_test());
  const Promise<Headers> trailers(web.client.state());
  Answer answer;
  StreamOptions options{.trailers = trailers.completion(), .body = "request"};
  bool asked = false;
  web.client.shard().spawn([](Task<> task, bool& flag) -> Task<> {
    co_await task;
    flag = true;
  }(ask(web.session, std::move(options), answer), asked));
  web.settle();
  EXPECT_EQ(request_trailers, "");
  trailers.set(Headers{{"late", "yes"}});
  web.run_until([&] { return asked && !request_trailers.empty(); });
  EXPECT_EQ(answer.headers->get(":status"), "201");
  EXPECT_EQ(request_trailers, "late=yes;");
}

// spec: EV9
TEST(Http3Api, ATaskMayGiveTheResponse) {
  Web web(
      [](StreamEvent event) {
        event.respond_with([]() -> Task<Result<ResponseOptions>> {
          co_await Shard::current().sleep_for(10ms);
          ResponseOptions options;
          options.body = "from a task";
          co_return options;
        }());
      },
      this_test());
  Answer answer;
  web.run(ask(web.session, {}, answer));
  EXPECT_EQ(answer.body, "from a task");
}

TEST(Http3Api, ABodyMayBeWrittenPieceByPiece) {
  Web web(
      [](StreamEvent event) {
        EXPECT_TRUE(event.respond_with({.body = Body::streamed()}).has_value());
        Shard::current().spawn([](Stream stream) -> Task<> {
          auto writer = stream.writer();
          for (int i = 0; i < 3; ++i) (void)co_await writer.write(std::to_string(i));
          EXPECT_TRUE(writer.finish().has_value());
          (void)co_await stream.closed();
        }(event.stream));
      },
      this_test());
  Answer answer;
  web.run(ask(web.session, {}, answer));
  EXPECT_EQ(answer.body, "012");
  EXPECT_FALSE(answer.error.has_value());
}

TEST(Http3Api, ASecondResponseIsRefused) {
  Web web(
      [](StreamEvent event) {
        EXPECT_TRUE(event.respond_with({.body = "first"}).has_value());
        EXPECT_EQ(event.respond_with({.body = "second"}).error().kind, Errc::invalid_state);
      },
      this_test());
  Answer answer;
  web.run(ask(web.session, {}, answer));
  EXPECT_EQ(answer.body, "first");
}

TEST(Http3Api, AHandlerThatDoesNothingResetsTheRequest) {
  Web web([](StreamEvent) {}, this_test());
  Answer answer;
  web.run(ask(web.session, {}, answer));
  EXPECT_EQ(answer.error.value().kind, Errc::peer_reset);
  EXPECT_EQ(answer.error->code, http3::kInternalError);
  EXPECT_FALSE(answer.headers.has_value());
}

// RFC 9114 4.1: the server needs no more of the request once it has answered.
TEST(Http3Api, AnAnswerWithoutReadingALargeRequestIsNoError) {
  Web web([](StreamEvent event) { event.respond_with({.body = "enough"}); }, this_test());
  Answer answer;
  web.run(ask(web.session,
              {.headers = {{":method", "POST"}},
               .body = std::string(2 * engine::limits::kInitialMaxStreamData, 'x')},
              answer));
  EXPECT_EQ(answer.body, "enough");
  EXPECT_FALSE(answer.error.has_value());
}

TEST(Http3Api, WrongHeadersAreRefusedAtOnceAndCloseNothing) {
  Web web([](StreamEvent event) { event.respond_with({.body = "fine"}); }, this_test());
  EXPECT_EQ(web.session.open({.headers = {{"bad name", "x"}}}).error().kind,
            Errc::invalid_argument);
  EXPECT_EQ(web.session.open({.unidirectional = true}).error().kind, Errc::not_supported);
  EXPECT_EQ(web.accepted.open().error().kind, Errc::not_supported);
  Answer answer;
  web.run(ask(web.session, {}, answer));
  EXPECT_EQ(answer.body, "fine");
}

// spec: H7
TEST(Http3Api, ClosingTheEndpointLetsTheRequestEnd) {
  Web web(
      [](StreamEvent event) {
        event.respond_with({.body = []() -> Task<Result<Buf>> {
          co_await Shard::current().sleep_for(50ms);
          co_return Buf::copy("slow");
        }});
      },
      this_test());
  Answer answer;
  bool asked = false;
  web.client.shard().spawn([](Task<> task, bool& flag) -> Task<> {
    co_await task;
    flag = true;
  }(ask(web.session, {}, answer), asked));
  const auto closed = web.client.endpoint.close();
  web.run_until([&] { return closed.ready(); });
  EXPECT_TRUE(asked);
  EXPECT_EQ(answer.body, "slow");
}

TEST(Http3Api, AThousandRequestsOverOneSession) {
  Web web(
      [](StreamEvent event) {
        event.respond_with({.body = std::string(event.headers->get(":path").value())});
      },
      this_test());
  int right = 0;
  web.run([](Session session, int& count) -> Task<> {
    for (int i = 0; i < 1000; ++i) {
      const std::string path = "/" + std::to_string(i);
      StreamOptions options{.headers = {{":path", path}}};
      auto stream = co_await session.open_when_possible(options);
      auto body = co_await stream->reader().read_all(100);
      if (body && body->text() == path) ++count;
    }
  }(web.session, right));
  EXPECT_EQ(right, 1000);
}

}  // namespace
}  // namespace quicore::test
