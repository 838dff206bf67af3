// SPDX-License-Identifier: Apache-2.0
//
// Transfers over raw streams through networks of every kind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/echo_run.h"

namespace quicore::test {
namespace {

using namespace sim;

constexpr std::size_t kMegabyte = 1024 * 1024;

TEST(Transfer, AHandshakeAndAnEchoWorkOnAPerfectNetwork) {
  EchoRun run({Delay{10ms}});
  ASSERT_TRUE(run.echo("hello"));
  EXPECT_FALSE(run.session->closed);
  EXPECT_TRUE(run.close());
}

TEST(Transfer, AnEmptyStreamIsEchoedToo) {
  EchoRun run({Delay{10ms}});
  ASSERT_TRUE(run.echo(""));
}

TEST(Transfer, ManyStreamsShareAConnection) {
  EchoRun run({Delay{10ms}, Loss{0.02}});
  ASSERT_TRUE(run.echo("first"));
  std::map<TestStream*, std::string> sent;
  for (std::uint64_t i = 0; i < 90; ++i) {
    const std::string text = pattern(1 + i * 300, i);
    sent.emplace(&run.send(text), text);
  }
  ASSERT_TRUE(run.until([&] {
    return std::all_of(sent.begin(), sent.end(), [](const auto& it) { return it.first->closed; });
  }));
  for (const auto& [stream, text] : sent) EXPECT_TRUE(stream->received == text);
}

class TransferUnderLoss : public ::testing::TestWithParam<int> {};

TEST_P(TransferUnderLoss, TenMegabytesArriveUnchanged) {
  EchoRun run({Delay{5ms}, Loss{GetParam() / 100.0}});
  ASSERT_TRUE(run.echo(pattern(10 * kMegabyte), 24h));
  EXPECT_EQ(run.client_stats().packets_lost > 0, GetParam() > 0);
  EXPECT_TRUE(run.close());
}

INSTANTIATE_TEST_SUITE_P(Percent, TransferUnderLoss, ::testing::Values(0, 1, 3, 10, 20, 30));

// More than ngtcp2 took for possible: cmake/dependencies/ngtcp2-stream-bounds.patch.
TEST(Transfer, SurvivesTheLossOfThousandsOfPacketsAtOnce) {
  SessionConfig server = EchoRun::server_side();
  server.transport.initial_max_data = 64 * kMegabyte;
  server.transport.initial_max_stream_data_bidi_remote = 64 * kMegabyte;
  EchoRun run({Delay{100ms}, BlackHole{2400ms, 3000ms}});
  run.server.reset();
  run.start_server(server);
  ASSERT_TRUE(run.echo(pattern(48 * kMegabyte)));
  EXPECT_GT(run.client_stats().packets_lost, 8000u);
}

TEST(Transfer, SurvivesLossInBursts) {
  EchoRun run({Delay{10ms}, BurstLoss{0.005, 0.15}});
  ASSERT_TRUE(run.echo(pattern(kMegabyte)));
}

TEST(Transfer, SurvivesReordering) {
  EchoRun run({Delay{10ms}, Reorder{0.2, 15ms}});
  ASSERT_TRUE(run.echo(pattern(kMegabyte)));
  EXPECT_GT(run.route.there().link(1).stats().held, 0u);
}

TEST(Transfer, SurvivesDuplication) {
  EchoRun run({Delay{10ms}, Duplicate{0.5, 20ms}});
  ASSERT_TRUE(run.echo(pattern(kMegabyte)));
  EXPECT_GT(run.route.there().link(1).stats().duplicated, 0u);
}

TEST(Transfer, SurvivesCorruption) {
  EchoRun run({Delay{10ms}, Corrupt{0.1}});
  ASSERT_TRUE(run.echo(pattern(kMegabyte)));
  EXPECT_GT(run.route.there().link(1).stats().changed, 0u);
}

TEST(Transfer, SurvivesEverythingAtOnce) {
  EchoRun run({Delay{10ms, 5ms}, Bandwidth{20_Mbit, 64_KiB}, Loss{0.03}, Reorder{0.05, 20ms},
               Duplicate{0.05, 10ms}, Corrupt{0.03}, Mtu{1400}, EcnMark{0.02}});
  ASSERT_TRUE(run.echo(pattern(kMegabyte)));
}

// Congestion control finds the bottleneck: it uses most of it and does not live off the queue.
TEST(Transfer, UsesMostOfABottleneck) {
  EchoRun run({Delay{10ms}, Bandwidth{10_Mbit, 64_KiB}});
  ASSERT_TRUE(run.echo("warm up"));
  const Duration begin = run.world.elapsed();
  const std::string text = pattern(4 * kMegabyte);
  ASSERT_TRUE(run.echo(text));
  // There and back, one after the other.
  const double ideal = 2.0 * 8 * static_cast<double>(text.size()) / 10e6;
  const double taken = std::chrono::duration<double>(run.world.elapsed() - begin).count();
  EXPECT_GT(taken, ideal);
  EXPECT_LT(taken, 1.5 * ideal);
}

TEST(Transfer, TinyWindowsOnlySlowItDown) {
  EchoRun run({Delay{10ms}, Loss{0.02}});
  SessionConfig server = EchoRun::server_side();
  server.transport.initial_max_data = 20'000;
  server.transport.initial_max_stream_data_bidi_remote = 8'000;
  run.start_server(server);
  ASSERT_TRUE(run.echo(pattern(kMegabyte)));
  EXPECT_GT(run.client_stats().block_count, 0u);
}

// Trains are written without a look at each packet until the end of the stream or of its window
// comes near (cmake/dependencies/ngtcp2-whole-train-send.patch): they may come anywhere in a packet.
TEST(Transfer, AStreamMayEndAnywhereInAPacket) {
  EchoRun run({Delay{10ms}});
  ASSERT_TRUE(run.echo(pattern(kMegabyte)));  // a large window, so that trains are long
  for (std::size_t more = 0; more < 1500; more += 11) {
    ASSERT_TRUE(run.echo(pattern(50'000 + more))) << more;
  }
}

TEST(Transfer, AWindowMayEndAnywhereInAPacket) {
  for (std::size_t more = 0; more < 1500; more += 37) {
    EchoRun run({Delay{10ms}});
    SessionConfig server = EchoRun::server_side();
    server.transport.initial_max_data = 20'000 + 2 * more;
    server.transport.initial_max_stream_data_bidi_remote = 8'000 + more;
    run.server.reset();
    run.start_server(server);
    ASSERT_TRUE(run.echo(pattern(300'000))) << more;
    EXPECT_GT(run.client_stats().block_count, 0u);
  }
}

TEST(Transfer, StreamsTakeTurnsPacketByPacket) {
  EchoRun run({Delay{10ms}});
  ASSERT_TRUE(run.echo(pattern(kMegabyte)));
  const std::size_t before = run.accepted().streams.size();
  run.send(pattern(kMegabyte, 1));
  run.send(pattern(kMegabyte, 2));
  std::size_t farthest = 0;
  ASSERT_TRUE(run.until([&] {
    const auto& streams = run.accepted().streams;
    if (streams.size() < before + 2) return false;
    const std::size_t first = streams[before].received.size();
    const std::size_t second = streams[before + 1].received.size();
    farthest = std::max(farthest, first > second ? first - second : second - first);
    return first == kMegabyte && second == kMegabyte;
  }));
  EXPECT_LT(farthest, 8'000u);
}

// --- ECN: RFC 9000 13.4 --------------------------------------------------------------------------

// The ECN marks of what the host sent.
std::vector<io::Ecn>& watch_marks(World& world, const Host& host, std::vector<io::Ecn>& marks) {
  world.trace().observe([&marks, &host](const Sight& sight) {
    if (sight.what == What::sent && &sight.host == &host.name()) {
      marks.push_back(sight.datagram.ecn);
    }
  });
  return marks;
}

TEST(Ecn, DatagramsAreMarkedCapableWhileThePathLeavesTheMarksAlone) {
  std::vector<io::Ecn> marks;
  EchoRun run({Delay{10ms}});
  watch_marks(run.world, run.client_host, marks);
  ASSERT_TRUE(run.echo(pattern(kMegabyte)));
  EXPECT_EQ(marks.back(), io::Ecn::ect0);
}

TEST(Ecn, MarksOfCongestionSlowTheSenderDownWithoutLoss) {
  const auto time_of = [](const Path& path) {
    EchoRun run(path);
    EXPECT_TRUE(run.echo(pattern(2 * kMegabyte)));
    EXPECT_EQ(run.client_stats().packets_lost, 0u);
    return run.world.elapsed();
  };
  EXPECT_GT(time_of({Delay{10ms}, EcnMark{0.02}}), time_of({Delay{10ms}}));
}

// RFC 9000 13.4.2.1: marks that never come back mean the path does not carry them.
TEST(Ecn, ASenderGivesUpOnAPathThatErasesItsMarks) {
  std::vector<io::Ecn> marks;
  EchoRun run({Delay{10ms}, EcnBleach{}});
  watch_marks(run.world, run.client_host, marks);
  ASSERT_TRUE(run.echo(pattern(kMegabyte)));
  EXPECT_EQ(marks.front(), io::Ecn::ect0);
  EXPECT_EQ(marks.back(), io::Ecn::not_ect);
}

}  // namespace
}  // namespace quicore::test
