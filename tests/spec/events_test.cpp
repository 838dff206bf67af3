// SPDX-License-Identifier: Apache-2.0
//
// The specification's events and what its general text promises: EV items.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <type_traits>

#include "tests/spec/two_ends.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

// A client and the resume information with which it may send early data.
struct Early {
  explicit Early(WorldOptions options) : ends(std::move(options)) {
    SessionConfig config = server_config("xyz");
    config.secure.early_data = true;
    ends.listen(std::move(config));
    Session first = ends.begin(client());
    ends.until([&] { return first.session_ticket().has_value(); });
    resume = *first.session_ticket();
  }
  static SessionConfig client() {
    SessionConfig config = client_config("xyz");
    config.secure.early_data = true;
    return config;
  }

  TwoEnds ends;
  Resume resume;
};

// spec: EV2 EV3
TEST(SpecEvents, ADatagramInEarlyDataSaysSo) {
  Early early(this_test());
  std::vector<std::pair<std::string, bool>> arrived;
  early.ends.server.endpoint.on_session() = [&](Session session) {
    session.on_datagram() = [&](DatagramEvent event) {
      EXPECT_EQ(event.name, "datagram");
      arrived.emplace_back(event.datagram.text(), event.early);
    };
  };
  Session session = early.ends.connect(Early::client(), early.resume);
  ASSERT_TRUE(session.datagram("in the first flight"));
  ASSERT_TRUE(early.ends.confirm(session).has_value());
  ASSERT_TRUE(session.datagram("after the handshake"));
  early.ends.settle();
  EXPECT_THAT(arrived, testing::ElementsAre(testing::Pair("in the first flight", true),
                                            testing::Pair("after the handshake", false)));
}

// spec: EV19
TEST(SpecEvents, AResumedSessionOpensStreamsBeforeTheHandshake) {
  Early early(this_test());
  early.ends.server.endpoint.on_session() = echo_streams;
  Session session = early.ends.connect(Early::client(), early.resume);
  auto stream = session.open({.body = "early"});
  ASSERT_TRUE(stream.has_value());
  EXPECT_FALSE(session.handshake().ready());
  early.ends.run([](Stream opened) -> Task<> {
    auto answer = co_await opened.reader().read_all(100);
    EXPECT_TRUE(answer && answer->text() == "early");
  }(*stream));
  EXPECT_TRUE(session.early_data());
}

// spec: EV7 EV8 EV11
TEST(SpecEvents, EachKindComesAsOftenAsItHappens) {
  TwoEnds ends(this_test());
  int sessions = 0;
  std::vector<std::uint64_t> streams;
  int datagrams = 0;
  ends.server.endpoint.on_session() = [&](Session session) {
    ++sessions;
    session.on_stream() = [&](StreamEvent event) {
      EXPECT_EQ(event.name, "stream");
      EXPECT_FALSE(event.stream.server_initiated()) << "the peer opened it";
      streams.push_back(event.stream.id());
      event.stream.discard();
    };
    session.on_datagram() = [&](DatagramEvent) { ++datagrams; };
  };
  ends.listen("xyz");
  for (int i = 0; i < 2; ++i) {
    Session session = ends.begin("xyz");
    for (int n = 0; n < 3; ++n) {
      session.open({.unidirectional = true, .body = "x"});
      session.datagram("y");
    }
    ends.settle();
  }
  EXPECT_EQ(sessions, 2);
  EXPECT_EQ(streams.size(), 6u);
  EXPECT_EQ(datagrams, 6);
}

// spec: EV12 EV13
TEST(SpecEvents, EachHasASlotAndListenersThatGetOneArgument) {
  TwoEnds ends(this_test());
  std::vector<std::string> told;
  ends.listen("xyz");
  Session session = ends.begin("xyz");
  Session& server = ends.accepted.at(0);
  static_assert(!std::is_invocable_v<decltype([](StreamEvent) {})>);
  static_assert(std::is_invocable_v<decltype([](StreamEvent) {}), StreamEvent>);
  server.on_stream() = [&](StreamEvent) { told.emplace_back("replaced"); };
  server.on_stream() = [&](StreamEvent event) {
    event.stream.discard();
    told.emplace_back("slot");
  };
  const auto first = server.on_stream().add_listener([&](StreamEvent) { told.emplace_back("1"); });
  auto second = server.on_stream().add_listener([&](StreamEvent) { told.emplace_back("2"); });
  session.open({.unidirectional = true, .body = "x"});
  ends.settle();
  EXPECT_THAT(told, testing::ElementsAre("slot", "1", "2"));
  second.cancel();
  server.on_stream() = nullptr;
  session.open({.unidirectional = true, .body = "x"});
  ends.settle();
  EXPECT_THAT(told, testing::ElementsAre("slot", "1", "2", "1"));
}

