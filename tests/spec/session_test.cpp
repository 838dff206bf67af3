// SPDX-License-Identifier: Apache-2.0
//
// Sessions, item by item, where tests/unit/api/session_test.cpp does not prove it already.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/support/api_node.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;
using testing::ElementsAre;

// spec: S1 S2 EV11 EV12 EV13
TEST(SpecSession, EveryEventHasASlotAndAnyNumberOfListeners) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  std::vector<std::string> seen;
  const auto note = [&seen](std::string what) {
    return [&seen, what = std::move(what)](const auto&) { seen.push_back(what); };
  };
  pair.accepted.on_datagram() = note("datagram slot");
  const auto first = pair.accepted.on_datagram().add_listener(note("datagram 1"));
  const auto second = pair.accepted.on_datagram().add_listener(note("datagram 2"));
  pair.accepted.on_stream() = note("stream slot");
  auto listener = pair.accepted.on_stream().add_listener(note("stream 1"));
  EXPECT_TRUE(pair.session.datagram("one"));
  pair.settle();
  EXPECT_THAT(seen, ElementsAre("datagram slot", "datagram 1", "datagram 2"));
  seen.clear();
  auto stream = value_or_throw(pair.session.open({.body = "one"}));
  pair.settle();
  EXPECT_THAT(seen, ElementsAre("stream slot", "stream 1"));
  seen.clear();
  listener.cancel();
  auto another = value_or_throw(pair.session.open({.body = "two"}));
  pair.settle();
  EXPECT_THAT(seen, ElementsAre("stream slot")) << "again, and without the listener that left";
}

// spec: S4 S11
TEST(SpecSession, CancelInterruptsOpenStreamsOfBothSides) {
  ApiPair pair(this_test());
  std::vector<StreamEvent> kept;
  pair.server.endpoint.on_session() = [&](Session session) {
    session.on_stream() = [&](StreamEvent event) { kept.push_back(std::move(event)); };
  };
  pair.connect("xyz");
  auto stream = value_or_throw(pair.session.open({.body = Body::streamed()}));
  const Buf data = Buf::copy("half");
  EXPECT_TRUE(stream.writer().try_write({&data, 1}).has_value());
  pair.run_until([&] { return !kept.empty(); });
  const auto here = stream.closed();
  const auto there = kept.front().stream.closed();
  pair.session.cancel(Error::application(7, "enough"));
  EXPECT_TRUE(pair.session.closed().ready()) << "synchronously";
  EXPECT_FALSE(pair.session.open().has_value());
  pair.run_until([&] { return here.ready() && there.ready(); });
  EXPECT_EQ(here.peek()->error().code, 7u);
  EXPECT_EQ(there.peek()->error().code, 7u);
}

// spec: S9
TEST(SpecSession, WhileClosingStreamsOfThePeerAreRefusedAndNotLeftHanging) {
  ApiPair pair(this_test());
  std::vector<StreamEvent> kept;
  pair.server.endpoint.on_session() = [&](Session session) {
    session.on_stream() = [&](StreamEvent event) { kept.push_back(std::move(event)); };
  };
  pair.connect("xyz");
  auto old_stream = value_or_throw(pair.session.open({.body = "before"}));
  pair.run_until([&] { return kept.size() == 1; });
  const auto closing = pair.accepted.close();
  EXPECT_TRUE(pair.accepted.closing());
  EXPECT_EQ(pair.accepted.open().error().kind, Errc::closing);
  auto late = value_or_throw(pair.session.open({.body = Body::streamed()}));
  const Buf data = Buf::copy("after");
  EXPECT_TRUE(late.writer().try_write({&data, 1}).has_value());
  const auto refused = late.closed();
  pair.run_until([&] { return refused.ready(); });
  EXPECT_FALSE(refused.peek()->has_value());
  EXPECT_EQ(kept.size(), 1u) << "no event for it";
  EXPECT_FALSE(closing.ready()) << "the stream from before is still open";
  kept.front().stream.discard();
  kept.front().respond_with({.body = "answer"});
  old_stream.discard();
  pair.run_until([&] { return closing.ready(); });
  EXPECT_TRUE(closing.peek()->has_value());
}

// spec: S15 S16
TEST(SpecSession, DatagramsAreBoundedByWhatThePeerTakesAndRefusedWithoutThrowing) {
  ApiPair pair(this_test());
  SessionConfig narrow = server_config("xyz");
  narrow.transport.max_datagram_frame_size = 100;
  pair.connect(std::move(narrow), client_config("xyz"));
  std::vector<std::size_t> sizes;
  pair.accepted.on_datagram() = [&](DatagramEvent event) {
    sizes.push_back(event.datagram.size());
  };
  const std::size_t largest = pair.session.max_datagram_size();
  EXPECT_GT(largest, 90u);
  EXPECT_LT(largest, 100u);
  EXPECT_GT(pair.accepted.max_datagram_size(), 1000u) << "the client takes more";
  EXPECT_TRUE(pair.session.datagram(std::string(largest, 'x')));
  EXPECT_FALSE(pair.session.datagram(std::string(largest + 1, 'x')));
  pair.settle();
  EXPECT_THAT(sizes, ElementsAre(largest));
  pair.session.cancel();
  EXPECT_FALSE(pair.session.datagram("ended"));
}

