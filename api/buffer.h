// SPDX-License-Identifier: Apache-2.0
//
// Buf (bytes to send, io/buf.h) and Chunk (bytes received).
//
// A Chunk holds flow-control credit: the peer may send more only once chunks are destroyed or their
// credit is given back (MAX_DATA, MAX_STREAM_DATA, RFC 9000 4.1). Holding chunks is back-pressure.
//
// Threading: both belong to one shard. Lifetime: a Chunk's bytes live as long as it; it may outlive
// its stream. Cost: received bytes are copied once, from the packet into pooled memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "io/buf.h"

namespace quicore {

namespace internal {
class StreamState;
void chunk_retain(StreamState* stream) noexcept;
void chunk_release(StreamState* stream, std::size_t credit) noexcept;
void chunk_give_credit(StreamState* stream, std::size_t credit) noexcept;
}  // namespace internal

class Chunk {
 public:
  Chunk() = default;
  // Called by the library.
  Chunk(Buf data, std::uint64_t offset, bool early, internal::StreamState* stream) noexcept
      : data_(std::move(data)),
        stream_(stream),
        offset_(offset),
        credit_(data_.size()),
        early_(early) {
    if (stream_ != nullptr) internal::chunk_retain(stream_);
  }
  // The credit moves along: it is given back once.
  Chunk(Chunk&& other) noexcept
      : data_(std::move(other.data_)),
        stream_(std::exchange(other.stream_, nullptr)),
        offset_(other.offset_),
        credit_(std::exchange(other.credit_, 0)),
        early_(other.early_) {}
  // Gives back the credit of what it held before.
  Chunk& operator=(Chunk other) noexcept {
    std::swap(data_, other.data_);
    std::swap(stream_, other.stream_);
    std::swap(offset_, other.offset_);
    std::swap(credit_, other.credit_);
    std::swap(early_, other.early_);
    return *this;
  }
  ~Chunk() {
    if (stream_ != nullptr) internal::chunk_release(stream_, credit_);
  }

  // Good while the chunk lives.
  Bytes bytes() const noexcept { return data_.bytes(); }
  // In bytes.
  std::size_t size() const noexcept { return data_.size(); }
  // The same bytes as characters.
  std::string_view text() const noexcept { return data_.text(); }
  std::uint64_t offset() const noexcept { return offset_; }  // of the first byte in its stream
  bool early() const noexcept { return early_; }  // arrived as 0-RTT data: may be a replay

  // Lets the peer send as much more, while the bytes are kept: for those who bound memory
  // otherwise.
  void release_credit() noexcept { release_credit(credit_); }
  // Lets the peer send that many bytes more, at once.
  void release_credit(std::size_t count) noexcept {
    if (count > credit_) count = credit_;
    if (count == 0 || stream_ == nullptr) return;
    credit_ -= count;
    internal::chunk_give_credit(stream_, count);
  }
  // The bytes without the credit, which is given back. No copy.
  Buf retain() && noexcept {
    release_credit();
    return std::move(data_);
  }

 private:
  Buf data_;
  internal::StreamState* stream_ = nullptr;
  std::uint64_t offset_ = 0;
  std::size_t credit_ = 0;
  bool early_ = false;
};

}  // namespace quicore
