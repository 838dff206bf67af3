// SPDX-License-Identifier: Apache-2.0
#include "api/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "api/endpoint.h"
#include "engine/certificate.h"
#include "tests/support/api_node.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

void echo(Session session) {
  session.on_stream() = [](StreamEvent event) -> Task<> {
    auto body = co_await event.stream.reader().read_all(1 << 20);
    if (body) event.respond_with({.body = *body});
  };
}

// --- the handshake ------------------------------------------------------------------------------

// spec: S3 S6 S19 S26
TEST(Session, TheHandshakeTellsWhatWasNegotiated) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  for (const Session& session : {pair.session, pair.accepted}) {
    const auto* shaken = session.handshake().peek();
    ASSERT_TRUE(shaken != nullptr && shaken->has_value());
    EXPECT_EQ((*shaken)->alpn, "xyz");
    EXPECT_EQ((*shaken)->server_name, "localhost");
    EXPECT_EQ((*shaken)->cipher_version, "TLSv1.3");
    EXPECT_FALSE((*shaken)->cipher.empty());
    EXPECT_FALSE((*shaken)->validation_error.has_value());
  }
  EXPECT_TRUE(pair.accepted.is_server());
  EXPECT_EQ(pair.session.remote_address(), *pair.server.endpoint.address());
  EXPECT_EQ(pair.session.peer_certificate(), pair.accepted.certificate());
}

// spec: S19
TEST(Session, AHandshakeThatFailsRejectsEverything) {
  ApiPair pair(this_test());
  SessionConfig distrustful = client_config("xyz");
  distrustful.secure.ca = {Pem::bytes(value_or_throw(make_development_identity()).certificate_pem)};
  value_or_throw(pair.server.endpoint.listen(server_config("xyz")));
  pair.session = value_or_throw(
      pair.client.endpoint.connect(*pair.server.endpoint.address(), std::move(distrustful)));
  const auto handshake = pair.session.handshake();
  const auto confirmed = pair.session.confirmed();
  const auto closed = pair.session.closed();
  pair.run_until([&] { return closed.ready(); });
  EXPECT_EQ(handshake.peek()->error().kind, Errc::certificate);
  EXPECT_EQ(confirmed.peek()->error().kind, Errc::certificate);
  EXPECT_EQ(closed.peek()->error().kind, Errc::certificate);
  EXPECT_EQ(pair.session.open().error().kind, Errc::certificate);
}

// spec: EV19
TEST(Session, OpeningBeforeTheHandshakeFails) {
  ApiPair pair(this_test());
  value_or_throw(pair.server.endpoint.listen(server_config("xyz")));
  pair.session = value_or_throw(
      pair.client.endpoint.connect(*pair.server.endpoint.address(), client_config("xyz")));
  EXPECT_EQ(pair.session.open({.body = "early"}).error().kind, Errc::invalid_state);
  EXPECT_FALSE(pair.session.datagram("early"));
}

TEST(Session, OpenWhenPossibleWaitsForTheHandshake) {
  ApiPair pair(this_test());
  pair.server.endpoint.on_session() = echo;
  value_or_throw(pair.server.endpoint.listen(server_config("xyz")));
  pair.session = value_or_throw(
      pair.client.endpoint.connect(*pair.server.endpoint.address(), client_config("xyz")));
  pair.run([](Session session) -> Task<> {
    StreamOptions options{.body = "patience"};
    auto stream = co_await session.open_when_possible(options);
    auto answer = co_await stream->reader().read_all(100);
    EXPECT_EQ(answer->text(), "patience");
  }(pair.session));
}

// --- streams ------------------------------------------------------------------------------------

TEST(Session, OpenWhenPossibleWaitsForThePeersLimit) {
  ApiPair pair(this_test());
  std::vector<StreamEvent> kept;
  pair.server.endpoint.on_session() = [&](Session session) {
    session.on_stream() = [&](StreamEvent event) { kept.push_back(std::move(event)); };
  };
  SessionConfig narrow = server_config("xyz");
  narrow.transport.initial_max_streams_bidi = 2;
  pair.connect(std::move(narrow), client_config("xyz"));
  EXPECT_EQ(pair.session.streams_left(), 2u);
  auto first = value_or_throw(pair.session.open({.body = "1"}));
  auto second = value_or_throw(pair.session.open({.body = "2"}));
  EXPECT_EQ(pair.session.open({.body = "3"}).error().kind, Errc::stream_limit);
  pair.run([](Session session) -> Task<> {
    StreamOptions options{.body = "3"};
    auto late = co_await session.open_when_possible(options, 50ms);
    EXPECT_EQ(late.error().kind, Errc::timed_out);
  }(pair.session));
  bool opened = false;
  pair.client.shard().spawn([](Session session, bool& flag) -> Task<> {
    StreamOptions options{.body = "3"};
    auto third = co_await session.open_when_possible(options);
    flag = third.has_value();
  }(pair.session, opened));
  pair.settle();
  EXPECT_FALSE(opened);
  kept.front().stream.discard();
  kept.front().respond_with({.body = "done"});
  first.discard();
  pair.run_until([&] { return opened; });
}

