// SPDX-License-Identifier: Apache-2.0
//
// Workbench: starts programs to measure them, shows what they do, and cleans up.
//
// Programs without a folder are looked for in Options::programs. Each one's output is kept in LOGS/NAME.out and
// NAME.err. While one runs, the progress line shows the step, the time, and the last thing the
// program said; the server is watched too, and its end fails the step. After an interruption every
// call fails with Errc::cancelled.
//
// Threading: the main thread. Lifetime: the destructor ends what still runs.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/error.h"
#include "io/time.h"
#include "tools/common/child_process.h"
#include "tools/common/progress_line.h"

namespace quicore::tools {

// SIGINT and SIGTERM from now on only set a flag, which `interrupted` reads.
void catch_interrupts();
[[nodiscard]] bool interrupted();

class Workbench {
 public:
  static constexpr std::chrono::seconds kServerGrace{10};
  static constexpr std::chrono::milliseconds kOtherServerStart{500};

  struct Options {
    std::filesystem::path programs;
    std::filesystem::path logs;
    std::vector<int> server_cpus;  // empty: any
    std::vector<int> client_cpus;
  };

  Workbench(Options options, ProgressLine& progress, unsigned steps)
      : options_(std::move(options)), progress_(progress), steps_(steps) {}

  // Names what comes next, on the progress line.
  void begin_step(std::string title);

  // Redraws the progress line; false after an interruption.
  bool tick(const std::string& detail = {});

  // Starts quicore-server on a free port, with these arguments and CPUs, which are the server's
  // when empty. Errors: those of ChildProcess::start; system when it ends or does not become ready;
  // the reason has what it said.
  Result<> start_server(std::vector<std::string> arguments, std::vector<int> cpus = {});

  // Starts somebody else's server. It is taken to be ready when `ready` stands in what it said, or,
  // where that is empty, after kOtherServerStart.
  Result<> start_other_server(std::vector<std::string> arguments, const std::vector<int>& cpus,
                              const std::string& ready);

  // "https://127.0.0.1:PORT/" once the server runs.
  [[nodiscard]] const std::string& url() const { return url_; }

  // Runs a program of the project on the client's CPUs to its end and returns its standard output.
  // `name` names its log files. Errors: as start_server, and timed_out after `limit`.
  Result<std::string> run(const std::string& name, std::vector<std::string> arguments,
                          Duration limit);

  // As `run`, on every CPU.
  Result<std::string> run_unpinned(const std::string& name, std::vector<std::string> arguments,
                                   Duration limit);

  // As `run`, on these CPUs; any when empty.
  Result<std::string> run_on(const std::vector<int>& cpus, const std::string& name,
                             std::vector<std::string> arguments, Duration limit);

  // Ends the server gracefully: it has kServerGrace to let its connections end. Errors: system when
  // its exit status is not success.
  Result<> stop_server();

  // What the server uses now.
  [[nodiscard]] ResourceUse server_use() const;

  // The same, several times a second during the last run.
  struct ServerSample {
    Instant at;
    ResourceUse use;
  };
  [[nodiscard]] const std::vector<ServerSample>& server_samples() const { return samples_; }

  // An error if the server was started and has ended by itself.
  Result<> check_server();

  // The end of what the server said; empty if it was never started.
  [[nodiscard]] std::string server_log() const;

  // Ends somebody else's server, however it takes it.
  void kill_server();

 private:
  using IsReady = std::function<bool(const Command& server, Duration waited)>;
  Result<> launch(std::vector<std::string> arguments, const std::vector<int>& cpus,
                  const IsReady& is_ready);
  [[nodiscard]] Command command(const std::string& name, std::vector<std::string> arguments,
                                const std::vector<int>& cpus) const;

  Options options_;
  ProgressLine& progress_;
  unsigned steps_;
  unsigned step_ = 0;
  std::string title_;
  Instant step_began_{};
  std::optional<ChildProcess> server_;
  std::vector<ServerSample> samples_;
  std::string server_name_;
  bool server_started_ = false;
  std::string url_;
};

}  // namespace quicore::tools
