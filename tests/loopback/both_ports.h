// SPDX-License-Identifier: Apache-2.0
//
// Tests over real sockets that run on both kinds of port; io_uring's are skipped where the kernel
// has none.
//
//   class Mine : public OnBothPorts {};
//   INSTANTIATE_TEST_SUITE_P(Ports, Mine, kBothPorts, name_of_port);
#pragma once

#include <gtest/gtest.h>
#include <quicore.h>

#include <memory>
#include <string>
#include <utility>

namespace quicore::test {

class OnBothPorts : public testing::TestWithParam<PortChoice> {
 protected:
  explicit OnBothPorts(RuntimeConfig config = {.shards = 1}) : config_(std::move(config)) {}

  void SetUp() override {
    config_.port = GetParam();
    auto created = Runtime::create(config_);
    if (!created && GetParam() == PortChoice::uring) GTEST_SKIP() << to_string(created.error());
    runtime_ = value_or_throw(std::move(created));
  }

  std::unique_ptr<Runtime> runtime_;

 private:
  RuntimeConfig config_;
};

inline const auto kBothPorts = testing::Values(PortChoice::uring, PortChoice::mmsg);

inline std::string name_of_port(const testing::TestParamInfo<PortChoice>& test) {
  return test.param == PortChoice::uring ? "IoUring" : "Mmsg";
}

}  // namespace quicore::test
