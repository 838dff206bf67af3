// SPDX-License-Identifier: Apache-2.0
//
// Every statistic of a session: moves when it should, and only then, and is frozen at the end.
// Decision 0030 says what those mean that the library does not publish.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/api_node.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

constexpr Instant kNotYet{};

// In a turn of the session's shard, where the clock has been looked at.
SessionStats stats_of(ApiPair& pair, const Session& session) {
  SessionStats stats;
  bool done = false;
  auto look = [](Session of, SessionStats& into, bool& flag) -> Task<> {
    (void)co_await Shard::current().sleep_for(Duration(1));
    into = of.stats();
    flag = true;
  };
  session.shard().spawn(look(session, stats, done));
  pair.run_until([&] { return done; });
  return stats;
}

// A server that throws away what it receives.
void discard_all(ApiPair& pair) {
  pair.server.endpoint.on_session() = [](Session session) {
    session.on_stream() = [](StreamEvent event) {
      event.stream.discard();
      if (event.respond_with) event.respond_with({.body = "thanks"});
    };
  };
}

// Path MTU discovery and everything else has come to rest.
void rest(ApiPair& pair) { pair.settle(5s); }

// spec: SS8 SS11 SS13 SS14
TEST(SpecSessionStats, TimesOfTheHandshake) {
  ApiPair pair(this_test(), {Delay{5ms}});
  value_or_throw(pair.server.endpoint.listen(server_config("xyz")));
  pair.settle(3s);
  const Instant before = pair.world.now();
  pair.session = value_or_throw(
      pair.client.endpoint.connect(*pair.server.endpoint.address(), client_config("xyz")));
  const SessionStats begun = stats_of(pair, pair.session);
  EXPECT_LE(begun.created_at, before + 1ms);
  EXPECT_EQ(begun.handshake_completed_at, kNotYet);
  EXPECT_EQ(begun.handshake_confirmed_at, kNotYet);
  const auto confirmed = pair.session.confirmed();
  pair.run_until([&] { return confirmed.ready(); });
  const SessionStats done = stats_of(pair, pair.session);
  EXPECT_EQ(done.created_at, begun.created_at);
  EXPECT_GE(done.handshake_completed_at - done.created_at, 10ms);  // one round trip
  EXPECT_GE(done.handshake_confirmed_at - done.handshake_completed_at, 10ms);
  pair.settle(1s);
  const SessionStats later = stats_of(pair, pair.session);
  EXPECT_EQ(later.handshake_completed_at, done.handshake_completed_at);
  EXPECT_EQ(later.handshake_confirmed_at, done.handshake_confirmed_at);
  EXPECT_GE(later.duration - done.duration, 1s);
}

// spec: SS1 SS15 SS28 SS35
TEST(SpecSessionStats, StreamsAreCountedByKindAndByWhoOpenedThem) {
  ApiPair pair(this_test());
  discard_all(pair);
  pair.connect("xyz");
  std::vector<Stream> streams;
  for (int i = 0; i < 3; ++i) streams.push_back(value_or_throw(pair.session.open({.body = "b"})));
  for (int i = 0; i < 2; ++i) {
    streams.push_back(
        value_or_throw(pair.accepted.open({.unidirectional = true, .body = "from the server"})));
  }
  pair.settle(1s);
  const SessionStats client = stats_of(pair, pair.session);
  EXPECT_EQ(client.bidi_stream_count, 3u);
  EXPECT_EQ(client.uni_stream_count, 2u);
  EXPECT_EQ(client.outbound_streams_count, 3u);
  EXPECT_EQ(client.inbound_streams_count, 2u);
  const SessionStats server = stats_of(pair, pair.accepted);
  EXPECT_EQ(server.bidi_stream_count, 3u);
  EXPECT_EQ(server.uni_stream_count, 2u);
  EXPECT_EQ(server.outbound_streams_count, 2u);
  EXPECT_EQ(server.inbound_streams_count, 3u);
}

