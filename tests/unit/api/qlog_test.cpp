// SPDX-License-Identifier: Apache-2.0
//
// Session::qlog: spec S24 and SC8.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/limits.h"
#include "engine/qlog.h"
#include "tests/support/api_node.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;
using nlohmann::json;

SessionConfig with_qlog(SessionConfig config) {
  config.qlog = true;
  return config;
}

// RFC 7464: RS, a JSON text, LF.
std::vector<json> parse(const std::string& sequence) {
  std::vector<json> records;
  for (std::size_t at = 0; at < sequence.size();) {
    EXPECT_EQ(sequence[at], '\x1e');
    const std::size_t end = sequence.find('\n', at);
    if (end == std::string::npos) {
      ADD_FAILURE() << "a record without its end: " << sequence.substr(at);
      break;
    }
    records.push_back(json::parse(sequence.substr(at + 1, end - at - 1), nullptr, false));
    EXPECT_FALSE(records.back().is_discarded());
    at = end + 1;
  }
  return records;
}

struct Collected {
  std::string text;
  bool complete = false;

  Task<> collect(QlogReader log) {
    for (;;) {
      const std::optional<std::string> records = co_await log.next();
      if (!records) break;
      text += *records;
    }
    complete = true;
  }
};

// spec: S24
TEST(SessionQlog, TellsOfBothEndsFromTheFirstPacketToTheLast) {
  ApiPair pair(this_test());
  Collected at_client;
  Collected at_server;
  const auto accepting = pair.server.endpoint.on_session().add_listener([&](Session session) {
    pair.server.shard().spawn(at_server.collect(session.qlog()));
    EXPECT_FALSE(session.qlog().original_dcid().empty());
  });
  pair.connect(with_qlog(server_config("xyz")), with_qlog(client_config("xyz")));
  pair.client.shard().spawn(at_client.collect(pair.session.qlog()));
  const std::string id = pair.session.qlog().original_dcid();
  EXPECT_EQ(pair.accepted.qlog().original_dcid(), id);
  pair.session.close();
  pair.settle(10s);
  for (const Collected* end : {&at_client, &at_server}) {
    EXPECT_TRUE(end->complete);
    const std::vector<json> records = parse(end->text);
    ASSERT_GT(records.size(), 10u);
    EXPECT_EQ(records.front().at("qlog_format"), "JSON-SEQ");
    EXPECT_EQ(records.front().at("trace").at("common_fields").at("group_id"), id);
    EXPECT_EQ(records.front().at("trace").at("vantage_point").at("type"),
              end == &at_client ? "client" : "server");
    EXPECT_THAT(end->text, testing::HasSubstr("transport:packet_sent"));
    EXPECT_THAT(end->text, testing::HasSubstr("transport:packet_received"));
    EXPECT_THAT(end->text, testing::HasSubstr("\"connection_close\"")) << "the last packet";
  }
}

// spec: S24 SC8
TEST(SessionQlog, IsOffUnlessAskedFor) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  EXPECT_FALSE(SessionConfig().qlog);
  EXPECT_FALSE(pair.session.qlog());
  EXPECT_FALSE(pair.accepted.qlog());
  EXPECT_TRUE(pair.session.qlog().original_dcid().empty());
  Collected nothing;
  pair.client.shard().spawn(nothing.collect(pair.session.qlog()));
  pair.settle();
  EXPECT_TRUE(nothing.complete);
  EXPECT_TRUE(nothing.text.empty());
}

TEST(SessionQlog, ASecondReaderTakesThePlaceOfTheFirst) {
  ApiPair pair(this_test());
  pair.connect(server_config("xyz"), with_qlog(client_config("xyz")));
  Collected first;
  Collected second;
  pair.client.shard().spawn(first.collect(pair.session.qlog()));
  pair.settle();
  pair.client.shard().spawn(second.collect(pair.session.qlog()));
  pair.settle();
  EXPECT_TRUE(first.complete);
  EXPECT_FALSE(second.complete);
  pair.session.close();
  pair.settle(10s);
  EXPECT_TRUE(second.complete);
}

std::vector<json> named(const std::vector<json>& records, const std::string& name) {
  std::vector<json> found;
  for (const json& record : records) {
    if (record.value("name", "") == name) found.push_back(record);
  }
  return found;
}

