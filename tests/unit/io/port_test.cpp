// SPDX-License-Identifier: Apache-2.0
//
// What every port of the kernel's must do, over real loopback sockets.
#include "io/port.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include <algorithm>
#include <thread>

#include "port_fixtures.h"

namespace quicore::io::test {
namespace {

using namespace std::chrono_literals;

INSTANTIATE_TEST_SUITE_P(OfTheKernel, PortTest, kEveryKind, name_of_kind);

INSTANTIATE_TEST_SUITE_P(OfTheKernel, PortPairTest, kEveryKind, name_of_kind);

TEST_P(PortPairTest, ADatagramArrivesWithItsAddresses) {
  send(*a, a_socket, b_address, "hello");
  a->wait(a->now());
  const auto got = receive(*b, 5);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].bytes, "hello");
  EXPECT_EQ(got[0].segment_size, 5u);
  EXPECT_EQ(got[0].socket, b_socket);
  EXPECT_EQ(got[0].ecn, Ecn::not_ect);
  EXPECT_EQ(got[0].remote, a_address);
  EXPECT_EQ(got[0].local, b_address);
}

TEST_P(PortPairTest, ATrainArrivesAsOneTrainWithItsSegmentSize) {
  const std::string bytes = pattern(40 * 1472 + 100);
  send(*a, a_socket, b_address, bytes, {.segment_size = 1472});
  a->wait(a->now());
  const auto got = receive(*b, bytes.size());
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].segment_size, 1472u);
  EXPECT_TRUE(got[0].bytes == bytes);
  EXPECT_EQ(a->stats().datagrams_sent, 41u);
  EXPECT_EQ(b->stats().datagrams_received, 41u);
  EXPECT_EQ(b->stats().trains_received, 1u);
  EXPECT_EQ(a->stats().gso_fallbacks, 0u);
}

TEST_P(PortPairTest, TheLargestTrainIsSentAndReceivedWhole) {
  const std::string bytes = pattern(kMaxTrainSize);
  send(*a, a_socket, b_address, bytes, {.segment_size = 1200});
  a->wait(a->now());
  const auto got = receive(*b, bytes.size());
  ASSERT_EQ(got.size(), 1u);
  EXPECT_TRUE(got[0].bytes == bytes);
}

TEST_P(PortPairTest, EveryEcnMarkArrivesAsItWasSent) {
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    open(family);
    for (const Ecn ecn : {Ecn::ect0, Ecn::ce, Ecn::not_ect, Ecn::ect1}) {
      send(*a, a_socket, b_address, pattern(3000), {.segment_size = 1500, .ecn = ecn});
      a->wait(a->now());
      const auto got = receive(*b, 3000);
      ASSERT_FALSE(got.empty());
      EXPECT_EQ(got[0].ecn, ecn);
    }
  }
}

TEST_P(PortPairTest, Ipv6CarriesTrainsAndAddressesToo) {
  open(Family::ipv6);
  const std::string bytes = pattern(20 * 1452);
  send(*a, a_socket, b_address, bytes, {.segment_size = 1452, .local = a_address});
  a->wait(a->now());
  const auto got = receive(*b, bytes.size());
  ASSERT_EQ(got.size(), 1u);
  EXPECT_TRUE(got[0].bytes == bytes);
  EXPECT_EQ(got[0].segment_size, 1452u);
  EXPECT_EQ(got[0].remote, a_address);
  EXPECT_EQ(got[0].local, b_address);
}

TEST_P(PortPairTest, ManyTrainsOfOneTurnAllArriveInOrder) {
  std::string expected;
  for (unsigned i = 0; i < 30; ++i) {
    const std::string bytes = pattern(10 * 1200 + i, i);
    send(*a, a_socket, b_address, bytes, {.segment_size = 1200});
    expected += bytes;
  }
  a->wait(a->now());
  EXPECT_TRUE(joined(receive(*b, expected.size())) == expected);
}

