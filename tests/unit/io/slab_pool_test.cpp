// SPDX-License-Identifier: Apache-2.0
#include "io/slab_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>

namespace quicore::io {
namespace {

Buf buf_of(SlabPool::Slab* slab) { return Buf::from_storage(slab, {slab->data(), 100}); }

TEST(SlabPool, ASlabHoldsWhatWasAskedForAndItsDataIsAligned) {
  SlabPool pool;
  for (const std::size_t size :
       {std::size_t{1}, kSmallSlabSize - 64, kSmallSlabSize - 63, kLargeSlabSize - 64}) {
    SlabPool::Slab* slab = pool.take(size);
    ASSERT_NE(slab, nullptr);
    EXPECT_GE(slab->capacity(), size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(slab->data()) % 64, 0u);
    std::memset(slab->data(), 0xaa, slab->capacity());
    const Buf owner = buf_of(slab);
  }
}

TEST(SlabPool, TheSmallestClassThatFitsIsTaken) {
  SlabPool pool;
  const Buf small = buf_of(pool.take(kSmallSlabSize - 64));
  EXPECT_EQ(pool.stats().bytes_in_use, kSmallSlabSize);
  const Buf large = buf_of(pool.take(kSmallSlabSize - 63));
  EXPECT_EQ(pool.stats().bytes_in_use, kSmallSlabSize + kLargeSlabSize);
}

TEST(SlabPool, MoreThanTheLargestSlabGivesTheLargestSlab) {
  SlabPool pool;
  SlabPool::Slab* slab = pool.take(1 << 20);
  EXPECT_EQ(slab->capacity(), kLargeSlabSize - 64);
  const Buf owner = buf_of(slab);
}

TEST(SlabPool, ASlabComesBackWhenItsLastBufIsGoneAndIsUsedAgain) {
  SlabPool pool;
  SlabPool::Slab* slab = pool.take(10);
  {
    Buf slice;
    {
      const Buf whole = buf_of(slab);
      slice = whole.slice(10, 20);
    }
    EXPECT_EQ(pool.stats().bytes_in_use, kSmallSlabSize);
  }
  EXPECT_EQ(pool.stats().bytes_in_use, 0u);
  EXPECT_EQ(pool.stats().bytes_cached, kSmallSlabSize);
  SlabPool::Slab* again = pool.take(10);
  EXPECT_EQ(again, slab);
  EXPECT_EQ(pool.stats().allocations, 1u);
  EXPECT_EQ(pool.stats().bytes_cached, 0u);
  const Buf owner = buf_of(again);
}

TEST(SlabPool, TheCacheKeepsNoMoreThanItsBound) {
  SlabPool pool(SIZE_MAX, 2 * kSmallSlabSize);
  {
    const std::array<Buf, 3> bufs = {buf_of(pool.take(1)), buf_of(pool.take(1)),
                                     buf_of(pool.take(1))};
  }
  EXPECT_EQ(pool.stats().bytes_cached, 2 * kSmallSlabSize);
  EXPECT_EQ(pool.stats().bytes_in_use, 0u);
}

TEST(SlabPool, PastItsLimitItGivesNothingUntilSomethingComesBack) {
  SlabPool pool(2 * kSmallSlabSize);
  Buf first = buf_of(pool.take(1));
  EXPECT_EQ(pool.take(kSmallSlabSize), nullptr);  // a large slab
  const Buf second = buf_of(pool.take(1));
  EXPECT_EQ(pool.take(1), nullptr);
  first = Buf();
  SlabPool::Slab* slab = pool.take(1);
  ASSERT_NE(slab, nullptr);
  const Buf third = buf_of(slab);
}

TEST(SlabPool, SlabsOutliveTheirPool) {
  Buf last;
  {
    SlabPool pool;
    const Buf cached = buf_of(pool.take(1));
    SlabPool::Slab* slab = pool.take(5);
    std::memcpy(slab->data(), "alive", 5);
    last = Buf::from_storage(slab, {slab->data(), 5});
  }
  EXPECT_EQ(last.text(), "alive");
}

}  // namespace
}  // namespace quicore::io
