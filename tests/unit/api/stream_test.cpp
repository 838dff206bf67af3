// SPDX-License-Identifier: Apache-2.0
//
// Streams of a raw protocol: consumers, writers, and what happens when handles go.
#include "api/stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/kept_streams.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

struct Streams : KeptStreams {
  explicit Streams(WorldOptions options, const Path& path = {Delay{5ms}})
      : KeptStreams(std::move(options), path) {
    connect("xyz");
  }
  // The same for one that is written piece by piece; these are its first bytes.
  Stream open_and_write(std::string_view first) {
    const std::size_t before = events.size();
    auto stream = value_or_throw(session.open({.body = Body::streamed()}));
    write(stream, first);
    run_until([&] { return events.size() > before; });
    return stream;
  }
  static void write(const Stream& stream, std::string_view text) {
    const Buf buf = Buf::copy(text);
    EXPECT_EQ(stream.writer().try_write({&buf, 1}).value(), text.size());
  }
  Stream& seen() { return events.back().stream; }
};

Task<> read_into(Reader reader, std::string& text, std::optional<Error>& error, bool& ended) {
  for (;;) {
    auto chunk = co_await reader.next();
    if (!chunk) error = chunk.error();
    if (!chunk || !*chunk) break;
    text += (*chunk)->text();
  }
  ended = true;
}

// Reads a stream in the background.
struct Read {
  std::string text;
  std::optional<Error> error;
  bool ended = false;
  Read(Shard& shard, Reader reader) {
    shard.spawn(read_into(std::move(reader), text, error, ended));
  }
  Read(const Read&) = delete;
};

// --- handles ------------------------------------------------------------------------------------

TEST(Stream, DroppingTheLastHandleResetsItAndNeverEndsIt) {
  Streams pair(this_test());
  auto stream = pair.open_and_write("half a message");
  pair.settle();
  Read read(pair.server.shard(), pair.seen().reader());
  pair.settle();
  EXPECT_EQ(read.text, "half a message");
  auto copy = stream;
  stream = {};
  pair.settle();
  EXPECT_FALSE(read.ended);
  copy = {};
  pair.run_until([&] { return read.ended; });
  ASSERT_TRUE(read.error.has_value());
  EXPECT_EQ(read.error->kind, Errc::peer_reset);
}

TEST(Stream, DroppingTheLastHandleAsksThePeerToStop) {
  Streams pair(this_test());
  auto stream = pair.open({.body = "request"});
  auto writer = pair.seen().writer();
  stream = {};
  pair.settle();
  EXPECT_EQ(writer.try_write({}).error().kind, Errc::peer_stopped);
}