// spec: S24
TEST(SessionQlog, TellsWhatHttp3Does) {
  ApiPair pair(this_test());
  Collected at_client;
  Collected at_server;
  std::vector<StreamEvent> kept;
  pair.server.endpoint.on_session() = [&](Session session) {
    pair.server.shard().spawn(at_server.collect(session.qlog()));
    session.on_stream() = [&](StreamEvent event) {
      if (event.headers->get(":path") == "/hold") return kept.push_back(std::move(event));
      ResponseOptions options;
      options.hints = {{{":status", "103"}}};
      options.headers = {{":status", "200"}, {"set-cookie", "id=secret-of-the-server"}};
      options.body = "body";
      event.respond_with(std::move(options));
    };
  };
  pair.connect(with_qlog(server_config("h3")), with_qlog(client_config("h3")));
  pair.client.shard().spawn(at_client.collect(pair.session.qlog()));
  auto stream = value_or_throw(pair.session.open(
      {.headers = {{"note", "a\"b\\c"}, {"menu", "caf\xe9"}, {"authorization", "secret"}},
       .urgency = 1}));
  stream.discard();
  // Still open when the server closes: it says GOAWAY.
  auto held = value_or_throw(
      pair.session.open({.headers = {{":path", "/hold"}}, .body = Body::streamed()}));
  pair.settle(1s);
  pair.accepted.close();
  pair.settle(1s);
  kept.clear();
  pair.settle(10s);
  EXPECT_TRUE(at_client.complete && at_server.complete);
  const std::vector<json> client = parse(at_client.text);
  const std::vector<json> server = parse(at_server.text);
  EXPECT_EQ(named(client, "http:stream_type_set").size(), 3u);
  EXPECT_EQ(named(client, "http:parameters_set").size(), 2u) << "ours and the server's";
  // What one side creates the other parses.
  const json sent = named(client, "http:frame_created").at(0).at("data");
  const json parsed = named(server, "http:frame_parsed").at(0).at("data");
  EXPECT_EQ(sent, parsed);
  EXPECT_EQ(sent.at("stream_id"), 0);
  EXPECT_EQ(sent.at("frame").at("frame_type"), "headers");
  EXPECT_THAT(sent.dump(), testing::HasSubstr(R"({"name":"note","value":"a\"b\\c"})"));
  EXPECT_EQ(named(client, "http:frame_created").at(1).at("data").at("frame").at("frame_type"),
            "priority_update");
  const std::vector<json> answer = named(client, "http:frame_parsed");
  ASSERT_GE(answer.size(), 3u) << "hints, headers, GOAWAY";
  EXPECT_THAT(answer.at(0).dump(), testing::HasSubstr("103"));
  EXPECT_THAT(answer.at(1).dump(), testing::HasSubstr("200"));
  EXPECT_EQ(answer.back().at("data").at("frame").at("frame_type"), "goaway");
  EXPECT_THAT(at_client.text + at_server.text, testing::Not(testing::HasSubstr("secret")));
}

// A pair whose two ends collect their qlogs.
struct LoggedPair : ApiPair {
  Collected at_client;
  Collected at_server;

  explicit LoggedPair(WorldOptions options) : ApiPair(std::move(options)) {}
  void begin(const std::string& alpn, SessionConfig of_server) {
    collecting_ = server.endpoint.on_session().add_listener(
        [this](Session arrived) { server.shard().spawn(at_server.collect(arrived.qlog())); });
    connect(with_qlog(std::move(of_server)), with_qlog(client_config(alpn)));
    client.shard().spawn(at_client.collect(session.qlog()));
  }
  void finish() {
    run_until([this] { return at_client.complete && at_server.complete; });
  }

 private:
  Subscription collecting_;
};

// spec: S24
TEST(SessionQlog, TellsWhatHoldsSendingUp) {
  LoggedPair pair(this_test());
  std::vector<StreamEvent> unread;
  pair.server.endpoint.on_session() = [&](Session session) {
    session.on_stream() = [&](StreamEvent event) { unread.push_back(std::move(event)); };
  };
  SessionConfig narrow = server_config("xyz");
  narrow.transport.initial_max_stream_data_bidi_remote = 1000;
  narrow.transport.initial_max_data = 1500;
  pair.begin("xyz", narrow);
  auto one = value_or_throw(pair.session.open({.body = std::string(5000, 'x')}));
  pair.settle(1s);
  EXPECT_TRUE(named(parse(pair.at_server.text), "quicore:blocked").empty());
  auto records = named(parse(pair.at_client.text), "quicore:blocked");
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].at("data"), json({{"by", "stream_flow_control"}, {"stream_id", 0}}));
  auto two = value_or_throw(pair.session.open({.body = std::string(5000, 'x')}));
  pair.settle(1s);
  records = named(parse(pair.at_client.text), "quicore:blocked");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].at("data"), json({{"by", "session_flow_control"}}));
}

