// SPDX-License-Identifier: Apache-2.0
//
// HMAC-SHA256 (RFC 2104) of many short messages with one key: what depends on the key alone, two of
// the four blocks that are hashed for a short message, is hashed once.
//
//   const HmacSha256 hmac(key);
//   if (!hmac.compute(message, code)) ...
//
// Threading: a value of one thread. The key's state is wiped with the object.
#pragma once

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/sha256.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace quicore::engine {

class HmacSha256 {
 public:
  static constexpr std::size_t kCodeSize = WC_SHA256_DIGEST_SIZE;
  static constexpr std::size_t kMaxKeySize = WC_SHA256_BLOCK_SIZE;  // longer ones would be hashed

  // A key of up to kMaxKeySize bytes.
  explicit HmacSha256(std::span<const std::uint8_t> key) noexcept;
  ~HmacSha256();
  HmacSha256(const HmacSha256&) = delete;
  HmacSha256& operator=(const HmacSha256&) = delete;

  // False: the hash library failed.
  [[nodiscard]] bool compute(std::span<const std::uint8_t> message,
                             std::span<std::uint8_t, kCodeSize> code) const noexcept;

 private:
  // wolfCrypt wants to write into what it copies from.
  mutable wc_Sha256 inner_{};
  mutable wc_Sha256 outer_{};
  bool usable_;
};

}  // namespace quicore::engine
