// SPDX-License-Identifier: Apache-2.0
#include "engine/shard_heap.h"

#include <gtest/gtest.h>
#include <nghttp3/nghttp3.h>
#include <ngtcp2/ngtcp2.h>
#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/memory.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

namespace quicore::engine {
namespace {

TEST(ShardHeap, CountsWhatItGivesOut) {
  ShardHeap heap;
  EXPECT_EQ(heap.allocations(), 0u);
  void* a = heap.allocate(100);
  void* b = heap.allocate_zeroed(10, 10);
  void* c = heap.reallocate(a, 10'000);
  void* d = heap.allocate_aligned(100, 64);
  EXPECT_EQ(heap.allocations(), 4u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(d) % 64, 0u);
  const auto* bytes = static_cast<const char*>(b);
  EXPECT_TRUE(std::all_of(bytes, bytes + 100, [](char byte) { return byte == 0; }));
  for (void* block : {b, c, d}) ShardHeap::release(block);
}

TEST(ShardHeap, ReallocationKeepsTheBytes) {
  ShardHeap heap;
  auto* block = static_cast<char*>(heap.allocate(8));
  std::memcpy(block, "12345678", 8);
  block = static_cast<char*>(heap.reallocate(block, 100'000));
  EXPECT_EQ(std::memcmp(block, "12345678", 8), 0);
  ShardHeap::release(block);
}

TEST(ShardHeap, TheInnermostScopeIsCurrentOnItsThreadOnly) {
  ShardHeap outer, inner;
  EXPECT_EQ(ShardHeap::current(), nullptr);
  {
    const ShardHeap::Scope first(outer);
    EXPECT_EQ(ShardHeap::current(), &outer);
    {
      const ShardHeap::Scope second(inner);
      EXPECT_EQ(ShardHeap::current(), &inner);
    }
    EXPECT_EQ(ShardHeap::current(), &outer);
    std::thread([] { EXPECT_EQ(ShardHeap::current(), nullptr); }).join();
  }
  EXPECT_EQ(ShardHeap::current(), nullptr);
}

#ifndef QUICORE_SANITIZED
TEST(ShardHeap, WhatWasGivenBackLastIsGivenOutFirst) {
  ShardHeap heap;
  const ShardHeap::Scope scope(heap);
  for (const std::size_t size : {16, 17, 72, 100, 136, 144, 500, 1000, 1024}) {
    void* first = heap.allocate(size);
    void* second = heap.allocate(size);
    ShardHeap::release(first);
    ShardHeap::release(second);
    EXPECT_EQ(heap.allocate(size), second) << size;
    EXPECT_EQ(heap.allocate(size), first) << size;
    ShardHeap::release(first);
    ShardHeap::release(second);
  }
}

TEST(ShardHeap, ABlockThatIsTakenAgainHasRoomForWhatIsAskedFor) {
  ShardHeap heap;
  const ShardHeap::Scope scope(heap);
  std::vector<std::pair<char*, std::size_t>> blocks;
  for (int round = 0; round < 3; ++round) {
    for (std::size_t size = 0; size < 1100; ++size) {
      auto* block = static_cast<char*>(heap.allocate(size));
      std::memset(block, static_cast<int>(size), size);
      blocks.emplace_back(block, size);
    }
    for (const auto& [block, size] : blocks) {
      const char expected = static_cast<char>(size);
      EXPECT_TRUE(std::all_of(block, block + size, [&](char c) { return c == expected; })) << size;
      ShardHeap::release(block);
    }
    blocks.clear();
  }
}

TEST(ShardHeap, ABlockThatIsTakenAgainIsZeroWhenThatIsAskedFor) {
  ShardHeap heap;
  const ShardHeap::Scope scope(heap);
  void* block = heap.allocate(200);
  std::memset(block, 0xff, 200);
  ShardHeap::release(block);
  auto* again = static_cast<char*>(heap.allocate_zeroed(2, 100));
  EXPECT_EQ(again, block);
  EXPECT_TRUE(std::all_of(again, again + 200, [](char byte) { return byte == 0; }));
  ShardHeap::release(again);
}

// What TLS gave back (keys among it) goes back to the pages of TLS.
TEST(ShardHeap, BlocksOfTlsAreNotKept) {
  ShardHeap heap;
  const ShardHeap::Scope scope(heap);
  void* block = wolfSSL_Malloc(100);
  wolfSSL_Free(block);
  void* other = heap.allocate(100);
  EXPECT_NE(other, block);
  ShardHeap::release(other);
}
#endif

TEST(ShardHeap, WolfsslAllocatesFromTheCurrentHeap) {
  ShardHeap heap;
  void* outside = wolfSSL_Malloc(100);
  EXPECT_EQ(heap.allocations(), 0u);
  {
    const ShardHeap::Scope scope(heap);
    void* inside = wolfSSL_Malloc(100);
    inside = wolfSSL_Realloc(inside, 1000);
    EXPECT_EQ(heap.allocations(), 2u);
    wolfSSL_Free(inside);
    EXPECT_EQ(heap.releases(), 1u);
  }
  wolfSSL_Free(outside);
  EXPECT_EQ(heap.releases(), 1u);
}

template <class Memory>
void expect_counted(const Memory& memory) {
  ShardHeap heap;
  const ShardHeap::Scope scope(heap);
  void* a = memory.malloc(10, memory.user_data);
  void* b = memory.calloc(2, 5, memory.user_data);
  a = memory.realloc(a, 20, memory.user_data);
  EXPECT_EQ(heap.allocations(), 3u);
  memory.free(a, memory.user_data);
  memory.free(b, memory.user_data);
  EXPECT_EQ(heap.releases(), 2u);
  memory.free(nullptr, memory.user_data);
  EXPECT_EQ(heap.releases(), 2u);
}

TEST(ShardHeap, TheProtocolLibrariesAllocateFromTheCurrentHeap) {
  expect_counted(*quic_memory());
  expect_counted(*http3_memory());
}

TEST(ShardHeap, BlocksOutliveTheirThread) {
  ShardHeap heap;
  void* block = nullptr;
  std::thread([&] { block = heap.allocate(1000); }).join();
  std::memset(block, 1, 1000);
  ShardHeap::release(block);
}

TEST(ShardHeap, AnotherThreadMayFree) {
  ShardHeap heap;
  void* block = heap.allocate(1000);
  std::thread([block] { ShardHeap::release(block); }).join();
  ShardHeap::release(heap.allocate(1000));
}

TEST(ShardHeap, BlocksOutliveIt) {
  void* block = nullptr;
  {
    ShardHeap heap;
    block = heap.allocate(1000);
  }
  std::memset(block, 1, 1000);
  ShardHeap::release(block);
}

}  // namespace
}  // namespace quicore::engine