// spec: SS4 SS5 SS18 SS19
TEST(SpecSessionStats, BytesAndTimesMoveWithPacketsOnly) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  rest(pair);
  const SessionStats client = stats_of(pair, pair.session);
  const SessionStats server = stats_of(pair, pair.accepted);
  pair.settle(2s);
  const SessionStats idle = stats_of(pair, pair.session);
  EXPECT_EQ(idle.bytes_sent, client.bytes_sent);
  EXPECT_EQ(idle.bytes_received, client.bytes_received);
  EXPECT_EQ(idle.last_sent_at, client.last_sent_at);
  EXPECT_EQ(idle.last_received_at, client.last_received_at);
  const Instant before = pair.world.now();
  EXPECT_TRUE(pair.session.datagram(std::string(700, 'x')));
  pair.settle(1s);
  const SessionStats sent = stats_of(pair, pair.session);
  const SessionStats received = stats_of(pair, pair.accepted);
  EXPECT_GT(sent.bytes_sent - client.bytes_sent, 700u);
  EXPECT_EQ(received.bytes_received - server.bytes_received, sent.bytes_sent - client.bytes_sent);
  EXPECT_EQ(sent.bytes_received - client.bytes_received, received.bytes_sent - server.bytes_sent);
  EXPECT_GE(sent.last_sent_at, before);
  EXPECT_GE(sent.last_received_at, before + 10ms);  // its acknowledgement
  EXPECT_LE(received.last_received_at - sent.last_sent_at, 6ms);
}

// spec: SS3 SS9 SS25
TEST(SpecSessionStats, BytesInFlightRiseAndFallAndTheirMaximumStays) {
  ApiPair pair(this_test(), {Delay{50ms}});
  discard_all(pair);
  pair.connect("xyz");
  rest(pair);
  const SessionStats idle = stats_of(pair, pair.session);
  EXPECT_EQ(idle.bytes_in_flight, 0u);
  auto stream = value_or_throw(pair.session.open({.body = std::string(1'000'000, 'x')}));
  const SessionStats busy = stats_of(pair, pair.session);
  EXPECT_GT(busy.bytes_in_flight, 5000u);
  EXPECT_LE(busy.bytes_in_flight, busy.cwnd);
  EXPECT_GE(busy.max_bytes_in_flight, busy.bytes_in_flight);
  pair.run_until([&] { return stream.stats().max_offset_acknowledged == 1'000'000; });
  rest(pair);
  const SessionStats done = stats_of(pair, pair.session);
  EXPECT_EQ(done.bytes_in_flight, 0u);
  EXPECT_GT(done.max_bytes_in_flight, busy.bytes_in_flight);
  EXPECT_GT(done.cwnd, busy.cwnd);  // slow start
  pair.settle(1s);
  EXPECT_EQ(stats_of(pair, pair.session).max_bytes_in_flight, done.max_bytes_in_flight);
}

