// SPDX-License-Identifier: Apache-2.0
//
// Keys that wait to be needed. Once one is awake, a packet costs one indirection more.
#include <algorithm>
#include <array>
#include <new>

#include "engine/packet_protection_backend.h"
#include "engine/packet_protection_keys.h"
#include "engine/shard_heap.h"

namespace quicore::engine {

namespace {

struct SleepingKey : AeadKey {
  const CipherFunctions* awake_functions;
  AeadKey* awake;  // nullptr: not needed yet
  std::array<std::uint8_t, kMaxAeadKeySize> secret;
};

// nullptr when out of memory; the next packet tries again.
AeadKey* wake(AeadKey* key) noexcept {
  auto& sleeping = *static_cast<SleepingKey*>(key);
  if (sleeping.awake == nullptr) [[unlikely]] {
    const CipherFunctions& functions = *sleeping.awake_functions;
    sleeping.awake = functions.make_aead_key(functions, sleeping.secret.data());
    if (sleeping.awake != nullptr) wipe(sleeping.secret.data(), sleeping.secret.size());
  }
  return sleeping.awake;
}

bool seal(AeadKey* key, std::uint8_t* destination, const std::uint8_t* plaintext, std::size_t size,
          const std::uint8_t* nonce, const std::uint8_t* aad, std::size_t aad_size) noexcept {
  AeadKey* awake = wake(key);
  return awake != nullptr &&
         awake->functions->seal(awake, destination, plaintext, size, nonce, aad, aad_size);
}

bool open(AeadKey* key, std::uint8_t* destination, const std::uint8_t* ciphertext, std::size_t size,
          const std::uint8_t* nonce, const std::uint8_t* aad, std::size_t aad_size) noexcept {
  AeadKey* awake = wake(key);
  return awake != nullptr &&
         awake->functions->open(awake, destination, ciphertext, size, nonce, aad, aad_size);
}

void release(AeadKey* key) noexcept { destroy(static_cast<SleepingKey*>(key)->awake); }

// For every suite: what differs stands behind `awake`.
constexpr CipherFunctions kSleeping{
    .suite = CipherSuite::aes_128_gcm_sha256,
    .backend = AeadBackend::automatic,
    .key_size = 0,
    .aead_key_object_size = sizeof(SleepingKey),
    .header_key_object_size = 0,
    .make_aead_key = nullptr,
    .make_header_key = nullptr,
    .seal = seal,
    .open = open,
    .header_mask = nullptr,
    .release_aead_key = release,
};

}  // namespace

AeadKey* make_sleeping_key(const CipherFunctions& functions, const std::uint8_t* key) noexcept {
  void* memory = shard_allocate_aligned(sizeof(SleepingKey), alignof(SleepingKey));
  if (memory == nullptr) return nullptr;
  auto* sleeping = new (memory) SleepingKey{{&kSleeping}, &functions, nullptr, {}};
  std::copy_n(key, functions.key_size, sleeping->secret.begin());
  return sleeping;
}

}  // namespace quicore::engine
