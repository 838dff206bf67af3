// SPDX-License-Identifier: Apache-2.0
// SimPort keeps the promises of io/port.h.
#include <errno.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/unit/io/sim/two_hosts.h"

namespace quicore::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

WorldOptions with_gro(Gro gro) {
  WorldOptions options = this_test();
  options.gro = gro;
  return options;
}

TEST(SimPort, ATrainIsSplitIntoItsDatagramsTheLastMayBeShorter) {
  TwoHosts net({Delay{1ms}}, with_gro(Gro::off));
  net.a.send_train(net.b.address(), "aaabbbcc", 3, io::Ecn::ect0);
  net.settle();
  EXPECT_THAT(net.b.payloads(), ElementsAre("aaa", "bbb", "cc"));
  EXPECT_EQ(net.b.received[2].ecn, io::Ecn::ect0);
  EXPECT_EQ(net.b.received[2].train, 2u);
  EXPECT_EQ(net.a.port->stats().trains_sent, 1u);
  EXPECT_EQ(net.a.port->stats().datagrams_sent, 3u);
  EXPECT_EQ(net.a.port->stats().bytes_sent, 8u);
  EXPECT_EQ(net.b.port->stats().trains_received, 3u);
}

TEST(SimPort, DatagramsOfOneFlowAndSizeAreJoinedUntilAShorterOneEndsTheTrain) {
  TwoHosts net({Delay{1ms}}, with_gro(Gro::full));
  net.a.send_train(net.b.address(), "aaabbbcc", 3);
  net.a.send_train(net.b.address(), "dddee", 3);
  net.settle();
  ASSERT_THAT(net.b.payloads(), ElementsAre("aaa", "bbb", "cc", "ddd", "ee"));
  EXPECT_EQ(net.b.received[2].train, 0u);
  EXPECT_EQ(net.b.received[3].train, 1u);
  EXPECT_EQ(net.b.port->stats().trains_received, 2u);
  EXPECT_EQ(net.b.port->stats().datagrams_received, 5u);
}

TEST(SimPort, DatagramsThatDifferInEcnSizeOrFlowAreNotJoined) {
  TwoHosts net({Delay{1ms}}, with_gro(Gro::full));
  Peer other(net.world, net.first, any_port());
  net.a.send(net.b.address(), "aaa", io::Ecn::ect0);
  net.a.send(net.b.address(), "bbb", io::Ecn::ce);
  net.a.send(net.b.address(), "longer", io::Ecn::ce);
  other.send(net.b.address(), "ccc", io::Ecn::ce);
  net.settle();
  ASSERT_THAT(net.b.received, SizeIs(4));
  EXPECT_EQ(net.b.port->stats().trains_received, 4u);
}

TEST(SimPort, ATrainHoldsAtMost64Datagrams) {
  TwoHosts net({Delay{1ms}}, with_gro(Gro::full));
  net.a.send_train(net.b.address(), std::string(64, 'x'), 1);
  net.a.send_train(net.b.address(), std::string(1, 'y'), 1);
  net.settle();
  ASSERT_THAT(net.b.received, SizeIs(65));
  EXPECT_EQ(net.b.received[63].train, 0u);
  EXPECT_EQ(net.b.received[64].train, 1u);
}

TEST(SimPort, ATrainHoldsAtMost65507Bytes) {
  TwoHosts net({Delay{1ms}}, with_gro(Gro::full));
  for (int i = 0; i < 8; ++i) net.a.send(net.b.address(), std::string(8192, 'x'));
  net.settle();
  ASSERT_THAT(net.b.received, SizeIs(8));
  EXPECT_EQ(net.b.received[6].train, 0u);  // 57,344 bytes
  EXPECT_EQ(net.b.received[7].train, 1u);  // would have been 65,536
}

TEST(SimPort, RandomJoiningJoinsSomeAndKeepsEveryByteInOrder) {
  TwoHosts net({Delay{1ms}}, with_gro(Gro::random));
  std::string bytes;
  for (int i = 0; i < 60; ++i) bytes += static_cast<char>('0' + i);
  net.a.send_train(net.b.address(), bytes, 1);
  net.settle();
  std::string got;
  for (const auto& payload : net.b.payloads()) got += payload;
  EXPECT_EQ(got, bytes);
  EXPECT_GT(net.b.port->stats().trains_received, 1u);
  EXPECT_LT(net.b.port->stats().trains_received, 60u);
}

TEST(SimPort, ASocketWithoutGroGetsEveryDatagramAlone) {
  World world(with_gro(Gro::full));
  Host& host = world.add_host("host");
  io::SocketOptions options = any_port();
  options.gro = false;
  Peer a(world, host, any_port());
  Peer b(world, host, options);
  a.send_train(b.address(), "aaabbb", 3);
  EXPECT_EQ(world.run_until_quiet(), Outcome::quiet);
  EXPECT_EQ(b.port->stats().trains_received, 2u);
}

