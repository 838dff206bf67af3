// SPDX-License-Identifier: Apache-2.0
#include "io/load_meter.h"

#include <gtest/gtest.h>

namespace quicore::io {
namespace {

using namespace std::chrono_literals;

// Works and waits in turns.
class Thread {
 public:
  void turns(int count, Duration work, Duration pause) {
    for (int i = 0; i < count; ++i) {
      now_ += work;
      meter.waited(now_, now_ + pause);
      now_ += pause;
    }
  }
  LoadMeter meter;

 private:
  Instant now_ = Instant(1h);
};

TEST(LoadMeter, FindsAThreadBusyThatHasHardlyAnyTimeToSpare) {
  Thread thread;
  EXPECT_FALSE(thread.meter.is_busy());
  thread.turns(1000, 100us, 10us);
  EXPECT_TRUE(thread.meter.is_busy());
}

TEST(LoadMeter, DoesNotFindAThreadBusyThatHasSome) {
  Thread thread;
  thread.turns(1000, 80us, 20us);
  EXPECT_FALSE(thread.meter.is_busy());
}

TEST(LoadMeter, TakesABurstForNone) {
  Thread thread;
  thread.turns(10, 10us, 1ms);
  thread.turns(1, kLoadWindow * 3 / 4, 0us);
  thread.turns(100, 10us, 1ms);
  EXPECT_FALSE(thread.meter.is_busy());
}

TEST(LoadMeter, KnowsAfterAWindowThatItIsOver) {
  Thread thread;
  thread.turns(1000, 100us, 0us);
  EXPECT_TRUE(thread.meter.is_busy());
  thread.turns(1, 1us, 2 * kLoadWindow);
  EXPECT_FALSE(thread.meter.is_busy());
}

TEST(LoadMeter, IsNotMistakenAboutAThreadThatHasJustBegun) {
  Thread thread;
  thread.turns(1, 1us, 0us);
  EXPECT_FALSE(thread.meter.is_busy());
}

}  // namespace
}  // namespace quicore::io
