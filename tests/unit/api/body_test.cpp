// SPDX-License-Identifier: Apache-2.0
//
// Every kind of body, from a client to a server that reads it whole.
#include "api/body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <list>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>

#include "tests/support/api_node.h"
#include "tests/support/temporary_file.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

constexpr std::size_t kAny = 1 << 28;

// What the server made of the one stream it got.
struct Received {
  std::string text;
  std::optional<Error> error;
  bool ended = false;
  std::optional<Error> cause;  // why the sender's stream failed
};

Task<> receive(Stream stream, Received& into) {
  auto body = co_await stream.reader().read_all(kAny);
  if (body) {
    into.text = body->text();
  } else {
    into.error = body.error();
  }
  into.ended = true;
}

Received send_body(Body body) {
  ApiPair pair(this_test());
  Received received;
  pair.server.endpoint.on_session() = [&](Session session) {
    session.on_stream() = [&](StreamEvent event) -> Task<> {
      return receive(event.stream, received);
    };
  };
  pair.connect("xyz");
  auto stream = value_or_throw(pair.session.open({.body = std::move(body)}));
  const auto closed = stream.closed();
  pair.run_until([&] { return received.ended; });
  if (received.error) {
    stream.stop_sending(0);
    pair.run_until([&] { return closed.ready(); });
    if (!*closed.peek()) received.cause = closed.peek()->error();
  }
  return received;
}

;

// spec: B1 B2 B5
TEST(Body, TextAndBytesArriveWhole) {
  EXPECT_EQ(send_body("text").text, "text");
  EXPECT_EQ(send_body(std::string("string")).text, "string");
  EXPECT_EQ(send_body(std::string_view("view")).text, "view");
  EXPECT_EQ(send_body(as_bytes("bytes")).text, "bytes");
  EXPECT_EQ(send_body(Buf::copy("buf")).text, "buf");
}

TEST(Body, AnEmptyOneEndsTheStream) {
  const Received received = send_body("");
  EXPECT_TRUE(received.ended);
  EXPECT_EQ(received.text, "");
  EXPECT_FALSE(received.error.has_value());
}

// spec: B8 B9
TEST(Body, ListsAndRangesArriveInOrder) {
  EXPECT_EQ(send_body(std::vector<Buf>{Buf::copy("a"), Buf::copy("b"), Buf::copy("c")}).text,
            "abc");
  EXPECT_EQ(send_body(std::list<std::string>{"one ", "two ", "three"}).text, "one two three");
  auto numbers =
      std::views::iota(1, 5) | std::views::transform([](int i) { return std::to_string(i) + ","; });
  EXPECT_EQ(send_body(numbers).text, "1,2,3,4,");
}

// spec: B9 B10 B12
TEST(Body, GeneratorsAreAskedUntilTheyEnd) {
  EXPECT_EQ(send_body([i = 0]() mutable -> std::optional<Buf> {
              if (i == 3) return std::nullopt;
              return Buf::copy(std::to_string(i++));
            }).text,
            "012");
  EXPECT_EQ(send_body([i = 0]() mutable -> Task<Result<std::optional<Buf>>> {
              co_await Shard::current().sleep_for(1ms);
              if (i == 3) co_return std::nullopt;
              co_return Buf::copy(std::to_string(i++));
            }).text,
            "012");
}

// spec: B11 B12
TEST(Body, FunctionsAndCompletionsGiveOneBuf) {
  EXPECT_EQ(send_body([] { return "from a function"; }).text, "from a function");
  EXPECT_EQ(send_body([]() -> Task<Result<Buf>> {
              co_await Shard::current().sleep_for(1ms);
              co_return Buf::copy("from a task");
            }).text,
            "from a task");
}

// spec: B11
TEST(Body, ACompletionThatIsSetLaterIsWaitedFor) {
  ApiPair pair(this_test());
  Received received;
  pair.server.endpoint.on_session() = [&](Session session) {
    session.on_stream() = [&](StreamEvent event) -> Task<> {
      return receive(event.stream, received);
    };
  };
  pair.connect("xyz");
  const Promise<Buf> promise(pair.client.state());
  // Nobody keeps the stream but its body.
  value_or_throw(pair.session.open({.body = promise.completion()}));
  pair.settle();
  EXPECT_FALSE(received.ended);
  promise.set(Buf::copy("at last"));
  pair.run_until([&] { return received.ended; });
  EXPECT_EQ(received.text, "at last");
}

