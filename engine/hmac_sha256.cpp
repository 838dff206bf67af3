// SPDX-License-Identifier: Apache-2.0
#include "engine/hmac_sha256.h"

#include "engine/packet_protection_keys.h"
#include "io/check.h"

namespace quicore::engine {

namespace {

// The hash of one block: the key, padded with zeros, with every byte changed by `pad`.
bool begin(wc_Sha256& hash, std::span<const std::uint8_t> key, std::uint8_t pad) noexcept {
  std::array<std::uint8_t, HmacSha256::kMaxKeySize> block;
  block.fill(pad);
  for (std::size_t i = 0; i < key.size(); ++i) block[i] ^= key[i];
  const bool hashed =
      wc_InitSha256(&hash) == 0 && wc_Sha256Update(&hash, block.data(), block.size()) == 0;
  wipe(block.data(), block.size());
  return hashed;
}

// What `begun` has hashed, and the message.
bool finish(wc_Sha256& begun, std::span<const std::uint8_t> message,
            std::span<std::uint8_t, HmacSha256::kCodeSize> digest) noexcept {
  wc_Sha256 hash{};  // what is copied into is freed first
  if (wc_Sha256Copy(&begun, &hash) != 0) return false;
  const bool hashed =
      wc_Sha256Update(&hash, message.data(), static_cast<word32>(message.size())) == 0 &&
      wc_Sha256Final(&hash, digest.data()) == 0;
  wc_Sha256Free(&hash);
  return hashed;
}

}  // namespace

HmacSha256::HmacSha256(std::span<const std::uint8_t> key) noexcept {
  QUICORE_CHECK(key.size() <= kMaxKeySize);
  constexpr std::uint8_t kInnerPad = 0x36;
  constexpr std::uint8_t kOuterPad = 0x5c;
  const bool inner = begin(inner_, key, kInnerPad);
  usable_ = begin(outer_, key, kOuterPad) && inner;
}

HmacSha256::~HmacSha256() {
  wc_Sha256Free(&inner_);
  wc_Sha256Free(&outer_);
  wipe(&inner_, sizeof inner_);
  wipe(&outer_, sizeof outer_);
}

bool HmacSha256::compute(std::span<const std::uint8_t> message,
                         std::span<std::uint8_t, kCodeSize> code) const noexcept {
  return usable_ && finish(inner_, message, code) && finish(outer_, code, code);
}

}  // namespace quicore::engine