TEST(SimPort, ASocketWithoutEcnNeitherSendsNorSeesMarks) {
  World world(this_test());
  Host& host = world.add_host("host");
  io::SocketOptions options = any_port();
  options.ecn = false;
  Peer with(world, host, any_port());
  Peer without(world, host, options);
  with.send(without.address(), "x", io::Ecn::ect0);
  without.send(with.address(), "y", io::Ecn::ect0);
  EXPECT_EQ(world.run_until_quiet(), Outcome::quiet);
  EXPECT_EQ(without.received.at(0).ecn, io::Ecn::not_ect);
  EXPECT_EQ(with.received.at(0).ecn, io::Ecn::not_ect);
}

TEST(SimPort, WaitSubmitsWhatWasQueuedNotSend) {
  TwoHosts net({Delay{1ms}});
  net.settle();
  net.a.send(net.b.address(), "x");
  EXPECT_EQ(net.world.trace().count(What::sent), 0u);
  net.a.port->wait(kNever);
  EXPECT_EQ(net.world.trace().count(What::sent), 1u);
}

TEST(SimPort, ReceivedBytesLiveUntilTheNextWait) {
  World world(this_test());
  Host& host = world.add_host("host");
  auto port = world.add_port(host);
  const auto socket = port->open(any_port());
  ASSERT_TRUE(socket.has_value());
  const std::string text = "payload";
  world.inject(host.address_with_port(99),
               host.address_with_port(port->local_address(*socket).port()), as_bytes(text));
  EXPECT_EQ(world.run_for(1ms), Outcome::timed_out);
  port->wait(kNever);
  ASSERT_THAT(port->received(), SizeIs(1));
  EXPECT_EQ(as_text(port->received()[0].bytes), text);
  EXPECT_EQ(port->received()[0].local, host.address_with_port(port->local_address(*socket).port()));
  port->wait(kNever);
  EXPECT_THAT(port->received(), IsEmpty());
}

TEST(SimPort, LeaseFailsWhenEverySlotIsTakenUntilTheNextWait) {
  World world(this_test());
  Host& host = world.add_host("host");
  auto port = world.add_port(host, {.slots = 2});
  const auto socket = port->open(any_port());
  ASSERT_TRUE(socket.has_value());
  io::SendSlot* first = port->lease();
  io::SendSlot* second = port->lease();
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first->bytes) % 64, 0u);
  EXPECT_EQ(port->lease(), nullptr);
  port->give_back(second);
  second = port->lease();
  ASSERT_NE(second, nullptr);
  for (io::SendSlot* slot : {first, second}) {
    slot->bytes[0] = std::byte{1};
    slot->size = slot->segment_size = 1;
    slot->socket = *socket;
    slot->remote = host.address_with_port(9);
    port->send(slot);
  }
  EXPECT_EQ(port->lease(), nullptr);
  port->wait(kNever);
  EXPECT_NE(port->lease(), nullptr);
  EXPECT_EQ(world.run_until_quiet(), Outcome::quiet);
}

