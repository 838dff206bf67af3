// SPDX-License-Identifier: Apache-2.0
//
// Streams, item by item, where tests/unit/api/stream_test.cpp does not prove it already.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/kept_streams.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

struct Kept : KeptStreams {
  explicit Kept(WorldOptions options, const Path& path = {Delay{5ms}})
      : KeptStreams(std::move(options), path) {}
  void begin(std::string alpn = "xyz") { connect(std::move(alpn)); }
};

// spec: ST1 ST2
TEST(SpecStream, BlockedTellsOfTheSessionsFlowControlToo) {
  Kept pair(this_test());
  SessionConfig narrow = server_config("xyz");
  narrow.transport.initial_max_data = 30'000;
  pair.connect(std::move(narrow), client_config("xyz"));
  auto idle = value_or_throw(pair.session.open({.body = Body::streamed()}));
  const auto not_me = idle.blocked();
  auto stream = pair.open({.body = std::string(100'000, 'x')});
  const auto blocked = stream.blocked();
  pair.run_until([&] { return blocked.ready(); });
  EXPECT_TRUE(blocked.peek()->value());
  pair.settle(1s);
  EXPECT_FALSE(not_me.ready()) << "it has nothing to send";
  const auto again = stream.blocked();
  EXPECT_FALSE(again.ready()) << "armed anew";
  pair.events.back().stream.discard();
  const auto closed = again;
  pair.run_until([&] { return stream.stats().max_offset_acknowledged == 100'000; });
}

// spec: ST1 ST2
TEST(SpecStream, BlockedTellsOfCongestionAgainAndAgain) {
  Kept pair(this_test(), {Delay{50ms}});
  pair.begin();
  int times = 0;
  auto watch = [](Stream stream, int& count) -> Task<> {
    for (;;) {
      const auto blocked = stream.blocked();
      auto& is = co_await blocked;
      EXPECT_TRUE(is.has_value());
      if (!*is) co_return;
      ++count;
    }
  };
  auto small = value_or_throw(pair.session.open({.body = "fits"}));
  pair.client.shard().spawn(watch(small, times));
  pair.settle(1s);
  EXPECT_EQ(times, 0);
  auto large = value_or_throw(pair.session.open({.body = std::string(1'000'000, 'x')}));
  pair.client.shard().spawn(watch(large, times));
  pair.run_until([&] { return large.stats().max_offset_acknowledged == 1'000'000; });
  EXPECT_GE(times, 3) << "once in every round trip of slow start";
}

// spec: ST3 ST4
TEST(SpecStream, BlockedIsFalseHoweverTheStreamCloses) {
  using End = std::function<void(Kept&, Stream&)>;
  const std::vector<End> ends = {
      [](Kept&, Stream& stream) { stream.cancel(); },
      [](Kept&, Stream& stream) { stream.cancel(Error::application(3, "a reason")); },
      [](Kept& pair, Stream&) { pair.session.cancel(Error::application(4, "all of it")); },
      [](Kept& pair, Stream&) { pair.accepted.cancel(); },
      [](Kept& pair, Stream& stream) {
        stream.reset(5);
        pair.events.back().stream.reset(5);
      },
      [](Kept& pair, Stream& stream) {
        EXPECT_TRUE(stream.writer().finish().has_value());
        stream.discard();
        pair.events.back().stream.discard();
        pair.events.back().respond_with({.body = "a natural end"});
      },
  };
  for (std::size_t i = 0; i < ends.size(); ++i) {
    Kept pair(this_test());
    pair.begin();
    auto stream = value_or_throw(pair.session.open({.body = Body::streamed()}));
    const Buf data = Buf::copy("data");
    EXPECT_TRUE(stream.writer().try_write({&data, 1}).has_value());
    pair.run_until([&] { return !pair.events.empty(); });
    const auto blocked = stream.blocked();
    EXPECT_FALSE(blocked.ready());
    ends[i](pair, stream);
    pair.run_until([&] { return blocked.ready(); });
    ASSERT_TRUE(blocked.peek()->has_value()) << i;
    EXPECT_FALSE(blocked.peek()->value()) << i;
    EXPECT_FALSE(stream.blocked().peek()->value()) << i << ": and it stays so";
  }
}

// spec: ST5 ST6 ST7
TEST(SpecStream, CancelAbandonsWhatIsQueuedAndReleasesItsMemory) {
  Kept pair(this_test(), {Delay{20ms}});
  pair.begin();
  static char memory[5'000'000];
  bool released = false;
  auto stream =
      pair.open({.body = Buf::adopt(memory, sizeof(memory), [&](void*) { released = true; })});
  EXPECT_FALSE(released);
  const auto closed = stream.cancel(Error::application(42, "no longer wanted"));
  ASSERT_TRUE(closed.ready()) << "synchronously";
  EXPECT_EQ(closed.peek(), stream.closed().peek()) << "cancel() gives closed()";
  const std::uint64_t sent = stream.stats().bytes_sent;
  EXPECT_LT(sent, sizeof(memory));
  auto far = pair.events.back().stream;
  const auto far_closed = far.closed();
  far.reset(0);
  pair.run_until([&] { return far_closed.ready(); });
  EXPECT_EQ(far_closed.peek()->error().code, 42u);
  pair.settle(1s);
  EXPECT_EQ(stream.stats().bytes_sent, sent) << "nothing more left";
  EXPECT_LE(far.stats().bytes_received, sent);
  EXPECT_TRUE(released);
}

// spec: ST8
TEST(SpecStream, ReceivedDataSurvivesTheEndOfItsSession) {
  Kept pair(this_test());
  pair.begin();
  auto stream = pair.open({.unidirectional = true, .body = "read me later"});
  auto seen = pair.events.back().stream;
  pair.settle();
  pair.accepted.cancel();
  pair.settle(5s);
  std::string text;
  auto read = [](Reader reader, std::string& into) -> Task<> {
    auto body = co_await reader.read_all(100);
    if (body) into = body->text();
  };
  pair.server.shard().spawn(read(seen.reader(), text));
  pair.settle();
  EXPECT_EQ(text, "read me later");
}

// spec: ST10 ST15 ST16 ST25
TEST(SpecStream, BothEndsAgreeOnWhatItIs) {
  Kept pair(this_test());
  pair.begin();
  std::vector<StreamEvent> from_server;
  pair.session.on_stream() = [&](StreamEvent event) { from_server.push_back(std::move(event)); };
  for (const bool unidirectional : {false, true}) {
    const auto stream = pair.open({.unidirectional = unidirectional, .body = "x"});
    const auto seen = pair.events.back().stream;
    EXPECT_EQ(stream.id(), seen.id());
    EXPECT_EQ(stream.session(), pair.session);
    EXPECT_EQ(seen.session(), pair.accepted);
    EXPECT_FALSE(stream.server_initiated());
    EXPECT_FALSE(seen.server_initiated());
    EXPECT_EQ(seen.unidirectional(), unidirectional);
    const auto back = value_or_throw(
        pair.accepted.open({.unidirectional = unidirectional, .body = "from the server"}));
    const std::size_t before = from_server.size();
    pair.run_until([&] { return from_server.size() > before; });
    EXPECT_TRUE(back.server_initiated());
    EXPECT_TRUE(from_server.back().stream.server_initiated());
    EXPECT_EQ(from_server.back().stream.id(), back.id());
    EXPECT_EQ(from_server.back().stream.unidirectional(), unidirectional);
  }
}

}  // namespace
}  // namespace quicore::test
