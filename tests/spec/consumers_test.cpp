// SPDX-License-Identifier: Apache-2.0
//
// The consumers of a stream's data: reader(), consume() and discard(), one of which locks it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/kept_streams.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

struct Consumed : KeptStreams {
  explicit Consumed(WorldOptions options) : KeptStreams(std::move(options)) { connect("xyz"); }
};

enum class Take { next, read, function };

// True when the consumer was taken; both forms of the reader are tried by what they give.
bool take(Consumed& pair, const Stream& stream, Take how) {
  if (how == Take::function) {
    const auto taken = stream.consume([](std::span<const Bytes>, bool) {});
    EXPECT_TRUE(taken || taken.error().kind == Errc::invalid_state);
    return taken.has_value();
  }
  std::optional<Errc> kind;
  auto read = [](Reader reader, Take form, std::optional<Errc>& into) -> Task<> {
    if (form == Take::next) {
      auto chunk = co_await reader.next();
      into = chunk ? Errc::ok : chunk.error().kind;
    } else {
      std::array<std::byte, 4> memory;
      auto count = co_await reader.read(memory);
      into = count ? Errc::ok : count.error().kind;
    }
  };
  pair.server.shard().spawn(read(stream.reader(), how, kind));
  pair.run_until([&] { return kind.has_value(); });
  EXPECT_TRUE(*kind == Errc::ok || *kind == Errc::invalid_state);
  return *kind == Errc::ok;
}

// spec: ST11 ST12 ST13 ST14
TEST(SpecConsumers, ASecondOneFailsInEveryOrder) {
  for (const Take first : {Take::next, Take::read, Take::function}) {
    for (const Take second : {Take::next, Take::read, Take::function}) {
      if (first == second) continue;
      Consumed pair(this_test());
      auto stream = pair.open({.body = "some data"});
      pair.settle();
      const Stream& seen = pair.events.back().stream;
      EXPECT_FALSE(seen.locked());
      EXPECT_TRUE(take(pair, seen, first));
      EXPECT_TRUE(seen.locked());
      EXPECT_FALSE(take(pair, seen, second))
          << static_cast<int>(first) << " then " << static_cast<int>(second);
    }
  }
}

// spec: ST18 ST22
TEST(SpecConsumers, EverythingQueuedComesInOneCallAndDoneWithIt) {
  Consumed pair(this_test());
  const std::string body = pattern(300'000);
  auto stream = pair.open({.unidirectional = true, .body = body});
  pair.settle(2s);
  std::vector<std::size_t> calls;
  std::vector<bool> done;
  std::string text;
  EXPECT_TRUE(pair.events.back()
                  .stream
                  .consume([&](std::span<const Bytes> chunks, bool last) {
                    calls.push_back(chunks.size());
                    done.push_back(last);
                    for (const Bytes chunk : chunks) text += as_text(chunk);
                  })
                  .has_value());
  pair.settle(1s);
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_GE(calls.front(), 1u);
  EXPECT_TRUE(done.front());
  EXPECT_TRUE(text == body);
}

// spec: ST17 ST19 ST20
TEST(SpecConsumers, AFunctionGetsDataAsItComesAndHoldsNobodyUp) {
  Consumed pair(this_test());
  const std::size_t size = 3 * engine::limits::kInitialMaxStreamData;
  auto stream = pair.open({.unidirectional = true, .body = std::string(size, 'x')});
  std::size_t count = 0;
  std::size_t calls = 0;
  EXPECT_TRUE(pair.events.back()
                  .stream
                  .consume([&](std::span<const Bytes> chunks, bool) {
                    ++calls;
                    for (const Bytes chunk : chunks) count += chunk.size();
                  })
                  .has_value());
  pair.run_until([&] { return count == size; });
  EXPECT_GT(calls, 100u) << "as packets arrive, not at the end";
  EXPECT_EQ(stream.session().stats().block_count, 0u) << "the window never closed";
}

// spec: ST21
TEST(SpecConsumers, AFunctionThatFailsInTheMiddleDestroysItsStreamOnly) {
  for (const bool throws : {false, true}) {
    Consumed pair(this_test());
    auto stream = value_or_throw(pair.session.open({.body = Body::streamed()}));
    const auto write = [&](std::string_view text) {
      const Buf buf = Buf::copy(text);
      return stream.writer().try_write({&buf, 1}).has_value();
    };
    EXPECT_TRUE(write("good"));
    pair.run_until([&] { return !pair.events.empty(); });
    int calls = 0;
    EXPECT_TRUE(pair.events.back()
                    .stream
                    .consume([&](std::span<const Bytes>, bool) -> Result<> {
                      if (++calls < 2) return {};
                      if (throws) throw std::runtime_error("no more");
                      return failure(Errc::invalid_argument, "no more");
                    })
                    .has_value());
    pair.settle();
    EXPECT_EQ(calls, 1);
    EXPECT_TRUE(write("bad"));
    pair.settle(1s);
    EXPECT_EQ(calls, 2);
    EXPECT_FALSE(pair.events.back().stream.closed().peek()->has_value());
    EXPECT_FALSE(write("after")) << "the peer was told";
    EXPECT_EQ(calls, 2);
    EXPECT_FALSE(pair.accepted.closed().ready()) << "the session goes on";
    auto next = pair.open({.body = "next"});
    EXPECT_TRUE(next);
  }
}

}  // namespace
}  // namespace quicore::test
