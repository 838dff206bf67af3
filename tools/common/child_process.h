// SPDX-License-Identifier: Apache-2.0
//
// ChildProcess: another program, started with its output in files, pinned, and never left behind.
//
// Standard output and standard error go to files, so there is no pipe to drain and what the program
// said is still there when it has failed. The child is told to end (SIGTERM) when this process dies
// in whatever way, and ended by the destructor: SIGTERM, then SIGKILL after kGrace.
//
// Threading: none; start children from a thread that lives as long as they do (the kernel ties the
// death signal to the starting thread).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/error.h"
#include "io/time.h"

namespace quicore::tools {

struct Command {
  std::vector<std::string> arguments;  // the program's path first
  std::vector<int> cpus;               // to run on; empty: any
  std::filesystem::path output;        // overwritten
  std::filesystem::path errors;        // overwritten; may be the same file as `output`
};

// "exit status 1", "killed by signal 11 (Segmentation fault)"
struct ExitStatus {
  int wait_status = 0;
  [[nodiscard]] bool success() const;
  [[nodiscard]] std::string to_string() const;
};

// What a process uses and has used (proc(5)).
struct ResourceUse {
  std::uint64_t resident_bytes = 0;
  double cpu_seconds = 0;
};

class ChildProcess {
 public:
  static constexpr std::chrono::seconds kGrace{3};

  // Errors: system when a file cannot be created or the program cannot be started; the reason names
  // it.
  static Result<ChildProcess> start(const Command& command);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();

  // Waits up to `limit`, or until a signal arrives; empty if the child still runs.
  std::optional<ExitStatus> wait_for(Duration limit);

  // Asks it to end by SIGTERM, and by SIGKILL if it has not after `grace`.
  ExitStatus terminate(Duration grace = kGrace);

  void send_signal(int signal) const;

  // Zeros when it has ended.
  [[nodiscard]] ResourceUse use() const;

 private:
  ChildProcess(pid_t pid, int pidfd) : pid_(pid), pidfd_(pidfd) {}

  pid_t pid_;
  int pidfd_;
  std::optional<ExitStatus> status_;
};

// The whole file, or as much of its end as `most` bytes; empty if there is none.
[[nodiscard]] std::string read_text(const std::filesystem::path& path,
                                    std::size_t most = std::size_t{64} << 20);

// Makes or replaces the file. False when that failed.
[[nodiscard]] bool write_text(const std::filesystem::path& path, std::string_view text);

// The last `count` lines of `text`.
[[nodiscard]] std::string_view last_lines(std::string_view text, std::size_t count);

}  // namespace quicore::tools
