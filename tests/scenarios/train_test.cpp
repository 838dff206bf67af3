// SPDX-License-Identifier: Apache-2.0
//
// Trains are read and written as their datagrams would be one by one: packets that carry on with a
// stream are dealt with together (cmake/dependencies/ngtcp2-whole-train-*.patch), and what comes
// between them, of whatever kind, changes nothing; nor does what an acknowledgement leaves out of
// packets that were written together. Worlds with the same seed, in one of which nothing is joined,
// and in another one nothing written together either, must not differ in anything that the two ends
// have counted.
#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "tests/support/echo_run.h"

namespace quicore::test {
namespace {

using namespace sim;

constexpr std::size_t kMegabyte = 1024 * 1024;

// Enough for what a test lets be under way: a turn takes in as much in either world.
constexpr std::uint64_t kWindow = 80'000;

struct Counted {
  std::string client;
  std::string server;
  std::string elapsed;
  bool operator==(const Counted&) const = default;
};

void PrintTo(const Counted& counted, std::ostream* out) {
  *out << "client: " << counted.client << "\nserver: " << counted.server << '\n' << counted.elapsed;
}

std::string text_of(const SessionStats& stats) {
  return "received " + std::to_string(stats.packets_received) + " packets, " +
         std::to_string(stats.bytes_received) + " bytes, sent " +
         std::to_string(stats.packets_sent) + " packets, " + std::to_string(stats.bytes_sent) +
         " bytes, lost " + std::to_string(stats.packets_lost) + ", cwnd " +
         std::to_string(stats.cwnd) + ", key updates " + std::to_string(stats.key_update_count);
}

SessionConfig with(bool qlog, SessionConfig config) {
  config.qlog = qlog;
  config.transport.initial_max_data = kWindow;
  config.transport.initial_max_stream_data_bidi_local = kWindow;
  config.transport.initial_max_stream_data_bidi_remote = kWindow;
  return config;
}

EndpointConfig with_windows_that_stay() {
  EndpointConfig config;
  config.max_window = kWindow;
  config.max_stream_window = kWindow;
  return config;
}

class Train : public ::testing::TestWithParam<std::tuple<std::string, Path>> {
 protected:
  // Some megabytes there and back, two streams in turn and a key update on the way. With a qlog,
  // which has a line for each packet, every packet is written and read by itself.
  Counted counted(Gro gro, const Path& path, bool qlog = false) {
    WorldOptions options = this_test(seed_from_environment());
    options.gro = gro;
    options.shuffle_turns = false;
    EchoRun run(path, options, with_windows_that_stay(), with_windows_that_stay());
    run.start_server(with(qlog, EchoRun::server_side()));
    run.connect(with(qlog, EchoRun::client_side()));
    EXPECT_TRUE(run.echo(pattern(kMegabyte, 1)));
    TestStream& first = run.send(pattern(kMegabyte, 2));
    TestStream& second = run.send(pattern(200'000, 3));
    EXPECT_TRUE(run.until([&] { return second.received.size() > 50'000; }));
    EXPECT_TRUE(run.session->connection->update_key().has_value());
    EXPECT_TRUE(run.until([&] { return first.closed && second.closed; }));
    EXPECT_TRUE(first.received == pattern(kMegabyte, 2));
    EXPECT_TRUE(second.received == pattern(200'000, 3));
    joined_ =
        run.client.shard().port().stats().trains_received * 2 < run.client_stats().packets_received;
    return {text_of(run.client_stats()), text_of(run.server_stats()),
            std::to_string(run.world.elapsed().count())};
  }

  bool joined_ = false;
};

TEST_P(Train, IsReadAsItsDatagramsWouldBe) {
  const Path& path = std::get<1>(GetParam());
  const Counted alone = counted(Gro::off, path);
  EXPECT_FALSE(joined_);
  const Counted joined = counted(Gro::full, path);
  EXPECT_TRUE(joined_);
  EXPECT_EQ(alone, joined);
}

TEST_P(Train, IsWrittenAsItsDatagramsWouldBe) {
  const Path& path = std::get<1>(GetParam());
  for (const Gro gro : {Gro::off, Gro::full}) {
    EXPECT_EQ(counted(gro, path, true), counted(gro, path, false));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Paths, Train,
    ::testing::Values(std::tuple("Perfect", Path{Delay{10ms}}),
                      std::tuple("Lossy", Path{Delay{10ms}, Loss{0.03}}),
                      std::tuple("Corrupting", Path{Delay{10ms}, Corrupt{0.03}}),
                      std::tuple("Duplicating", Path{Delay{10ms}, Duplicate{0.1}}),
                      std::tuple("Reordering", Path{Delay{10ms}, Reorder{0.03, 1ms}}),
                      std::tuple("Marking", Path{Delay{10ms}, EcnMark{0.03}}),
                      std::tuple("InBursts", Path{Delay{10ms}, BurstLoss{0.01, 0.3}}),
                      std::tuple("Interrupted", Path{Delay{10ms}, BlackHole{200ms, 900ms},
                                                     BlackHole{1500ms, 1600ms}}),
                      std::tuple("Bad", Path{Delay{10ms}, Loss{0.01}, Corrupt{0.01},
                                             Duplicate{0.05}, Reorder{0.02, 1ms}})),
    [](const auto& instance) { return std::get<0>(instance.param); });

// Of messages that do not fill packets exactly: ngtcp2 ends a packet early rather than cut a small
// piece off the next message, and what is not as long as the others ends a train.
TEST(ShortMessages, LeaveInOneTrainWhoseLastPacketIsAsShortAsItIs) {
  EchoRun run({Delay{10ms}});
  run.start_server();
  ASSERT_TRUE(run.echo("the handshake is over"));
  const auto sent = [&] {
    const io::PortStats& stats = run.client.shard().port().stats();
    return std::tuple(stats.trains_sent, stats.datagrams_sent, stats.bytes_sent);
  };
  run.world.run_for(2s);  // path MTU discovery is over as well
  const auto [trains, packets, bytes] = sent();
  constexpr std::size_t kMessages = 9;
  for (std::size_t i = 0; i < kMessages; ++i) run.session->open().send(pattern(600, i));
  run.world.run_for(1ms);
  const auto [trains_now, packets_now, bytes_now] = sent();
  EXPECT_EQ(trains_now - trains, 1u);
  // Two messages in each packet but the last.
  EXPECT_EQ(packets_now - packets, (kMessages + 1) / 2);
  EXPECT_GT(bytes_now - bytes, kMessages * 600);
  EXPECT_LT(bytes_now - bytes, (kMessages / 2) * 1472 + 700);

  run.session->open().send("short");
  run.world.run_for(15ms);  // it is paced, and nothing comes back yet
  const auto [trains_last, packets_last, bytes_last] = sent();
  EXPECT_EQ(packets_last - packets_now, 1u);
  EXPECT_LT(bytes_last - bytes_now, 100u);
}

// A server after a rest, when it has filled the queue of a bottleneck before: its round-trip time was
// long then, whatever the path's own, and its pacing slow.
struct AfterARest {
  AfterARest(Duration delay, Duration rest) : run({Delay{delay}, Bandwidth{100_Mbit, kMegabyte}}) {
    run.start_server();
    EXPECT_TRUE(run.echo("the handshake is over"));
    TestStream* received = nullptr;
    run.session->on_stream_opened = [&](TestStream& opened) { received = &opened; };
    run.accepted().open().send(pattern(8 * kMegabyte));
    EXPECT_TRUE(run.until(
        [&] { return received != nullptr && received->received.size() == 8 * kMegabyte; }));
    run.session->on_stream_opened = nullptr;
    run.world.run_for(rest);
  }
  const io::PortStats& sent() { return run.server->shard().port().stats(); }

  EchoRun run;
};

std::uint64_t datagrams_at_once(Duration delay) {
  AfterARest rested(delay, 100ms);
  const std::uint64_t before = rested.sent().datagrams_sent;
  rested.run.accepted().open().send(pattern(kMegabyte));
  rested.run.world.run_for(1us);
  return rested.sent().datagrams_sent - before;
}

// What pacing lets leave at once is 1 ms of the rate, or ten packets, but a whole train where the
// path is short (limits::kBurstHalvingRtt).
TEST(Pacing, LetsAWholeTrainLeaveWhereThePathIsShort) {
  EXPECT_EQ(datagrams_at_once(100us), io::kMaxTrainSize / 1472);
  EXPECT_EQ(datagrams_at_once(300us), io::kMaxTrainSize / 2 / 1472);
  EXPECT_LE(datagrams_at_once(10ms), 12u);
}

TEST(Pacing, DoesNotMakeUpForARest) {
  AfterARest rested(10ms, 10s);
  const SessionStats stats = rested.run.server_stats();
  const std::uint64_t before = rested.sent().bytes_sent;
  rested.run.accepted().open().send(pattern(kMegabyte));
  constexpr Duration kTime = 15ms;  // nothing has come back yet
  rested.run.world.run_for(kTime);
  // A window in a round-trip time, and a quarter more.
  const double paced = 1.25 * static_cast<double>(stats.cwnd) * static_cast<double>(kTime.count()) /
                       static_cast<double>(stats.smoothed_rtt.count());
  const auto sent = static_cast<double>(rested.sent().bytes_sent - before);
  EXPECT_GT(sent, 0.8 * paced);
  EXPECT_LT(sent, 1.2 * paced + 10 * 1472);
}

TEST(Pacing, IsNotWaitedForByWhoHasNothingToSend) {
  EchoRun run({Delay{10ms}});
  run.start_server();
  ASSERT_TRUE(run.echo("the handshake is over"));
  run.world.run_for(2s);
  run.session->open().send("short");
  run.world.run_for(1us);
  // For an acknowledgement, which takes a round-trip time.
  EXPECT_GT(run.client.shard().next_deadline() - run.client.shard().now(), 20ms);
}

}  // namespace
}  // namespace quicore::test
