// SPDX-License-Identifier: Apache-2.0
//
// The seam between QUIC packet protection and an AEAD library: one table of functions per backend
// and cipher suite. A key starts with a pointer to its table, so that the per-packet path is: load
// the key, load the function, call.
//
// Lifetime: make_* allocates from the current shard heap and returns nullptr when out of memory;
// destroy_* wipes and frees. Threading: a key is used by one thread at a time. Nothing here keeps
// state between calls but the key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include "engine/packet_protection.h"
#include "engine/shard_heap.h"

namespace quicore::engine {

inline constexpr std::size_t kAeadTagSize = 16;
inline constexpr std::size_t kAeadNonceSize = 12;
inline constexpr std::size_t kHeaderSampleSize = 16;
inline constexpr std::size_t kMaxAeadKeySize = 32;
inline constexpr std::size_t kMaxSecretSize = 48;

struct AeadKey;
struct HeaderKey;

struct CipherFunctions {
  CipherSuite suite;
  AeadBackend backend;
  std::uint8_t key_size;
  std::uint32_t aead_key_object_size;  // whole object, for wiping
  std::uint32_t header_key_object_size;

  AeadKey* (*make_aead_key)(const CipherFunctions&, const std::uint8_t* key) noexcept;
  HeaderKey* (*make_header_key)(const CipherFunctions&, const std::uint8_t* key) noexcept;

  // Writes size + kAeadTagSize bytes; `destination` may be `plaintext`. Returns false only on a
  // failure of the library.
  bool (*seal)(AeadKey*, std::uint8_t* destination, const std::uint8_t* plaintext, std::size_t size,
               const std::uint8_t* nonce, const std::uint8_t* aad, std::size_t aad_size) noexcept;

  // `size` includes the tag and is at least kAeadTagSize. Writes size - kAeadTagSize bytes;
  // `destination` may be `ciphertext`. Returns false when the packet is not authentic; the bytes
  // written are then meaningless.
  bool (*open)(AeadKey*, std::uint8_t* destination, const std::uint8_t* ciphertext,
               std::size_t size, const std::uint8_t* nonce, const std::uint8_t* aad,
               std::size_t aad_size) noexcept;

  // RFC 9001 5.4.3 and 5.4.4: writes kHeaderSampleSize bytes, of which the first five count.
  bool (*header_mask)(HeaderKey*, std::uint8_t* mask, const std::uint8_t* sample) noexcept;

  // What an AEAD key owns beyond its object; nullptr: nothing.
  void (*release_aead_key)(AeadKey*) noexcept = nullptr;
};

// Every key object derives from one of these two and adds what its backend needs.
struct AeadKey {
  const CipherFunctions* functions;
};
struct HeaderKey {
  const CipherFunctions* functions;
};

// From the current shard heap; nullptr when out of memory. Key derives from one of the two.
template <class Key>
Key* allocate_key(const CipherFunctions& functions) noexcept {
  void* memory = shard_allocate_aligned(sizeof(Key), alignof(Key));
  if (memory == nullptr) return nullptr;
  Key* key = new (memory) Key{};
  key->functions = &functions;
  return key;
}

void destroy(AeadKey* key) noexcept;
void destroy(HeaderKey* key) noexcept;

// nullptr when this build or this CPU has no such backend.
const CipherFunctions* cipher_functions(AeadBackend backend, CipherSuite suite) noexcept;

// One per backend, each in its own file; what cipher_functions chooses from.
const CipherFunctions* wolfcrypt_functions(CipherSuite suite) noexcept;
const CipherFunctions* ipsec_mb_functions(CipherSuite suite) noexcept;
const CipherFunctions* vaes_functions(CipherSuite suite) noexcept;   // ChaCha20: another backend's
const CipherFunctions* aesni_functions(CipherSuite suite) noexcept;  // the same

// A key that is expanded when a packet first needs it: the next one of a connection (RFC 9001 6.3
// wants it at hand), which few connections ever come to. Expanded, an AES-GCM key is 1 KiB.
AeadKey* make_sleeping_key(const CipherFunctions& functions, const std::uint8_t* key) noexcept;

// Why ipsec_mb_functions answers nullptr, as half a sentence; empty when it does not.
const char* ipsec_mb_obstacle() noexcept;

}  // namespace quicore::engine
