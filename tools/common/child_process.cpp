// SPDX-License-Identifier: Apache-2.0
#include "tools/common/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

namespace quicore::tools {
namespace {

std::unexpected<Error> failed(int number, const std::string& what) {
  return std::unexpected(Error::system(number, what + ": " + std::strerror(number)));
}

// Closed when it goes out of scope.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }
  [[nodiscard]] int get() const { return fd_; }
  void reset() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

int create(const std::filesystem::path& path) {
  return open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
}

// In the child, after fork: only async-signal-safe calls. Returns if the program did not start.
void become(const Command& command, char* const* arguments, int output, int errors, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(127);  // it died before the line above
  if (!command.cpus.empty()) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int cpu : command.cpus) CPU_SET(static_cast<unsigned>(cpu), &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) return;
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (dup2(output, STDOUT_FILENO) < 0 || dup2(errors, STDERR_FILENO) < 0) return;
  execvp(arguments[0], arguments);
}

int open_pidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

}  // namespace

bool ExitStatus::success() const { return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0; }

std::string ExitStatus::to_string() const {
  if (WIFSIGNALED(wait_status)) {
    const int signal = WTERMSIG(wait_status);
    return "killed by signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
  }
  return "exit status " + std::to_string(WEXITSTATUS(wait_status));
}

Result<ChildProcess> ChildProcess::start(const Command& command) {
  const std::string& program = command.arguments.front();
  const Fd output(create(command.output));
  if (output.get() < 0) return failed(errno, "cannot create " + command.output.string());
  const bool shared = command.errors == command.output;
  const Fd errors(shared ? -1 : create(command.errors));
  const int errors_fd = shared ? output.get() : errors.get();
  if (errors_fd < 0) return failed(errno, "cannot create " + command.errors.string());

  // Closed by a successful exec; else it carries the child's errno.
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return failed(errno, "cannot create a pipe");
  const Fd from_child(report[0]);
  Fd to_parent(report[1]);
  std::vector<char*> arguments;
  arguments.reserve(command.arguments.size() + 1);
  for (const std::string& argument : command.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));  // as exec wants them; not written
  }
  arguments.push_back(nullptr);

  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return failed(errno, "cannot start a process");
  if (pid == 0) {
    become(command, arguments.data(), output.get(), errors_fd, parent);
    const int number = errno;
    static_cast<void>(!write(to_parent.get(), &number, sizeof number));
    _exit(127);
  }
  ChildProcess child(pid, open_pidfd(pid));
  to_parent.reset();
  int number = 0;
  ssize_t size = 0;
  while ((size = read(from_child.get(), &number, sizeof number)) < 0 && errno == EINTR) continue;
  if (size == sizeof number) return failed(number, "cannot start " + program);
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(other.pid_), pidfd_(other.pidfd_), status_(other.status_) {
  other.pid_ = -1;
  other.pidfd_ = -1;
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0 && !status_) terminate();
  if (pidfd_ >= 0) close(pidfd_);
}

std::optional<ExitStatus> ChildProcess::wait_for(Duration limit) {
  if (status_) return status_;
  pollfd exited{pidfd_, POLLIN, 0};
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
  poll(&exited, 1, static_cast<int>(std::clamp<std::int64_t>(milliseconds, 0, INT32_MAX)));
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == pid_) status_ = ExitStatus{status};
  return status_;
}

ExitStatus ChildProcess::terminate(Duration grace) {
  using std::chrono::steady_clock;
  send_signal(SIGTERM);
  const auto deadline = steady_clock::now() + grace;
  while (steady_clock::now() < deadline) {
    if (const auto status = wait_for(deadline - steady_clock::now())) return *status;
  }
  send_signal(SIGKILL);
  while (!wait_for(kGrace)) continue;
  return *status_;
}

void ChildProcess::send_signal(int signal) const {
  if (!status_) kill(pid_, signal);
}

std::string read_text(const std::filesystem::path& path, std::size_t most) {
  std::ifstream file(path, std::ios::binary);
  std::error_code unknown;  // a pipe has no size, a file of /proc none that is true
  const std::uintmax_t size = std::filesystem::file_size(path, unknown);
  if (!unknown && size > most) file.seekg(static_cast<std::streamoff>(size - most));
  std::ostringstream content;
  content << file.rdbuf();
  return std::move(content).str();
}

bool write_text(const std::filesystem::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  return !file.fail();
}

ResourceUse ChildProcess::use() const {
  const std::filesystem::path folder = "/proc/" + std::to_string(pid_);
  ResourceUse use;
  std::istringstream pages(read_text(folder / "statm"));
  std::uint64_t total = 0, resident = 0;
  if (pages >> total >> resident) {
    use.resident_bytes = resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  }
  // Behind the name, which may have spaces: the 12th and 13th are the ticks in user and kernel mode.
  const std::string stat = read_text(folder / "stat");
  std::istringstream fields(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0, kernel = 0;
  if (fields >> user >> kernel) {
    use.cpu_seconds = (user + kernel) / static_cast<double>(sysconf(_SC_CLK_TCK));
  }
  return use;
}

std::string_view last_lines(std::string_view text, std::size_t count) {
  std::size_t at = text.size();
  if (at > 0 && text.back() == '\n') --at;  // the end of the last line begins no other
  for (; count > 0; --count) {
    if (at == 0) return text;
    at = text.rfind('\n', at - 1);
    if (at == std::string_view::npos) return text;
  }
  return text.substr(at + 1);
}

}  // namespace quicore::tools