TEST(SimPort, ATurnHandsOutABoundedNumberOfTrainsAndTheNextTheRest) {
  World world(with_gro(Gro::off));
  Host& host = world.add_host("host");
  Peer a(world, host, any_port());
  Peer b(world, host, any_port(), {.trains_per_wait = 2});
  a.send_train(b.address(), "abcde", 1);
  EXPECT_EQ(world.run_until_quiet(), Outcome::quiet);
  EXPECT_THAT(b.payloads(), ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_GE(b.turns, 3);
}

TEST(SimPort, ADatagramLargerThanTheInterfaceIsRefusedWhenItIsSent) {
  TwoHosts net({Delay{1ms}});
  net.first.set_mtu(1500);
  net.a.send(net.b.address(), std::string(1472, 'x'));
  net.a.send(net.b.address(), std::string(1473, 'x'));
  net.settle();
  EXPECT_THAT(net.b.received, SizeIs(1));
  EXPECT_EQ(net.a.port->stats().send_errors, 1u);
  EXPECT_EQ(net.world.trace().count(What::refused), 1u);
}

TEST(SimPort, ATrainTheKernelWouldRefuseIsAViolation) {
  TwoHosts net({Delay{1ms}});
  const auto send = [&net](std::uint32_t bytes, std::uint32_t segment) {
    net.a.send_train(net.b.address(), std::string(bytes, 'x'), segment);
    const Outcome outcome = net.world.run_until_quiet();
    EXPECT_EQ(net.world.take_violations().empty(), outcome == Outcome::quiet);
    return outcome;
  };
  EXPECT_EQ(send(64, 1), Outcome::quiet);
  EXPECT_EQ(send(65, 1), Outcome::violated);
  EXPECT_EQ(send(kLargestPayload, kLargestPayload), Outcome::quiet);
  EXPECT_EQ(send(kLargestPayload + 1, kLargestPayload + 1), Outcome::violated);
  EXPECT_EQ(send(io::kMaxTrainSize, 1200), Outcome::quiet);
  EXPECT_EQ(send(io::kMaxTrainSize + 1, 1200), Outcome::violated);
}

TEST(SimPort, AFullReceiveBufferDropsAndCountsNothingLost) {
  TwoHosts net({Delay{1ms}});
  io::SocketOptions options = any_port();
  options.receive_buffer = 10;
  Peer small(net.world, net.second, options);
  net.a.send_train(small.address(), "aaaaabbbbbc", 5);
  net.settle();
  EXPECT_THAT(small.payloads(), ElementsAre("aaaaa", "bbbbb"));
  EXPECT_EQ(net.world.trace().count(What::dropped), 1u);
}

TEST(SimPort, CloseSendsWhatIsQueuedFirstAndFreesThePort) {
  TwoHosts net({Delay{1ms}});
  net.a.send(net.b.address(), "last words");
  const Address before = net.a.address();
  net.a.port->close(net.a.socket);
  net.settle();
  EXPECT_THAT(net.b.payloads(), ElementsAre("last words"));
  EXPECT_TRUE(net.a.port->local_address(net.a.socket).empty());
  EXPECT_FALSE(net.a.port->socket_option(net.a.socket, SOL_SOCKET, SO_RCVBUF).has_value());
  EXPECT_TRUE(net.a.port->open(bound_to(before)).has_value());
}

TEST(SimPort, ADatagramForAClosedSocketIsDropped) {
  TwoHosts net({Delay{1ms}});
  net.b.port->close(net.b.socket);
  net.settle();
  net.a.send(net.first.address_with_port(1), "nobody listens");
  net.a.send(net.second.address_with_port(443), "nobody listens any more");
  net.settle();
  EXPECT_EQ(net.world.trace().count(What::dropped), 2u);
}

TEST(SimPort, AnswersFromTheAddressTheDatagramCameTo) {
  TwoHosts net({Delay{1ms}});
  const Address second = net.world.add_address(net.second);
  Address to = second;
  to.set_port(443);
  net.a.send(to, "hello");
  net.settle();
  ASSERT_THAT(net.b.received, SizeIs(1));
  EXPECT_EQ(net.b.received[0].local, to);
  net.b.send_train(net.a.address(), "chosen", 6, {}, net.b.received[0].local);
  net.b.send(net.a.address(), "left to the host");
  net.settle();
  ASSERT_THAT(net.a.received, SizeIs(2));
  EXPECT_EQ(net.a.received[0].remote, to);
  EXPECT_EQ(net.a.received[1].remote, net.b.address());
}

TEST(SimPort, SendingFromAnAddressThatIsGoneIsRefused) {
  TwoHosts net({Delay{1ms}});
  const Address gone = net.first.address();
  net.first.remove_address(gone);
  net.a.send_train(net.b.address(), "x", 1, {}, gone);
  net.settle();
  EXPECT_EQ(net.a.port->stats().send_errors, 1u);
  EXPECT_THAT(net.b.received, IsEmpty());
}

TEST(SimPort, ASocketOfBothFamiliesSeesMappedIpv4AddressesAndCanAnswerThem) {
  World world(this_test());
  Host& first = world.add_host("a");
  Host& second = world.add_host("b");
  world.connect(first, second, {Delay{1ms}});
  Peer four(world, first, any_port());
  Peer six(world, first, any_port(Family::ipv6));
  Peer both(world, second, bound_to(Address::any(Family::ipv6, 443)));
  four.send(second.address_with_port(443), "four");
  EXPECT_EQ(world.run_until_quiet(), Outcome::quiet);
  six.send(second.address_with_port(443, Family::ipv6), "six");
  EXPECT_EQ(world.run_until_quiet(), Outcome::quiet);
  ASSERT_THAT(both.payloads(), ElementsAre("four", "six"));
  EXPECT_EQ(both.received[0].remote.family(), Family::ipv6);
  EXPECT_EQ(both.received[0].remote.unmapped(), four.address());
  EXPECT_EQ(both.received[0].local.unmapped(), second.address_with_port(443));
  both.send_train(both.received[0].remote, "back", 4, {}, both.received[0].local);
  EXPECT_EQ(world.run_until_quiet(), Outcome::quiet);
  EXPECT_THAT(four.payloads(), ElementsAre("back"));
}

TEST(SimPort, AnIpv6OnlySocketGetsNoIpv4AndLeavesThePortFreeForIt) {
  World world(this_test());
  Host& host = world.add_host("host");
  io::SocketOptions only = bound_to(Address::any(Family::ipv6, 443));
  only.ipv6_only = true;
  Peer six(world, host, only);
  Peer four(world, host, bound_to(Address::any(Family::ipv4, 443)));
  six.send(host.address_with_port(443), "refused");
  four.send(host.address_with_port(443), "four");
  EXPECT_EQ(world.run_until_quiet(), Outcome::quiet);
  EXPECT_EQ(six.port->stats().send_errors, 1u);
  EXPECT_THAT(four.payloads(), ElementsAre("four"));
  EXPECT_THAT(six.payloads(), IsEmpty());
  EXPECT_EQ(six.port->socket_option(six.socket, IPPROTO_IPV6, IPV6_V6ONLY), 1);
}

TEST(SimPort, OpenSaysWhatTheKernelWouldSay) {
  World world(this_test());
  Host& host = world.add_host("host");
  Host& other = world.add_host("other");
  auto port = world.add_port(host);
  const auto errno_of = [&port](const Address& address) {
    const auto result = port->open(bound_to(address));
    return result ? 0 : static_cast<int>(result.error().code);
  };
  EXPECT_EQ(errno_of(other.address_with_port(443)), EADDRNOTAVAIL);
  EXPECT_EQ(errno_of(host.address_with_port(443)), 0);
  EXPECT_EQ(errno_of(host.address_with_port(443)), EADDRINUSE);
  EXPECT_EQ(errno_of(Address::any(Family::ipv4, 443)), EADDRINUSE);
  EXPECT_EQ(errno_of(Address::any(Family::ipv6, 443)), EADDRINUSE);  // both families
  EXPECT_EQ(errno_of(Address::loopback(Family::ipv4, 443)), 0);
  EXPECT_EQ(port->open(io::SocketOptions{}).error().kind, Errc::invalid_argument);
}

TEST(SimPort, EphemeralPortsDiffer) {
  World world(this_test());
  Host& host = world.add_host("host");
  auto port = world.add_port(host);
  std::vector<std::uint16_t> ports;
  for (int i = 0; i < 200; ++i) {
    const auto socket = port->open(any_port());
    ASSERT_TRUE(socket.has_value());
    ports.push_back(port->local_address(*socket).port());
  }
  std::sort(ports.begin(), ports.end());
  EXPECT_EQ(std::unique(ports.begin(), ports.end()), ports.end());
  EXPECT_GE(ports.front(), 32768);
}

TEST(SimPort, TheSpecificSocketGoesBeforeTheOneForAnyAddress) {
  World world(this_test());
  Host& host = world.add_host("host");
  io::SocketOptions options = bound_to(host.address_with_port(443));
  options.reuse_port = true;
  Peer specific(world, host, options);
  options.bind_address = Address::any(Family::ipv4, 443);
  Peer any(world, host, options);
  Peer sender(world, host, any_port());
  sender.send(host.address_with_port(443), "specific");
  sender.send(Address::loopback(Family::ipv4, 443), "any");
  EXPECT_EQ(world.run_until_quiet(), Outcome::quiet);
  EXPECT_THAT(specific.payloads(), ElementsAre("specific"));
  EXPECT_THAT(any.payloads(), ElementsAre("any"));
}

TEST(SimPort, WakesAnotherNodeAndOutlivesItsPort) {
  World world(this_test());
  Host& host = world.add_host("host");
  auto sleeper = std::make_unique<Peer>(world, host, any_port());
  const auto waker = sleeper->port->waker();
  EXPECT_EQ(world.run_until_quiet(), Outcome::quiet);
  world.at(1s, [&] { waker->wake(); });
  int before = 0;
  world.at(1s - 1ns, [&] { before = sleeper->turns; });
  EXPECT_EQ(world.run_until([&] { return before > 0 && sleeper->turns > before; }),
            Outcome::reached);
  EXPECT_EQ(world.elapsed(), 1s);
  sleeper.reset();
  waker->wake();
}

TEST(SimPort, SegmentationAndOptionsReadBackAsTheyWereSet) {
  World world(this_test());
  Host& host = world.add_host("host");
  auto port = world.add_port(host);
  io::SocketOptions options = any_port();
  options.gso = false;
  options.receive_buffer = 4096;
  options.ttl = 7;
  const auto socket = port->open(options);
  ASSERT_TRUE(socket.has_value());
  EXPECT_FALSE(port->segmentation(*socket));
  EXPECT_EQ(port->socket_option(*socket, SOL_SOCKET, SO_RCVBUF), 4096);
  EXPECT_EQ(port->socket_option(*socket, IPPROTO_IP, IP_TTL), 7);
  EXPECT_EQ(port->socket_option(*socket, SOL_SOCKET, SO_DEBUG).error().kind, Errc::not_supported);
  EXPECT_STREQ(port->name(), "sim");
}

}  // namespace
}  // namespace quicore::sim