// spec: EV21 S2 S22
TEST(Session, EitherSideOpensStreams) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  echo(pair.session);
  bool done = false;
  pair.server.shard().spawn([](Session session, bool& flag) -> Task<> {
    auto stream = value_or_throw(session.open({.body = "from the server"}));
    EXPECT_TRUE(stream.server_initiated());
    auto answer = co_await stream.reader().read_all(100);
    EXPECT_EQ(answer->text(), "from the server");
    flag = true;
  }(pair.accepted, done));
  pair.run_until([&] { return done; });
}

// spec: S2
TEST(Session, StreamsWaitForAcceptWhileNobodyHandlesThem) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  auto first = value_or_throw(pair.session.open({.body = "first"}));
  pair.settle();
  std::vector<std::string> seen;
  pair.server.shard().spawn([](Session session, std::vector<std::string>& into) -> Task<> {
    for (;;) {
      auto event = co_await session.accept_stream();
      if (!event) {
        into.emplace_back(to_string(event.error().kind));
        break;
      }
      auto body = co_await event->stream.reader().read_all(100);
      into.emplace_back(body->text());
    }
  }(pair.accepted, seen));
  pair.settle();
  auto second = value_or_throw(pair.session.open({.body = "second"}));
  pair.settle();
  EXPECT_THAT(seen, testing::ElementsAre("first", "second"));
  pair.session.cancel();
  pair.settle();
  EXPECT_THAT(seen, testing::ElementsAre("first", "second", "closed"));
}

TEST(Session, StreamsThatWaitedGoToAHandlerThatIsSetLater) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  auto stream = value_or_throw(pair.session.open({.body = "early bird"}));
  pair.settle();
  echo(pair.accepted);
  pair.run([](Stream asked) -> Task<> {
    auto answer = co_await asked.reader().read_all(100);
    EXPECT_EQ(answer->text(), "early bird");
  }(stream));
}

TEST(Session, AStreamHandlerThatThrowsCancelsTheStreamOnly) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  pair.accepted.on_stream() = [](StreamEvent) { throw std::runtime_error("in the handler"); };
  auto stream = value_or_throw(pair.session.open({.body = Body::streamed()}));
  const Buf data = Buf::copy("data");
  EXPECT_TRUE(stream.writer().try_write({&data, 1}).has_value());
  pair.settle();
  EXPECT_EQ(stream.writer().try_write({&data, 1}).error().kind, Errc::peer_stopped);
  EXPECT_THAT(pair.server.log, testing::ElementsAre(testing::HasSubstr("in the handler")));
  echo(pair.accepted);
  pair.run([](Session session) -> Task<> {
    auto next = value_or_throw(session.open({.body = "still alive"}));
    EXPECT_EQ((co_await next.reader().read_all(100))->text(), "still alive");
  }(pair.session));
}

// --- the end ------------------------------------------------------------------------------------

// spec: S8 S9 S10 S12 E4
TEST(Session, CloseLetsOpenStreamsEndAndRefusesNewOnes) {
  ApiPair pair(this_test());
  std::vector<StreamEvent> kept;
  pair.server.endpoint.on_session() = [&](Session session) {
    session.on_stream() = [&](StreamEvent event) { kept.push_back(std::move(event)); };
  };
  pair.connect("xyz");
  auto stream = value_or_throw(pair.session.open({.body = "slow request"}));
  pair.settle();
  const auto closed = pair.session.close();
  EXPECT_TRUE(pair.session.closing());
  EXPECT_EQ(pair.session.open({.body = "no"}).error().kind, Errc::closing);
  pair.settle(1s);
  EXPECT_FALSE(closed.ready());
  kept.front().stream.discard();
  kept.front().respond_with({.body = "slow answer"});
  pair.run([](Stream asked) -> Task<> {
    EXPECT_EQ((co_await asked.reader().read_all(100))->text(), "slow answer");
  }(stream));
  pair.run_until([&] { return closed.ready(); });
  EXPECT_TRUE(closed.peek()->has_value());
  EXPECT_EQ(pair.session.open({.body = "no"}).error().kind, Errc::closed);
}