TEST_P(PortPairTest, TrainsStayAsTheyAreUntilTheNextWait) {
  send(*a, a_socket, b_address, pattern(5000, 1), {.segment_size = 1000});
  a->wait(a->now());
  while (b->received().empty()) b->wait(b->now() + 1s);
  const ReceivedTrain train = b->received().front();
  send(*a, a_socket, b_address, pattern(5000, 2), {.segment_size = 1000});
  a->wait(a->now());
  const std::string bytes(reinterpret_cast<const char*>(train.bytes.data()), train.bytes.size());
  EXPECT_TRUE(bytes == pattern(5000, 1));
  EXPECT_TRUE(joined(receive(*b, 5000)) == pattern(5000, 2));
}

TEST_P(PortTest, ADatagramToAnyAddressTellsWhichOneItWasSentTo) {
  auto port = make();
  SocketOptions options;
  options.bind_address = Address::any(Family::ipv4, 0);
  const SocketId socket = *port->open(options);
  const SocketId client = *port->open(on_loopback());
  const std::uint16_t number = port->local_address(socket).port();
  for (const char* ip : {"127.0.0.1", "127.0.0.5"}) {
    send(*port, client, *Address::parse(ip, number), "x");
    const auto got = receive(*port, 1);
    ASSERT_EQ(got.size(), 1u);
    EXPECT_EQ(got[0].local, *Address::parse(ip, number));
  }
}

TEST_P(PortTest, AnAnswerLeavesFromTheAddressAskedFor) {
  auto port = make();
  SocketOptions options;
  options.bind_address = Address::any(Family::ipv4, 0);
  const SocketId server = *port->open(options);
  const SocketId client = *port->open(on_loopback());
  const Address from = *Address::parse("127.0.0.7", port->local_address(server).port());
  send(*port, server, port->local_address(client), "answer", {.local = from});
  const auto got = receive(*port, 6);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].remote, from);
}

TEST_P(PortTest, ADualStackSocketServesIpv4AsMappedAddressesInBothDirections) {
  auto port = make();
  SocketOptions options;
  options.bind_address = Address::any(Family::ipv6, 0);
  const SocketId server = *port->open(options);
  const SocketId client = *port->open(on_loopback(Family::ipv4));
  const std::uint16_t number = port->local_address(server).port();

  const std::string bytes = pattern(8 * 1200);
  send(*port, client, Address::loopback(Family::ipv4, number), bytes,
       {.segment_size = 1200, .ecn = Ecn::ect0});
  auto got = receive(*port, bytes.size());
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].local, *Address::parse("::ffff:127.0.0.1", number));
  EXPECT_EQ(got[0].remote.unmapped(), port->local_address(client));
  EXPECT_EQ(got[0].ecn, Ecn::ect0);
  EXPECT_EQ(got[0].segment_size, 1200u);

  const Address to = got[0].remote;
  const Address from = *Address::parse("::ffff:127.0.0.9", number);
  send(*port, server, to, bytes, {.segment_size = 1200, .ecn = Ecn::ce, .local = from});
  got = receive(*port, bytes.size());
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].remote, *Address::parse("127.0.0.9", number));
  EXPECT_EQ(got[0].ecn, Ecn::ce);
  EXPECT_EQ(got[0].segment_size, 1200u);
}

TEST_P(PortTest, AnIpv6OnlySocketLeavesTheIpv4PortToOthers) {
  auto port = make();
  SocketOptions options;
  options.bind_address = Address::any(Family::ipv6, 0);
  options.ipv6_only = true;
  const SocketId socket = *port->open(options);
  options.bind_address = Address::any(Family::ipv4, port->local_address(socket).port());
  EXPECT_TRUE(port->open(options));
}