// spec: B8
TEST(Body, AFileArrivesWholeOrInPart) {
  const std::string content = pattern(900'000);
  const TemporaryFile file(content);
  EXPECT_TRUE(send_body(File{file.path()}).text == content);
  EXPECT_TRUE(send_body(File{file.path(), 300'000}).text == content.substr(300'000));
  EXPECT_TRUE(send_body(File{file.path(), 100, 500'000}).text == content.substr(100, 500'000));
  EXPECT_EQ(send_body(File{file.path(), 900'000}).text, "");
}

// spec: B8
TEST(Body, AFileThatCannotBeReadResetsTheStream) {
  const TemporaryFile file("short");
  const Received missing = send_body(File{"/nonexistent/file"});
  EXPECT_EQ(missing.error.value().kind, Errc::peer_reset);
  EXPECT_EQ(missing.cause.value().kind, Errc::system);
  EXPECT_THAT(missing.cause->reason, testing::HasSubstr("/nonexistent/file"));
  EXPECT_EQ(send_body(File{"/tmp"}).error.value().kind, Errc::peer_reset);
  EXPECT_EQ(send_body(File{file.path(), 3, 3}).error.value().kind, Errc::peer_reset);
}

// spec: B9 B10
TEST(Body, OneThatFailsHalfWayResetsTheStreamAndNeverEndsIt) {
  const Received failed = send_body([i = 0]() mutable -> Result<std::optional<Buf>> {
    if (i++ == 2) return failure(Errc::system, "the disk is gone");
    return Buf::copy("piece");
  });
  EXPECT_EQ(failed.error.value().kind, Errc::peer_reset);
  EXPECT_EQ(failed.cause.value().reason, "the disk is gone");
  const Received threw = send_body([i = 0]() mutable -> Task<Result<std::optional<Buf>>> {
    if (i++ == 2) throw std::runtime_error("the source is gone");
    co_return Buf::copy("piece");
  });
  EXPECT_EQ(threw.error.value().kind, Errc::peer_reset);
}

// spec: B9
TEST(Body, AGeneratorIsAskedOnlyWhileTheBudgetHasRoom) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  constexpr std::size_t kPiece = 10'000;
  constexpr std::size_t kBudget = 100'000;
  std::size_t asked = 0;
  auto stream = value_or_throw(pair.session.open({
      .body = [&asked]() -> std::optional<Buf> {
        ++asked;
        return Buf::copy(std::string(kPiece, 'x'));
      },
      .budget = kBudget,
  }));
  pair.settle(5s);
  // The server does not read: its window of limits::kInitialMaxStreamData is what leaves the queue.
  EXPECT_GE(asked * kPiece, engine::limits::kInitialMaxStreamData);
  EXPECT_LE(asked * kPiece, engine::limits::kInitialMaxStreamData + 2 * kBudget);
}

// Otherwise a round trip of 200 ms would allow five default budgets a second.
TEST(Body, WhatIsOnItsWayOverALongPathLeavesTheDefaultBudgetFree) {
  ApiPair pair(this_test(), {sim::Delay{100ms}});
  pair.connect("xyz");
  pair.accepted.on_stream() = [](StreamEvent event) { (void)event.stream.discard(); };
  auto stream = value_or_throw(pair.session.open(
      {.body = []() -> std::optional<Buf> { return Buf::copy(std::string(10'000, 'x')); }}));
  pair.run_until([&] { return stream.writer().queued() > 2 * engine::limits::kDefaultSendBudget; });
  stream.cancel();
  pair.settle();
}

TEST(Body, WhatIsNotOnItsWayIsBoundedByTheDefaultBudget) {
  ApiPair pair(this_test(), {sim::Delay{100ms}});
  pair.connect("xyz");
  constexpr std::size_t kPiece = 10'000;
  std::size_t asked = 0;
  auto stream = value_or_throw(pair.session.open({.body = [&asked]() -> std::optional<Buf> {
    ++asked;
    return Buf::copy(std::string(kPiece, 'x'));
  }}));
  pair.settle(10s);
  // The server does not read: its window is what leaves the queue.
  EXPECT_GE(asked * kPiece, engine::limits::kInitialMaxStreamData);
  EXPECT_LE(asked * kPiece, engine::limits::kInitialMaxStreamData +
                                engine::limits::kDefaultSendBudget + 2 * kPiece);
}

}  // namespace
}  // namespace quicore::test