// spec: S24
TEST(SessionQlog, TellsOfPathsAndRefusedStreams) {
  LoggedPair pair(this_test());
  pair.begin("xyz", server_config("xyz"));
  pair.settle(1s);
  EXPECT_TRUE(named(parse(pair.at_client.text), "quicore:path_validated").empty());
  const Address before = pair.session.local_address();
  value_or_throw(pair.session.migrate());
  pair.settle(1s);
  const Address after = pair.session.local_address();
  ASSERT_NE(after, before);
  const auto paths = named(parse(pair.at_client.text), "quicore:path_validated");
  ASSERT_FALSE(paths.empty());
  EXPECT_EQ(paths.back().at("data"), json({{"local", after.to_string()},
                                           {"remote", pair.session.remote_address().to_string()}}));
  // Streams of the peer are refused once a session closes.
  auto kept = value_or_throw(pair.session.open({.body = Body::streamed()}));
  const Buf begun = Buf::copy("begun");
  value_or_throw(kept.writer().try_write({&begun, 1}));
  pair.settle(1s);
  EXPECT_TRUE(named(parse(pair.at_server.text), "quicore:stream_refused").empty());
  pair.accepted.close();
  pair.settle(1s);
  auto late = value_or_throw(pair.session.open({.body = "late"}));
  pair.settle(1s);
  const std::vector<json> records = parse(pair.at_server.text);
  EXPECT_EQ(named(records, "quicore:graceful_close_begun").size(), 1u);
  const auto refused = named(records, "quicore:stream_refused");
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].at("data"), json({{"stream_id", 4}, {"code", 0}}));
}

// spec: S24
TEST(SessionQlog, TellsHowTheSessionEnded) {
  struct Case {
    std::function<void(LoggedPair&)> end;
    json client, server;
  };
  const Error app = Error::application(77, "enough");
  const std::vector<Case> cases{
      {[](LoggedPair& pair) { pair.session.close(); },
       {{"owner", "local"}, {"trigger", "clean"}},
       {{"owner", "remote"}, {"trigger", "clean"}}},
      {[&](LoggedPair& pair) { pair.session.cancel(app); },
       {{"owner", "local"}, {"trigger", "application"}, {"application_code", 77}},
       {{"owner", "remote"}, {"trigger", "application"}, {"application_code", 77}}},
      {[](LoggedPair& pair) { pair.accepted.cancel(Error::transport(0x1, "out of order")); },
       {{"owner", "remote"}, {"trigger", "transport"}, {"connection_code", 1}},
       {{"owner", "local"}, {"trigger", "transport"}, {"connection_code", 1}}},
  };
  for (const Case& one : cases) {
    LoggedPair pair(this_test());
    pair.begin("xyz", server_config("xyz"));
    EXPECT_TRUE(named(parse(pair.at_client.text), "connectivity:connection_closed").empty());
    one.end(pair);
    pair.finish();
    const auto expect = [&](const Collected& side, const json& wanted) {
      auto records = named(parse(side.text), "connectivity:connection_closed");
      ASSERT_EQ(records.size(), 1u);
      json data = records[0].at("data");
      EXPECT_EQ(data.contains("reason"), wanted.at("trigger") != "clean");
      data.erase("reason");
      EXPECT_EQ(data, wanted);
    };
    expect(pair.at_client, one.client);
    expect(pair.at_server, one.server);
  }
}

// spec: S24
TEST(SessionQlog, TellsOfASessionThatWasGivenUp) {
  LoggedPair pair(this_test());
  pair.begin("xyz", server_config("xyz"));
  pair.route->replace({Loss{1.0}});
  pair.finish();  // by the idle timeout
  for (const Collected* side : {&pair.at_client, &pair.at_server}) {
    const auto records = named(parse(side->text), "connectivity:connection_closed");
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].at("data").at("trigger"), "timed_out");
  }
}

TEST(Qlog, DropsAndCountsWhatNobodyFetches) {
  engine::Qlog log;
  const std::string record = "\x1e" + std::string(1000, 'x') + "\n";
  const std::size_t room = engine::limits::kQlogBuffer / record.size();
  for (std::size_t i = 0; i < room + 7; ++i) log.write(record);
  EXPECT_EQ(log.dropped(), 7u);
  EXPECT_EQ(log.take().size(), room * record.size()) << "whole records only";
  log.write(record);
  EXPECT_EQ(log.take(), record);
  EXPECT_EQ(log.dropped(), 7u);
}

}  // namespace
}  // namespace quicore::test
