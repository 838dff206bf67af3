// SPDX-License-Identifier: Apache-2.0
//
// FileSource: the pieces of a file, read without ever blocking the shard: what the page cache holds
// is read in place (openat2 RESOLVE_CACHED, preadv2 RWF_NOWAIT), the rest on the blocking thread.
//
// Threading: one shard's. Cost: one system call and one copy per 256 KiB.
#pragma once

#include <cstdint>
#include <optional>

#include "api/body.h"
#include "api/internal/shard_state.h"
#include "api/task.h"
#include "io/buf.h"
#include "io/error.h"

namespace quicore::internal {

class FileSource {
 public:
  FileSource(ShardState& shard, File file) : shard_(shard), file_(std::move(file)) {}
  ~FileSource();
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  // invalid_argument when it is no regular file or too short; system with errno and the path.
  Task<Result<>> open();
  std::uint64_t left() const noexcept { return left_; }
  // Call while left() > 0.
  Task<Result<Buf>> next();

 private:
  Result<> measure();
  std::unexpected<Error> failed(const char* what, int error) const;

  ShardState& shard_;
  File file_;
  int fd_ = -1;
  std::uint64_t position_ = 0;
  std::uint64_t left_ = 0;
  bool nowait_ = true;  // the file system knows RWF_NOWAIT
};

}  // namespace quicore::internal