TEST_P(PortTest, SocketsOfOnePortAreToldApart) {
  auto port = make();
  const SocketId first = *port->open(on_loopback());
  const SocketId second = *port->open(on_loopback());
  send(*port, first, port->local_address(second), "to second");
  auto got = receive(*port, 9);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].socket, second);
  send(*port, second, port->local_address(first), "to first");
  got = receive(*port, 8);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].socket, first);
}

TEST_P(PortPairTest, ATrainCutOffIsDroppedAndCounted) {
  open(Family::ipv4, {.receive_payload = 2048});
  send(*a, a_socket, b_address, pattern(5000), {.segment_size = 1000});
  send(*a, a_socket, b_address, "whole");
  a->wait(a->now());
  const auto got = receive(*b, 5);
  EXPECT_EQ(joined(got), "whole");
  EXPECT_EQ(b->stats().truncated, 1u);
}

TEST_P(PortPairTest, AnEmptyDatagramIsPassedOver) {
  const auto raw = socket(AF_INET, SOCK_DGRAM, 0);
  ASSERT_EQ(sendto(raw, "", 0, 0, static_cast<const sockaddr*>(b_address.data()), b_address.size()),
            0);
  ::close(raw);
  send(*a, a_socket, b_address, "x");
  a->wait(a->now());
  EXPECT_EQ(joined(receive(*b, 1)), "x");
}

TEST_P(PortPairTest, MoreThanTheReceiveSlotsHoldIsReceivedInLaterTurns) {
  open(Family::ipv4, {.receive_slots = 4});
  std::string expected;
  for (unsigned i = 0; i < 40; ++i) {
    send(*a, a_socket, b_address, pattern(3000, i), {.segment_size = 1000});
    expected += pattern(3000, i);
  }
  a->wait(a->now());
  EXPECT_TRUE(joined(receive(*b, expected.size())) == expected);
  EXPECT_GT(b->stats().receive_buffer_empty, 0u);
}

TEST_P(PortPairTest, WithoutGroEveryDatagramIsATrainOfItsOwn) {
  SocketOptions options;
  options.gro = false;
  open(Family::ipv4, {}, options);
  send(*a, a_socket, b_address, pattern(3000), {.segment_size = 1000});
  a->wait(a->now());
  const auto got = receive(*b, 3000);
  EXPECT_EQ(got.size(), 3u);
  EXPECT_TRUE(joined(got) == pattern(3000));
}

TEST_P(PortPairTest, WithoutGsoTrainsAreSplitAndArriveWhole) {
  SocketOptions options;
  options.gso = false;
  open(Family::ipv4, {}, options);
  EXPECT_FALSE(a->segmentation(a_socket));
  send(*a, a_socket, b_address, pattern(3100), {.segment_size = 1000});
  a->wait(a->now());
  EXPECT_TRUE(joined(receive(*b, 3100)) == pattern(3100));
  EXPECT_EQ(a->stats().datagrams_sent, 4u);
  EXPECT_EQ(a->stats().gso_fallbacks, 0u);
}

TEST_P(PortPairTest, AKernelWithoutGsoIsNoticed) {
  kernel.refused_options[{IPPROTO_UDP, UDP_SEGMENT}] = ENOPROTOOPT;
  kernel.refused_options[{IPPROTO_UDP, UDP_GRO}] = ENOPROTOOPT;
  open(Family::ipv4);
  EXPECT_FALSE(a->segmentation(a_socket));
  send(*a, a_socket, b_address, pattern(2000), {.segment_size = 1000});
  a->wait(a->now());
  EXPECT_TRUE(joined(receive(*b, 2000)) == pattern(2000));
}

