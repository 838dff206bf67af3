// SPDX-License-Identifier: Apache-2.0
// The clock, the end of a run, repeatability and the checkers that are always on.
#include "io/sim/world.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include "tests/unit/io/sim/two_hosts.h"

namespace quicore::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Path kEverything = {Delay{5ms, 2ms},
                          Bandwidth{2_Mbit, 8_KiB},
                          Loss{0.1},
                          BurstLoss{0.01, 0.3},
                          Reorder{0.2, 4ms},
                          Duplicate{0.1, 3ms},
                          Corrupt{0.1},
                          Mtu{1400},
                          EcnMark{0.2},
                          Rebind{50ms},
                          Rebind{90ms, NatChange::both}};

// A world in which everything happens; the text of its whole trace.
struct Story {
  std::string text;
  std::uint64_t fingerprint;
};
Story tell(std::uint64_t seed, std::uint64_t noise_links = 0) {
  WorldOptions options = this_test(seed);
  options.keep_whole_trace = true;
  Path path = kEverything;
  for (std::uint64_t i = 0; i < noise_links; ++i) path.push_back(Delay{});
  TwoHosts net(path, options);
  for (int i = 0; i < 100; ++i) {
    net.world.at(std::chrono::milliseconds(i), [&net] {
      const std::size_t size = 100 + net.world.random().below(1500);
      net.a.send_train(net.b.address(), std::string(3 * size, 'x'),
                       static_cast<std::uint32_t>(size), io::Ecn::ect0);
      if (!net.b.received.empty()) net.b.send(net.b.received.back().remote, "answer");
    });
  }
  EXPECT_EQ(net.world.run_until_quiet(), Outcome::quiet) << net.world.report();
  return {net.world.trace().text(), net.world.trace().fingerprint()};
}

