// SPDX-License-Identifier: Apache-2.0
//
// What a burst of work leaves behind in a connection that is idle again, counted as blocks of memory
// that the C libraries hold, both ends together.
#include <gtest/gtest.h>

#include "engine/shard_heap.h"
#include "tests/support/echo_run.h"

namespace quicore::test {
namespace {

using sim::Bandwidth;
using sim::Delay;

std::uint64_t held(const engine::ShardHeap& heap) { return heap.allocations() - heap.releases(); }

TEST(IdleMemory, WhatABurstOfWorkFilledIsGivenBack) {
  engine::ShardHeap heap;
  const engine::ShardHeap::Scope scope(heap);
  EchoRun run({Delay{20ms}, Bandwidth{400'000'000, 1 << 20}});
  ASSERT_TRUE(run.echo("a little"));
  run.world.run_for(1s);  // the last acknowledgements, and the handshake's memory
  const std::uint64_t idle = held(heap);
  EXPECT_GT(idle, 20u) << "nothing was counted";

  std::uint64_t most = 0;
  run.send(std::string(8 << 20, 'x'));
  const auto echoed = [&] {
    most = std::max(most, held(heap));
    return run.session->streams.back().closed;
  };
  ASSERT_TRUE(run.until(echoed));
  run.world.run_for(1s);
  EXPECT_GT(most, idle + 100) << "there was no burst";
  // Tables, and trees with something in them, keep what they have grown to.
  EXPECT_LT(held(heap) - idle, (most - idle) / 10);
}

}  // namespace
}  // namespace quicore::test