TEST_P(PortPairTest, ARefusedSegmentedSendIsRepeatedDatagramByDatagramAndLosesNothing) {
  for (const int error : {EIO, EINVAL}) {
    open(Family::ipv4);
    kernel.send_answers = {error};
    const std::string first = pattern(20 * 1000 + 500, 1);
    send(*a, a_socket, b_address, first, {.segment_size = 1000});
    a->wait(a->now());
    EXPECT_TRUE(joined(receive(*b, first.size(), {a.get()})) == first);
    EXPECT_EQ(a->stats().gso_fallbacks, 1u);
    EXPECT_EQ(a->stats().datagrams_sent, 21u);
    EXPECT_EQ(a->stats().send_errors, 0u);

    // From now on that host's trains are split without asking the device again.
    kernel.send_answers = {EIO};
    send(*a, a_socket, b_address, first, {.segment_size = 1000});
    a->wait(a->now());
    EXPECT_TRUE(joined(receive(*b, first.size())) == first);
    EXPECT_EQ(kernel.send_answers.size(), 1u) << "segmentation was tried again";
    EXPECT_EQ(a->stats().gso_fallbacks, 1u);
    kernel.send_answers.clear();
  }
}

// SO_NO_CHECK makes the kernel itself answer a segmented send with EIO.
class NoChecksumKernel : public FaultyKernel {
 public:
  int bind_socket(int fd, const void* address, std::uint32_t size) override {
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &on, sizeof(on));
    return FaultyKernel::bind_socket(fd, address, size);
  }
};

TEST_P(PortTest, ADeviceThatCannotSegmentIsWorkedAroundWithTheRealKernel) {
  NoChecksumKernel no_checksum;
  auto sender = make_port(GetParam(), no_checksum);
  auto receiver = make();
  const SocketId from = *sender->open(on_loopback());
  const SocketId to = *receiver->open(on_loopback());
  receiver->wait(receiver->now());
  for (unsigned i = 0; i < 3; ++i) {
    send(*sender, from, receiver->local_address(to), pattern(9999, i), {.segment_size = 1000});
    sender->wait(sender->now());
    EXPECT_TRUE(joined(receive(*receiver, 9999, {sender.get()})) == pattern(9999, i));
  }
  EXPECT_EQ(sender->stats().gso_fallbacks, 1u);
}

TEST_P(PortPairTest, AShortSendIsCompletedFromTheLastWholeDatagramOn) {
  kernel.send_answers = {-2000};
  send(*a, a_socket, b_address, pattern(5000), {.segment_size = 1000});
  a->wait(a->now());
  EXPECT_TRUE(joined(receive(*b, 5000, {a.get()})) == pattern(5000));
  EXPECT_EQ(a->stats().datagrams_sent, 5u);
}

TEST_P(PortPairTest, ADatagramTooLargeForTheDeviceIsDroppedAndCounted) {
  kernel.any_send = true;
  kernel.send_answers = {EMSGSIZE};
  send(*a, a_socket, b_address, pattern(1400));
  send(*a, a_socket, b_address, "next");
  a->wait(a->now());
  EXPECT_EQ(joined(receive(*b, 4, {a.get()})), "next");
  EXPECT_EQ(a->stats().send_errors, 1u);
}

TEST_P(PortPairTest, SegmentsTooLargeForTheDeviceDoNotSwitchSegmentationOff) {
  // Loopback's MTU is 65536: force the answer for the train and for each of its datagrams.
  kernel.any_send = true;
  kernel.send_answers = {EINVAL, EMSGSIZE, EMSGSIZE};
  send(*a, a_socket, b_address, pattern(2000), {.segment_size = 1000});
  a->wait(a->now());
  a->wait(a->now());
  EXPECT_EQ(a->stats().send_errors, 2u);
  send(*a, a_socket, b_address, pattern(3000), {.segment_size = 1000});
  a->wait(a->now());
  EXPECT_EQ(receive(*b, 3000, {a.get()}).size(), 1u) << "sent as one train again";
}

TEST_P(PortPairTest, AFullSocketBufferDelaysATrainAndLosesNothing) {
  kernel.any_send = true;
  kernel.send_answers = {EAGAIN};
  send(*a, a_socket, b_address, pattern(3000), {.segment_size = 1000});
  a->wait(a->now());
  EXPECT_TRUE(joined(receive(*b, 3000, {a.get()})) == pattern(3000));
  EXPECT_EQ(a->stats().send_errors, 0u);
}

