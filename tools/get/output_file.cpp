// SPDX-License-Identifier: Apache-2.0
#include "tools/get/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
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

Result<OutputFile> OutputFile::open(const fs::path& path, Partial partial_files) {
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
  const int truncate = partial_files == Partial::keep ? 0 : O_TRUNC;
  file.fd_ = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | truncate, kFileMode);
  if (file.fd_ < 0) return failed("cannot write", path, errno);
  file.path_ = path;
  file.partial_ = std::move(partial);
  if (partial_files == Partial::keep) {
    file.validator_file_ = file.partial_;
    file.validator_file_ += ".etag";
    if (auto found = file.find_partial(); !found) return std::unexpected(std::move(found.error()));
  }
  return file;
}

Result<> OutputFile::find_partial() {
  std::ifstream known(validator_file_);
  std::getline(known, validator_);
  const off_t size = ::lseek(fd_, 0, SEEK_END);
  if (validator_.empty() || size <= 0) return begin({});
  offset_ = static_cast<std::uint64_t>(size);
  return {};
}

Result<> OutputFile::begin(std::string validator) {
  offset_ = 0;
  validator_ = std::move(validator);
  buffer_.clear();
  if (partial_.empty()) return {};
  if (::ftruncate(fd_, 0) != 0 || ::lseek(fd_, 0, SEEK_SET) != 0) {
    return failed("cannot write", path_, errno);
  }
  if (validator_file_.empty()) return {};
  if (validator_.empty()) {
    ::unlink(validator_file_.c_str());
  } else if (!(std::ofstream(validator_file_) << validator_ << '\n')) {
    return failed("cannot write", validator_file_, errno);
  }
  return {};
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      partial_(std::exchange(other.partial_, {})),
      validator_file_(std::exchange(other.validator_file_, {})),
      validator_(std::move(other.validator_)),
      offset_(other.offset_),
      buffer_(std::move(other.buffer_)),
      written_(other.written_),
      fd_(std::exchange(other.fd_, -1)) {}

OutputFile::~OutputFile() {
  const bool keep = !validator_file_.empty() && !validator_.empty() && flush().has_value();
  if (fd_ > STDERR_FILENO) ::close(fd_);
  if (!partial_.empty() && !keep) ::unlink(partial_.c_str());
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
  if (!validator_file_.empty()) ::unlink(validator_file_.c_str());
  validator_file_.clear();
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
