// SPDX-License-Identifier: Apache-2.0
#include "tools/get/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "tools/common/percent.h"

namespace quicore::tools {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kBufferSize = 256 * 1024;
constexpr mode_t kFileMode = 0644;

std::unexpected<Error> failed(const char* what, const fs::path& path, int number) {
  const std::string file = path.empty() ? "standard output" : '"' + path.native() + '"';
  return std::unexpected(Error::system(number, std::string(what) + " " + file + ": " +
                                                   std::strerror(number) +
                                                   "; name a place that this user may write to"));
}

}  // namespace

Result<OutputFile> OutputFile::open(const fs::path& path) {
  OutputFile file;
  if (path == "-") {
    file.fd_ = STDOUT_FILENO;
    return file;
  }
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  if (error) return failed("cannot create the folder of", path, error.value());
  fs::path partial = path;
  partial += ".partial";
  file.fd_ = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode);
  if (file.fd_ < 0) return failed("cannot write", path, errno);
  file.path_ = path;
  file.partial_ = std::move(partial);
  return file;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      partial_(std::exchange(other.partial_, {})),
      buffer_(std::move(other.buffer_)),
      written_(other.written_),
      fd_(std::exchange(other.fd_, -1)) {}

OutputFile::~OutputFile() {
  if (fd_ > STDERR_FILENO) ::close(fd_);
  if (!partial_.empty()) ::unlink(partial_.c_str());
}

Result<> OutputFile::write(Bytes bytes) {
  written_ += bytes.size();
  if (fd_ < 0) return {};
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  return buffer_.size() >= kBufferSize ? flush() : Result<>();
}

Result<> OutputFile::flush() {
  std::size_t done = 0;
  while (done < buffer_.size()) {
    const ssize_t count = ::write(fd_, buffer_.data() + done, buffer_.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("cannot write", path_, errno);
    done += static_cast<std::size_t>(count);
  }
  buffer_.clear();
  return {};
}

Result<> OutputFile::finish() {
  if (fd_ < 0) return {};
  if (auto flushed = flush(); !flushed) return flushed;
  if (partial_.empty()) return {};
  if (::rename(partial_.c_str(), path_.c_str()) != 0) return failed("cannot write", path_, errno);
  partial_.clear();
  return {};
}

Result<fs::path> file_for_url(const fs::path& directory, std::string_view url_path) {
  auto decoded = percent_decode(url_path.substr(0, url_path.find('?')));
  if (!decoded || decoded->empty() || has_dot_segment(*decoded)) {
    return failure(Errc::invalid_argument,
                   "the path \"" + std::string(url_path) +
                       "\" names no file below --output-dir: give this URL --output");
  }
  if (decoded->back() == '/') *decoded += "index.html";
  return directory / decoded->substr(1);
}

}  // namespace quicore::tools