TEST_P(PortPairTest, TheAnswerToAnEarlierDatagramDoesNotCostThisOne) {
  kernel.any_send = true;
  kernel.send_answers = {ECONNREFUSED};
  send(*a, a_socket, b_address, "once more");
  a->wait(a->now());
  EXPECT_EQ(joined(receive(*b, 9, {a.get()})), "once more");
}

TEST_P(PortPairTest, AHostThatStaysUnreachableIsGivenUp) {
  kernel.any_send = true;
  kernel.send_answers = {EHOSTUNREACH, EHOSTUNREACH};
  send(*a, a_socket, b_address, "lost");
  for (int i = 0; i < 3; ++i) a->wait(a->now());
  EXPECT_EQ(a->stats().send_errors, 1u);
  EXPECT_EQ(a->stats().datagrams_sent, 0u);
  EXPECT_NE(a->lease(), nullptr);
}

TEST_P(PortPairTest, ASocketThatRefusesOneHostAfterTheOtherStopsSegmenting) {
  for (unsigned i = 0; i <= kMaxUnsegmentedHosts; ++i) {
    EXPECT_TRUE(a->segmentation(a_socket));
    kernel.send_answers = {EIO};
    const auto to = *Address::parse("127.0.1." + std::to_string(i + 1), 9);
    send(*a, a_socket, to, pattern(2000), {.segment_size = 1000});
    a->wait(a->now());
    a->wait(a->now());
  }
  EXPECT_FALSE(a->segmentation(a_socket));
}

TEST_P(PortPairTest, WhenEverySlotIsLeasedThereIsNoneUntilOneComesBack) {
  std::vector<SendSlot*> leased;
  while (SendSlot* slot = a->lease()) leased.push_back(slot);
  EXPECT_EQ(leased.size(), kSendSlots);
  a->give_back(leased.back());
  SendSlot* again = a->lease();
  EXPECT_EQ(again, leased.back());
  for (SendSlot* slot : leased) a->give_back(slot);
}

TEST_P(PortPairTest, APortThatRanOutOfSlotsComesBackAsSoonAsOneIsFree) {
  while (SendSlot* slot = a->lease()) {
    slot->bytes[0] = std::byte{1};
    slot->size = slot->segment_size = 1;
    slot->socket = a_socket;
    slot->remote = b_address;
    slot->local = {};
    slot->ecn = Ecn::not_ect;
    a->send(slot);
  }
  a->wait(kNever);  // would hang the test if it waited for traffic
  SendSlot* slot = a->lease();
  ASSERT_NE(slot, nullptr);
  a->give_back(slot);
}

TEST_P(PortPairTest, SubmitSendsBeforeTheWaitAndFreesTheSlots) {
  for (std::uint32_t i = 0; i < 3 * kSendSlots; ++i) {
    ASSERT_NO_FATAL_FAILURE(send(*a, a_socket, b_address, "x"));
    if (i % kSendSlots == kSendSlots - 1) a->submit();
  }
  EXPECT_EQ(receive(*b, 3 * kSendSlots).size(), 3 * kSendSlots);  // a has not waited since
}

TEST_P(PortPairTest, SubmitTakesNothingInAndLosesNothing) {
  a->wait(a->now());  // a receives from here on
  send(*b, b_socket, a_address, "first");
  b->wait(b->now());
  ASSERT_EQ(receive(*a, 5).size(), 1u);
  const Instant now = a->now();
  send(*b, b_socket, a_address, "second");
  b->wait(b->now());
  send(*a, a_socket, b_address, "answer");
  a->submit();
  a->submit();  // with nothing to send
  EXPECT_EQ(a->now(), now);
  ASSERT_EQ(a->received().size(), 1u);
  EXPECT_EQ(a->received().front().bytes.size(), 5u);
  EXPECT_EQ(joined(receive(*a, 6)), "second");
  EXPECT_EQ(joined(receive(*b, 6)), "answer");
}

