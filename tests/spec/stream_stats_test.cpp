// SPDX-License-Identifier: Apache-2.0
//
// Every statistic of a stream: moves when it should, and only then, and is frozen at the end.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/kept_streams.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

constexpr Instant kNotYet{};

struct Watched : KeptStreams {
  explicit Watched(WorldOptions options, const Path& path = {Delay{20ms}})
      : KeptStreams(std::move(options), path) {
    connect("xyz");
    settle(5s);
  }
  // In a turn of the stream's shard, where the clock has been looked at.
  StreamStats stats_of(const Stream& stream) {
    StreamStats stats;
    bool done = false;
    auto look = [](Stream of, StreamStats& into, bool& flag) -> Task<> {
      (void)co_await Shard::current().sleep_for(Duration(1));
      into = of.stats();
      flag = true;
    };
    stream.session().shard().spawn(look(stream, stats, done));
    run_until([&] { return done; });
    return stats;
  }
  Stream open_and_write(std::string_view text) {
    auto stream = value_or_throw(session.open({.body = Body::streamed()}));
    write(stream, text);
    run_until([&] { return !events.empty(); });
    return stream;
  }
  static void write(const Stream& stream, std::string_view text) {
    const Buf buf = Buf::copy(text);
    EXPECT_EQ(stream.writer().try_write({&buf, 1}).value(), text.size());
  }
};

// spec: TS1 TS2 TS7 TS8 TS9 TS10 TS11
TEST(SpecStreamStats, BytesOffsetsAndTimesMoveWithTheData) {
  Watched pair(this_test());
  auto stream = pair.open_and_write("0123456789");
  auto seen = pair.events.back().stream;
  const StreamStats sent = pair.stats_of(stream);
  EXPECT_EQ(sent.bytes_sent, 10u);
  EXPECT_EQ(sent.max_offset_acknowledged, 0u) << "a round trip has not passed";
  EXPECT_EQ(sent.last_acknowledge_at, kNotYet);
  EXPECT_EQ(sent.bytes_received, 0u);
  EXPECT_EQ(sent.last_received_at, kNotYet);
  const StreamStats received = pair.stats_of(seen);
  EXPECT_EQ(received.bytes_received, 10u);
  EXPECT_EQ(received.max_offset, 10u);
  EXPECT_EQ(received.max_offset_received, 10u);
  EXPECT_GE(received.last_received_at, sent.created_at + 20ms);
  EXPECT_EQ(received.bytes_sent, 0u);
  pair.settle(1s);
  const StreamStats acknowledged = pair.stats_of(stream);
  EXPECT_EQ(acknowledged.max_offset_acknowledged, 10u);
  EXPECT_GE(acknowledged.last_acknowledge_at, sent.created_at + 40ms);
  EXPECT_EQ(acknowledged.bytes_sent, 10u);
  pair.settle(1s);
  EXPECT_EQ(pair.stats_of(seen).last_received_at, received.last_received_at) << "nothing came";
  EXPECT_EQ(pair.stats_of(stream).last_acknowledge_at, acknowledged.last_acknowledge_at);
  Watched::write(stream, "abc");
  pair.settle(1s);
  EXPECT_EQ(pair.stats_of(stream).max_offset_acknowledged, 13u);
  EXPECT_GT(pair.stats_of(stream).last_acknowledge_at, acknowledged.last_acknowledge_at);
  EXPECT_EQ(pair.stats_of(seen).max_offset_received, 13u);
  EXPECT_GT(pair.stats_of(seen).last_received_at, received.last_received_at);
}

// spec: TS2 TS10
TEST(SpecStreamStats, RetransmissionsDoNotCount) {
  Watched pair(this_test());
  pair.route->replace({Delay{20ms}, drop_these({0, 2, 5})});
  auto stream = value_or_throw(pair.session.open({.body = std::string(50'000, 'x')}));
  pair.run_until([&] { return !pair.events.empty(); });
  pair.events.back().stream.discard();
  pair.run_until([&] { return stream.stats().max_offset_acknowledged == 50'000; });
  EXPECT_EQ(stream.stats().bytes_sent, 50'000u);
  EXPECT_EQ(pair.events.back().stream.stats().bytes_received, 50'000u);
}

// spec: TS3 TS4 TS5
TEST(SpecStreamStats, ClosingAtIsWhenTheEndBegan) {
  Watched pair(this_test());
  const Instant before = pair.world.now();
  auto stream = pair.open_and_write("data");
  auto seen = pair.events.back().stream;
  pair.settle(1s);
  const StreamStats open = pair.stats_of(stream);
  EXPECT_LE(open.created_at, before + 1ms);
  EXPECT_GE(pair.stats_of(seen).created_at, open.created_at + 20ms);
  EXPECT_EQ(open.closing_at, kNotYet);
  EXPECT_GE(open.duration, 1s);
  EXPECT_TRUE(stream.writer().finish().has_value());
  const Instant began = pair.stats_of(stream).closing_at;
  EXPECT_GE(began, open.created_at + 1s - 20ms);
  pair.settle(1s);
  EXPECT_EQ(pair.stats_of(stream).closing_at, began);
  EXPECT_EQ(pair.stats_of(seen).closing_at, kNotYet) << "its own end has not begun";
  EXPECT_GE(pair.stats_of(stream).duration, open.duration + 1s);
}

// spec: TS6
TEST(SpecStreamStats, FinalSizeIsKnownWithTheEndOfThePeersData) {
  for (const bool reset : {false, true}) {
    Watched pair(this_test());
    auto stream = pair.open_and_write("0123456789");
    auto seen = pair.events.back().stream;
    pair.settle(1s);
    EXPECT_EQ(pair.stats_of(seen).final_size, 0u);
    if (reset) {
      stream.reset(1);
    } else {
      EXPECT_TRUE(stream.writer().finish().has_value());
    }
    pair.settle(1s);
    EXPECT_EQ(pair.stats_of(seen).final_size, 10u) << reset;
  }
}

// spec: TS1 TS2 TS3 TS4 TS5 TS6 TS7 TS8 TS9 TS10 TS11 ST23
TEST(SpecStreamStats, AreFrozenAtTheEnd) {
  using End = std::function<void(Watched&, Stream&)>;
  const std::vector<End> ends = {
      [](Watched& pair, Stream& stream) {
        EXPECT_TRUE(stream.writer().finish().has_value());
        stream.discard();
        pair.events.back().stream.discard();
        pair.events.back().respond_with({.body = "answer"});
      },
      [](Watched& pair, Stream& stream) {
        stream.cancel(Error::application(3, "a reason"));
        pair.events.back().stream.cancel();
      },
      [](Watched& pair, Stream&) { pair.session.cancel(); },
  };
  for (std::size_t i = 0; i < ends.size(); ++i) {
    Watched pair(this_test());
    auto stream = pair.open_and_write("request");
    auto seen = pair.events.back().stream;
    ends[i](pair, stream);
    pair.settle(2s);
    ASSERT_TRUE(stream.closed().ready() && seen.closed().ready()) << i;
    const StreamStats here = pair.stats_of(stream);
    const StreamStats there = pair.stats_of(seen);
    EXPECT_EQ(here.bytes_sent, 7u);
    EXPECT_EQ(there.bytes_received, 7u);
    EXPECT_NE(here.closing_at, kNotYet);
    EXPECT_NE(there.closing_at, kNotYet);
    pair.settle(5s);
    EXPECT_EQ(pair.stats_of(stream), here) << i;
    EXPECT_EQ(pair.stats_of(seen), there) << i;
  }
}

}  // namespace
}  // namespace quicore::test
