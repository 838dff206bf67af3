// SPDX-License-Identifier: Apache-2.0
#include "tests/tools/programs.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>

#include "api/tls.h"
#include "io/check.h"
#include "tests/support/document_table.h"

namespace quicore::test {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using tools::ChildProcess;
using tools::Command;
using tools::ExitStatus;
using tools::read_text;

namespace {

// Long enough for any machine; no test waits for it to pass.
#ifdef QUICORE_SANITIZED
constexpr auto kAtMost = 600s;
#else
constexpr auto kAtMost = 60s;
#endif
constexpr auto kLook = 10ms;

int exit_status(const std::optional<ExitStatus>& status) {
  return status && WIFEXITED(status->wait_status) ? WEXITSTATUS(status->wait_status) : -1;
}

// The last complete line of the file that is this event.
std::optional<nlohmann::json> find_event(const fs::path& file, const std::string& event,
                                         std::size_t skip = 0) {
  std::istringstream lines(read_text(file));
  for (std::string line; std::getline(lines, line) && !lines.eof();) {
    auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object() || json.value("event", "") != event) continue;
    if (skip-- == 0) return json;
  }
  return std::nullopt;
}

// Everybody's: made once, because keys cost time.
const DevelopmentIdentity& identity() {
  static const DevelopmentIdentity kIdentity = value_or_throw(make_development_identity());
  return kIdentity;
}

}  // namespace

// --- Ended --------------------------------------------------------------------------------------

bool Ended::said(const std::string& line) const {
  std::istringstream lines(errors);
  for (std::string one; std::getline(lines, one);) {
    if (matches(line, one)) return true;
  }
  return false;
}

// --- WorkingDirectory ---------------------------------------------------------------------------

WorkingDirectory::WorkingDirectory() {
  std::string pattern = (fs::temp_directory_path() / "quicore-programs-XXXXXX").string();
  QUICORE_CHECK(::mkdtemp(pattern.data()) != nullptr);
  path_ = fs::canonical(pattern);
  write("cert.pem", identity().certificate_pem);
  write("key.pem", identity().key_pem);
  static const DevelopmentIdentity kOther = value_or_throw(make_development_identity());
  write("other.pem", kOther.key_pem);
  write("stranger.pem", kOther.certificate_pem);
  write("not.pem", "neither a certificate nor a key\n");
  write("damaged.session", "neither a ticket nor a token\n");
  write("page.html", "<p>hello</p>\n");
  write("empty", "");
  fs::create_directory(path_ / "folder");
}

WorkingDirectory::~WorkingDirectory() {
  std::error_code error;
  fs::remove_all(path_, error);
}

void WorkingDirectory::write(const std::string& name, const std::string& content) const {
  std::ofstream(path_ / name, std::ios::binary) << content;
}

std::string WorkingDirectory::read(const std::string& name) const {
  return read_text(path_ / name);
}

Result<ChildProcess> WorkingDirectory::start(const std::string& name,
                                             const std::vector<std::string>& command,
                                             const std::vector<std::string>& environment) const {
  Command start;
  start.arguments = {"env", "-C", path_.string(), "-u", "SSLKEYLOGFILE"};
  start.arguments.insert(start.arguments.end(), environment.begin(), environment.end());
  start.arguments.push_back(std::string(QUICORE_BIN_DIR) + "/" + command.front());
  start.arguments.insert(start.arguments.end(), command.begin() + 1, command.end());
  start.output = path_ / (name + ".out");
  start.errors = path_ / (name + ".err");
  return ChildProcess::start(start);
}

Ended WorkingDirectory::run(const std::vector<std::string>& command,
                            const std::vector<std::string>& environment) const {
  auto child = start("run", command, environment);
  if (!child) return {-1, {}, child.error().reason};
  const int status = exit_status(child->wait_for(kAtMost));
  return {status, read("run.out"), read("run.err")};
}

// --- RunningServer ------------------------------------------------------------------------------

RunningServer::RunningServer(const WorkingDirectory& directory, std::vector<std::string> options,
                             const std::vector<std::string>& environment)
    : directory_(directory) {
  const auto given = [&](const char* option) {
    return std::ranges::find(options, option) != options.end();
  };
  std::vector<std::string> command = {"quicore-server", "--json"};
  if (!given("--listen")) command.insert(command.end(), {"--listen", "127.0.0.1:0"});
  if (!given("--cert") && !given("--pfx")) {
    command.insert(command.end(), {"--cert", "cert.pem", "--key", "key.pem"});
  }
  command.insert(command.end(), options.begin(), options.end());
  auto child = directory.start("server", command, environment);
  if (!child) {
    ADD_FAILURE() << child.error().reason;
    return;
  }
  child_.emplace(std::move(*child));
  const auto deadline = std::chrono::steady_clock::now() + kAtMost;
  while (std::chrono::steady_clock::now() < deadline) {
    if (const auto ready = find_event(directory.path() / "server.out", "ready")) {
      port_ = ready->at("port").get<std::uint16_t>();
      return;
    }
    if (child_->wait_for(kLook)) break;
  }
  ADD_FAILURE() << "quicore-server is not ready: " << directory.read("server.err");
}

RunningServer::~RunningServer() { stop(); }

int RunningServer::stop() {
  if (!child_) return -1;
  const int status = exit_status(child_->terminate(kAtMost));
  child_.reset();
  return status;
}

std::string RunningServer::url(const std::string& path) const {
  return "https://127.0.0.1:" + std::to_string(port_) + path;
}

std::uint64_t RunningServer::statistic(const std::string& key) {
  const fs::path file = directory_.path() / "server.err";
  std::size_t seen = 0;
  while (find_event(file, "statistics", seen)) ++seen;
  child_->send_signal(SIGUSR1);
  const auto deadline = std::chrono::steady_clock::now() + kAtMost;
  while (std::chrono::steady_clock::now() < deadline) {
    if (const auto found = find_event(file, "statistics", seen)) {
      return found->at(key).get<std::uint64_t>();
    }
    if (child_->wait_for(kLook)) break;
  }
  ADD_FAILURE() << "quicore-server gave no statistics: " << read_text(file);
  return 0;
}

// --- UdpSocket ----------------------------------------------------------------------------------

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

}  // namespace

UdpSocket::UdpSocket() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* name = reinterpret_cast<sockaddr*>(&address);
  QUICORE_CHECK(fd_ >= 0 && ::bind(fd_, name, size) == 0 && ::getsockname(fd_, name, &size) == 0);
  port_ = ntohs(address.sin_port);
}

UdpSocket::~UdpSocket() { ::close(fd_); }

void UdpSocket::send_to(std::uint16_t port, const std::string& datagram) const {
  const sockaddr_in address = loopback(port);
  EXPECT_EQ(::sendto(fd_, datagram.data(), datagram.size(), 0,
                     reinterpret_cast<const sockaddr*>(&address), sizeof address),
            static_cast<ssize_t>(datagram.size()));
}

}  // namespace quicore::test
