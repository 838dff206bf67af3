// SPDX-License-Identifier: Apache-2.0
//
// Random bytes for a shard: connection IDs, tokens, path challenges, keys of Retry and reset.
// The engine has no source of its own; it is handed one of these.
//
// ChaCha20 (RFC 8439) with its key taken from the kernel once (`system`) or derived from a number
// (`seeded`: the same seed gives the same bytes on every machine; simulator and tests only).
// Refilled 1 KiB at a time. The first 32 bytes of each refill become the next key and every byte
// handed out is wiped ("fast key erasure"), so that a later leak of memory tells nothing about
// bytes given earlier.
//
// Threading: one thread. A child of fork() must make its own.
// Cost: about 2 ns per byte, no system call after construction, no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace quicore::io {

class Random {
 public:
  static Random system();  // aborts when the kernel gives no entropy: there is no safe way to go on
  static Random seeded(std::uint64_t seed) noexcept;

  void fill(std::span<std::byte> out) noexcept;
  std::uint64_t next() noexcept;
  // Uniform in [0, bound), without modulo bias; bound > 0.
  std::uint64_t below(std::uint64_t bound) noexcept;
  // Uniform in [0, 1).
  double unit() noexcept;

 private:
  using Key = std::array<std::uint32_t, 8>;
  explicit Random(const Key& key) noexcept : key_(key) {}
  void refill() noexcept;

  static constexpr std::size_t kPoolSize = 1024;  // 16 ChaCha20 blocks
  Key key_;
  std::size_t used_ = kPoolSize;
  std::array<std::byte, kPoolSize> pool_{};
};

// One block of the ChaCha20 function (RFC 8439 2.3). Exposed for its test vector.
void chacha20_block(const std::array<std::uint32_t, 8>& key, std::uint32_t counter,
                    const std::array<std::uint32_t, 3>& nonce,
                    std::span<std::byte, 64> out) noexcept;

}  // namespace quicore::io