// spec: S10
TEST(Session, CloseFailsWhenThePeerEndsItWithAnErrorMeanwhile) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  const auto stream = value_or_throw(pair.session.open({.body = Body::streamed()}));
  pair.settle();
  const auto closed = pair.session.close();
  pair.settle(1s);
  EXPECT_FALSE(closed.ready()) << "a stream is open";
  pair.server.shard().post(
      [&] { pair.accepted.cancel(Error::application(9, "no more")); });  // in a turn
  pair.run_until([&] { return closed.ready(); });
  ASSERT_FALSE(closed.peek()->has_value());
  EXPECT_EQ(closed.peek()->error().code, 9u);
  EXPECT_EQ(closed.peek()->error().reason, "no more");
}

// spec: S4 S11
TEST(Session, CancelEndsItAtOnce) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  auto stream = value_or_throw(pair.session.open({.body = Body::streamed()}));
  pair.session.cancel(Error::application(42, "enough"));
  const auto closed = pair.session.closed();
  ASSERT_TRUE(closed.ready());
  EXPECT_EQ(closed.peek()->error().code, 42u);
  const auto far_end = pair.accepted.closed();
  pair.run_until([&] { return far_end.ready(); });
  EXPECT_EQ(far_end.peek()->error().kind, Errc::application);
  EXPECT_EQ(far_end.peek()->error().code, 42u);
  EXPECT_EQ(far_end.peek()->error().reason, "enough");
  EXPECT_FALSE(stream.closed().peek()->has_value());
}

// spec: S4 S11
TEST(Session, CancelWithoutAReasonFulfilsClosedOnBothSides) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  pair.session.cancel();
  const auto far_end = pair.accepted.closed();
  EXPECT_TRUE(pair.session.closed().peek()->has_value());
  pair.run_until([&] { return far_end.ready(); });
  EXPECT_TRUE(far_end.peek()->has_value());
}

TEST(Session, MayBeCancelledInsideItsOwnHandlers) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  pair.accepted.on_stream() = [](StreamEvent event) { event.stream.session().cancel(); };
  auto stream = value_or_throw(pair.session.open({.body = "trigger"}));
  const auto closed = pair.session.closed();
  pair.run_until([&] { return closed.ready(); });
}

TEST(Session, HandlersThatHoldTheirSessionDoNotKeepIt) {
  auto watched = std::make_shared<int>(0);
  ApiPair pair(this_test());
  pair.connect("xyz");
  pair.accepted.on_datagram() = [watched, session = pair.accepted](DatagramEvent) {};
  EXPECT_EQ(watched.use_count(), 2);
  pair.accepted = {};
  pair.session.cancel();
  pair.settle();
  EXPECT_EQ(watched.use_count(), 1);
}

// spec: S25 S28
TEST(Session, LastValuesRemainAfterTheEnd) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  const Address remote = pair.session.remote_address();
  pair.session.cancel();
  pair.settle(5s);
  EXPECT_EQ(pair.session.remote_address(), remote);
  EXPECT_EQ(pair.session.alpn(), "xyz");
  EXPECT_GT(pair.session.stats().bytes_sent, 0u);
  EXPECT_FALSE(pair.session.peer_certificate().empty());
  EXPECT_FALSE(pair.session.datagram("late"));
  EXPECT_EQ(pair.session.update_key().error().kind, Errc::closed);
}

// --- datagrams ----------------------------------------------------------------------------------

// spec: S1 S13 S14 EV1 EV4
TEST(Session, DatagramsArriveWithTheirSession) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  std::vector<std::string> seen;
  pair.accepted.on_datagram() = [&](DatagramEvent event) {
    seen.emplace_back(event.datagram.text());
    EXPECT_EQ(event.session, pair.accepted);
    EXPECT_FALSE(event.early);
    EXPECT_TRUE(event.session.datagram("back"));
  };
  std::vector<std::string> back;
  pair.session.on_datagram() = [&](DatagramEvent event) {
    back.emplace_back(event.datagram.text());
  };
  EXPECT_TRUE(pair.session.datagram("text"));
  EXPECT_TRUE(pair.session.datagram(as_bytes("bytes")));
  pair.settle();
  EXPECT_THAT(seen, testing::ElementsAre("text", "bytes"));
  EXPECT_THAT(back, testing::ElementsAre("back", "back"));
}

// spec: S15 S16
TEST(Session, ADatagramThatDoesNotFitIsRefused) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  const std::size_t largest = pair.session.max_datagram_size();
  EXPECT_GT(largest, 1000u);
  EXPECT_TRUE(pair.session.datagram(std::string(largest, 'x')));
  EXPECT_FALSE(pair.session.datagram(std::string(largest + 1, 'x')));
}

TEST(Session, DatagramStatusNamesTheDatagram) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  std::vector<std::uint64_t> acknowledged;
  pair.session.on_datagram_status() = [&](DatagramStatusEvent event) {
    if (event.status == DatagramStatus::acknowledged) acknowledged.push_back(event.id);
  };
  const std::uint64_t id = value_or_throw(pair.session.send_datagram(Buf::copy("tracked")));
  pair.settle(1s);
  EXPECT_THAT(acknowledged, testing::ElementsAre(id));
}

