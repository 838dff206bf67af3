// SPDX-License-Identifier: Apache-2.0
#include "api/internal/file_blocks.h"

#include <cstdlib>
#include <new>

namespace quicore::internal {

namespace {
constexpr std::size_t kPageSize = 4096;
}

FileBlocks::~FileBlocks() {
  for (Block* block : free_) destroy(block);
}

FileBlocks::Block* FileBlocks::take() {
  if (!free_.empty()) {
    Block* block = free_.back();
    free_.pop_back();
    block->references = 1;
    return block;
  }
  free_.reserve(kKeptFileBlocks);  // give_back() must not allocate
  auto* block = new Block;
  block->bytes = static_cast<std::byte*>(std::aligned_alloc(kPageSize, kFileBlockSize));
  if (block->bytes == nullptr) {
    delete block;
    throw std::bad_alloc();
  }
  block->owner = this;
  block->release = &give_back;
  return block;
}

void FileBlocks::give_back(BufStorage* storage) noexcept {
  auto* block = static_cast<Block*>(storage);
  std::vector<Block*>& free = block->owner->free_;
  if (free.size() < kKeptFileBlocks) {
    free.push_back(block);
  } else {
    destroy(block);
  }
}

void FileBlocks::destroy(Block* block) noexcept {
  std::free(block->bytes);
  delete block;
}

}  // namespace quicore::internal