TEST_P(PortTest, AClosedSocketSendsWhatIsQueuedAndFreesItsAddress) {
  auto port = make();
  auto peer = make();
  const SocketId to = *peer->open(on_loopback());
  const SocketId socket = *port->open(on_loopback());
  const Address address = port->local_address(socket);
  port->wait(port->now());
  send(*port, socket, peer->local_address(to), "last words");
  port->close(socket);
  EXPECT_EQ(joined(receive(*peer, 10, {port.get()})), "last words");
  port->wait(port->now() + 1ms);
  SocketOptions options;
  options.bind_address = address;
  const auto again = port->open(options);
  ASSERT_TRUE(again) << to_string(again.error());
  EXPECT_EQ(*again, socket) << "the number is used again";
  send(*peer, to, address, "hello again");
  EXPECT_EQ(joined(receive(*port, 11, {peer.get()})), "hello again");
}

TEST_P(PortTest, ADestroyedPortSendsWhatIsQueuedAndFreesItsAddress) {
  auto peer = make();
  const SocketId to = *peer->open(on_loopback());
  SocketOptions options = on_loopback();
  for (int i = 0; i < 3; ++i) {
    auto port = make();
    const auto socket = port->open(options);
    ASSERT_TRUE(socket) << to_string(socket.error());
    options.bind_address = port->local_address(*socket);
    if (i != 0) port->wait(port->now());
    send(*port, *socket, peer->local_address(to), "farewell");
    port.reset();
    EXPECT_EQ(joined(receive(*peer, 8)), "farewell");
  }
}

TEST_P(PortTest, APortMadeOnOneThreadServesOnAnother) {
  auto port = make();
  const SocketId socket = *port->open(on_loopback());
  const Address address = port->local_address(socket);
  std::thread([&] {
    send(*port, socket, address, "to myself");
    EXPECT_EQ(joined(receive(*port, 9)), "to myself");
  }).join();
}

TEST_P(PortTest, AddressesInUseUnknownOrEmptyAreRefusedWithAReason) {
  auto port = make();
  const SocketId socket = *port->open(on_loopback());
  SocketOptions options;
  options.bind_address = port->local_address(socket);
  auto refused = port->open(options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, static_cast<std::uint64_t>(EADDRINUSE));
  EXPECT_NE(refused.error().reason.find("is in use"), std::string::npos);

  options.bind_address = *Address::parse("192.0.2.1", 4433);
  refused = port->open(options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, static_cast<std::uint64_t>(EADDRNOTAVAIL));

  options.bind_address = {};
  refused = port->open(options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Errc::invalid_argument);
}

TEST_P(PortTest, TheLastTurnOfAStressedPairLosesAndRepeatsNothing) {
  // Small rings on both sides: every way to run out of something is taken.
  auto a = make({.receive_slots = 2, .send_slots = 4, .completion_entries = 8});
  auto b = make({.receive_slots = 2, .send_slots = 4, .completion_entries = 8});
  const SocketId a_socket = *a->open(on_loopback());
  const SocketId b_socket = *b->open(on_loopback());
  b->wait(b->now());
  std::string expected, got;
  for (unsigned round = 0; round < 200; ++round) {
    while (SendSlot* slot = a->lease()) {
      const std::string bytes = pattern(2500, round);
      std::copy_n(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size(), slot->bytes);
      slot->size = 2500;
      slot->segment_size = 1000;
      slot->socket = a_socket;
      slot->remote = b->local_address(b_socket);
      a->send(slot);
      expected += bytes;
    }
    a->wait(a->now());
    got += joined(receive(*b, expected.size() - got.size(), {a.get()}));
  }
  EXPECT_TRUE(got == expected);
}

}  // namespace
}  // namespace quicore::io::test