// --- resumption ---------------------------------------------------------------------------------

// spec: E12 S27
TEST(Session, ATicketResumesTheNextSession) {
  ApiPair pair(this_test());
  pair.server.endpoint.on_session() = echo;
  pair.connect("xyz");
  pair.run_until([&] { return pair.session.session_ticket().has_value(); });
  pair.session.cancel();
  pair.settle();
  auto ticket = pair.session.session_ticket();  // also after the end
  ASSERT_TRUE(ticket.has_value());
  auto again = value_or_throw(pair.client.endpoint.connect(
      *pair.server.endpoint.address(), client_config("xyz"), std::move(ticket)));
  const auto shaken = again.handshake();
  pair.run_until([&] { return shaken.ready(); });
  EXPECT_TRUE(shaken.peek()->value().resumed);
}

// --- endpoints ----------------------------------------------------------------------------------

// spec: E5 E7 E8 E9
TEST(Endpoint, CloseWaitsForSessionsAndRefusesNewOnes) {
  ApiPair pair(this_test());
  pair.server.endpoint.on_session() = echo;
  pair.connect("xyz");
  const auto closed = pair.client.endpoint.close();
  EXPECT_TRUE(pair.client.endpoint.closing());
  EXPECT_EQ(pair.client.endpoint.connect(*pair.server.endpoint.address(), client_config("xyz"))
                .error()
                .kind,
            Errc::closing);
  pair.run_until([&] { return closed.ready(); });
  EXPECT_TRUE(closed.peek()->has_value());
  EXPECT_TRUE(pair.session.closed().peek()->has_value());
  EXPECT_FALSE(pair.client.endpoint.address().has_value());
  EXPECT_EQ(pair.client.endpoint.stats().client_sessions, 1u);
}

// spec: E14 ES11
TEST(Endpoint, DestroySettlesClosedAtOnceAndFreezesStatistics) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  pair.client.endpoint.destroy(Error::make(Errc::cancelled, "no more"));
  const auto closed = pair.client.endpoint.closed();
  ASSERT_TRUE(closed.ready());
  EXPECT_EQ(closed.peek()->error().reason, "no more");
  const auto far_end = pair.accepted.closed();
  const EndpointStats stats = pair.client.endpoint.stats();
  pair.run_until([&] { return far_end.ready(); });
  pair.settle(1s);
  EXPECT_EQ(pair.client.endpoint.stats().duration, stats.duration);
  EXPECT_FALSE(pair.client.endpoint.listening());
  EXPECT_EQ(pair.client.endpoint.listen(server_config("xyz")).error().kind, Errc::closed);
}

TEST(Endpoint, SessionsWaitForAcceptWhileNobodyHandlesThem) {
  ApiPair pair(this_test());
  value_or_throw(pair.server.endpoint.listen(server_config("xyz")));
  bool accepted = false;
  pair.server.shard().spawn([](Endpoint endpoint, bool& flag) -> Task<> {
    auto session = co_await endpoint.accept();
    flag = session.has_value() && session->is_server();
    auto nobody = co_await endpoint.accept(1s);
    EXPECT_EQ(nobody.error().kind, Errc::timed_out);
  }(pair.server.endpoint, accepted));
  pair.session = value_or_throw(
      pair.client.endpoint.connect(*pair.server.endpoint.address(), client_config("xyz")));
  pair.run_until([&] { return accepted; });
  pair.settle(2s);
}

TEST(Endpoint, EveryProblemOfAConfigurationIsReportedAtOnce) {
  ApiWorld world(this_test());
  EndpointConfig config;
  config.rx_packet_loss = 2.0;
  config.max_payload_size = 10;
  auto created = Endpoint::create(world.node.shard(), config);
  ASSERT_FALSE(created.has_value());
  EXPECT_THAT(created.error().reason, testing::HasSubstr("rx_packet_loss"));
  EXPECT_THAT(created.error().reason, testing::HasSubstr("max_payload_size"));
}

TEST(Endpoint, AShardThatEndsSettlesEverything) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  auto stream = value_or_throw(pair.session.open({.body = Body::streamed()}));
  std::vector<Errc> ends;
  pair.client.shard().spawn([](Stream held) -> Task<> {
    (void)co_await held.reader().next();
    ADD_FAILURE() << "the task is destroyed before";
  }(stream));
  const auto closed = pair.session.closed();
  const auto stream_closed = stream.closed();
  pair.client.end();
  EXPECT_EQ(closed.peek()->error().kind, Errc::closed);
  EXPECT_EQ(stream_closed.peek()->error().kind, Errc::closed);
}

}  // namespace
}  // namespace quicore::test
