// SPDX-License-Identifier: Apache-2.0
//
// HTTP/3 between two engines: messages, giving up, and the graceful close.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/http3_error.h"
#include "engine/http3_session.h"
#include "tests/support/http3_web.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;
using engine::FieldSection;

// With the number of each, in the order in which they should leave.
std::vector<std::pair<std::size_t, std::size_t>> by_urgency(const std::vector<std::size_t>& all) {
  std::vector<std::pair<std::size_t, std::size_t>> ordered;
  for (std::size_t i = 0; i < all.size(); ++i) ordered.emplace_back(all[i], i);
  std::ranges::sort(ordered);
  return ordered;
}

// --- messages ----------------------------------------------------------------------------------------

TEST(Http3, ARequestIsAnswered) {
  Web web(this_test());
  web.serve = [](TestStream& request) {
    Web::respond(request, "hello", {{"content-type", "text/plain"}});
  };
  TestStream& exchange = web.request({{":path", "/index.html"}, {"accept", "*/*"}});
  web.run_until_closed(exchange);

  ASSERT_EQ(web.accepted().streams.size(), 1u);
  const TestStream& seen = web.accepted().streams.front();
  const std::string authority = "localhost:" + std::to_string(web.server.address().port());
  EXPECT_EQ(text_of(seen.section(FieldSection::headers)),
            ":method=GET;:scheme=https;:authority=" + authority + ";:path=/index.html;accept=*/*;");
  EXPECT_EQ(text_of(exchange.section(FieldSection::headers)),
            ":status=200;content-type=text/plain;");
  EXPECT_EQ(exchange.received, "hello");
  EXPECT_TRUE(exchange.fin);
  EXPECT_FALSE(exchange.error.has_value());
}

TEST(Http3, LargeBodiesTravelBothWays) {
  Web web(this_test());
  web.serve = [](TestStream& request) { Web::respond(request, request.received); };
  const std::string body = pattern(3 * 1024 * 1024);
  TestStream& exchange = web.request({{":method", "POST"}}, false);
  exchange.send(body);
  web.run_until_closed(exchange);
  EXPECT_TRUE(web.accepted().streams.front().received == body);
  EXPECT_TRUE(exchange.received == body);
}

TEST(Http3, LargeBodiesTravelBothWaysUnderLoss) {
  Web web(this_test(), {Delay{5ms}, Loss{0.05}});
  web.serve = [](TestStream& request) { Web::respond(request, request.received); };
  const std::string body = pattern(512 * 1024);
  TestStream& exchange = web.request({{":method", "POST"}}, false);
  exchange.send(body);
  web.run_until_closed(exchange);
  EXPECT_TRUE(exchange.received == body);
}

TEST(Http3, ABodyMayBeWrittenInPiecesOverTime) {
  Web web(this_test());
  TestStream& exchange = web.request({{":method", "PUT"}}, false);
  for (int i = 0; i < 5; ++i) {
    exchange.send("piece " + std::to_string(i) + ";", false);
    web.world.run_for(30ms);
  }
  EXPECT_EQ(web.accepted().streams.front().received, "piece 0;piece 1;piece 2;piece 3;piece 4;");
  exchange.send("", true);
  web.run_until_closed(exchange);
  EXPECT_EQ(exchange.received, "ok");
}

TEST(Http3, HintsArriveBeforeTheHeaders) {
  Web web(this_test());
  web.serve = [](TestStream& request) {
    Web::send_headers(request, FieldSection::informational, {{"link", "</a.css>"}});
    Web::send_headers(request, FieldSection::informational, {{":status", "100"}});
    Web::respond(request, "body");
  };
  TestStream& exchange = web.request({});
  web.run_until_closed(exchange);
  ASSERT_EQ(exchange.headers.size(), 3u);
  EXPECT_EQ(exchange.headers[0].first, FieldSection::informational);
  EXPECT_EQ(text_of(&exchange.headers[0].second), ":status=103;link=</a.css>;");
  EXPECT_EQ(exchange.headers[1].first, FieldSection::informational);
  EXPECT_EQ(text_of(&exchange.headers[1].second), ":status=100;");
  EXPECT_EQ(exchange.headers[2].first, FieldSection::headers);
  EXPECT_EQ(exchange.received, "body");
}

