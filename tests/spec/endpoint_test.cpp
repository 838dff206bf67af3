// SPDX-License-Identifier: Apache-2.0
//
// The specification's Endpoint: E items that need no second shard (clones: tests/loopback).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/spec/two_ends.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

// spec: E1 E3 EC2 EC4 EC6
TEST(SpecEndpoint, IsMadeOfItsDefaults) {
  ApiWorld world(this_test());
  const auto created = Endpoint::create(world.node.shard());
  ASSERT_TRUE(created.has_value());
  const Address address = created->address().value();
  EXPECT_EQ(address.family(), Family::ipv4);
  EXPECT_EQ(address.ip(), "127.0.0.1");
  EXPECT_NE(address.port(), 0) << "an ephemeral port";
  created->destroy();
  world.settle();
  EXPECT_FALSE(created->address().has_value()) << "nothing is bound any more";
}

// spec: E2 EV5 EV6
TEST(SpecEndpoint, TellsEveryHandlerOfEverySession) {
  TwoEnds ends(this_test());
  std::vector<std::string> told;
  ends.server.endpoint.on_session() = [&](SessionEvent event) {
    EXPECT_TRUE(event.session.is_server());
    told.push_back("slot " + std::string(event.name));
  };
  const auto listener = ends.server.endpoint.on_session().add_listener(
      [&](Session) { told.emplace_back("listener"); });
  ends.listen("xyz");
  ends.begin("xyz");
  ends.begin("xyz");
  EXPECT_THAT(told, testing::ElementsAre("slot session", "listener", "slot session", "listener"));
  EXPECT_EQ(SessionEvent::name, "session");
}

// spec: E6
TEST(SpecEndpoint, AGracefulCloseGoesItsWayWhateverIsAskedForNext) {
  TwoEnds ends(this_test());
  std::vector<StreamEvent> open;
  ends.listen("xyz");
  Session session = ends.begin("xyz");
  ends.accepted.at(0).on_stream() = [&](StreamEvent event) { open.push_back(std::move(event)); };
  const Stream stream = value_or_throw(session.open({.body = "wait for me"}));
  ends.until([&] { return !open.empty(); });
  const auto closed = ends.server.endpoint.close();
  EXPECT_EQ(ends.server.endpoint.listen(server_config("xyz")).error().kind, Errc::closing);
  EXPECT_TRUE(ends.server.endpoint.closing());
  EXPECT_FALSE(ends.server.endpoint.listening());
  ends.settle(1s);
  EXPECT_FALSE(closed.ready()) << "a stream is open";
  open.at(0).stream.discard();
  open.at(0).respond_with({.body = "done"});
  stream.discard();
  ends.until([&] { return closed.ready(); });
  EXPECT_TRUE(closed.peek()->has_value());
  EXPECT_FALSE(ends.server.endpoint.closing());
}

// spec: E8 E14
TEST(SpecEndpoint, DestroyWithoutAnErrorFulfilsClosedAndWithOneRejectsIt) {
  TwoEnds ends(this_test());
  ends.listen("xyz");
  Session session = ends.begin("xyz");
  const auto of_server = ends.server.endpoint.close();
  ends.server.endpoint.destroy();
  ASSERT_TRUE(of_server.ready()) << "at once";
  EXPECT_TRUE(of_server.peek()->has_value());
  const auto of_client = ends.client.endpoint.closed();
  ends.client.endpoint.destroy(Error::make(Errc::cancelled, "power fails"));
  ASSERT_TRUE(of_client.ready());
  EXPECT_EQ(of_client.peek()->error().reason, "power fails");
  EXPECT_FALSE(
      ends.client.endpoint.connect(Address::loopback(Family::ipv4, 9), client_config("xyz")));
  ends.settle();
  EXPECT_TRUE(session.closed().ready()) << "its sessions went with it";
}

// spec: E10 EV18
TEST(SpecEndpoint, ConnectGivesASessionAtOnceAndBeginsTheHandshake) {
  TwoEnds ends(this_test());
  ends.listen("xyz");
  const Session session = ends.connect("xyz");
  ASSERT_TRUE(session);
  EXPECT_FALSE(session.handshake().ready());
  ends.until([&] { return session.handshake().ready(); });  // nobody asked for it
  const HandshakeInfo& info = session.handshake().peek()->value();
  EXPECT_EQ(info.cipher_version, "TLSv1.3");
}

// spec: E11 EC7
TEST(SpecEndpoint, TakesAnAddressThatIsReadyOrWritten) {
  TwoEnds ends(this_test());
  ends.listen("xyz");
  const Address ready = ends.address();
  const auto written = Address::parse_with_port(ready.to_string());
  ASSERT_TRUE(written.has_value());
  for (const Address& address : {ready, *written}) {
    auto session = ends.client.endpoint.connect(address, client_config("xyz"));
    ASSERT_TRUE(session.has_value());
    EXPECT_TRUE(ends.confirm(*session).has_value());
    EXPECT_EQ(session->remote_address(), ready);
  }
  EXPECT_EQ(ends.client.endpoint.connect(Address(), client_config("xyz")).error().kind,
            Errc::invalid_argument);
}

