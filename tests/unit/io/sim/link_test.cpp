// SPDX-License-Identifier: Apache-2.0
// Every kind of link, seen from its two ends.
#include <gmock/gmock.h>

#include <set>

#include "io/sim/links.h"
#include "tests/unit/io/sim/two_hosts.h"

namespace quicore::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string of_size(std::size_t size) { return std::string(size, 'x'); }

TEST(SimDelay, ADatagramArrivesAfterTheDelay) {
  TwoHosts net({Delay{20ms}});
  net.a.send(net.b.address(), "hello");
  net.settle();
  ASSERT_THAT(net.b.payloads(), ElementsAre("hello"));
  EXPECT_EQ(net.b.received[0].at, 20ms);
}

TEST(SimDelay, DelaysAddUp) {
  TwoHosts net({Delay{20ms}, Delay{3ms}});
  net.a.send(net.b.address(), "hello");
  net.settle();
  EXPECT_EQ(net.b.received.at(0).at, 23ms);
}

TEST(SimDelay, JitterKeepsTheOrderAndStaysWithinItsBound) {
  TwoHosts net({Delay{20ms, 10ms}});
  net.send_numbered(200);
  net.settle();
  const auto payloads = net.b.payloads();
  ASSERT_THAT(payloads, SizeIs(200));
  EXPECT_TRUE(std::is_sorted(payloads.begin(), payloads.end()));
  EXPECT_GE(net.b.received.front().at, 20ms);
  EXPECT_LE(net.b.received.back().at, 30ms);
  EXPECT_LT(net.b.received.front().at, net.b.received.back().at);
}

TEST(SimBandwidth, DatagramsLeaveOneAfterTheOtherAtTheRateOfTheLink) {
  // 972 bytes of payload are an IP packet of 1000: 8 ms at 1 Mbit/s.
  TwoHosts net({Bandwidth{1_Mbit}});
  net.a.send_train(net.b.address(), of_size(3 * 972), 972);
  net.settle();
  ASSERT_THAT(net.b.received, SizeIs(3));
  EXPECT_EQ(net.b.received[0].at, 8ms);
  EXPECT_EQ(net.b.received[1].at, 16ms);
  EXPECT_EQ(net.b.received[2].at, 24ms);
}

TEST(SimBandwidth, WhatWaitsWhenTheRateChangesLeavesAtTheNewOne) {
  Bandwidth bandwidth{1_Mbit};
  bandwidth.changes_at = 8ms;
  bandwidth.bits_per_second_then = 2_Mbit;
  TwoHosts net({bandwidth});
  net.a.send_train(net.b.address(), of_size(3 * 972), 972);
  net.settle();
  ASSERT_THAT(net.b.received, SizeIs(3));
  EXPECT_EQ(net.b.received[0].at, 8ms);
  EXPECT_EQ(net.b.received[1].at, 12ms);
  EXPECT_EQ(net.b.received[2].at, 16ms);
  EXPECT_EQ(net.route.there().link(0).stats().waited, 8ms + 12ms);
}

TEST(SimBandwidth, WhatFillsTheQueueExactlyPassesAndOneByteMoreIsDropped) {
  TwoHosts fits({Bandwidth{1_Mbit, 3000}});
  fits.a.send_train(fits.b.address(), of_size(3 * 972), 972);
  fits.settle();
  EXPECT_THAT(fits.b.received, SizeIs(3));
  EXPECT_EQ(fits.route.there().link(0).stats().longest_queue, 3000u);

  TwoHosts full({Bandwidth{1_Mbit, 2999}});
  full.a.send_train(full.b.address(), of_size(3 * 972), 972);
  full.settle();
  EXPECT_THAT(full.b.received, SizeIs(2));
  EXPECT_EQ(full.route.there().link(0).stats().dropped, 1u);
}

TEST(SimBandwidth, AQueueAboveItsThresholdMarksEcnCapableDatagramsOnly) {
  TwoHosts net({Bandwidth{1_Mbit, 64_KiB, 1999}});
  net.a.send_train(net.b.address(), of_size(3 * 972), 972, io::Ecn::ect0);
  net.settle();
  ASSERT_THAT(net.b.received, SizeIs(3));
  EXPECT_EQ(net.b.received[1].ecn, io::Ecn::ect0);  // found 1000 bytes waiting
  EXPECT_EQ(net.b.received[2].ecn, io::Ecn::ce);    // found 2000

  TwoHosts plain({Bandwidth{1_Mbit, 64_KiB, 1999}});
  plain.a.send_train(plain.b.address(), of_size(3 * 972), 972, io::Ecn::not_ect);
  plain.settle();
  EXPECT_EQ(plain.b.received.at(2).ecn, io::Ecn::not_ect);
}

