// SPDX-License-Identifier: Apache-2.0
//
// quicore_microbench: every stage of the data path has a benchmark, and what they measure is right:
// each checks its own result.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/tools/programs.h"

namespace quicore::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(Microbench, HasABenchmarkOfEveryStage) {
  const WorkingDirectory directory;
  const Ended ended = directory.run({"quicore_microbench", "--benchmark_list_tests"});
  EXPECT_EQ(ended.status, 0) << ended.errors;
  for (const char* name : {"ConnectionTable/find_any/connections:100000",
                           "KeyedHash/",
                           "Steering/",
                           "HostTable/",
                           "Header/ids_of_initial",
                           "Varint/read",
                           "StatelessAnswer/",
                           "Admission/",
                           "PacketProtection/seal/AES-128-GCM/wolfcrypt/bytes:1452",
                           "PacketProtection/open/AES-256-GCM/wolfcrypt/bytes:64",
                           "PacketProtection/mask/ChaCha20-Poly1305/wolfcrypt",
                           "PacketProtection/install/",
                           "DeadlineQueue/move/scheduled:100000",
                           "SendQueue/packet",
                           "RingQueue/",
                           "IntrusiveList/",
                           "FieldLines/complete/request",
                           "Qpack/encode/request",
                           "Qpack/decode/request",
                           "ShardHeap/",
                           "Malloc/",
                           "SlabPool/",
                           "SendSlots/",
                           "Train/send_and_receive",
                           "Request/h3",
                           "Handshake/",
                           "Port",
                           "UringSend/loopback/trains:8/today",
                           "UringSend/veth/trains:8/zero_copy",
                           "UringReceive/trains:8/today",
                           "UringWait/loopback/napi_busy_poll",
                           "LatencyHistogram/"}) {
    EXPECT_THAT(ended.output, HasSubstr(name));
  }
}

// For a moment each, but for those that need two idle cores.
TEST(Microbench, EveryResultIsRight) {
  const WorkingDirectory directory;
  const Ended ended = directory.run({"quicore_microbench", "--benchmark_filter=-Port",
                                     "--benchmark_min_time=0.0001", "--benchmark_format=json"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  const json report = json::parse(ended.output, nullptr, false);
  ASSERT_TRUE(report.is_object()) << ended.output;
  EXPECT_GT(report["benchmarks"].size(), 100u);
  for (const json& one : report["benchmarks"]) {
    EXPECT_FALSE(one.value("error_occurred", false)) << one.dump();
  }
}

}  // namespace
}  // namespace quicore::test
