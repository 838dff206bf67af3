// SPDX-License-Identifier: Apache-2.0
//
// Buf: an immutable, reference-counted slice of bytes. What users hand to the engine to send and
// what received stream data is kept in.
//
// Bytes given to send are never copied by the engine before encryption: the Buf is pinned until the
// peer acknowledged it, then released.
//
// Threading: the count is not atomic. A Buf and its copies are used on one shard only; hand bytes
// to another shard by moving the only Buf, or by Buf::copy there. Cost: 24 bytes; a copy is one
// increment. copy() and adopt() allocate once, borrow() never does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <utility>

#include "io/check.h"

namespace quicore {

// A view of bytes that somebody else owns.
using Bytes = std::span<const std::byte>;

// The characters as bytes, without a copy.
inline Bytes as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
// The bytes as characters, without a copy.
inline std::string_view as_text(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The counted owner of memory behind Bufs. Internal: pools derive their slabs from it.
struct BufStorage {
  // Frees the memory with the last reference; called on the shard that drops it.
  using Release = void (*)(BufStorage*) noexcept;
  // Not atomic: of one shard.
  std::uint32_t references = 1;
  Release release = nullptr;  // called when the count falls to zero
};

// Bytes with a counted owner. Copies and slices share them; nothing is copied (BODY, B2 to B5).
class Buf {
 public:
  Buf() = default;
  ~Buf() { drop(); }
  // One more reference.
  Buf(const Buf& other) noexcept : storage_(other.storage_), bytes_(other.bytes_) { keep(); }
  // The reference moves along.
  Buf(Buf&& other) noexcept
      : storage_(std::exchange(other.storage_, nullptr)), bytes_(std::exchange(other.bytes_, {})) {}
  // Drops the reference it had.
  Buf& operator=(Buf other) noexcept {
    std::swap(storage_, other.storage_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  // One allocation and one copy.
  static Buf copy(Bytes bytes);
  // The same, from characters.
  static Buf copy(std::string_view text) { return copy(as_bytes(text)); }
  // Zero copy: `release(memory)` runs on the shard after the last byte was acknowledged and the
  // last copy of the Buf is gone.
  static Buf adopt(void* memory, std::size_t size, std::move_only_function<void(void*)> release);
  // Zero copy without a count: the caller promises that the bytes outlive every use (literals,
  // static tables, memory mapped for the program's life).
  static Buf borrow(Bytes bytes) noexcept { return Buf(nullptr, bytes); }
  // The same, from characters.
  static Buf borrow(std::string_view text) noexcept { return borrow(as_bytes(text)); }
  // Internal: takes over one reference.
  static Buf from_storage(BufStorage* storage, Bytes bytes) noexcept { return Buf(storage, bytes); }

  // Good while any reference lives.
  Bytes bytes() const noexcept { return bytes_; }
  // Of the first byte; anything when it is empty.
  const std::byte* data() const noexcept { return bytes_.data(); }
  // In bytes.
  std::size_t size() const noexcept { return bytes_.size(); }
  // Without bytes.
  bool empty() const noexcept { return bytes_.empty(); }
  // The same bytes as characters.
  std::string_view text() const noexcept { return as_text(bytes_); }

  // A part that shares the memory. It lies within.
  Buf slice(std::size_t offset, std::size_t size) const noexcept {
    QUICORE_DCHECK_THAT(offset <= bytes_.size() && size <= bytes_.size() - offset);
    Buf part(*this);
    part.bytes_ = bytes_.subspan(offset, size);
    return part;
  }
  // Forgets the first `size` bytes, of which there are as many.
  void remove_prefix(std::size_t size) noexcept { bytes_ = bytes_.subspan(size); }

 private:
  Buf(BufStorage* storage, Bytes bytes) noexcept : storage_(storage), bytes_(bytes) {}
  void keep() noexcept {
    if (storage_ != nullptr) ++storage_->references;
  }
  void drop() noexcept {
    if (storage_ != nullptr && --storage_->references == 0) storage_->release(storage_);
  }

  BufStorage* storage_ = nullptr;
  Bytes bytes_;
};

}  // namespace quicore
