// SPDX-License-Identifier: Apache-2.0
#include "tools/common/qlog_files.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

#include "api/shard.h"

namespace quicore::tools {

namespace {

constexpr const char* kVariable = "QLOGDIR";
constexpr std::chrono::milliseconds kLook{1};

// Counts itself while it writes, however the task ends.
class OpenFile {
 public:
  OpenFile(const std::filesystem::path& path, std::shared_ptr<std::atomic<int>> count)
      : stream_(path, std::ios::binary | std::ios::trunc), path_(path), count_(std::move(count)) {
    ++*count_;
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    stream_.close();
    // Told, not fatal: a full disk must not end the session that is to be diagnosed.
    if (!stream_) std::fprintf(stderr, "qlog: \"%s\" is incomplete\n", path_.c_str());
    --*count_;
  }
  void write(const std::string& records) { stream_ << records; }
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::ofstream stream_;
  std::filesystem::path path_;
  std::shared_ptr<std::atomic<int>> count_;
};

Task<> write_to_the_end(QlogReader log, std::unique_ptr<OpenFile> file) {
  for (;;) {
    const std::optional<std::string> records = co_await log.next();
    if (!records) break;
    file->write(*records);
  }
  if (log.dropped() > 0) {
    std::fprintf(stderr,
                 "qlog: \"%s\" lacks %llu records: they came faster than they were written\n",
                 file->path().c_str(), static_cast<unsigned long long>(log.dropped()));
  }
}

}  // namespace

Result<QlogFiles> QlogFiles::open(const std::string& option) {
  QlogFiles files;
  const char* variable = option.empty() ? std::getenv(kVariable) : nullptr;
  files.directory_ = variable != nullptr ? variable : option;
  if (!files.wanted()) return files;
  std::error_code error;
  const bool directory = std::filesystem::is_directory(files.directory_, error);
  if (!error && !directory) error = std::make_error_code(std::errc::not_a_directory);
  if (!error && ::access(files.directory_.c_str(), W_OK | X_OK) != 0) {
    error = {errno, std::generic_category()};
  }
  if (!error) return files;
  return std::unexpected(Error::system(
      error.value(), std::string(variable != nullptr ? kVariable : "--qlog") +
                         ": cannot write to \"" + files.directory_.string() + "\": " +
                         error.message() + "; name a directory that this user may write to"));
}

void QlogFiles::follow(const Session& session) const {
  QlogReader log = session.qlog();
  if (!log) return;
  const std::string name =
      log.original_dcid() + (session.is_server() ? "_server.sqlog" : "_client.sqlog");
  session.shard().spawn(
      write_to_the_end(std::move(log), std::make_unique<OpenFile>(directory_ / name, open_)));
}

Task<> QlogFiles::complete() const {
  while (*open_ > 0) (void)co_await Shard::current().sleep_for(kLook);
}

}  // namespace quicore::tools
