// SPDX-License-Identifier: Apache-2.0
//
// Blocks of memory that files are read into and sent from: a block returns here when the peer has
// acknowledged its last byte.
//
// Threading: one shard's, but a block may be filled on another thread while nobody else has it.
// Cost: none while a block is free; a new one costs its page faults, which is why they are kept.
#pragma once

#include <cstddef>
#include <vector>

#include "io/buf.h"

namespace quicore::internal {

// One read of a file. Reason: large enough that a system call and a packet train are nothing beside
// it (4 trains), small enough that 1000 downloads at once take 512 MiB.
inline constexpr std::size_t kFileBlockSize = 256 * 1024;
// Free blocks kept per shard: 8 MiB, the working set of one fast connection.
inline constexpr std::size_t kKeptFileBlocks = 32;

class FileBlocks {
 public:
  struct Block : BufStorage {
    FileBlocks* owner = nullptr;
    std::byte* bytes = nullptr;  // kFileBlockSize, aligned to pages
  };

  FileBlocks() = default;
  ~FileBlocks();
  FileBlocks(const FileBlocks&) = delete;
  FileBlocks& operator=(const FileBlocks&) = delete;

  // With one reference. Throws std::bad_alloc.
  Block* take();

 private:
  static void give_back(BufStorage* storage) noexcept;
  static void destroy(Block* block) noexcept;

  std::vector<Block*> free_;
};

}  // namespace quicore::internal
