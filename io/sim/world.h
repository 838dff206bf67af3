// SPDX-License-Identifier: Apache-2.0
//
// World: hosts, the network between them and the clock, all from one seed.
//
//   World world;
//   Host& client = world.add_host("client");
//   Host& server = world.add_host("server");
//   world.connect(client, server, {Delay{10ms}, Loss{0.1}, Bandwidth{10_Mbit, 64_KiB}});
//   auto port = world.add_port(client);
//   world.drive(*port, [&](Instant now) { shard.turn(); });  // calls port->wait() once
//   EXPECT_EQ(world.run_until([&] { return done; }), Outcome::reached) << world.report();
//
// Time stands still while code runs: the clock jumps to the next arrival, deadline or wake-up when
// no node has anything left to do. The same seed gives the same run, byte for byte.
//
// Always checked: trains the kernel would refuse, conservation of datagrams, endless turns in one
// instant; on demand the amplification limit. A violation ends the run with Outcome::violated and,
// if the test does not take_violations(), the program in ~World.
//
// One thread. Hosts, routes and ports must not outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "io/sim/checkers.h"
#include "io/sim/host.h"
#include "io/sim/links.h"
#include "io/sim/random.h"
#include "io/sim/replay.h"
#include "io/sim/route.h"
#include "io/sim/sim_port.h"
#include "io/sim/timeline.h"
#include "io/sim/trace.h"

namespace quicore::sim {

struct WorldOptions {
  std::uint64_t seed = seed_from_environment();
  std::string test;  // what --gtest_filter must say to run this again
  Gro gro = Gro::random;
  // Nodes that are ready in one instant take their turns in a seeded order, not in that of drive().
  bool shuffle_turns = true;
  bool keep_whole_trace = false;
};

enum class Outcome : std::uint8_t {
  reached,     // the condition holds
  quiet,       // nothing moved for as long as asked
  timed_out,   // the limit of virtual time came first
  deadlocked,  // nothing will ever happen again: no datagram, deadline or action is pending
  livelocked,  // nodes kept turning without time moving
  violated,    // a checker objects
};
const char* to_string(Outcome outcome) noexcept;
std::ostream& operator<<(std::ostream& out, Outcome outcome);

class World {
 public:
  using Turn = std::move_only_function<void(Instant now)>;
  using Condition = std::function<bool()>;

  static constexpr Duration kDefaultLimit = std::chrono::minutes(5);
  static constexpr Duration kDefaultSilence = std::chrono::seconds(1);

  explicit World(WorldOptions options = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // --- building ---
  // With one IPv4 (10.0.x.y) and one IPv6 (fd00::n) address.
  Host& add_host(std::string name);
  // One more address, as of a second interface.
  Address add_address(Host& host, Family family = Family::ipv4);
  // The same links, each direction with its own state; the way back passes them in reverse. A
  // Rebind belongs to the first host.
  Route& connect(const End& first, const End& second, const Path& both);
  Route& connect(const End& first, const End& second, const Path& there, const Path& back);
  std::unique_ptr<SimPort> add_port(Host& host, const PortOptions& options = {});
  // The node behind the port: `turn` must call wait() of this port exactly once, as a shard does.
  // Destroying the port ends it.
  void drive(SimPort& port, Turn turn);
  // At this time (since the start of the world), or now if that has passed.
  void at(Duration since_start, Timeline::Action action);
  // The NAT in front of the route's first host changes its mind now.
  void rebind(Route& route, NatChange change, bool keep_old = false);
  // A datagram from nowhere, delivered at once: what an attacker off the path can do.
  void inject(const Address& source, const Address& destination, std::span<const std::byte> payload,
              io::Ecn ecn = io::Ecn::not_ect);

  // --- running ---
  // Until the condition holds (asked after every turn and event), for at most `limit` more.
  Outcome run_until(const Condition& condition, Duration limit = kDefaultLimit);
  // For exactly this long; Outcome::timed_out is then what it returns.
  Outcome run_for(Duration duration);
  // Until nothing is on the way and no node wants a turn for `silence`.
  Outcome run_until_quiet(Duration silence = kDefaultSilence, Duration limit = kDefaultLimit);

  Instant now() const noexcept { return timeline_.now(); }
  Duration elapsed() const noexcept { return timeline_.elapsed(); }
  std::uint64_t seed() const noexcept { return options_.seed; }
  Random& random() noexcept { return random_; }
  // A seed of its own for something that makes its own random numbers.
  std::uint64_t new_seed() noexcept { return random_.next(); }

  // --- watching ---
  Trace& trace() noexcept { return trace_; }
  // Checks the amplification limit on everything this host sends from now on.
  void limit_amplification(Host& server,
                           AmplificationChecker::Validates validates = may_validate_address);
  void violated(std::string what);
  const std::vector<std::string>& violations() const noexcept { return violations_; }
  std::vector<std::string> take_violations();
  std::uint64_t in_flight() const noexcept;
  // What a failed test prints: the replay command, the outcome, the nodes, the links, the last
  // events.
  std::string report() const;

  // --- for SimPort ---
  void transmit(Host& from, DatagramPtr datagram);
  void forget(SimPort& port) noexcept;

 private:
  // Code outside of turns may have given a node something to do: one turn does it, and the wait of
  // the next one tells the deadline that comes of it.
  static constexpr int kTurnsAfterOutsideWork = 2;

  struct Node {
    SimPort* port;  // nullptr: forgotten, perhaps during its own turn
    Turn turn;
    std::uint64_t turns = 0;
    int turns_due = kTurnsAfterOutsideWork;
  };
  struct Owner {
    Host* host;
    // The host's own address behind this one: another than it for a NAT's public address.
    Address inside;
    bool is_public = false;
  };

  // Far more turns than any node needs in one instant.
  static constexpr std::uint64_t kMaxTurnsPerInstant = 100'000;

  struct Way {
    Route* route = nullptr;
    bool there = false;
  };

  void own(Host& host, const Address& address);
  Nat make_nat(const End& first, const Path& path);
  std::unique_ptr<Lane> make_lane(const Host& from, const Host& to, const Path& path,
                                  Lane::Arrive arrive);
  Way find_way(const Host& from, const Address& source, const Owner& to) const noexcept;
  void loop(Host& host, DatagramPtr datagram);
  Outcome run(const Condition& condition, Instant limit, Duration silence, bool may_deadlock);
  Outcome run_loop(const Condition& condition, Instant limit, Duration silence, bool may_deadlock);
  Node* pick_ready_node();
  Instant next_event() const noexcept;
  void check_conservation();

  const WorldOptions options_;
  Random random_;
  Timeline timeline_;
  Trace trace_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::unordered_map<Address, Owner, AddressHash> owners_;  // by IP address
  std::vector<std::unique_ptr<Route>> routes_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::size_t last_node_ = 0;  // in nodes_: whose turn was the last one
  std::uint32_t addresses_made_ = 0;
  std::uint32_t public_addresses_made_ = 0;
  std::uint64_t datagrams_made_ = 0;
  std::uint64_t looping_ = 0;  // datagrams between sockets of one host, on their way
  std::uint64_t turns_this_instant_ = 0;
  bool running_ = false;
  Outcome last_outcome_ = Outcome::quiet;
  std::vector<std::string> violations_;
};

}  // namespace quicore::sim
