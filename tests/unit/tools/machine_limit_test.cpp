// SPDX-License-Identifier: Apache-2.0
#include "tools/common/machine_limit.h"

#include <gtest/gtest.h>

namespace quicore::tools {
namespace {

MachineLimit example() {
  MachineLimit limit;
  limit.payload = 1452;
  limit.segments = 45;
  limit.aead = "AES-128-GCM, ipsec-mb";
  limit.seal_ns = 99;
  limit.open_ns = 92;
  limit.kernel_two_cores_gbps = 81;
  limit.kernel_one_core_gbps = 95;
  limit.kernel_two_cores_rounds = {80, 81, 82};
  limit.kernel_one_core_rounds = {95};
  limit.exchange_two_cores = 500'000;  // 2,000 ns each
  limit.exchange_one_core = 250'000;
  limit.exchange_server_aead_ns = 80;
  limit.exchange_client_aead_ns = 70;
  limit.handshake_server_ns = 100'000;
  limit.handshake_client_ns = 150'000;
  limit.stall_p99_two_cores_us = 900;
  limit.stall_p99_one_core_us = 400;
  limit.stall_p99_9_two_cores_us = 3'000;
  limit.stall_p99_9_one_core_us = 2'000;
  limit.longest_stall_us = 5'000;
  limit.derive();
  return limit;
}

TEST(MachineLimit, OnTwoCoresTheBusierSidePaysTheKernelAndOneAeadOperation) {
  const MachineLimit limit = example();
  EXPECT_NEAR(limit.aead_gbps, 117.3, 0.1);
  EXPECT_NEAR(limit.two_cores_gbps, 47.9, 0.1);
}

TEST(MachineLimit, OnOneCoreEveryPacketIsSealedAndOpenedThere) {
  const double ns = 1452 * 8 / 95.0 + 99 + 92;
  EXPECT_NEAR(example().one_core_gbps, 1452 * 8 / ns, 1e-9);
}

TEST(MachineLimit, TheSlowerAeadOperationCounts) {
  MachineLimit limit = example();
  std::swap(limit.seal_ns, limit.open_ns);
  limit.derive();
  EXPECT_DOUBLE_EQ(limit.two_cores_gbps, example().two_cores_gbps);
}

TEST(MachineLimit, AMachineOfOneCoreHasNoLimitForTwo) {
  MachineLimit limit = example();
  limit.kernel_two_cores_gbps = 0;
  limit.exchange_two_cores = 0;
  limit.derive();
  EXPECT_EQ(limit.two_cores_gbps, 0.0);
  EXPECT_EQ(limit.requests_two_cores, 0.0);
  EXPECT_EQ(limit.handshakes_two_cores, 0.0);
  EXPECT_GT(limit.one_core_gbps, 0.0);
}

TEST(MachineLimit, ARequestPaysTheKernelAndTheAeadOfTheBusierSide) {
  EXPECT_DOUBLE_EQ(example().requests_two_cores, 1e9 / (2'000 + 80));
  EXPECT_DOUBLE_EQ(example().requests_one_core, 1e9 / (4'000 + 80 + 70));
}

TEST(MachineLimit, AHandshakePaysThePublicKeyOperationsOfTheBusierSide) {
  EXPECT_DOUBLE_EQ(example().handshakes_two_cores, 1e9 / 150'000);
  EXPECT_DOUBLE_EQ(example().handshakes_one_core, 1e9 / 250'000);
}

TEST(MachineLimit, WhatWasNotMeasuredHasNoLimit) {
  MachineLimit limit = example();
  limit.exchange_two_cores = limit.exchange_one_core = 0;
  limit.handshake_server_ns = limit.handshake_client_ns = 0;
  limit.derive();
  EXPECT_EQ(limit.requests_two_cores, 0.0);
  EXPECT_EQ(limit.requests_one_core, 0.0);
  EXPECT_EQ(limit.handshakes_two_cores, 0.0);
  EXPECT_EQ(limit.handshakes_one_core, 0.0);
}

TEST(MachineLimit, TwoMeasurementsJoinTheirRounds) {
  MachineLimit other = example();
  other.kernel_two_cores_rounds = {60, 70};
  other.seal_ns = 101;
  other.exchange_two_cores = 400'000;
  other.stall_p99_two_cores_us = 1'100;
  other.longest_stall_us = 6'000;
  const MachineLimit joined = example().joined_with(other);
  EXPECT_EQ(joined.kernel_two_cores_gbps, 80.0);  // of 60, 70, 80, 81, 82
  EXPECT_EQ(joined.kernel_one_core_gbps, 95.0);
  EXPECT_EQ(joined.seal_ns, 100.0);
  EXPECT_EQ(joined.exchange_two_cores, 450'000.0);
  EXPECT_EQ(joined.stall_p99_two_cores_us, 1'000.0);
  EXPECT_EQ(joined.longest_stall_us, 6'000.0);
  EXPECT_DOUBLE_EQ(joined.two_cores_gbps, gbps_of(1452, ns_of(1452, 80) + 100));
}

TEST(MachineLimit, WhatIsWrittenIsReadBackEqual) {
  const std::string line = to_json_line(example());
  const auto read = parse_machine_limit(line);
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(to_json_line(*read), line);
  EXPECT_EQ(read->kernel_two_cores_rounds, example().kernel_two_cores_rounds);
}

TEST(MachineLimit, WhatIsNoLimitIsRefusedByName) {
  const auto read = parse_machine_limit(R"({"payload":1472})");
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().find("machine's limit's \"segments\" is missing"), std::string::npos);
}

TEST(Median, TheMiddleValueOrTheMeanOfTheTwoInTheMiddle) {
  EXPECT_EQ(median({}), 0.0);
  EXPECT_EQ(median({5}), 5.0);
  EXPECT_EQ(median({9, 1, 5}), 5.0);
  EXPECT_EQ(median({1, 9, 5, 6}), 5.5);
}

}  // namespace
}  // namespace quicore::tools
