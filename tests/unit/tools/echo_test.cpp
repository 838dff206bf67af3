// SPDX-License-Identifier: Apache-2.0
#include "tools/server/echo.h"

#include <gtest/gtest.h>

#include "tests/support/api_node.h"

namespace quicore::tools {
namespace {

using namespace std::chrono_literals;
using test::ApiPair;

void echo_everything(ApiPair& pair) {
  pair.server.endpoint.on_session() = [](Session session) {
    session.on_stream() = [](StreamEvent event) {
      event.respond_with({.body = echo_of(event.stream)});
    };
  };
}

// A client that takes little before it reads.
SessionConfig small_windows() {
  SessionConfig config = test::client_config("xyz");
  config.transport.initial_max_stream_data_bidi_local = 64 * 1024;
  return config;
}

// As browsers do: everything is sent before anything is read.
Task<> send_all_then_read(Session session, std::string body, bool& right) {
  auto stream = value_or_throw(session.open());
  EXPECT_TRUE(co_await stream.writer().write(body));
  EXPECT_TRUE(stream.writer().finish());
  EXPECT_TRUE(co_await stream.writer().flushed(20s)) << "the server takes no more";
  const auto answer = co_await stream.reader().read_all(body.size());
  right = answer && answer->text() == body;
}

TEST(Echo, OfAClientThatReadsLastDoesNotStall) {
  ApiPair pair(sim::this_test());
  echo_everything(pair);
  pair.connect(test::server_config("xyz"), small_windows());
  bool right = false;
  pair.run(send_all_then_read(pair.session, test::pattern(40 << 20), right));
  EXPECT_TRUE(right);
}

TEST(Echo, OfAStreamThatIsResetFails) {
  ApiPair pair(sim::this_test());
  echo_everything(pair);
  pair.connect(test::server_config("xyz"), small_windows());
  auto stream = value_or_throw(pair.session.open());
  EXPECT_TRUE(stream.writer().try_write(std::vector<Buf>{Buf::copy("begun")}));
  pair.settle();
  stream.reset(7);
  bool failed = false;
  pair.run([](Stream one, bool& result) -> Task<> {
    const auto answer = co_await one.reader().read_all(100);
    result = !answer.has_value();
  }(stream, failed));
  EXPECT_TRUE(failed);
}

// More than the backlog may hold: the rest goes no faster than it is read.
Task<> send_for_ever(Session session, std::size_t& sent) {
  auto stream = value_or_throw(session.open());
  const std::string block(1 << 20, 'x');
  while (co_await stream.writer().write(Buf::copy(block), 5s)) sent += block.size();
}

TEST(Echo, KeepsNoMoreThanTheBacklog) {
  ApiPair pair(sim::this_test(), {});
  echo_everything(pair);
  pair.connect(test::server_config("xyz"), small_windows());
  std::size_t sent = 0;
  pair.run(send_for_ever(pair.session, sent));
  EXPECT_GE(sent, kEchoBacklog);
  EXPECT_LT(sent, kEchoBacklog + (64 << 20));  // and the windows of the connection
}

}  // namespace
}  // namespace quicore::tools
