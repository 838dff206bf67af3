// SPDX-License-Identifier: Apache-2.0
#include "engine/stream_allowance.h"

#include <gtest/gtest.h>

namespace quicore::engine {
namespace {

TEST(StreamAllowance, IsRaisedOncePerQuarterWhileThePeerHasEnough) {
  StreamAllowance allowance(100);
  std::uint64_t allowed = 100;
  int raised = 0;
  for (std::uint64_t number = 0; number < 1000; ++number) {  // one at a time
    ASSERT_LT(number, allowed);
    allowance.opened(number);
    const std::uint64_t more = allowance.closed();
    allowed += more;
    raised += more > 0 ? 1 : 0;
  }
  EXPECT_EQ(raised, 1000 / 25);
}

TEST(StreamAllowance, IsRaisedWithEachStreamWhenThePeerUsesAllOfIt) {
  StreamAllowance allowance(100);
  allowance.opened(99);
  EXPECT_EQ(allowance.closed(), 1u);
  allowance.opened(100);
  EXPECT_EQ(allowance.closed(), 1u);
}

TEST(StreamAllowance, NeverKeepsThePeerFromOpeningOneMore) {
  for (const std::uint64_t at_once : {1, 2, 3, 4, 5, 7, 8, 100}) {
    StreamAllowance allowance(at_once);
    std::uint64_t allowed = at_once;
    for (std::uint64_t number = 0; number < 50; ++number) {
      ASSERT_LT(number, allowed) << at_once;
      allowance.opened(number);
      allowed += allowance.closed();
    }
  }
}

TEST(StreamAllowance, ReturnsEveryStreamInTheEnd) {
  StreamAllowance allowance(8);
  std::uint64_t allowed = 8;
  allowance.opened(7);
  for (int i = 0; i < 8; ++i) allowed += allowance.closed();
  EXPECT_EQ(allowed, 16u);
}

}  // namespace
}  // namespace quicore::engine
