// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "tests/support/api_node.h"

namespace quicore::test {
namespace {

using namespace sim;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// The first word of each line: NSS's label of the secret.
std::vector<std::string> labels_of(const std::vector<std::string>& lines) {
  std::vector<std::string> labels;
  for (const std::string& line : lines) labels.push_back(line.substr(0, line.find(' ')));
  return labels;
}

struct LoggedPair {
  ApiPair pair;
  std::vector<std::string> server_lines;
  std::vector<std::string> client_lines;
  Subscription listening;

  explicit LoggedPair(WorldOptions options) : pair(std::move(options)) {
    listening = pair.server.endpoint.on_session().add_listener([this](Session session) {
      session.on_keylog() = [this](KeylogEvent event) { server_lines.push_back(event.line); };
    });
  }

  void connect(bool keylog) {
    SessionConfig server = server_config("xyz");
    SessionConfig client = client_config("xyz");
    server.secure.keylog = client.secure.keylog = keylog;
    value_or_throw(pair.server.endpoint.listen(std::move(server)));
    pair.session = value_or_throw(
        pair.client.endpoint.connect(*pair.server.endpoint.address(), std::move(client)));
    pair.session.on_keylog() = [this](KeylogEvent event) {
      EXPECT_EQ(event.session, pair.session);
      client_lines.push_back(event.line);
    };
    const auto confirmed = pair.session.confirmed();
    pair.run_until([&] { return confirmed.ready(); });
    pair.settle();
  }
};

// spec: S20 SC22
TEST(KeyLog, BothSidesTellTheSameSecretsOfAHandshake) {
  LoggedPair logged(this_test());
  logged.connect(true);
  EXPECT_THAT(
      labels_of(logged.client_lines),
      UnorderedElementsAre("CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                           "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"));
  EXPECT_EQ(std::set(logged.client_lines.begin(), logged.client_lines.end()),
            std::set(logged.server_lines.begin(), logged.server_lines.end()));
  for (const std::string& line : logged.client_lines) {
    // label, 32 bytes of client random, 32 or 48 bytes of secret
    EXPECT_EQ(std::count(line.begin(), line.end(), ' '), 2) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  }
}

// spec: S20
TEST(KeyLog, NothingIsToldUnlessTheConfigurationAsksForIt) {
  LoggedPair logged(this_test());
  logged.connect(false);
  EXPECT_THAT(logged.client_lines, IsEmpty());
  EXPECT_THAT(logged.server_lines, IsEmpty());
}

TEST(KeyLog, AHandlerMayEndTheSession) {
  ApiPair pair(this_test());
  value_or_throw(pair.server.endpoint.listen(server_config("xyz")));
  SessionConfig config = client_config("xyz");
  config.secure.keylog = true;
  pair.session = value_or_throw(
      pair.client.endpoint.connect(*pair.server.endpoint.address(), std::move(config)));
  int lines = 0;
  pair.session.on_keylog() = [&](KeylogEvent event) {
    ++lines;
    event.session.cancel();
  };
  const auto closed = pair.session.closed();
  pair.run_until([&] { return closed.ready(); });
  pair.settle();
  EXPECT_GE(lines, 1);
}

}  // namespace
}  // namespace quicore::test
