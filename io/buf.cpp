// SPDX-License-Identifier: Apache-2.0
#include "io/buf.h"

#include <cstring>
#include <new>

#include "io/block_pool.h"

namespace quicore {

namespace {

// One block: this header, then the bytes.
struct CopiedStorage : BufStorage {
  std::size_t size = 0;  // of the block

  static void free(BufStorage* storage) noexcept {
    auto* copied = static_cast<CopiedStorage*>(storage);
    io::release_block(copied, copied->size);
  }
};

struct AdoptedStorage : BufStorage {
  void* memory = nullptr;
  std::move_only_function<void(void*)> give_back;

  static void free(BufStorage* storage) noexcept {
    auto* adopted = static_cast<AdoptedStorage*>(storage);
    if (adopted->give_back) adopted->give_back(adopted->memory);
    delete adopted;
  }
};

}  // namespace

Buf Buf::copy(Bytes bytes) {
  if (bytes.empty()) return {};
  const std::size_t size = sizeof(CopiedStorage) + bytes.size();
  void* block = io::allocate_block(size);
  auto* storage = new (block) CopiedStorage;
  storage->size = size;
  storage->release = &CopiedStorage::free;
  auto* start = static_cast<std::byte*>(block) + sizeof(CopiedStorage);
  std::memcpy(start, bytes.data(), bytes.size());
  return Buf(storage, {start, bytes.size()});
}

Buf Buf::adopt(void* memory, std::size_t size, std::move_only_function<void(void*)> release) {
  auto* storage = new AdoptedStorage;
  storage->release = &AdoptedStorage::free;
  storage->memory = memory;
  storage->give_back = std::move(release);
  return Buf(storage, {static_cast<const std::byte*>(memory), size});
}

}  // namespace quicore
