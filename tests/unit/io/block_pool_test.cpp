// SPDX-License-Identifier: Apache-2.0
#include "io/block_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace quicore::io {
namespace {

TEST(BlockPool, BlocksHaveRoomForWhatIsAskedFor) {
  std::vector<void*> blocks;
  for (int round = 0; round < 2; ++round) {
    for (std::size_t size = 1; size < 3000; size += 7) {
      blocks.push_back(allocate_block(size));
      std::memset(blocks.back(), static_cast<int>(size), size);
    }
    std::size_t size = 1;
    for (void* block : blocks) {
      EXPECT_EQ(static_cast<unsigned char*>(block)[size - 1], static_cast<unsigned char>(size));
      release_block(block, size);
      size += 7;
    }
    blocks.clear();
  }
}

#ifndef QUICORE_SANITIZED
TEST(BlockPool, WhatWasGivenBackLastIsGivenOutFirst) {
  void* first = allocate_block(100);
  void* second = allocate_block(100);
  release_block(first, 100);
  release_block(second, 100);
  EXPECT_EQ(allocate_block(90), second) << "of the same class";
  EXPECT_EQ(allocate_block(100), first);
  release_block(first, 100);
  release_block(second, 90);
}
#endif

TEST(BlockPool, ABlockMayBeReleasedOnAnotherThread) {
  void* block = allocate_block(500);
  std::thread([&] { release_block(block, 500); }).join();
  block = nullptr;
  std::thread([&] { block = allocate_block(500); }).join();
  std::memset(block, 1, 500);
  release_block(block, 500);
}

TEST(BlockPool, ContainersTakeTheirMemoryFromIt) {
  std::vector<std::string, BlockAllocator<std::string>> strings;
  for (int i = 0; i < 1000; ++i) strings.push_back("number " + std::to_string(i));
  auto moved = std::move(strings);
  EXPECT_EQ(moved[999], "number 999");
  EXPECT_EQ(moved.size(), 1000u);
}

}  // namespace
}  // namespace quicore::io
