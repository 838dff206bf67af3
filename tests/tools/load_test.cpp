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

}  // namespace

}  // namespace quicore::test