// spec: B1
TEST(Stream, ABodyIsDeliveredWhenNobodyKeepsTheStream) {
  Streams pair(this_test());
  static_cast<void>(pair.open({.unidirectional = true, .body = pattern(300'000)}));
  Read read(pair.server.shard(), pair.seen().reader());
  pair.run_until([&] { return read.ended; });
  EXPECT_FALSE(read.error.has_value());
  EXPECT_TRUE(read.text == pattern(300'000));
}

TEST(Stream, AResponseIsDeliveredWhenTheHandlerKeptNothing) {
  Streams pair(this_test());
  auto stream = pair.open({.body = "request"});
  EXPECT_TRUE(pair.events.back().respond_with({.body = pattern(200'000)}).has_value());
  pair.events.clear();
  Read read(pair.client.shard(), stream.reader());
  pair.run_until([&] { return read.ended; });
  EXPECT_FALSE(read.error.has_value());
  EXPECT_TRUE(read.text == pattern(200'000));
  pair.settle();
  EXPECT_TRUE(stream.closed().peek()->has_value());
}

TEST(Stream, AnAwaitKeepsTheStream) {
  Streams pair(this_test());
  auto stream = pair.open({.body = "request"});
  Read read(pair.client.shard(), stream.reader());
  stream = {};
  EXPECT_TRUE(pair.events.back().respond_with({.body = "answer"}).has_value());
  pair.run_until([&] { return read.ended; });
  EXPECT_EQ(read.text, "answer");
}

// --- cancel -------------------------------------------------------------------------------------

// spec: ST5 ST6
TEST(Stream, CancelWithoutAReasonFulfilsClosedAtOnce) {
  Streams pair(this_test());
  auto stream = pair.open({.body = "request"});
  const auto closed = stream.cancel();
  ASSERT_TRUE(closed.ready());
  EXPECT_TRUE(closed.peek()->has_value());
}

// spec: ST5
TEST(Stream, CancelWithAReasonRejectsClosedWithIt) {
  Streams pair(this_test());
  auto stream = pair.open({.body = "request"});
  Error reason = Error::application(77, "changed my mind");
  auto mine = std::make_shared<int>(5);
  reason.user = mine;
  const auto closed = stream.cancel(reason);
  ASSERT_TRUE(closed.ready());
  EXPECT_EQ(closed.peek()->error().code, 77u);
  EXPECT_EQ(closed.peek()->error().user, mine);
  Read read(pair.server.shard(), pair.seen().reader());
  auto writer = pair.seen().writer();
  pair.settle();
  EXPECT_EQ(writer.try_write({}).error().code, 77u);
}

// spec: ST8
TEST(Stream, WhatWasReceivedBeforeCancelStaysReadable) {
  Streams pair(this_test());
  auto stream = pair.open({.body = "request"});
  auto writer = pair.seen().writer();
  const Buf answer = Buf::copy("received before");
  EXPECT_EQ(writer.try_write({&answer, 1}).value(), answer.size());
  pair.settle();
  stream.cancel();
  pair.settle();
  Read read(pair.client.shard(), stream.reader());
  pair.run_until([&] { return read.ended; });
  EXPECT_EQ(read.text, "received before");
  EXPECT_EQ(read.error.value().kind, Errc::cancelled);
}

// --- consumers ----------------------------------------------------------------------------------

// spec: ST11 ST14
TEST(Stream, OnlyOneConsumerCanBeTaken) {
  Streams pair(this_test());
  const std::vector<std::function<bool(Stream&)>> takes = {
      [](Stream& stream) {
        bool owner = false;
        auto read = [](Reader reader, bool& flag) -> Task<> {
          auto chunk = co_await reader.next();
          flag = chunk.has_value();
          EXPECT_EQ(chunk ? Errc::ok : chunk.error().kind, flag ? Errc::ok : Errc::invalid_state);
        };
        Shard::current().spawn(read(stream.reader(), owner));
        return owner;
      },
      [](Stream& stream) {
        return stream.consume([](std::span<const Bytes>, bool) {}).has_value();
      },
      [](Stream& stream) { return stream.discard().has_value(); },
  };
  for (std::size_t first = 0; first < takes.size(); ++first) {
    for (std::size_t second = 0; second < takes.size(); ++second) {
      auto stream = pair.open({.body = "data"});
      pair.settle();
      const internal::ShardState::Scope scope(pair.server.state());
      EXPECT_FALSE(pair.seen().locked());
      EXPECT_TRUE(takes[first](pair.seen())) << first;
      EXPECT_TRUE(pair.seen().locked());
      EXPECT_FALSE(takes[second](pair.seen())) << first << " then " << second;
    }
  }
}

// spec: ST17 ST18 ST19 ST22
TEST(Stream, AConsumerFunctionGetsWhatIsQueuedInOneCallThenWhatArrives) {
  Streams pair(this_test());
  auto stream = pair.open_and_write("one ");
  Streams::write(stream, "two ");
  pair.settle();
  std::vector<std::string> calls;
  std::vector<bool> done;
  EXPECT_TRUE(pair.seen()
                  .consume([&](std::span<const Bytes> chunks, bool last) {
                    std::string& call = calls.emplace_back();
                    for (const Bytes chunk : chunks) call += as_text(chunk);
                    done.push_back(last);
                  })
                  .has_value());
  EXPECT_TRUE(calls.empty());  // not inside consume()
  pair.settle();
  EXPECT_THAT(calls, testing::ElementsAre("one two "));
  Streams::write(stream, "three");
  EXPECT_TRUE(stream.writer().finish().has_value());
  pair.run_until([&] { return !done.empty() && done.back(); });
  std::string all;
  for (const std::string& call : calls) all += call;
  EXPECT_EQ(all, "one two three");
  EXPECT_EQ(std::count(done.begin(), done.end(), true), 1);
}

// spec: ST21
TEST(Stream, AConsumerFunctionThatFailsOrThrowsCancelsTheStream) {
  Streams pair(this_test());
  auto refused = pair.open({.body = "data"});
  EXPECT_TRUE(pair.seen()
                  .consume([](std::span<const Bytes>, bool) -> Result<> {
                    return failure(Errc::invalid_argument, "not like this");
                  })
                  .has_value());
  pair.settle();
  EXPECT_EQ(pair.seen().closed().peek()->error().kind, Errc::invalid_argument);
  auto thrown = pair.open({.body = "data"});
  EXPECT_TRUE(pair.seen()
                  .consume([](std::span<const Bytes>, bool) { throw std::runtime_error("no"); })
                  .has_value());
  pair.settle();
  EXPECT_EQ(pair.seen().closed().peek()->error().kind, Errc::cancelled);
}

TEST(Stream, AConsumerFunctionIsNotToldThatAResetStreamIsDone) {
  Streams pair(this_test());
  auto stream = pair.open_and_write("data");
  std::string text;
  bool done = false;
  EXPECT_TRUE(pair.seen()
                  .consume([&](std::span<const Bytes> chunks, bool last) {
                    for (const Bytes chunk : chunks) text += as_text(chunk);
                    done = done || last;
                  })
                  .has_value());
  stream.reset(9);
  pair.settle();
  EXPECT_EQ(text, "data");
  EXPECT_FALSE(done);
}

// spec: ST17 ST19
TEST(Stream, AnInPlaceConsumerSeesEveryByte) {
  struct Count final : StreamConsumer {
    std::string text;
    bool fin = false;
    void on_bytes(Bytes bytes, bool end) noexcept override {
      text += as_text(bytes);
      fin = end;
    }
  };
  Streams pair(this_test());
  const std::string body = pattern(500'000);
  auto stream = pair.open({.body = body});
  auto count = std::make_shared<Count>();
  EXPECT_TRUE(pair.seen().consume(count).has_value());
  pair.run_until([&] { return count->fin; });
  EXPECT_TRUE(count->text == body);
}

// spec: ST20
TEST(Stream, DiscardingNeverHoldsThePeerUp) {
  Streams pair(this_test());
  constexpr std::size_t kSize = 3 * engine::limits::kInitialMaxStreamData;
  auto stream = pair.open({.unidirectional = true, .body = std::string(kSize, 'x')});
  EXPECT_TRUE(pair.seen().discard().has_value());
  const auto closed = stream.closed();
  pair.run_until([&] { return closed.ready(); });
  EXPECT_TRUE(closed.peek()->has_value());
}

// --- reading ------------------------------------------------------------------------------------

// spec: ST13
TEST(Stream, HeldChunksHoldThePeerUpUntilTheirCreditIsGivenBack) {
  Streams pair(this_test());
  const std::size_t window = engine::limits::kInitialMaxStreamData;
  auto stream = pair.open({.body = std::string(2 * window, 'x')});
  std::vector<Chunk> held;
  std::size_t size = 0;
  auto hold = [](Reader reader, std::vector<Chunk>& into, std::size_t& sum) -> Task<> {
    for (;;) {
      auto chunk = co_await reader.next();
      if (!chunk || !*chunk) break;
      EXPECT_EQ((*chunk)->offset(), sum);
      sum += (*chunk)->size();
      into.push_back(std::move(**chunk));
    }
  };
  pair.server.shard().spawn(hold(pair.seen().reader(), held, size));
  pair.settle(3s);
  EXPECT_EQ(size, window);
  // The bytes stay, the credit goes.
  for (Chunk& chunk : held) chunk.release_credit();
  pair.run_until([&] { return size == 2 * window; });
  EXPECT_EQ(held.front().text().substr(0, 3), "xxx");
}

TEST(Stream, ChunksOutliveTheirStreamAndSession) {
  Chunk kept;
  Streams pair(this_test());
  auto stream = pair.open({.body = "outlives"});
  auto keep = [](Reader reader, Chunk& into) -> Task<> {
    into = std::move(**(co_await reader.next()));
  };
  pair.server.shard().spawn(keep(pair.seen().reader(), kept));
  pair.settle();
  pair.session.cancel();
  pair.events.clear();
  pair.settle(5s);
  EXPECT_EQ(kept.text(), "outlives");
  kept = {};
}

// spec: ST12
TEST(Stream, ReadCopiesIntoTheCallersMemoryAcrossPieces) {
  Streams pair(this_test());
  auto stream = pair.open({.body = "0123456789"});
  auto read = [](Reader reader, std::string& all) -> Task<> {
    std::array<std::byte, 4> memory;
    for (;;) {
      auto count = co_await reader.read(memory);
      if (!count || *count == 0) break;
      all += as_text(Bytes(memory).first(*count));
      all += '|';
    }
  };
  std::string all;
  pair.server.shard().spawn(read(pair.seen().reader(), all));
  pair.settle();
  EXPECT_EQ(all, "0123|4567|89|");
}

TEST(Stream, ReadAllRefusesMoreThanItsLimit) {
  Streams pair(this_test());
  auto stream = pair.open({.body = std::string(1000, 'x')});
  Errc kind = Errc::ok;
  auto read = [](Stream from, Errc& into) -> Task<> {
    auto body = co_await from.reader().read_all(999);
    into = body ? Errc::ok : body.error().kind;
  };
  pair.server.shard().spawn(read(pair.seen(), kind));
  pair.settle();
  EXPECT_EQ(kind, Errc::no_memory);
}

TEST(Stream, AReadThatTimesOutLosesNothing) {
  Streams pair(this_test());
  auto stream = pair.open_and_write("first");
  std::string text;
  auto read = [](Reader reader, std::string& into) -> Task<> {
    into = (*co_await reader.next())->text();
    auto nothing = co_await reader.next(20ms);
    EXPECT_EQ(nothing.error().kind, Errc::timed_out);
    auto chunk = co_await reader.next(10s);
    into += (*chunk)->text();
  };
  pair.server.shard().spawn(read(pair.seen().reader(), text));
  pair.settle(50ms);
  Streams::write(stream, " late");
  pair.settle();
  EXPECT_EQ(text, "first late");
}

// --- writing ------------------------------------------------------------------------------------

TEST(Stream, WriteWaitsWhileTheBudgetIsUsedUp) {
  Streams pair(this_test());
  auto stream = value_or_throw(pair.session.open({.body = Body::streamed(), .budget = 10'000}));
  std::size_t written = 0;
  auto fill = [](Writer writer, std::size_t& count) -> Task<> {
    for (;;) {
      auto ok = co_await writer.write(std::string(5'000, 'x'));
      if (!ok) break;
      ++count;
      EXPECT_LE(writer.queued(), 15'000u);
    }
  };
  pair.client.shard().spawn(fill(stream.writer(), written));
  EXPECT_EQ(written, 2u);  // 10,000 bytes: the third waits
  const Buf more = Buf::copy("more");
  EXPECT_EQ(stream.writer().try_write({&more, 1}).value(), 0u);
  pair.settle(1s);
  EXPECT_GT(written, 10u);  // acknowledgements make room
  stream.reset(0);
  pair.settle();
}

TEST(Stream, FlushedWaitsForTheLastAcknowledgement) {
  Streams pair(this_test(), {Delay{50ms}});
  auto stream = value_or_throw(pair.session.open({.body = Body::streamed()}));
  bool released = false;
  static char memory[3] = {'a', 'b', 'c'};
  auto send = [](Writer writer, World& world, bool& flag) -> Task<> {
    (void)co_await writer.write(Buf::adopt(memory, 3, [&flag](void*) { flag = true; }));
    EXPECT_FALSE(flag);
    const Duration before = world.elapsed();
    EXPECT_TRUE((co_await writer.flushed()).has_value());
    EXPECT_GE(world.elapsed() - before, 100ms);  // one round trip
    EXPECT_TRUE(flag);
    EXPECT_TRUE((co_await writer.flushed()).has_value());  // nothing more: at once
  };
  pair.run(send(stream.writer(), pair.world, released));
}

TEST(Stream, FlushedEndsWellWhenTheWholeStreamDid) {
  Streams pair(this_test());
  auto stream = value_or_throw(pair.session.open({.unidirectional = true}));
  auto writer = stream.writer();
  const Buf data = Buf::copy("data");
  EXPECT_TRUE(writer.try_write({&data, 1}).has_value());
  EXPECT_TRUE(writer.finish().has_value());
  pair.settle(1s);
  ASSERT_TRUE(stream.closed().ready());
  pair.run([](Writer ended) -> Task<> {
    EXPECT_TRUE((co_await ended.flushed()).has_value());
    EXPECT_EQ((co_await ended.write("more")).error().kind, Errc::invalid_state);
  }(writer));
}

TEST(Stream, AWriterBesideABodyIsRefused) {
  Streams pair(this_test());
  auto stream = pair.open({.body = "the body"});
  EXPECT_EQ(stream.writer().finish().error().kind, Errc::invalid_state);
  EXPECT_EQ(stream.send("another").error().kind, Errc::invalid_state);
}

// spec: ST1 ST2 ST3
TEST(Stream, BlockedIsFulfilledAndArmedAnew) {
  Streams pair(this_test());
  auto stream = value_or_throw(pair.session.open({.body = Body::streamed(), .budget = 64 << 20}));
  const auto first = stream.blocked();
  const Buf data = Buf::copy(std::string(2 * engine::limits::kInitialMaxStreamData, 'x'));
  EXPECT_TRUE(stream.writer().try_write({&data, 1}).has_value());
  pair.run_until([&] { return first.ready(); });
  EXPECT_TRUE(first.peek()->value());
  const auto second = stream.blocked();
  EXPECT_FALSE(second.ready());
  pair.session.cancel();
  pair.run_until([&] { return second.ready(); });
  EXPECT_FALSE(second.peek()->value());
}

// --- kinds --------------------------------------------------------------------------------------

// spec: EV10 EV22 ST16 ST25
TEST(Stream, AUnidirectionalOneTakesNoResponseAndReadsOneWay) {
  Streams pair(this_test());
  auto stream = pair.open({.unidirectional = true, .body = "one way"});
  EXPECT_TRUE(stream.unidirectional());
  EXPECT_FALSE(stream.server_initiated());
  EXPECT_FALSE(static_cast<bool>(pair.events.back().respond_with));
  EXPECT_EQ(pair.seen().respond({.body = "no"}).error().kind, Errc::invalid_state);
  EXPECT_EQ(pair.seen().writer().finish().error().kind, Errc::invalid_state);
  EXPECT_EQ(stream.discard().error().kind, Errc::invalid_state);
}

// spec: H6
TEST(Stream, HeadersOnAnotherProtocolThanHttp3AreNotSupported) {
  Streams pair(this_test());
  EXPECT_EQ(pair.session.open({.headers = {{":method", "GET"}}}).error().kind, Errc::not_supported);
  auto stream = pair.open({.body = "raw"});
  EXPECT_EQ(stream.headers().peek()->error().kind, Errc::not_supported);
  EXPECT_EQ(stream.trailers().peek()->error().kind, Errc::not_supported);
  EXPECT_EQ(stream.info().peek()->error().kind, Errc::not_supported);
  EXPECT_EQ(pair.seen().send_headers({{"a", "b"}}).error().kind, Errc::not_supported);
  EXPECT_EQ(pair.events.back().respond_with({.headers = {{"a", "b"}}}).error().kind,
            Errc::not_supported);
}

// spec: ST23
TEST(Stream, StatisticsRemainAfterTheEnd) {
  Streams pair(this_test());
  auto stream = pair.open({.body = "request"});
  EXPECT_TRUE(pair.events.back().respond_with({.body = "answer!"}).has_value());
  Read server(pair.server.shard(), pair.seen().reader());
  Read client(pair.client.shard(), stream.reader());
  const auto closed = stream.closed();
  pair.run_until([&] { return closed.ready(); });
  const StreamStats stats = stream.stats();
  EXPECT_EQ(stats.bytes_sent, 7u);
  EXPECT_EQ(stats.bytes_received, 7u);
  EXPECT_EQ(stats.final_size, 7u);
  const Duration duration = stats.duration;
  pair.settle(1s);
  EXPECT_EQ(stream.stats().duration, duration);
}

}  // namespace
}  // namespace quicore::test