// spec: EV15
TEST(SpecEvents, ASessionIsAnnouncedBeforeItsHandshakeEnds) {
  TwoEnds ends(this_test());
  bool shaken = true;
  ends.server.endpoint.on_session() = [&](SessionEvent event) {
    shaken = event.session.handshake().ready();
  };
  ends.listen("xyz");
  const Session session = ends.connect("xyz");
  ends.until([&] { return !ends.accepted.empty(); });
  EXPECT_FALSE(shaken);
  EXPECT_FALSE(session.handshake().ready());
  EXPECT_TRUE(ends.confirm(session).has_value());
}

// spec: EV17
TEST(SpecEvents, TheCertificateIsTheSessionConfigurationsNotTheEndpoints) {
  TwoEnds ends(this_test());
  ends.listen("xyz");
  Session first = ends.begin("xyz");
  const auto other = value_or_throw(make_development_identity());
  SessionConfig config = server_config("xyz");
  config.secure = other.server;
  ends.listen(std::move(config));  // the same endpoint
  SessionConfig trusting = client_config("xyz");
  trusting.secure = other.client;
  Session second = ends.begin(std::move(trusting));
  EXPECT_TRUE(first.handshake().peek()->has_value());
  EXPECT_EQ(first.remote_address(), second.remote_address());
  const Session distrustful = ends.connect("xyz");  // knows the first identity only
  EXPECT_FALSE(ends.confirm(distrustful).has_value());
}

// spec: EV20 EV21 EV23 EV24
TEST(SpecEvents, BothSidesDoTheSame) {
  TwoEnds ends(this_test());
  ends.listen("xyz");
  Session client = ends.begin("xyz");
  Session server = ends.accepted.at(0);
  static_assert(std::is_same_v<decltype(client), decltype(server)>);
  std::vector<std::string> heard;
  for (Session* session : {&client, &server}) {
    echo_streams(*session);
    session->on_datagram() = [&](DatagramEvent event) {
      heard.emplace_back(event.datagram.text());
    };
  }
  for (Session* session : {&client, &server}) {
    ApiNode& node = session->is_server() ? ends.server : ends.client;
    ends.run_on(node, expect_echo(*session, "payload that is there"));
    ends.run_on(node, [](Session over) -> Task<> {
      const Promise<Buf> later;
      auto stream = value_or_throw(over.open({.body = later.completion()}));
      EXPECT_EQ(stream.server_initiated(), over.is_server());
      (void)co_await Shard::current().sleep_for(50ms);
      later.set(Buf::copy("payload that came later"));
      auto answer = co_await stream.reader().read_all(100);
      EXPECT_TRUE(answer && answer->text() == "payload that came later");
    }(*session));
    EXPECT_TRUE(session->datagram(session->is_server() ? "from the server" : "from the client"));
    EXPECT_FALSE(session->datagram(std::string(2000, 'x'))) << "never in two packets";
  }
  ends.settle();
  EXPECT_THAT(heard, testing::UnorderedElementsAre("from the server", "from the client"));
}

// spec: EV24
TEST(SpecEvents, ALostDatagramStaysLost) {
  bool losing = false;
  TwoEnds ends(this_test(), {}, {},
               {Delay{5ms}, Drop{[&](const Datagram&, std::uint64_t) { return losing; }}});
  std::vector<std::string> heard;
  ends.listen("xyz");
  Session client = ends.begin("xyz");
  ends.accepted.at(0).on_datagram() = [&](DatagramEvent event) {
    heard.emplace_back(event.datagram.text());
  };
  ends.settle();
  losing = true;
  EXPECT_TRUE(client.datagram("lost"));
  ends.settle(20ms);
  losing = false;
  EXPECT_TRUE(client.datagram("heard"));
  ends.settle(5s);
  EXPECT_THAT(heard, testing::ElementsAre("heard"));
}

}  // namespace
}  // namespace quicore::test
