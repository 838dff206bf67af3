// SPDX-License-Identifier: Apache-2.0
#include "tools/common/workbench.h"

#include <atomic>
#include <csignal>
#include <nlohmann/json.hpp>

#include "tools/common/format.h"

namespace quicore::tools {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTick{100};
constexpr std::chrono::seconds kServerStart{15};
constexpr std::size_t kShownLines = 20;

std::atomic<bool> interrupt_flag{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // may be set in a signal handler

std::unexpected<Error> cancelled() { return failure(Errc::cancelled, "interrupted"); }

// The port of the line {"event":"ready","port":N,...} among what the server has written.
std::optional<unsigned> ready_port(const std::string& output) {
  for (std::size_t begin = 0, end = 0; (end = output.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    const auto line = nlohmann::json::parse(output.substr(begin, end - begin), nullptr, false);
    if (line.is_object() && line.value("event", "") == "ready" && line.contains("port") &&
        line["port"].is_number_unsigned()) {
      return line["port"].get<unsigned>();
    }
  }
  return std::nullopt;
}

// What a program shows as its progress: the last line, or the last redrawing of it.
std::string last_said(const std::filesystem::path& file) {
  std::string text = read_text(file, 1024);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  const std::size_t begin = text.find_last_of("\r\n");
  return begin == std::string::npos ? text : text.substr(begin + 1);
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupt_flag = true; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return interrupt_flag; }

void Workbench::begin_step(std::string title) {
  title_ = std::move(title);
  ++step_;
  step_began_ = steady_clock::now();
  progress_.clear();
  tick();
}

bool Workbench::tick(const std::string& detail) {
  const Instant now = steady_clock::now();
  if (progress_.due(now)) {
    std::string line = "[" + std::to_string(step_) + "/" + std::to_string(steps_) + "] " + title_;
    if (now - step_began_ >= std::chrono::seconds(1)) {
      line += ", " + format_duration(now - step_began_);
    }
    if (!detail.empty()) line += " | " + detail;
    progress_.update(now, line);
  }
  return !interrupted();
}

Command Workbench::command(const std::string& name, std::vector<std::string> arguments,
                           const std::vector<int>& cpus) const {
  if (arguments.front().find('/') == std::string::npos) {
    const auto ours = options_.programs / arguments.front();
    if (std::error_code ignored; std::filesystem::exists(ours, ignored)) {
      arguments.front() = ours.string();
    }
  }
  return {std::move(arguments), cpus, options_.logs / (name + ".out"),
          options_.logs / (name + ".err")};
}

Result<> Workbench::check_server() {
  if (!server_) return {};
  const auto status = server_->wait_for(Duration::zero());
  if (!status) return {};
  return failure(Errc::system, server_name_ + " ended by itself: " + status->to_string());
}

Result<> Workbench::start_server(std::vector<std::string> arguments, std::vector<int> cpus) {
  arguments.insert(arguments.begin(), {"quicore-server", "--listen", "127.0.0.1:0", "--json"});
  if (cpus.empty()) cpus = options_.server_cpus;
  if (!cpus.empty()) arguments.insert(arguments.end(), {"--cpus", cpu_list(cpus)});
  return launch(std::move(arguments), cpus, [this](const Command& server, Duration) {
    const auto port = ready_port(read_text(server.output));
    if (port) url_ = "https://127.0.0.1:" + std::to_string(*port) + "/";
    return port.has_value();
  });
}

Result<> Workbench::start_other_server(std::vector<std::string> arguments,
                                       const std::vector<int>& cpus, const std::string& ready) {
  return launch(std::move(arguments), cpus, [&ready](const Command& server, Duration waited) {
    if (ready.empty()) return waited >= kOtherServerStart;
    return (read_text(server.output) + read_text(server.errors)).contains(ready);
  });
}

Result<> Workbench::launch(std::vector<std::string> arguments, const std::vector<int>& cpus,
                           const IsReady& is_ready) {
  server_name_ = arguments.front().substr(arguments.front().rfind('/') + 1);
  const Command start = command("server", std::move(arguments), cpus);
  auto child = ChildProcess::start(start);
  if (!child) return std::unexpected(child.error());
  server_.emplace(std::move(*child));
  server_started_ = true;
  const Instant begin = steady_clock::now();
  for (Duration waited{}; waited < kServerStart; waited = steady_clock::now() - begin) {
    if (is_ready(start, waited)) return {};
    if (!tick()) return cancelled();
    if (auto alive = check_server(); !alive) return alive;
    server_->wait_for(kTick / 5);
  }
  return failure(Errc::timed_out, server_name_ + " did not say that it is ready within " +
                                      format_duration(kServerStart));
}

Result<std::string> Workbench::run(const std::string& name, std::vector<std::string> arguments,
                                   Duration limit) {
  return run_on(options_.client_cpus, name, std::move(arguments), limit);
}

Result<std::string> Workbench::run_unpinned(const std::string& name,
                                            std::vector<std::string> arguments, Duration limit) {
  return run_on({}, name, std::move(arguments), limit);
}

Result<std::string> Workbench::run_on(const std::vector<int>& cpus, const std::string& name,
                                      std::vector<std::string> arguments, Duration limit) {
  const std::string program = arguments.front();
  const Command start = command(name, std::move(arguments), cpus);
  auto child = ChildProcess::start(start);
  if (!child) return std::unexpected(child.error());
  const Instant deadline = steady_clock::now() + limit;
  std::optional<ExitStatus> status;
  samples_.clear();
  while (!status) {
    status = child->wait_for(kTick);
    samples_.push_back({steady_clock::now(), server_use()});
    if (!tick(last_said(start.errors))) return cancelled();
    if (auto alive = check_server(); !alive) return std::unexpected(alive.error());
    if (!status && steady_clock::now() >= deadline) {
      return failure(Errc::timed_out, program + " did not end within " + format_duration(limit));
    }
  }
  if (!status->success()) {
    const std::string said = read_text(start.errors);
    return failure(Errc::system, program + " failed with " + status->to_string() + ":\n" +
                                     std::string(last_lines(said, kShownLines)));
  }
  return read_text(start.output);
}

Result<> Workbench::stop_server() {
  if (auto alive = check_server(); !alive || !server_) return alive;
  const ExitStatus status = server_->terminate(kServerGrace);
  server_.reset();
  if (status.success()) return {};
  return failure(Errc::system, "quicore-server did not close gracefully: " + status.to_string());
}

ResourceUse Workbench::server_use() const { return server_ ? server_->use() : ResourceUse(); }

void Workbench::kill_server() {
  if (server_) server_->terminate(std::chrono::milliseconds(500));
  server_.reset();
}

std::string Workbench::server_log() const {
  if (!server_started_) return {};
  return std::string(last_lines(read_text(options_.logs / "server.err"), kShownLines));
}

}  // namespace quicore::tools
