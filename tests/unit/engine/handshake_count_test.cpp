// SPDX-License-Identifier: Apache-2.0
#include "engine/handshake_count.h"

#include <gtest/gtest.h>

namespace quicore::engine {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1000s};
// How much longer than it should a handshake may count as recent.
constexpr Duration kGrain = limits::kRecentHandshake / 7;

TEST(HandshakeCount, CountsUntilTheyAreFinished) {
  HandshakeCount count;
  count.begun(kStart);
  count.begun(kStart + 500ms);
  EXPECT_EQ(count.total(), 2u);
  EXPECT_EQ(count.recent(kStart + 500ms), 2u);
  count.finished(kStart);
  EXPECT_EQ(count.total(), 1u);
  EXPECT_EQ(count.recent(kStart + 500ms), 1u);
  count.finished(kStart + 500ms);
  EXPECT_EQ(count.total(), 0u);
  EXPECT_EQ(count.recent(kStart + 500ms), 0u);
}

TEST(HandshakeCount, OfOneThatTakesLongIsNotRecent) {
  HandshakeCount count;
  count.begun(kStart);
  EXPECT_EQ(count.recent(kStart + limits::kRecentHandshake - 1ns), 1u);
  EXPECT_EQ(count.recent(kStart + limits::kRecentHandshake + kGrain), 0u);
  EXPECT_EQ(count.total(), 1u);
}

// The number of its span is another one's by then.
TEST(HandshakeCount, ThatALateOneFinishesDoesNotCountTwice) {
  HandshakeCount count;
  count.begun(kStart);
  const Instant later = kStart + 20 * limits::kRecentHandshake;
  for (Instant at = later; at < later + limits::kRecentHandshake; at += kGrain) count.begun(at);
  const Instant now = later + limits::kRecentHandshake;
  const std::size_t recent = count.recent(now);
  EXPECT_GE(recent, 7u);
  count.finished(kStart);
  EXPECT_EQ(count.recent(now), recent);
}

TEST(HandshakeCount, OfHandshakesOneAfterTheOtherIsTheirNumberPerSecond) {
  HandshakeCount count;
  Instant now = kStart;
  for (int i = 0; i < 5000; ++i, now += 1ms) count.begun(now);
  EXPECT_GE(count.recent(now), 1000u);
  EXPECT_LE(count.recent(now), 1000u + kGrain / 1ms + 1);
  EXPECT_EQ(count.total(), 5000u);
}

}  // namespace
}  // namespace quicore::engine