TEST(Http3, TrailersArriveAfterTheBodyBothWays) {
  Web web(this_test());
  web.serve = [](TestStream& request) {
    Web::send_headers(request, FieldSection::headers, {});
    request.send("answer", false);
    Web::send_headers(request, FieldSection::trailers, {{"digest", "a"}}, true);
  };
  TestStream& exchange = web.request({{":method", "POST"}}, false);
  exchange.send("question", false);
  Web::send_headers(exchange, FieldSection::trailers, {{"digest", "q"}}, true);
  web.run_until_closed(exchange);
  const TestStream& seen = web.accepted().streams.front();
  EXPECT_EQ(seen.received, "question");
  EXPECT_EQ(text_of(seen.section(FieldSection::trailers)), "digest=q;");
  EXPECT_EQ(exchange.received, "answer");
  EXPECT_EQ(text_of(exchange.section(FieldSection::trailers)), "digest=a;");
  EXPECT_TRUE(exchange.fin);
}

TEST(Http3, TrailersMayFollowLongAfterTheBody) {
  Web web(this_test());
  TestStream& exchange = web.request({{":method", "POST"}}, false);
  exchange.send("body", false);
  web.world.run_for(100ms);
  Web::send_headers(exchange, FieldSection::trailers, {{"digest", "late"}}, true);
  web.run_until_closed(exchange);
  const TestStream& seen = web.accepted().streams.front();
  EXPECT_EQ(text_of(seen.section(FieldSection::trailers)), "digest=late;");
  EXPECT_EQ(exchange.received, "ok");
}

TEST(Http3, AResponseToHeadHasNoContentWhateverTheHandlerWrites) {
  Web web(this_test());
  web.serve = [](TestStream& request) {
    Web::respond(request, pattern(100'000), {{"content-length", "100000"}});
  };
  TestStream& exchange = web.request({{":method", "HEAD"}});
  web.run_until_closed(exchange);
  EXPECT_EQ(text_of(exchange.section(FieldSection::headers)), ":status=200;content-length=100000;");
  EXPECT_EQ(exchange.received, "");
  EXPECT_FALSE(exchange.error.has_value());
  EXPECT_FALSE(web.session->closed);
}

TEST(Http3, AResponseWithStatus204HasNoContentWhateverTheHandlerWrites) {
  Web web(this_test());
  web.serve = [](TestStream& request) { Web::respond(request, "dropped", {{":status", "204"}}); };
  TestStream& exchange = web.request({{":method", "DELETE"}});
  web.run_until_closed(exchange);
  EXPECT_EQ(exchange.received, "");
  EXPECT_FALSE(exchange.error.has_value());
}

TEST(Http3, AHundredExchangesRunAtOnce) {
  Web web(this_test());
  web.serve = [](TestStream& request) {
    Web::respond(request, std::string(*request.section(FieldSection::headers)->get(":path")));
  };
  std::vector<TestStream*> exchanges;
  for (int i = 0; i < 100; ++i) {
    exchanges.push_back(&web.request({{":path", "/" + std::to_string(i)}}));
  }
  web.run_until([&] {
    return std::all_of(exchanges.begin(), exchanges.end(), [](auto* s) { return s->closed; });
  });
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(exchanges[static_cast<std::size_t>(i)]->received, "/" + std::to_string(i));
  }
}

// So many that what the next streams need is prefetched, and they do not come in their order.
TEST(Http3, AThousandExchangesRunAtOnceWhileSomeAreGivenUp) {
  constexpr std::size_t kExchanges = 4 * engine::limits::kPrefetchStreamsFrom;
  Web web(this_test(), {Delay{5ms}, Loss{0.02}, Reorder{0.1, 3ms}}, kExchanges);
  web.serve = [](TestStream& request) { Web::respond(request, pattern(700, 1)); };
  std::vector<TestStream*> exchanges;
  for (std::size_t i = 0; i < kExchanges; ++i) {
    exchanges.push_back(&web.request({{":path", "/" + std::to_string(i)}}));
  }
  web.world.run_for(12ms);  // some have been answered
  for (std::size_t i = 0; i < kExchanges; i += 3) {
    if (exchanges[i]->closed) continue;
    exchanges[i]->stream->reset(http3::kRequestCancelled);
    exchanges[i]->stream->stop_sending(http3::kRequestCancelled);
  }
  web.run_until([&] { return std::ranges::all_of(exchanges, [](auto* s) { return s->closed; }); });
  for (std::size_t i = 0; i < kExchanges; ++i) {
    if (i % 3 != 0) EXPECT_EQ(exchanges[i]->received, pattern(700, 1)) << i;
  }
}

// RFC 9204 4.4.1: each is acknowledged on the decoder stream, with no field section in between.
TEST(Http3, ThousandsOfResponsesMayBeUnderWayWithEntriesOfTheDynamicTable) {
  constexpr std::size_t kExchanges = 4000;
  Web web(this_test(), {Delay{5ms}}, 2 * kExchanges);
  const Headers fields = {{"x-often", "the same"}};
  std::vector<TestStream*> waiting;
  web.serve = [&](TestStream& request) { Web::respond(request, "first", fields); };
  web.run_until_closed(web.request({{":path", "/"}}));
  web.world.run_for(100ms);  // the table's entry is acknowledged
  web.serve = [&](TestStream& request) {
    waiting.push_back(&request);
    if (waiting.size() < kExchanges) return;
    for (TestStream* one : waiting) Web::respond(*one, "ok", fields);
  };
  std::vector<TestStream*> exchanges;
  for (std::size_t i = 0; i < kExchanges; ++i) {
    exchanges.push_back(&web.request({{":path", "/"}}));
  }
  web.run_until([&] { return std::ranges::all_of(exchanges, [](auto* s) { return s->closed; }); });
  web.world.run_for(100ms);
  EXPECT_FALSE(web.session->closed);
  EXPECT_TRUE(std::ranges::all_of(exchanges, [](auto* s) { return s->received == "ok"; }));
}

TEST(Http3, AStreamWithoutContentYetDoesNotHoldUpTheOthers) {
  Web web(this_test());
  std::vector<TestStream*> waiting;
  for (int i = 0; i < 10; ++i) waiting.push_back(&web.request({{":method", "POST"}}, false));
  web.world.run_for(50ms);
  // All of them are told to go on, every second one without anything to give.
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    if (i % 2 == 1) {
      waiting[i]->send("now");
    } else {
      EXPECT_TRUE(waiting[i]->stream->write(Buf()).has_value());
    }
  }
  // Two round trips, before any timer of the connection starts another attempt.
  const Outcome outcome = web.world.run_until([&] { return waiting[9]->closed; }, 20ms);
  EXPECT_EQ(outcome, Outcome::reached) << web.world.report();
  for (std::size_t i = 0; i < waiting.size(); ++i) EXPECT_EQ(waiting[i]->closed, i % 2 == 1) << i;
}

