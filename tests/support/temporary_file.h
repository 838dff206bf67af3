// SPDX-License-Identifier: Apache-2.0
//
// A file that is gone with the object.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

namespace quicore::test {

class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view content) {
    const int fd = mkstemp(path_.data());
    EXPECT_GE(fd, 0);
    EXPECT_EQ(write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
    close(fd);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::remove(path_.data()); }

  std::string path() const { return path_.data(); }
  void cut() const { EXPECT_EQ(truncate(path_.data(), 1000), 0); }

 private:
  std::array<char, 32> path_{"/tmp/quicore-test-XXXXXX"};
};

}  // namespace quicore::test
