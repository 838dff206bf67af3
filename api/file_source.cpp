// SPDX-License-Identifier: Apache-2.0
#include "api/internal/file_source.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "api/internal/blocking.h"

namespace quicore::internal {

namespace {

constexpr int kOpenFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;  // a FIFO must not make open() wait

// Without touching a disk; -1 when that is not possible.
int open_cached(const std::string& path) noexcept {
  open_how how{};
  how.flags = kOpenFlags;
  how.resolve = RESOLVE_CACHED;
  return static_cast<int>(syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof(how)));
}

struct Answer {
  ssize_t value = -1;
  int error = 0;
};

Answer read_at(int fd, std::byte* into, std::size_t size, std::uint64_t position, int flags) {
  iovec piece{into, size};
  for (;;) {
    const ssize_t count = preadv2(fd, &piece, 1, static_cast<off_t>(position), flags);
    if (count < 0 && errno == EINTR) continue;
    return {count, count < 0 ? errno : 0};
  }
}

}  // namespace

FileSource::~FileSource() {
  if (fd_ >= 0) close(fd_);
}

std::unexpected<Error> FileSource::failed(const char* what, int error) const {
  return std::unexpected(
      Error::system(error, "cannot " + std::string(what) + " '" + file_.path + "'"));
}

Task<Result<>> FileSource::open() {
  fd_ = open_cached(file_.path);
  if (fd_ < 0) {
    const auto open_slowly = [path = file_.path] {
      const int fd = ::open(path.c_str(), kOpenFlags);
      return Answer{fd, fd < 0 ? errno : 0};
    };
    const Answer opened = co_await run_blocking(shard_, open_slowly);
    if (opened.value < 0) co_return failed("open", opened.error);
    fd_ = static_cast<int>(opened.value);
  }
  co_return measure();
}

Result<> FileSource::measure() {
  struct stat status {};
  if (fstat(fd_, &status) != 0) return failed("examine", errno);
  if (!S_ISREG(status.st_mode)) {
    return failure(Errc::invalid_argument, "'" + file_.path + "' is not a regular file");
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (file_.offset > size || file_.length.value_or(0) > size - file_.offset) {
    return failure(Errc::invalid_argument, "'" + file_.path + "' has " + std::to_string(size) +
                                               " bytes, which is less than offset and length ask "
                                               "for");
  }
  position_ = file_.offset;
  left_ = file_.length.value_or(size - file_.offset);
  return {};
}

Task<Result<Buf>> FileSource::next() {
  FileBlocks::Block* block = shard_.file_blocks().take();
  const Buf whole = Buf::from_storage(block, {block->bytes, kFileBlockSize});
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, kFileBlockSize));
  Answer got;
  if (nowait_) {
    got = read_at(fd_, block->bytes, size, position_, RWF_NOWAIT);
    if (got.error == EOPNOTSUPP || got.error == EINVAL) nowait_ = false;
  }
  if (got.value < 0) {
    got = co_await run_blocking(shard_, [fd = fd_, into = block->bytes, size, at = position_] {
      return read_at(fd, into, size, at, 0);
    });
  }
  if (got.value < 0) co_return failed("read", got.error);
  if (got.value == 0) {
    co_return failure(Errc::system, "'" + file_.path + "' became shorter while it was sent");
  }
  const auto count = static_cast<std::size_t>(got.value);
  position_ += count;
  left_ -= count;
  co_return whole.slice(0, count);
}

}  // namespace quicore::internal
