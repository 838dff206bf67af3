// SPDX-License-Identifier: Apache-2.0
#include "io/port_factory.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "port_world.h"

namespace quicore::io::test {
namespace {

class PortFactoryTest : public testing::Test {
 protected:
  LogSink sink() {
    return [this](std::string_view line) { lines.emplace_back(line); };
  }
  FaultyKernel kernel;
  std::vector<std::string> lines;
};

TEST_F(PortFactoryTest, IoUringIsTakenSilentlyWhereItWorks) {
  const auto port = open_port({.choice = PortChoice::automatic, .log = sink()}, kernel);
  ASSERT_TRUE(port);
  EXPECT_STREQ((*port)->name(), "io_uring");
  EXPECT_TRUE(lines.empty());
}

TEST_F(PortFactoryTest, WhereIoUringIsRefusedEpollIsTakenAndOneLineSaysWhyAndWhatToDo) {
  struct Case {
    int error;
    const char* advice;
  };
  for (const Case& refused : {Case{EPERM, "seccomp profile"}, Case{ENOSYS, "without io_uring"},
                              Case{ENOMEM, "ulimit -l"}, Case{EINVAL, "Linux 6.0"}}) {
    lines.clear();
    kernel.ring_setup_error = refused.error;
    const auto port = open_port({.choice = PortChoice::automatic, .log = sink()}, kernel);
    ASSERT_TRUE(port);
    EXPECT_STREQ((*port)->name(), "mmsg");
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_NE(lines[0].find("using epoll"), std::string::npos) << lines[0];
    EXPECT_NE(lines[0].find(refused.advice), std::string::npos) << lines[0];
    EXPECT_EQ(lines[0].find('\n'), std::string::npos);
  }
}

TEST_F(PortFactoryTest, IoUringThatIsAskedForByNameAndRefusedIsAnError) {
  kernel.ring_setup_error = EPERM;
  const auto port = open_port({.choice = PortChoice::uring, .log = sink()}, kernel);
  ASSERT_FALSE(port);
  EXPECT_EQ(port.error().kind, Errc::system);
  EXPECT_EQ(port.error().code, static_cast<std::uint64_t>(EPERM));
  EXPECT_TRUE(lines.empty());
}

TEST_F(PortFactoryTest, EpollCanBeAskedForByName) {
  const auto port = open_port({.choice = PortChoice::mmsg, .log = sink()}, kernel);
  ASSERT_TRUE(port);
  EXPECT_STREQ((*port)->name(), "mmsg");
  EXPECT_TRUE(lines.empty());
}

TEST_F(PortFactoryTest, ChoicesAreReadByTheirNames) {
  EXPECT_EQ(parse_port_choice("automatic"), PortChoice::automatic);
  EXPECT_EQ(parse_port_choice("io_uring"), PortChoice::uring);
  EXPECT_EQ(parse_port_choice("mmsg"), PortChoice::mmsg);
  EXPECT_EQ(parse_port_choice("epoll"), std::nullopt);
  EXPECT_EQ(parse_port_choice(""), std::nullopt);
}

}  // namespace
}  // namespace quicore::io::test
