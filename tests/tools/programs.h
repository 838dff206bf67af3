// SPDX-License-Identifier: Apache-2.0
//
// The project's programs as processes, in a working directory of their own that holds what tests of
// bad input need:
//
//   cert.pem key.pem    that belong together          not.pem    text that is no PEM
//   other.pem           the key of another identity   damaged.session  a line of text
//   stranger.pem        its certificate               page.html  a small page
//   folder/             a directory                   empty      nothing
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/common/child_process.h"

namespace quicore::test {

struct Ended {
  int status = -1;  // exit status; -1: killed, or it did not end by itself
  std::string output;
  std::string errors;

  // Whether one of the lines of standard error is this; "…" stands for anything.
  bool said(const std::string& line) const;
};

class WorkingDirectory {
 public:
  WorkingDirectory();
  ~WorkingDirectory();
  WorkingDirectory(const WorkingDirectory&) = delete;
  WorkingDirectory& operator=(const WorkingDirectory&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }
  void write(const std::string& name, const std::string& content) const;
  std::string read(const std::string& name) const;

  // Runs a program of ours ("quicore-get") to its end, here. `environment` holds NAME=value.
  Ended run(const std::vector<std::string>& command,
            const std::vector<std::string>& environment = {}) const;
  Result<tools::ChildProcess> start(const std::string& name,
                                    const std::vector<std::string>& command,
                                    const std::vector<std::string>& environment = {}) const;

 private:
  std::filesystem::path path_;
};

// quicore-server --json on a port of the kernel's choice with cert.pem, unless `options` say
// otherwise; ended with SIGTERM by the destructor.
class RunningServer {
 public:
  // Fails the test when the server does not say that it is ready.
  RunningServer(const WorkingDirectory& directory, std::vector<std::string> options = {},
                const std::vector<std::string>& environment = {});
  ~RunningServer();

  std::uint16_t port() const noexcept { return port_; }
  std::string url(const std::string& path) const;
  // "dropped", "server_sessions", ... of the statistics that SIGUSR1 asks for now.
  std::uint64_t statistic(const std::string& key);
  // SIGTERM; its exit status.
  int stop();

 private:
  const WorkingDirectory& directory_;
  std::optional<tools::ChildProcess> child_;
  std::uint16_t port_ = 0;
};

// A UDP socket of this process on 127.0.0.1 that answers nothing: a port in use, a silent server, a
// sender of garbage.
class UdpSocket {
 public:
  UdpSocket();
  ~UdpSocket();
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  std::uint16_t port() const noexcept { return port_; }
  void send_to(std::uint16_t port, const std::string& datagram) const;

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

}  // namespace quicore::test
