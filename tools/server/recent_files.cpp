// SPDX-License-Identifier: Apache-2.0
#include "tools/server/recent_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace quicore::tools {

namespace {

class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  bool is(const SiteFile& file) const {
    struct stat status {};
    return fd_ >= 0 && ::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode) &&
           static_cast<std::uint64_t>(status.st_size) == file.size &&
           modified(status) == file.modified;
  }
  // All of `text.size()` bytes, if that needs no waiting for a disk.
  bool read(std::string& text) const {
    const iovec whole{text.data(), text.size()};
    return ::preadv2(fd_, &whole, 1, 0, RWF_NOWAIT) == static_cast<ssize_t>(text.size());
  }

 private:
  int fd_;
};

std::optional<Buf> read_whole(const SiteFile& file) {
  if (file.size == 0 || file.size > RecentFiles::kLargestContent) return std::nullopt;
  const OpenFile open(file.path);
  std::string text(static_cast<std::size_t>(file.size), '\0');
  // Whoever writes into the file while it is read changes its time.
  if (!open.is(file) || !open.read(text) || !open.is(file)) return std::nullopt;
  return Buf::copy(text);
}

}  // namespace

RecentFile::RecentFile(SiteEntry entry, std::vector<SiteFile> encoded, Instant until)
    : entry_(std::move(entry)),
      encoded_(std::move(encoded)),
      contents_(1 + encoded_.size()),
      until_(until) {}

std::optional<Buf> RecentFile::content(const SiteFile& file) {
  const bool whole = &file == &entry_.file;
  Content& content = contents_[whole ? 0 : static_cast<std::size_t>(1 + (&file - encoded_.data()))];
  if (!content.tried) {
    content.tried = true;
    content.buf = read_whole(file);
  }
  return content.buf;
}

bool RecentFile::is_in_memory() {
  return content(entry_.file).has_value() &&
         std::ranges::all_of(encoded_,
                             [this](const SiteFile& file) { return content(file).has_value(); });
}

RecentFile& RecentFiles::look_up(const FileSite& site, std::string_view target, Instant now) {
  const std::string_view path = target.substr(0, target.find_first_of("?#"));
  const auto found = files_.find(path);
  if (found != files_.end()) {
    if (now < found->second.until_ && found->second.is_in_memory()) return found->second;
    files_.erase(found);
  }
  SiteEntry entry = site.look_up(path);
  if (entry.kind != SiteEntry::Kind::file) {
    return other_.emplace(std::move(entry), std::vector<SiteFile>(), now);
  }
  if (files_.size() >= kMostFiles) files_.clear();
  std::vector<SiteFile> encoded = site.precompressed(entry.file);
  RecentFile recent(std::move(entry), std::move(encoded), now + kFresh);
  return files_.emplace(path, std::move(recent)).first->second;
}

}  // namespace quicore::tools