TEST(Http3, MoreUrgentResponsesComeFirst) {
  Web web(this_test(), {Delay{5ms}, Bandwidth{20_Mbit, 64_KiB}});
  web.serve = [](TestStream& request) { Web::respond(request, pattern(1024 * 1024)); };
  TestStream& background = web.request({{"priority", "u=7"}});
  TestStream& urgent = web.request({{"priority", "u=0"}});
  web.run_until_closed(urgent);
  EXPECT_FALSE(background.fin);
  EXPECT_LT(background.received.size(), 512u * 1024);
  web.run_until_closed(background);
}

// And of equal urgency the earlier requests', whatever comes and goes among those that wait.
TEST(Http3, HundredsOfWaitingResponsesLeaveByTheirUrgency) {
  constexpr std::size_t kExchanges = 400;
  Web web(this_test(), {Delay{5ms}, Bandwidth{20_Mbit, 2048_KiB}}, kExchanges);
  std::vector<TestStream*> waiting, exchanges;
  web.serve = [&](TestStream& request) { waiting.push_back(&request); };
  std::vector<std::size_t> urgency;
  for (std::size_t i = 0; i < kExchanges; ++i) {
    urgency.push_back((i * 5 + i / 8) % 8);
    exchanges.push_back(&web.request({{"priority", "u=" + std::to_string(urgency.back())}}));
  }
  web.run_until([&] { return waiting.size() == kExchanges; });
  for (TestStream* one : waiting) Web::respond(*one, pattern(2000));
  web.world.run_for(8ms);  // the first are on their way
  for (std::size_t i = 0; i < kExchanges; i += 5) {
    if (!exchanges[i]->closed) exchanges[i]->stream->stop_sending(http3::kRequestCancelled);
  }
  for (std::size_t i = 399; i > 200; i -= 7) {
    if (exchanges[i]->closed || urgency[i] < 3) continue;
    urgency[i] = 3;
    exchanges[i]->stream->set_priority(3, false);
  }
  web.world.run_for(30ms);                                 // the server has heard of both
  std::vector<std::pair<std::size_t, std::size_t>> order;  // urgency, number
  std::vector<char> seen(kExchanges);
  const auto note_finished = [&](bool in_order) {
    for (const auto& [most, i] : by_urgency(urgency)) {
      if (!exchanges[i]->fin || std::exchange(seen[i], 1) != 0 || !in_order) continue;
      order.emplace_back(most, i);
    }
    return std::ranges::all_of(exchanges, [](auto* one) { return one->closed; });
  };
  note_finished(false);
  web.run_until([&] { return note_finished(true); });
  EXPECT_GT(order.size(), kExchanges / 2);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(Http3, IncrementalResponsesTakeTurnsPacketByPacket) {
  Web web(this_test());
  web.serve = [](TestStream& request) { Web::respond(request, pattern(1024 * 1024)); };
  TestStream& first = web.request({{"priority", "i"}});
  TestStream& second = web.request({{"priority", "i"}});
  std::size_t farthest = 0;
  web.run_until([&] {
    const std::size_t a = first.received.size(), b = second.received.size();
    if (a > 0 && b > 0) farthest = std::max(farthest, a > b ? a - b : b - a);
    return first.closed && second.closed;
  });
  EXPECT_LT(farthest, 8'000u);
}

TEST(Http3, APriorityMayBeChangedWhileTheResponseIsOnItsWay) {
  Web web(this_test(), {Delay{5ms}, Bandwidth{20_Mbit, 64_KiB}});
  web.serve = [](TestStream& request) { Web::respond(request, pattern(1024 * 1024)); };
  TestStream& first = web.request({{"priority", "u=2"}});
  TestStream& second = web.request({{"priority", "u=5"}});
  web.run_until([&] { return first.received.size() > 100'000; });
  second.stream->set_priority(0, false);
  web.run_until_closed(second);
  EXPECT_FALSE(first.fin);
  web.run_until_closed(first);
}

TEST(Http3, ControlAndQpackStreamsAreShownToNobody) {
  Web web(this_test());
  web.world.run_for(100ms);
  EXPECT_TRUE(web.accepted().streams.empty());
  EXPECT_TRUE(web.session->streams.empty());
}

TEST(Http3, AMessageIsFlushedOnceItsEndWasAcknowledged) {
  Web web(this_test());
  TestStream& exchange = web.request({{":method", "POST"}}, false);
  exchange.stream->want_flushed();
  exchange.send("body", false);
  web.serve = [](TestStream&) {};  // no answer: the stream stays open
  web.run_until([&] { return exchange.flushed; });
  exchange.flushed = false;
  exchange.stream->want_flushed();
  exchange.send("", true);
  EXPECT_FALSE(exchange.flushed);
  web.run_until([&] { return exchange.flushed; });
  EXPECT_FALSE(exchange.closed);
}

TEST(Http3, AResponseMayBeginBeforeTheRequestEnded) {
  Web web(this_test());
  web.accepted().on_stream_opened = [](TestStream& request) { Web::respond(request, "early"); };
  TestStream& exchange = web.request({{":method", "POST"}}, false);
  web.run_until([&] { return exchange.fin; });
  EXPECT_EQ(exchange.received, "early");
  exchange.send("late");
  web.run_until_closed(exchange);
  EXPECT_EQ(web.accepted().streams.front().received, "late");
}

// --- giving up -------------------------------------------------------------------------------------

TEST(Http3, AClientThatGivesUpEndsTheExchangeOnly) {
  Web web(this_test());
  web.serve = [](TestStream& request) { Web::respond(request, pattern(8 * 1024 * 1024)); };
  TestStream& exchange = web.request({});
  web.run_until([&] { return exchange.received.size() > 100'000; });
  exchange.stream->stop_sending(http3::kRequestCancelled);
  web.run_until([&] { return exchange.closed && web.accepted().streams.front().closed; });
  EXPECT_EQ(web.accepted().streams.front().stopped_code, http3::kRequestCancelled);
  web.serve = [](TestStream& request) { Web::respond(request, "next"); };
  TestStream& next = web.request({});
  web.run_until_closed(next);
  EXPECT_EQ(next.received, "next");
}

TEST(Http3, AServerThatGivesUpResetsTheResponse) {
  Web web(this_test());
  web.serve = [](TestStream& request) {
    Web::send_headers(request, FieldSection::headers, {});
    request.send(pattern(8 * 1024 * 1024), false);
    request.stream->reset(http3::kInternalError);
  };
  TestStream& exchange = web.request({});
  web.run_until_closed(exchange);
  EXPECT_EQ(exchange.reset_code, http3::kInternalError);
  EXPECT_FALSE(exchange.fin);
  EXPECT_FALSE(web.session->closed);
}

// --- graceful close (RFC 9114 5.2) -------------------------------------------------------------------

TEST(Http3, AServerThatClosesLetsRequestsFinishAndTakesNoNewOnes) {
  Web web(this_test());
  web.serve = [](TestStream&) {};
  TestStream& running = web.request({});
  web.run_until(
      [&] { return web.accepted().streams.size() == 1 && web.accepted().streams[0].fin; });
  web.accepted().connection->close_gracefully();
  web.run_until([&] { return web.session->connection->http3()->peer_going_away(); });
  TestStream& late = web.session->open();
  const auto refused = late.stream->send_headers(FieldSection::headers, {}, true);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Errc::closing);
  EXPECT_FALSE(web.session->closed);

  Web::respond(web.accepted().streams[0], "finished");
  web.run_until([&] { return web.session->closed; });
  EXPECT_EQ(running.received, "finished");
  EXPECT_TRUE(running.fin);
  EXPECT_FALSE(web.session->error.has_value());
  EXPECT_FALSE(web.server.connections.front().error.has_value());
}

TEST(Http3, ARequestThatCrossesGoawayIsRejectedUnprocessed) {
  Web web(this_test());
  web.serve = [](TestStream&) {};
  TestStream& running = web.request({});
  web.run_until(
      [&] { return web.accepted().streams.size() == 1 && web.accepted().streams[0].fin; });
  web.accepted().connection->close_gracefully();
  TestStream& crossing = web.request({});  // before the GOAWAY can have arrived
  web.run_until_closed(crossing);
  EXPECT_EQ(crossing.reset_code, http3::kRequestRejected);
  EXPECT_EQ(web.accepted().streams.size(), 1u);
  Web::respond(web.accepted().streams[0], "finished");
  web.run_until_closed(running);
  EXPECT_EQ(running.received, "finished");
}

// The connection has nothing to do and could end at once, but then the client would not know.
TEST(Http3, ARequestThatCrossesTheCloseOfAnIdleConnectionIsRejected) {
  Web web(this_test());
  web.run_until_closed(web.request({}));
  web.accepted().connection->close_gracefully();
  TestStream& crossing = web.request({});
  web.run_until([&] { return web.session->closed; });
  EXPECT_EQ(crossing.reset_code, http3::kRequestRejected);
  EXPECT_EQ(web.accepted().streams.size(), 1u);
  EXPECT_FALSE(web.session->error.has_value());
}

TEST(Http3, AServerDoesNotWaitLongForAClientThatVanished) {
  Web web(this_test(), {Delay{5ms}, BlackHole{.from = 1s}});
  web.run_until_closed(web.request({}));
  static_cast<void>(web.world.run_for(1s));
  const Instant began = web.world.now();
  web.accepted().connection->close_gracefully();
  web.run_until([&] { return web.accepted().closed; });
  EXPECT_LT(web.world.now() - began, std::chrono::seconds(1));  // of the simulated clock
}

// spec: H7
TEST(Http3, AClientThatClosesStillGetsItsResponse) {
  Web web(this_test());
  TestStream& exchange = web.request({});
  web.session->connection->close_gracefully();
  web.run_until([&] { return web.session->closed && web.accepted().closed; });
  EXPECT_EQ(exchange.received, "ok");
  EXPECT_TRUE(exchange.fin);
  EXPECT_FALSE(web.accepted().error.has_value());
}

}  // namespace
}  // namespace quicore::test
