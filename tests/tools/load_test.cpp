// SPDX-License-Identifier: Apache-2.0
//
// quicore-load as a process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/programs.h"

namespace quicore::test {

namespace {

using testing::HasSubstr;

TEST(Load, HandshakesEndWithTheNumberAskedFor) {
  const WorkingDirectory directory;
  const RunningServer server(directory);
  const auto load = directory.run({"quicore-load", "--insecure", "--mode", "handshake", "--warmup",
                                   "0ms", "--requests", "5", "--duration", "1h", server.url("/")});
  EXPECT_EQ(load.status, 0) << load.errors;
  EXPECT_THAT(load.output, HasSubstr("handshakes "));
}

// Closed by a client that has not sent its Finished yet, they were half a handshake for the server.
TEST(Load, HandshakesAreDoneOnBothSides) {
  const WorkingDirectory directory;
  {
    const RunningServer server(directory, {"--qlog", "."});
    const auto load =
        directory.run({"quicore-load", "--insecure", "--mode", "handshake", "--connections", "1",
                       "--warmup", "0ms", "--requests", "5", "--duration", "1h", server.url("/")});
    EXPECT_EQ(load.status, 0) << load.errors;
  }
  int done = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory.path())) {
    if (file.path().extension() != ".sqlog") continue;
    done += directory.read(file.path().filename()).find("handshake_done") != std::string::npos;
  }
  EXPECT_GE(done, 5);
}

TEST(Load, HandshakesMayBeDueAtARate) {
  const WorkingDirectory directory;
  const RunningServer server(directory);
  const auto load = directory.run({"quicore-load", "--insecure", "--json", "--mode", "handshake",
                                   "--warmup", "0ms", "--rate", "50", "--connections", "50",
                                   "--requests", "5", "--duration", "1h", server.url("/")});
  EXPECT_EQ(load.status, 0) << load.errors;
  EXPECT_THAT(load.output, HasSubstr(R"("errors":0)"));
  EXPECT_THAT(load.output, HasSubstr(R"("offered_rate":50)"));
}

TEST(Load, HandshakesBeyondWhatMayBeUnderWayAreErrors) {
  const WorkingDirectory directory;  // nobody answers
  const auto load = directory.run({"quicore-load", "--insecure", "--json", "--mode", "handshake",
                                   "--warmup", "0ms", "--rate", "1000", "--connections", "3",
                                   "--duration", "200ms", "https://127.0.0.1:9/"});
  EXPECT_THAT(load.output, HasSubstr("as many handshakes as --connections are under way"));
}

TEST(Load, IdleConnectionsLiveOnByTheirPings) {
  const WorkingDirectory directory;
  const RunningServer server(directory, {"--idle-timeout", "300ms"});
  const auto load = directory.run({"quicore-load", "--insecure", "--json", "--mode", "idle",
                                   "--connections", "150", "--keep-alive", "100ms", "--warmup",
                                   "0ms", "--duration", "1s", server.url("/")});
  EXPECT_EQ(load.status, 0) << load.errors;
  EXPECT_THAT(load.output, HasSubstr(R"("connections":150)"));
  EXPECT_THAT(load.output, HasSubstr(R"("errors":0)"));
}

TEST(Load, WithoutThemTheyEnd) {
  const WorkingDirectory directory;
  const RunningServer server(directory, {"--idle-timeout", "300ms"});
  const auto load =
      directory.run({"quicore-load", "--insecure", "--json", "--mode", "idle", "--connections", "3",
                     "--warmup", "0ms", "--duration", "1s", server.url("/")});
  EXPECT_EQ(load.status, 1);
  EXPECT_THAT(load.output, HasSubstr(R"("errors":3)"));
}

TEST(Load, RawRequestsMayBeLarger) {
  const WorkingDirectory directory;
  RunningServer server(directory);
  const auto load =
      directory.run({"quicore-load", "--insecure", "--json", "--check", "--alpn", "quicore-perf",
                     "--request-size", "5000", "--size", "700", "--requests", "10", "--warmup",
                     "0ms", "--duration", "1h", server.url("/")});
  EXPECT_EQ(load.status, 0) << load.errors;
  EXPECT_THAT(load.output, HasSubstr(R"("errors":0)"));
  EXPECT_GE(server.statistic("bytes_received"), 10u * 5000u);
}

}  // namespace

}  // namespace quicore::test