// On a long upload the maximum is what was the most at any look, and stays with the last values.
// spec: SS25
TEST(SpecSessionStats, MaxBytesInFlightIsTheMostOfAll) {
  constexpr std::uint64_t kUpload = 8 << 20;
  ApiPair pair(this_test(), {Delay{10ms}, Bandwidth{200_Mbit, 256_KiB}});
  discard_all(pair);
  pair.connect("xyz");
  auto stream = value_or_throw(pair.session.open({.body = std::string(kUpload, 'x')}));
  std::uint64_t most = 0;
  while (stream.stats().max_offset_acknowledged < kUpload) {
    pair.settle(3ms);
    const SessionStats now = stats_of(pair, pair.session);
    EXPECT_GE(now.max_bytes_in_flight, now.bytes_in_flight);
    EXPECT_GE(now.max_bytes_in_flight, most) << "it never falls";
    most = std::max({most, now.max_bytes_in_flight, now.bytes_in_flight});
  }
  // 200 Mbit/s for two delays and the buffer before the link.
  EXPECT_GT(most, 200'000u);
  EXPECT_LT(most, 2'000'000u);
  rest(pair);
  EXPECT_EQ(stats_of(pair, pair.session).max_bytes_in_flight, most);
  pair.session.close();
  rest(pair);
  EXPECT_EQ(stats_of(pair, pair.session).max_bytes_in_flight, most) << "after the end";
}

// spec: SS2
TEST(SpecSessionStats, BlockCountCountsFlowControlOfStreamsAndOfTheSession) {
  for (const bool of_the_session : {false, true}) {
    ApiPair pair(this_test());
    std::vector<StreamEvent> kept;
    pair.server.endpoint.on_session() = [&](Session session) {
      session.on_stream() = [&](StreamEvent event) { kept.push_back(std::move(event)); };
    };
    SessionConfig narrow = server_config("xyz");
    if (of_the_session) {
      narrow.transport.initial_max_data = 20'000;
    } else {
      narrow.transport.initial_max_stream_data_bidi_remote = 20'000;
    }
    pair.connect(std::move(narrow), client_config("xyz"));
    auto fits = value_or_throw(pair.session.open({.body = std::string(10'000, 'x')}));
    pair.settle();
    EXPECT_EQ(stats_of(pair, pair.session).block_count, 0u);
    auto too_much = value_or_throw(pair.session.open({.body = std::string(50'000, 'x')}));
    pair.settle(1s);
    EXPECT_EQ(stats_of(pair, pair.session).block_count, 1u) << of_the_session;
    for (StreamEvent& event : kept) event.stream.discard();
    pair.run_until([&] { return too_much.stats().max_offset_acknowledged == 50'000; });
    EXPECT_GE(stats_of(pair, pair.session).block_count, 1u);
    EXPECT_EQ(stats_of(pair, pair.accepted).block_count, 0u);
  }
}

// spec: SS6
TEST(SpecSessionStats, ClosingAtIsWhenTheGracefulCloseBegan) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  auto stream = value_or_throw(pair.session.open({.body = Body::streamed()}));
  pair.settle(1s);
  EXPECT_EQ(stats_of(pair, pair.session).closing_at, kNotYet);
  const Instant before = stats_of(pair, pair.session).last_received_at;
  pair.session.close();
  const Instant began = stats_of(pair, pair.session).closing_at;
  EXPECT_GT(began, before);
  pair.settle(1s);
  EXPECT_EQ(stats_of(pair, pair.session).closing_at, began);
  EXPECT_EQ(stats_of(pair, pair.accepted).closing_at, kNotYet) << "its streams may still end";
  stream.cancel();
  const auto closed = pair.session.closed();
  pair.run_until([&] { return closed.ready(); });
  EXPECT_EQ(pair.session.stats().closing_at, began);
}

// spec: SS7 SS24 SS34
TEST(SpecSessionStats, ALostPacketCutsTheWindowAndIsRemembered) {
  ApiPair pair(this_test(), {Delay{20ms}});
  discard_all(pair);
  pair.connect("xyz");
  rest(pair);
  auto first = value_or_throw(pair.session.open({.body = std::string(300'000, 'x')}));
  pair.run_until([&] { return first.stats().max_offset_acknowledged == 300'000; });
  const SessionStats clean = stats_of(pair, pair.session);
  EXPECT_EQ(clean.congestion_recovery_start_at, kNotYet);
  EXPECT_EQ(clean.loss_time, kNotYet);
  EXPECT_EQ(clean.ssthresh, UINT64_MAX);
  EXPECT_EQ(clean.packets_lost, 0u);
  rest(pair);
  const Instant before = pair.world.now();
  pair.route->replace({Delay{20ms}, drop_these({3})});
  auto second = value_or_throw(pair.session.open({.body = std::string(300'000, 'x')}));
  pair.run_until([&] { return second.stats().max_offset_acknowledged == 300'000; });
  const SessionStats lossy = stats_of(pair, pair.session);
  EXPECT_GT(lossy.packets_lost, 0u);
  EXPECT_GE(lossy.congestion_recovery_start_at, before);
  EXPECT_EQ(lossy.loss_time, lossy.congestion_recovery_start_at) << "one packet, one event";
  EXPECT_LT(lossy.ssthresh, clean.cwnd);
  rest(pair);
  EXPECT_EQ(stats_of(pair, pair.session).congestion_recovery_start_at,
            lossy.congestion_recovery_start_at);
}

// spec: SS10 SS30 SS32
TEST(SpecSessionStats, RatesFollowTheBottleneckAndFallToNothing) {
  ApiPair pair(this_test(), {Delay{10ms}, Bandwidth{8_Mbit, 64_KiB}});
  discard_all(pair);
  pair.connect("xyz");
  auto stream = value_or_throw(pair.session.open({.body = std::string(8'000'000, 'x')}));
  pair.settle(4s);
  const SessionStats client = stats_of(pair, pair.session);
  const SessionStats server = stats_of(pair, pair.accepted);
  for (const std::uint64_t rate : {client.delivery_rate, client.send_rate, server.receive_rate}) {
    EXPECT_GT(rate, 700'000u);  // of 1,000,000 bytes per second
    EXPECT_LT(rate, 1'300'000u);
  }
  EXPECT_LT(server.delivery_rate, 1000u) << "the server sends acknowledgements only";
  EXPECT_LT(client.receive_rate, 100'000u);
  pair.run_until([&] { return stream.stats().max_offset_acknowledged == 8'000'000; });
  pair.settle(20s);
  const SessionStats idle = stats_of(pair, pair.session);
  EXPECT_LT(idle.delivery_rate, client.delivery_rate / 10);
  EXPECT_LT(idle.send_rate, client.send_rate / 10);
  EXPECT_LT(stats_of(pair, pair.accepted).receive_rate, server.receive_rate / 10);
}

// spec: SS12 SS16 SS21 SS27 SS31 SS33
TEST(SpecSessionStats, RoundTripTimesFollowThePath) {
  ApiPair pair(this_test(), {Delay{50ms}});
  discard_all(pair);
  value_or_throw(pair.server.endpoint.listen(server_config("xyz")));
  pair.session = value_or_throw(
      pair.client.endpoint.connect(*pair.server.endpoint.address(), client_config("xyz")));
  const SessionStats unknown = stats_of(pair, pair.session);
  EXPECT_EQ(unknown.initial_rtt, 333ms);  // RFC 9002 6.2.2
  EXPECT_EQ(unknown.smoothed_rtt, unknown.initial_rtt);
  EXPECT_EQ(unknown.min_rtt, Duration::zero());
  EXPECT_EQ(unknown.latest_rtt, Duration::zero());
  EXPECT_EQ(unknown.first_rtt_sample_at, kNotYet);
  const auto confirmed = pair.session.confirmed();
  pair.run_until([&] { return confirmed.ready(); });
  const SessionStats known = stats_of(pair, pair.session);
  EXPECT_GE(known.first_rtt_sample_at - known.created_at, 100ms);
  EXPECT_LE(known.first_rtt_sample_at, known.handshake_completed_at);
  EXPECT_GE(known.min_rtt, 100ms);
  EXPECT_LE(known.min_rtt, 110ms);
  EXPECT_LE(known.smoothed_rtt, 140ms);
  rest(pair);
  // Three times as far.
  pair.route->replace({Delay{150ms}});
  auto stream = value_or_throw(pair.session.open({.body = "far"}));
  pair.settle(3s);
  const SessionStats far = stats_of(pair, pair.session);
  EXPECT_GE(far.latest_rtt, 300ms);
  EXPECT_GT(far.smoothed_rtt, known.smoothed_rtt);
  EXPECT_GT(far.rtt_var, known.rtt_var / 2);
  EXPECT_EQ(far.min_rtt, known.min_rtt);
  EXPECT_EQ(far.initial_rtt, unknown.initial_rtt);
  EXPECT_EQ(far.first_rtt_sample_at, known.first_rtt_sample_at);
}

// spec: SS17 S29
TEST(SpecSessionStats, KeyUpdatesAreCountedOnBothSides) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  rest(pair);
  for (std::uint64_t updates = 0; updates < 3; ++updates) {
    EXPECT_EQ(stats_of(pair, pair.session).key_update_count, updates);
    EXPECT_EQ(stats_of(pair, pair.accepted).key_update_count, updates);
    const auto updated = (updates % 2 == 0 ? pair.session : pair.accepted).update_key();
    EXPECT_TRUE(updated.has_value()) << updated.error().reason;
    // The other side answers when it hears of it (RFC 9001 6.1).
    for (int i = 0; i < 2; ++i) {  // the second time with the new keys on both sides
      EXPECT_TRUE(pair.session.datagram("ping"));
      EXPECT_TRUE(pair.accepted.datagram("ping"));
      rest(pair);
    }
  }
}

// spec: SS20
TEST(SpecSessionStats, LastSentPacketIsThatWhichWantsAnAcknowledgement) {
  ApiPair pair(this_test(), {Delay{5ms}});
  Stream of_server;
  const auto send = [&](std::string_view text) {
    const Buf piece = Buf::copy(text);
    value_or_throw(of_server.writer().try_write({&piece, 1}));
  };
  pair.connect("xyz");
  of_server = value_or_throw(pair.accepted.open({.body = Body::streamed()}));
  send("begun");
  rest(pair);
  const SessionStats rested = stats_of(pair, pair.session);
  EXPECT_LE(rested.last_sent_packet_at, rested.last_sent_at);
  pair.settle(2s);
  EXPECT_EQ(stats_of(pair, pair.session).last_sent_packet_at, rested.last_sent_packet_at);
  // Acknowledgements alone want none; ngtcp2 adds a PING to some that follow one another.
  int alone = 0;
  SessionStats last = rested;
  for (int i = 0; i < 6; ++i) {
    send("more");
    pair.settle(1s);
    const SessionStats now = stats_of(pair, pair.session);
    EXPECT_GT(now.last_sent_at, last.last_sent_at);
    if (now.last_sent_packet_at == last.last_sent_packet_at) ++alone;
    last = now;
  }
  EXPECT_GE(alone, 3);
  // What does is told to the moment, first and again.
  for (const char* text : {"wants one", "and so does this"}) {
    Instant said;
    bool done = false;
    auto say = [&](Session session) -> Task<> {
      (void)co_await Shard::current().sleep_for(10ms);
      said = Shard::current().now();
      EXPECT_TRUE(session.datagram(text));
      done = true;
    };
    pair.client.shard().spawn(say(pair.session));
    pair.run_until([&] { return done; });
    pair.settle(1s);
    EXPECT_EQ(stats_of(pair, pair.session).last_sent_packet_at, said);
  }
}

// spec: SS22 SS23 SS29
TEST(SpecSessionStats, SilenceMakesTheLossTimerFireLaterAndLater) {
  ApiPair pair(this_test(), {Delay{20ms}});
  pair.connect("xyz");
  rest(pair);
  const SessionStats rested = stats_of(pair, pair.session);
  EXPECT_EQ(rested.loss_detection_timer, kNotYet) << "nothing is in flight";
  EXPECT_EQ(rested.pto_count, 0u);
  const std::uint64_t fired = rested.loss_retransmit_count;
  pair.route->replace({Delay{20ms}, BlackHole{}});
  auto stream = value_or_throw(pair.session.open({.body = "is anybody there?"}));
  Duration last{};
  for (std::uint64_t count = 0; count < 4; ++count) {
    const SessionStats waiting = stats_of(pair, pair.session);
    EXPECT_EQ(waiting.pto_count, count);
    EXPECT_EQ(waiting.loss_retransmit_count, fired + count);
    const Duration timeout = waiting.loss_detection_timer - waiting.last_sent_packet_at;
    EXPECT_GT(timeout, 40ms);
    EXPECT_GT(timeout, last);
    last = timeout;
    pair.settle(waiting.loss_detection_timer - pair.world.now() - 1ms);
    EXPECT_EQ(stats_of(pair, pair.session).pto_count, count) << "not before its time";
    pair.settle(3ms);
  }
  pair.route->replace({Delay{20ms}});
  pair.settle(5s);
  const SessionStats healed = stats_of(pair, pair.session);
  EXPECT_EQ(stream.stats().max_offset_acknowledged, 17u);
  EXPECT_EQ(healed.pto_count, 0u);
  EXPECT_EQ(healed.loss_detection_timer, kNotYet);
  EXPECT_GE(healed.loss_retransmit_count, fired + 4);
}

// spec: SS26
TEST(SpecSessionStats, MaxUdpPayloadSizeIsWhatThePathWasFoundToCarry) {
  for (const std::uint32_t mtu : {1500u, 1400u}) {
    ApiPair pair(this_test(), {Delay{5ms}, Mtu{mtu}});
    value_or_throw(pair.server.endpoint.listen(server_config("xyz")));
    pair.session = value_or_throw(
        pair.client.endpoint.connect(*pair.server.endpoint.address(), client_config("xyz")));
    EXPECT_EQ(stats_of(pair, pair.session).max_udp_payload_size, 1200u) << "RFC 9000 14.1";
    const auto confirmed = pair.session.confirmed();
    pair.run_until([&] { return confirmed.ready(); });
    rest(pair);
    const std::uint64_t found = stats_of(pair, pair.session).max_udp_payload_size;
    EXPECT_LE(found, mtu - 28);
    EXPECT_EQ(found, mtu == 1500 ? 1472u : 1200u);
  }
}

// spec: S28 SS1 SS2 SS3 SS4 SS5 SS6 SS7 SS8 SS9 SS10 SS11 SS12 SS13 SS14 SS15 SS16 SS17 SS18
TEST(SpecSessionStats, AreFrozenAtTheEnd) {
  ApiPair pair(this_test(), {Delay{20ms}, Bandwidth{50_Mbit, 64_KiB}});
  discard_all(pair);
  pair.connect("xyz");
  auto stream = value_or_throw(pair.session.open({.body = std::string(3'000'000, 'x')}));
  pair.settle(400ms);
  EXPECT_GT(stats_of(pair, pair.session).bytes_in_flight, 0u) << "in the middle of it";
  pair.session.cancel();
  const auto closed = pair.accepted.closed();
  pair.run_until([&] { return closed.ready() && !pair.session.datagram("ended"); });
  pair.settle(10ms);
  const SessionStats client = stats_of(pair, pair.session);
  const SessionStats server = stats_of(pair, pair.accepted);
  EXPECT_NE(client.closing_at, kNotYet);
  EXPECT_NE(server.closing_at, kNotYet);
  EXPECT_LT(client.duration, 2s);
  pair.settle(10s);
  EXPECT_EQ(stats_of(pair, pair.session), client);
  EXPECT_EQ(stats_of(pair, pair.accepted), server);
}

}  // namespace
}  // namespace quicore::test
