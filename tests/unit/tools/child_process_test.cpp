// SPDX-License-Identifier: Apache-2.0
#include "tools/common/child_process.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "io/cpu.h"

namespace quicore::tools {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// Long enough for any machine; none of the tests waits for it to pass.
constexpr auto kAtMost = 60s;

class ChildProcessTest : public testing::Test {
 protected:
  ChildProcessTest() {
    folder_ = fs::path(testing::TempDir()) / ("quicore_child_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  ~ChildProcessTest() override { fs::remove_all(folder_); }

  Command shell(const std::string& script) {
    return {{"sh", "-c", script}, {}, folder_ / "out", folder_ / "err"};
  }
  std::string out() { return read_text(folder_ / "out"); }
  std::string err() { return read_text(folder_ / "err"); }

  fs::path folder_;
};

TEST_F(ChildProcessTest, OutputAndErrorsAreKeptApart) {
  auto child = ChildProcess::start(shell("echo one; echo two >&2"));
  ASSERT_TRUE(child) << child.error().reason;
  const auto status = child->wait_for(kAtMost);
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->success());
  EXPECT_EQ(out(), "one\n");
  EXPECT_EQ(err(), "two\n");
}

TEST_F(ChildProcessTest, OneFileMayTakeBoth) {
  Command command = shell("echo one; echo two >&2; echo three");
  command.errors = command.output;
  auto child = ChildProcess::start(command);
  ASSERT_TRUE(child);
  ASSERT_TRUE(child->wait_for(kAtMost));
  EXPECT_EQ(out(), "one\ntwo\nthree\n");
}

TEST_F(ChildProcessTest, WhatItUsesCanBeRead) {
  auto child =
      ChildProcess::start(shell("i=0; while [ $i -lt 1000000 ]; do i=$((i+1)); done; sleep 60"));
  ASSERT_TRUE(child);
  const auto give_up = std::chrono::steady_clock::now() + kAtMost;
  while (child->use().cpu_seconds == 0 && std::chrono::steady_clock::now() < give_up) {
    ASSERT_FALSE(child->wait_for(std::chrono::milliseconds(10)));
  }
  EXPECT_GT(child->use().cpu_seconds, 0);
  EXPECT_GT(child->use().resident_bytes, 100'000u);
  child->terminate();
  EXPECT_EQ(child->use().resident_bytes, 0u);
}

TEST_F(ChildProcessTest, TheExitStatusIsToldInWords) {
  auto child = ChildProcess::start(shell("exit 3"));
  ASSERT_TRUE(child);
  const auto status = child->wait_for(kAtMost);
  ASSERT_TRUE(status);
  EXPECT_FALSE(status->success());
  EXPECT_EQ(status->to_string(), "exit status 3");
}

TEST_F(ChildProcessTest, ASignalIsToldInWords) {
  auto child = ChildProcess::start(shell("kill -SEGV $$"));
  ASSERT_TRUE(child);
  const auto status = child->wait_for(kAtMost);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->to_string(), "killed by signal 11 (Segmentation fault)");
}

TEST_F(ChildProcessTest, AMissingProgramIsNamed) {
  Command command = shell("");
  command.arguments = {"/does/not/exist"};
  const auto child = ChildProcess::start(command);
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().reason, "cannot start /does/not/exist: No such file or directory");
}

TEST_F(ChildProcessTest, AnOutputThatCannotBeCreatedIsNamed) {
  Command command = shell("");
  command.output = "/does/not/exist/out";
  const auto child = ChildProcess::start(command);
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().reason, "cannot create /does/not/exist/out: No such file or directory");
}

TEST_F(ChildProcessTest, WaitingEndsAtTheLimitWhileItRuns) {
  auto child = ChildProcess::start(shell("exec sleep 1000"));
  ASSERT_TRUE(child);
  EXPECT_FALSE(child->wait_for(1ms));
  EXPECT_FALSE(child->terminate(kAtMost).success());
}

TEST_F(ChildProcessTest, OneThatIgnoresSigtermIsKilled) {
  auto child = ChildProcess::start(shell("trap '' TERM; echo ready; while :; do sleep 1; done"));
  ASSERT_TRUE(child);
  while (out().empty()) ASSERT_FALSE(child->wait_for(1ms));
  EXPECT_EQ(child->terminate(10ms).to_string(), "killed by signal 9 (Killed)");
}

TEST_F(ChildProcessTest, NoneIsLeftBehind) {
  pid_t pid = 0;
  {
    auto child = ChildProcess::start(shell("echo $$; exec sleep 1000"));
    ASSERT_TRUE(child);
    while (out().find('\n') == std::string::npos) ASSERT_FALSE(child->wait_for(1ms));
    pid = std::stoi(out());
    ASSERT_EQ(kill(pid, 0), 0);
  }
  EXPECT_EQ(kill(pid, 0), -1) << "reaped, so its number is free";
}

TEST_F(ChildProcessTest, ItRunsOnTheCpusItWasGiven) {
  const int cpu = io::allowed_cpus().back();
  Command command = shell("grep Cpus_allowed_list /proc/self/status");
  command.cpus = {cpu};
  auto child = ChildProcess::start(command);
  ASSERT_TRUE(child) << child.error().reason;
  ASSERT_TRUE(child->wait_for(kAtMost));
  EXPECT_EQ(out(), "Cpus_allowed_list:\t" + std::to_string(cpu) + "\n");
}

TEST(LastLines, AreCountedFromTheEnd) {
  EXPECT_EQ(last_lines("a\nb\nc\n", 2), "b\nc\n");
  EXPECT_EQ(last_lines("a\nb\nc", 1), "c");
  EXPECT_EQ(last_lines("a\nb\n", 2), "a\nb\n");
  EXPECT_EQ(last_lines("a\nb\n", 9), "a\nb\n");
  EXPECT_EQ(last_lines("\n\n", 1), "\n");
  EXPECT_EQ(last_lines("", 3), "");
  EXPECT_EQ(last_lines("a\n", 0), "");
}

TEST(ReadText, OnlyTheEndOfALongFileIsRead) {
  const auto path = fs::path(testing::TempDir()) / ("quicore_text_" + std::to_string(getpid()));
  auto child = ChildProcess::start({{"printf", "0123456789"}, {}, path, path});
  ASSERT_TRUE(child);
  ASSERT_TRUE(child->wait_for(kAtMost));
  EXPECT_EQ(read_text(path), "0123456789");
  EXPECT_EQ(read_text(path, 4), "6789");
  EXPECT_NE(read_text("/proc/self/stat"), "");  // of no size
  fs::remove(path);
  EXPECT_EQ(read_text(path), "");
}

}  // namespace
}  // namespace quicore::tools