TEST(SimLoss, LosesItsShareOfTheDatagrams) {
  TwoHosts net({Loss{0.1}});
  net.send_numbered(5000);
  net.settle();
  const LinkStats& stats = net.route.there().link(0).stats();
  EXPECT_EQ(stats.datagrams, 5000u);
  EXPECT_GT(stats.dropped, 350u);  // 500 expected; 7 standard deviations are 150
  EXPECT_LT(stats.dropped, 650u);
  EXPECT_EQ(net.b.received.size(), 5000 - stats.dropped);
}

TEST(SimLoss, ZeroLosesNothingAndOneLosesAll) {
  TwoHosts none({Loss{0}});
  none.send_numbered(100);
  none.settle();
  EXPECT_THAT(none.b.received, SizeIs(100));

  TwoHosts all({Loss{1}});
  all.send_numbered(100);
  all.settle();
  EXPECT_THAT(all.b.received, IsEmpty());
}

TEST(SimBurstLoss, LosesSeveralInARow) {
  TwoHosts net({BurstLoss{0.01, 0.2}});
  net.send_numbered(5000);
  net.settle();
  std::set<std::string> arrived;
  for (const auto& payload : net.b.payloads()) arrived.insert(payload);
  int bursts = 0;
  bool lost_before = false;
  for (int i = 0; i < 5000; ++i) {
    const bool lost = !arrived.contains(numbered(i));
    if (lost && !lost_before) ++bursts;
    lost_before = lost;
  }
  const auto dropped = static_cast<double>(net.route.there().link(0).stats().dropped);
  ASSERT_GT(bursts, 0);
  EXPECT_GT(dropped / bursts, 2.5);  // 1 / 0.2 = 5 expected
  EXPECT_LT(dropped / bursts, 10);
}

TEST(SimReorder, LaterDatagramsOvertakeTheOnesHeldBack) {
  TwoHosts net({Reorder{0.2, 5ms}, Delay{1ms}});
  for (int i = 0; i < 200; ++i) {
    net.a.send(net.b.address(), numbered(i));
    EXPECT_EQ(net.world.run_for(100us), Outcome::timed_out);
  }
  net.settle();
  auto payloads = net.b.payloads();
  ASSERT_THAT(payloads, SizeIs(200));
  EXPECT_FALSE(std::is_sorted(payloads.begin(), payloads.end()));
  std::sort(payloads.begin(), payloads.end());
  EXPECT_EQ(std::unique(payloads.begin(), payloads.end()), payloads.end());
}

TEST(SimDuplicate, EveryDatagramArrivesTwice) {
  TwoHosts net({Duplicate{1, 3ms}, Delay{1ms}});
  net.a.send(net.b.address(), "twice");
  net.settle();
  ASSERT_THAT(net.b.payloads(), ElementsAre("twice", "twice"));
  EXPECT_EQ(net.b.received[0].at, 1ms);
  EXPECT_LE(net.b.received[1].at, 4ms);
  EXPECT_EQ(net.route.there().link(0).stats().duplicated, 1u);
}

TEST(SimCorrupt, ChangesExactlyOneBit) {
  TwoHosts net({Corrupt{1}});
  net.a.send(net.b.address(), "payload");
  net.settle();
  ASSERT_THAT(net.b.received, SizeIs(1));
  const std::string& got = net.b.received[0].payload;
  int changed = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    changed += std::popcount(static_cast<unsigned char>(got[i] ^ "payload"[i]));
  }
  EXPECT_EQ(changed, 1);
}

TEST(SimMtu, TheLargestIpPacketThatFitsPassesAndOneByteMoreVanishes) {
  TwoHosts net({Mtu{1400}});
  net.a.send(net.b.address(), of_size(1372));
  net.a.send(net.b.address(), of_size(1373));
  net.settle();
  ASSERT_THAT(net.b.received, SizeIs(1));
  EXPECT_EQ(net.b.received[0].payload.size(), 1372u);
}

TEST(SimMtu, CountsTheLongerHeaderOfIpv6) {
  World world(this_test());
  Host& first = world.add_host("a");
  Host& second = world.add_host("b");
  world.connect(first, second, {Mtu{1400}});
  Peer a(world, first, any_port(Family::ipv6));
  Peer b(world, second, bound_to(Address::any(Family::ipv6, 443)));
  a.send(second.address_with_port(443, Family::ipv6), of_size(1352));
  a.send(second.address_with_port(443, Family::ipv6), of_size(1353));
  EXPECT_EQ(world.run_until_quiet(), Outcome::quiet) << world.report();
  ASSERT_THAT(b.received, SizeIs(1));
  EXPECT_EQ(b.received[0].payload.size(), 1352u);
}

TEST(SimEcn, MarkingTurnsCapableDatagramsIntoCeAndLeavesOthersAlone) {
  TwoHosts net({EcnMark{1}});
  net.a.send(net.b.address(), "0", io::Ecn::not_ect);
  net.a.send(net.b.address(), "1", io::Ecn::ect0);
  net.a.send(net.b.address(), "2", io::Ecn::ect1);
  net.settle();
  ASSERT_THAT(net.b.received, SizeIs(3));
  EXPECT_EQ(net.b.received[0].ecn, io::Ecn::not_ect);
  EXPECT_EQ(net.b.received[1].ecn, io::Ecn::ce);
  EXPECT_EQ(net.b.received[2].ecn, io::Ecn::ce);
  EXPECT_EQ(net.route.there().link(0).stats().changed, 2u);
}