TEST(World, TheSameSeedTellsTheSameStoryByteForByte) {
  const Story one = tell(7);
  const Story again = tell(7);
  EXPECT_GT(one.text.size(), 10'000u);
  EXPECT_EQ(one.text, again.text);
  EXPECT_EQ(one.fingerprint, again.fingerprint);
}

TEST(World, AnotherSeedTellsAnotherStory) {
  EXPECT_NE(tell(7).text, tell(8).text);
  EXPECT_NE(tell(7).fingerprint, tell(8).fingerprint);
}

TEST(World, TimeJumpsToTheNextDeadlineOfANode) {
  World world(this_test());
  Host& host = world.add_host("host");
  Peer peer(world, host, any_port());
  peer.deadline = world.now() + 3h;
  EXPECT_EQ(world.run_until([&] { return world.now() >= peer.deadline; }, 4h), Outcome::reached);
  EXPECT_EQ(world.elapsed(), 3h);
  EXPECT_LT(peer.turns, 6);
}

TEST(World, ADeadlineThatComesOfWhatWasReceivedIsKept) {
  TwoHosts net({Delay{10ms}});
  net.b.on_received = [&net] { net.b.deadline = net.world.now() + 1s; };
  net.a.send(net.b.address(), "x");
  const Instant expected = net.world.now() + 10ms + 1s;
  EXPECT_EQ(net.world.run_until([&] { return net.world.now() >= expected; }), Outcome::reached);
  EXPECT_EQ(net.world.now(), expected);
}

TEST(World, ATurnSeesEverythingThatArrivedInOneInstant) {
  World world(this_test());
  Host& host = world.add_host("host");
  Peer peer(world, host, any_port());
  for (int i = 0; i < 3; ++i) {
    world.at(1s, [&] { world.inject(host.address_with_port(9), peer.address(), as_bytes("x")); });
  }
  EXPECT_EQ(world.run_until_quiet(5s), Outcome::quiet);
  ASSERT_THAT(peer.received, SizeIs(3));
  EXPECT_EQ(peer.turns, 4);  // two to begin with, the one with datagrams, the one after
}

TEST(World, ARunThatReachesItsConditionStopsAtOnce) {
  TwoHosts net({Delay{10ms}});
  net.a.send(net.b.address(), "x");
  EXPECT_EQ(net.world.run_until([&] { return !net.b.received.empty(); }), Outcome::reached);
  EXPECT_EQ(net.world.elapsed(), 10ms);
}

TEST(World, ARunThatDoesNotReachItsConditionTimesOutExactlyAtItsLimit) {
  TwoHosts net({Delay{10ms}});
  net.a.send(net.b.address(), "x");
  EXPECT_EQ(net.world.run_until([] { return false; }, 9ms), Outcome::timed_out);
  EXPECT_EQ(net.world.elapsed(), 9ms);
  EXPECT_THAT(net.b.received, IsEmpty());
  EXPECT_EQ(net.world.run_until([&] { return !net.b.received.empty(); }, 1ms), Outcome::reached);
}

TEST(World, AWorldInWhichNothingCanHappenAnyMoreWouldHaveDeadlocked) {
  TwoHosts net({Delay{10ms}, Loss{1}});
  net.a.send(net.b.address(), "lost");
  EXPECT_EQ(net.world.run_until([&] { return !net.b.received.empty(); }), Outcome::deadlocked);
  EXPECT_THAT(net.world.report(), HasSubstr("would have deadlocked"));
  EXPECT_THAT(net.world.report(), HasSubstr("dropped #1"));
}

TEST(World, NodesThatTurnWithoutEndInOneInstantAreCaught) {
  World world(this_test());
  Host& host = world.add_host("host");
  Peer peer(world, host, any_port());
  peer.deadline = world.now();  // always due
  EXPECT_EQ(world.run_until([] { return false; }), Outcome::livelocked);
}

TEST(World, IsQuietWhenNothingIsOnTheWayAndNoDeadlineIsNear) {
  TwoHosts net({Delay{3s}});
  net.a.send(net.b.address(), "x");
  net.b.deadline = net.world.now() + 20s;
  EXPECT_EQ(net.world.run_until_quiet(1s), Outcome::quiet);
  EXPECT_THAT(net.b.received, SizeIs(1));
  EXPECT_EQ(net.world.elapsed(), 3s);
  EXPECT_EQ(net.world.run_until_quiet(30s, 10s), Outcome::timed_out);
}

TEST(World, RunsActionsAtTheirTime) {
  World world(this_test());
  std::vector<Duration> times;
  for (const Duration when : {3s, 1s, 2s}) {
    world.at(when, [&] { times.push_back(world.elapsed()); });
  }
  EXPECT_EQ(world.run_for(2s), Outcome::timed_out);
  EXPECT_THAT(times, ElementsAre(1s, 2s));
  EXPECT_EQ(world.run_for(2s), Outcome::timed_out);
  EXPECT_THAT(times, ElementsAre(1s, 2s, 3s));
}

TEST(World, APortMayBeDestroyedDuringItsOwnTurn) {
  World world(this_test());
  Host& host = world.add_host("host");
  auto port = world.add_port(host);
  bool turned = false;
  world.drive(*port, [&](Instant) {
    port->wait(kNever);
    port.reset();
    turned = true;
  });
  EXPECT_EQ(world.run_until([&] { return turned; }), Outcome::reached);
  EXPECT_EQ(world.run_until_quiet(), Outcome::quiet);
}

TEST(World, HostsWithoutARouteCannotReachEachOther) {
  World world(this_test());
  Host& first = world.add_host("a");
  Host& second = world.add_host("b");
  Peer a(world, first, any_port());
  Peer b(world, second, any_port());
  a.send(b.address(), "x");
  a.send(*Address::parse("192.0.2.1", 443), "y");
  EXPECT_EQ(world.run_until_quiet(), Outcome::quiet);
  EXPECT_THAT(b.received, IsEmpty());
  EXPECT_EQ(world.trace().count(What::dropped), 2u);
}

TEST(World, ARouteBetweenAddressesGoesBeforeOneBetweenHosts) {
  World world(this_test());
  Host& first = world.add_host("a");
  Host& second = world.add_host("b");
  const Address mobile = world.add_address(first);
  world.connect(first, second, {Delay{10ms}});
  world.connect(End(first, mobile), second, {Delay{70ms}});
  Peer a(world, first, any_port());
  Peer b(world, second, bound_to(Address::any(Family::ipv4, 443)));
  a.send(b.address(), "Wi-Fi");
  a.send_train(b.address(), "mobile", 6, {}, mobile);
  EXPECT_EQ(world.run_until_quiet(), Outcome::quiet);
  ASSERT_THAT(b.payloads(), ElementsAre("Wi-Fi", "mobile"));
  EXPECT_EQ(b.received[0].at, 10ms);
  EXPECT_EQ(b.received[1].at, 70ms);
  b.send(b.received[1].remote, "back");
  EXPECT_EQ(world.run_until_quiet(), Outcome::quiet);
  EXPECT_EQ(a.received.at(0).at, 140ms);
}

TEST(World, CountsEveryDatagramWhereverItIs) {
  TwoHosts net(kEverything);
  net.a.send_train(net.b.address(), std::string(30'000, 'x'), 1000);
  for (int i = 0; i < 20; ++i) {
    // The conservation checker runs at the end of every run; stop in the middle of everything.
    ASSERT_EQ(net.world.run_for(2ms), Outcome::timed_out) << net.world.report();
  }
  net.settle();
  EXPECT_EQ(net.world.in_flight(), 0u);
  const Trace& trace = net.world.trace();
  EXPECT_EQ(trace.count(What::sent) + trace.count(What::duplicated),
            trace.count(What::dropped) + trace.count(What::received));
}

TEST(World, TheReportHoldsTheCommandThatRepeatsTheRun) {
  World world(this_test(4711));
  const std::string report = world.report();
  EXPECT_THAT(report, HasSubstr("QUICORE_SEED=4711 "));
  EXPECT_THAT(report,
              HasSubstr("--gtest_filter='World.TheReportHoldsTheCommandThatRepeatsTheRun'"));
}

TEST(WorldDeathTest, AViolationNobodyTookEndsTheProgram) {
  EXPECT_DEATH(
      {
        World world(this_test());
        world.violated("the sky is falling");
      },
      "the sky is falling");
}

TEST(World, TheTimeOfTheWorldIsFarFromZero) {
  EXPECT_GT(World(this_test()).now() - Instant(), 24h);
}

TEST(Replay, SeedsComeFromTheEnvironmentOrCountFromTheFirst) {
  const char* before = std::getenv("QUICORE_SEED");
  const std::string saved = before != nullptr ? before : "";
  unsetenv("QUICORE_SEED");
  EXPECT_EQ(seed_from_environment(5), 5u);
  EXPECT_THAT(seeds_from_environment(3, 3), ElementsAre(3, 4, 5));
  setenv("QUICORE_SEED", "0x10", 1);
  EXPECT_EQ(seed_from_environment(5), 16u);
  EXPECT_THAT(seeds_from_environment(3, 3), ElementsAre(16));
  setenv("QUICORE_SEED", "12 monkeys", 1);
  EXPECT_DEATH(seed_from_environment(), "not a number");
  if (before != nullptr) {
    setenv("QUICORE_SEED", saved.c_str(), 1);
  } else {
    unsetenv("QUICORE_SEED");
  }
}

TEST(Trace, KeepsItsLastEventsAndTellsAllOfThemToObservers) {
  TwoHosts net({Loss{1}});
  int seen = 0;
  net.world.trace().observe([&seen](const Sight& sight) {
    if (sight.what == What::dropped) {
      ++seen;
      EXPECT_STREQ(sight.reason, "loss");
    }
  });
  net.send_numbered(100);
  EXPECT_EQ(seen, 100);
  const std::string text = net.world.trace().text();
  EXPECT_THAT(text, HasSubstr("dropped #100 "));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("dropped #1 ")));
}

TEST(Trace, WritesWhatWasSentAsPcap) {
  const std::string path = ::testing::TempDir() + "quicore_sim_test.pcap";
  setenv("QUICORE_SIM_PCAP", path.c_str(), 1);
  {
    TwoHosts net({Delay{1ms}});
    unsetenv("QUICORE_SIM_PCAP");
    net.a.send(net.b.address(), "payload", io::Ecn::ect0);
    net.settle();
  }
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  ASSERT_EQ(bytes.size(), 24u + 16u + 28u + 7u);
  EXPECT_EQ(bytes.substr(0, 4), "\x4d\x3c\xb2\xa1");
  EXPECT_EQ(bytes[40], 0x45);
  EXPECT_EQ(bytes[41], 2);   // ECT(0)
  EXPECT_EQ(bytes[43], 35);  // length of the IP packet
  EXPECT_EQ(bytes.substr(68), "payload");
  std::remove(path.c_str());
}

}  // namespace
}  // namespace quicore::sim
