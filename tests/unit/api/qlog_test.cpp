// SPDX-License-Identifier: Apache-2.0
//
// Session::qlog: spec S24 and SC8.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

// spec: SC8
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