TEST(SimEcn, BleachingClearsEveryMark) {
  TwoHosts net({EcnBleach{}});
  net.a.send(net.b.address(), "0", io::Ecn::ect0);
  net.a.send(net.b.address(), "1", io::Ecn::ce);
  net.settle();
  ASSERT_THAT(net.b.received, SizeIs(2));
  EXPECT_EQ(net.b.received[0].ecn, io::Ecn::not_ect);
  EXPECT_EQ(net.b.received[1].ecn, io::Ecn::not_ect);
}

TEST(SimBlackHole, SwallowsFromItsBeginningUntilItsEnd) {
  TwoHosts net({BlackHole{10ms, 20ms}});
  for (const Duration when : {9'999'999ns, 10'000'000ns, 19'999'999ns, 20'000'000ns}) {
    net.world.at(when, [&net, when] { net.a.send(net.b.address(), std::to_string(when.count())); });
  }
  net.settle();
  EXPECT_THAT(net.b.payloads(), ElementsAre("9999999", "20000000"));
}

TEST(SimBlackHole, OfACertainSizeSwallowsOnlyWhatIsLarger) {
  TwoHosts net({BlackHole{.above = 1200}});
  net.a.send(net.b.address(), of_size(1200));
  net.a.send(net.b.address(), of_size(1201));
  net.settle();
  ASSERT_THAT(net.b.received, SizeIs(1));
  EXPECT_EQ(net.b.received[0].payload.size(), 1200u);
}

TEST(SimDrop, TakesTheDatagramsItIsToldTo) {
  TwoHosts net({drop_these({0, 2})});
  net.send_numbered(4);
  net.settle();
  EXPECT_THAT(net.b.payloads(), ElementsAre("0001", "0003"));
}

TEST(SimDrop, CountsEachDirectionByItself) {
  TwoHosts net({drop_these({0})});
  net.send_numbered(2);
  net.b.send(net.a.address(), "lost");
  net.b.send(net.a.address(), "kept");
  net.settle();
  EXPECT_THAT(net.b.payloads(), ElementsAre("0001"));
  EXPECT_THAT(net.a.payloads(), ElementsAre("kept"));
}

TEST(SimRewrite, ChangesWhatTheTestWants) {
  TwoHosts net({Rewrite{[](Datagram& datagram, std::uint64_t index) {
    if (index == 1) datagram.payload[0] = std::byte{'J'};
  }}});
  net.a.send(net.b.address(), "hello");
  net.a.send(net.b.address(), "hello");
  net.settle();
  EXPECT_THAT(net.b.payloads(), ElementsAre("hello", "Jello"));
  EXPECT_EQ(net.route.there().link(0).stats().changed, 1u);
}

TEST(SimPath, IsPassedInOrderThereAndInReverseOnTheWayBack) {
  // 972 bytes take 8 ms through the bottleneck; the black hole begins at 5 ms.
  TwoHosts net({BlackHole{5ms}, Bandwidth{1_Mbit}});
  net.a.send(net.b.address(), of_size(972));
  net.b.send(net.a.address(), of_size(972));
  net.settle();
  EXPECT_THAT(net.b.received, SizeIs(1));  // was past the hole before it opened
  EXPECT_THAT(net.a.received, IsEmpty());  // came to it at 8 ms
}

TEST(SimPath, EachDirectionCanHaveItsOwn) {
  World world(this_test());
  Host& first = world.add_host("a");
  Host& second = world.add_host("b");
  world.connect(first, second, {Delay{10ms}}, {Delay{30ms}});
  Peer a(world, first, any_port());
  Peer b(world, second, bound_to(Address::any(Family::ipv4, 443)));
  a.send(b.address(), "there");
  b.send(a.address(), "back");
  EXPECT_EQ(world.run_until_quiet(), Outcome::quiet) << world.report();
  EXPECT_EQ(b.received.at(0).at, 10ms);
  EXPECT_EQ(a.received.at(0).at, 30ms);
}

TEST(SimPath, WhatIsUnderWayWhenThePathIsReplacedArrivesByTheOldOne) {
  TwoHosts net({Delay{10ms}, Delay{10ms}});
  net.a.send(net.b.address(), "old");
  net.world.at(15ms, [&net] { net.route.replace({Loss{1}}); });
  net.world.at(16ms, [&net] { net.a.send(net.b.address(), "new"); });
  net.settle();
  ASSERT_THAT(net.b.payloads(), ElementsAre("old"));
  EXPECT_EQ(net.b.received[0].at, 20ms);
}

}  // namespace
}  // namespace quicore::sim