// spec: E13
TEST(SpecEndpoint, IgnoresResumeInformationThatCannotBeUsed) {
  TwoEnds ends(this_test());
  ends.listen("xyz");
  Session first = ends.begin("xyz");
  ends.until([&] { return first.session_ticket().has_value(); });
  const Resume good = *first.session_ticket();
  ASSERT_FALSE(good.session_ticket.empty());
  Resume cut = good;
  cut.session_ticket.resize(cut.session_ticket.size() / 2);
  Resume garbage = good;
  garbage.session_ticket.assign(200, std::byte{0x5a});
  Resume no_params = good;
  no_params.transport_params.assign(30, std::byte{0xff});
  for (const Resume& bad : {cut, garbage, Resume()}) {
    Session session = ends.connect(client_config("xyz"), bad);
    ASSERT_TRUE(ends.confirm(session).has_value());
    EXPECT_FALSE(session.handshake().peek()->value().resumed);
  }
  Session session = ends.connect(client_config("xyz"), no_params);
  EXPECT_TRUE(ends.confirm(session).has_value());
}

// spec: E13
TEST(SpecEndpoint, MakesAFullHandshakeWhereTheServerCannotResume) {
  TwoEnds ends(this_test());
  ends.listen("xyz");
  Session first = ends.begin("xyz");
  ends.until([&] { return first.session_ticket().has_value(); });
  ends.listen("xyz");  // a new context: its ticket keys are others
  Session second = ends.connect(client_config("xyz"), first.session_ticket());
  ASSERT_TRUE(ends.confirm(second).has_value());
  EXPECT_FALSE(second.handshake().peek()->value().resumed);
}

// spec: E15 E16 EV14
TEST(SpecEndpoint, AcceptsInitialsOnceItListens) {
  TwoEnds ends(this_test());
  EXPECT_FALSE(ends.server.endpoint.listening());
  SessionConfig hasty = client_config("xyz");
  hasty.handshake_timeout = 300ms;
  Session early = ends.connect(std::move(hasty));
  ends.until([&] { return early.closed().ready(); });
  EXPECT_FALSE(early.closed().peek()->has_value());
  EXPECT_TRUE(ends.accepted.empty());

  SessionConfig without_key = server_config("xyz");
  without_key.secure.certificate.clear();
  EXPECT_FALSE(ends.server.endpoint.listen(std::move(without_key)).has_value());
  EXPECT_FALSE(ends.server.endpoint.listening()) << "only a successful listen() counts";

  ends.listen("xyz");
  EXPECT_TRUE(ends.server.endpoint.listening());
  ends.begin("xyz");
  EXPECT_EQ(ends.accepted.size(), 1u);
  ends.server.endpoint.destroy();
  EXPECT_FALSE(ends.server.endpoint.listening());
}

// spec: E7
TEST(SpecEndpoint, IgnoresInitialsAfterClose) {
  TwoEnds ends(this_test());
  ends.listen("xyz");
  Session first = ends.begin("xyz");
  std::vector<StreamEvent> open;  // keeps the session alive
  ends.accepted.at(0).on_stream() = [&](StreamEvent event) { open.push_back(std::move(event)); };
  const Stream stream = value_or_throw(first.open({.body = "wait for me"}));
  ends.until([&] { return !open.empty(); });
  const Address address = ends.address();
  const auto closed = ends.server.endpoint.close();
  SessionConfig hasty = client_config("xyz");
  hasty.handshake_timeout = 500ms;
  const Session late = value_or_throw(ends.client.endpoint.connect(address, std::move(hasty)));
  ends.until([&] { return late.closed().ready(); });
  EXPECT_EQ(late.closed().peek()->error().kind, Errc::timed_out) << "not even refused";
  EXPECT_EQ(ends.accepted.size(), 1u);
  EXPECT_EQ(ends.server.endpoint.connect(address, client_config("xyz")).error().kind,
            Errc::closing);
}

// spec: E17
TEST(SpecEndpoint, ItsStatisticsOutliveIt) {
  TwoEnds ends(this_test());
  ends.listen("xyz");
  ends.begin("xyz");
  ends.server.endpoint.destroy();
  const EndpointStats last = ends.server.endpoint.stats();
  EXPECT_EQ(last.server_sessions, 1u);
  EXPECT_GT(last.bytes_received, 0u);
  ends.settle(1s);
  const EndpointStats later = ends.server.endpoint.stats();
  EXPECT_EQ(later.bytes_sent, last.bytes_sent) << "also not what is sent to say goodbye";
  EXPECT_EQ(later.duration, last.duration);
}

// spec: EV16
TEST(SpecEndpoint, MayBeServerAndClientAtOnce) {
  TwoEnds ends(this_test());
  std::vector<Session> at_client;
  ends.listen("xyz");
  ends.client.endpoint.on_session() = [&](Session session) { at_client.push_back(session); };
  value_or_throw(ends.client.endpoint.listen(server_config("xyz")));
  Session there = ends.begin("xyz");
  Session back = value_or_throw(
      ends.server.endpoint.connect(*ends.client.endpoint.address(), client_config("xyz")));
  ASSERT_TRUE(ends.confirm(back).has_value());
  EXPECT_EQ(at_client.size(), 1u);
  EXPECT_EQ(ends.accepted.size(), 1u);
  EXPECT_EQ(ends.server.endpoint.stats().client_sessions, 1u);
  EXPECT_EQ(ends.server.endpoint.stats().server_sessions, 1u);
}

}  // namespace
}  // namespace quicore::test