// spec: S16
TEST(SpecSession, DatagramsAreRefusedWhereThePeerTakesNone) {
  ApiPair pair(this_test());
  SessionConfig none = server_config("xyz");
  none.transport.max_datagram_frame_size = 0;
  pair.connect(std::move(none), client_config("xyz"));
  EXPECT_EQ(pair.session.max_datagram_size(), 0u);
  EXPECT_FALSE(pair.session.datagram("x"));
  EXPECT_EQ(pair.session.send_datagram(Buf::copy("x")).error().kind, Errc::not_supported);
}

// spec: S22 ST10
TEST(SpecSession, OpenGivesBidirectionalStreamsUnlessToldOtherwise) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  std::set<std::uint64_t> ids;
  for (int i = 0; i < 3; ++i) {
    const auto both_ways = value_or_throw(pair.session.open());
    EXPECT_FALSE(both_ways.unidirectional());
    const auto one_way = value_or_throw(pair.session.open({.unidirectional = true}));
    EXPECT_TRUE(one_way.unidirectional());
    ids.insert({both_ways.id(), one_way.id()});
  }
  EXPECT_THAT(ids, ElementsAre(0, 2, 4, 6, 8, 10)) << "RFC 9000 2.1";
}

// spec: S25
TEST(SpecSession, RemoteAddressFollowsThePeerAndTellsOfIt) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  EXPECT_EQ(pair.session.remote_address(), *pair.server.endpoint.address());
  const Address before = pair.accepted.remote_address();
  EXPECT_EQ(before, pair.session.local_address());
  std::vector<Address> told;
  pair.accepted.on_path_changed() = [&](const Session& session) {
    told.push_back(session.remote_address());
  };
  int told_client = 0;
  pair.session.on_path_changed() = [&](const Session&) { ++told_client; };
  pair.settle(1s);
  EXPECT_TRUE(told.empty());
  const auto moved = pair.session.migrate();
  ASSERT_TRUE(moved.has_value()) << moved.error().reason;
  pair.settle(1s);
  EXPECT_NE(pair.accepted.remote_address(), before);
  EXPECT_EQ(pair.accepted.remote_address(), pair.session.local_address());
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back(), pair.accepted.remote_address());
  EXPECT_GT(told_client, 0);
}

// spec: S3 S26
TEST(SpecSession, AlpnAndServerNameAreThereOnceTheHandshakeIsDone) {
  ApiPair pair(this_test());
  std::string at_first = "unset";
  pair.server.endpoint.on_session() = [&](Session session) {
    at_first = std::string(session.server_name());
  };
  SessionConfig both = server_config("first");
  both.alpn = {"first", "second"};
  SessionConfig second = client_config("second");
  pair.connect(std::move(both), std::move(second));
  EXPECT_EQ(at_first, "") << "on_session comes before the handshake ends";
  EXPECT_EQ(pair.accepted.server_name(), "localhost");
  EXPECT_EQ(pair.session.server_name(), "localhost");
  EXPECT_EQ(pair.accepted.alpn(), "second");
  EXPECT_EQ(pair.session.alpn(), "second");
}

// spec: S29
TEST(SpecSession, DataFlowsAcrossAKeyUpdateOfEitherSide) {
  ApiPair pair(this_test());
  std::string received;
  pair.server.endpoint.on_session() = [&](Session session) {
    session.on_stream() = [&](StreamEvent event) {
      (void)event.stream.consume([&](std::span<const Bytes> chunks, bool) {
        for (const Bytes chunk : chunks) received += as_text(chunk);
      });
    };
  };
  pair.connect("xyz");
  const std::string body = pattern(2'000'000);
  auto stream = value_or_throw(pair.session.open({.unidirectional = true, .body = body}));
  pair.run_until([&] { return received.size() > 200'000; });
  EXPECT_TRUE(pair.session.update_key().has_value());
  EXPECT_EQ(pair.session.update_key().error().kind, Errc::invalid_state) << "one at a time";
  pair.run_until([&] { return received.size() == body.size(); });
  EXPECT_TRUE(received == body);
  // The server's turn, once it has heard from the client with the new keys (RFC 9001 6.1).
  const auto exchange = [&] {
    EXPECT_TRUE(pair.session.datagram("ping"));
    EXPECT_TRUE(pair.accepted.datagram("ping"));
    pair.settle(5s);
  };
  exchange();
  EXPECT_TRUE(pair.accepted.update_key().has_value());
  exchange();
  exchange();
  EXPECT_EQ(pair.session.stats().key_update_count, 2u);
  EXPECT_EQ(pair.accepted.stats().key_update_count, 2u);
}

}  // namespace
}  // namespace quicore::test
