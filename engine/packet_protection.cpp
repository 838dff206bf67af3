// SPDX-License-Identifier: Apache-2.0
//
// ngtcp2's callbacks. In ngtcp2_crypto_aead and ngtcp2_crypto_cipher `native_handle` is the
// CipherFunctions of the suite; in the contexts it is the key object.
#include "engine/packet_protection.h"

#include <atomic>

#include "engine/packet_protection_backend.h"
#include "engine/packet_protection_install.h"
#include "engine/packet_protection_keys.h"
#include "engine/shard_heap.h"

namespace quicore::engine {

namespace {

// Written at start-up; relaxed, because nothing else is published with it.
std::atomic<AeadBackend> chosen_backend{AeadBackend::automatic};

// ipsec-mb's functions for AVX-512 take twice as many blocks at a time as ours.
bool has_avx512() noexcept {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw");
#else
  return false;
#endif
}

// Ours counts on a PCLMULQDQ every cycle; AMD's before VAES take two.
bool multiplies_fast() noexcept {
#if defined(__x86_64__)
  return __builtin_cpu_is("intel");
#else
  return false;
#endif
}

AeadBackend best_backend() noexcept {
  constexpr CipherSuite kSuite = CipherSuite::aes_128_gcm_sha256;
  const bool ipsec_mb = ipsec_mb_functions(kSuite) != nullptr;
  if (vaes_functions(kSuite) != nullptr) {
    return ipsec_mb && has_avx512() ? AeadBackend::ipsec_mb : AeadBackend::vaes;
  }
  if (aesni_functions(kSuite) != nullptr && multiplies_fast()) return AeadBackend::aesni;
  return ipsec_mb ? AeadBackend::ipsec_mb : AeadBackend::wolfcrypt;
}

// Why a backend cannot be had, as half a sentence.
const char* obstacle_to(AeadBackend backend) noexcept {
  switch (backend) {
    case AeadBackend::vaes:
      return "this CPU has no VAES, VPCLMULQDQ or AVX2";
    case AeadBackend::aesni:
      return "this CPU has no AES-NI, PCLMULQDQ or AVX2";
    default:
      return ipsec_mb_obstacle();
  }
}

AeadKey* aead_key(const ngtcp2_crypto_aead_ctx* context) {
  return static_cast<AeadKey*>(context->native_handle);
}

int encrypt(std::uint8_t* destination, const ngtcp2_crypto_aead*,
            const ngtcp2_crypto_aead_ctx* context, const std::uint8_t* plaintext, std::size_t size,
            const std::uint8_t* nonce, std::size_t, const std::uint8_t* aad, std::size_t aad_size) {
  AeadKey* key = aead_key(context);
  return key->functions->seal(key, destination, plaintext, size, nonce, aad, aad_size)
             ? 0
             : NGTCP2_ERR_CALLBACK_FAILURE;
}

int decrypt(std::uint8_t* destination, const ngtcp2_crypto_aead*,
            const ngtcp2_crypto_aead_ctx* context, const std::uint8_t* ciphertext, std::size_t size,
            const std::uint8_t* nonce, std::size_t, const std::uint8_t* aad, std::size_t aad_size) {
  if (size < kAeadTagSize) return NGTCP2_ERR_DECRYPT;
  AeadKey* key = aead_key(context);
  return key->functions->open(key, destination, ciphertext, size, nonce, aad, aad_size)
             ? 0
             : NGTCP2_ERR_DECRYPT;
}

int hp_mask(std::uint8_t* mask, const ngtcp2_crypto_cipher*,
            const ngtcp2_crypto_cipher_ctx* context, const std::uint8_t* sample) {
  auto* key = static_cast<HeaderKey*>(context->native_handle);
  return key->functions->header_mask(key, mask, sample) ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

void delete_aead(ngtcp2_conn*, ngtcp2_crypto_aead_ctx* context, void*) {
  destroy(aead_key(context));
  context->native_handle = nullptr;
}

void delete_cipher(ngtcp2_conn*, ngtcp2_crypto_cipher_ctx* context, void*) {
  destroy(static_cast<HeaderKey*>(context->native_handle));
  context->native_handle = nullptr;
}

}  // namespace

void destroy(AeadKey* key) noexcept {
  if (key == nullptr) return;
  if (key->functions->release_aead_key != nullptr) key->functions->release_aead_key(key);
  wipe(key, key->functions->aead_key_object_size);
  shard_release(key);
}

void destroy(HeaderKey* key) noexcept {
  if (key == nullptr) return;
  wipe(key, key->functions->header_key_object_size);
  shard_release(key);
}

const CipherFunctions* cipher_functions(AeadBackend backend, CipherSuite suite) noexcept {
  if (backend == AeadBackend::automatic) backend = best_backend();
  switch (backend) {
    case AeadBackend::ipsec_mb:
      return ipsec_mb_functions(suite);
    case AeadBackend::vaes:
      return vaes_functions(suite);
    case AeadBackend::aesni:
      return aesni_functions(suite);
    default:
      return wolfcrypt_functions(suite);
  }
}

Result<> select_aead_backend(AeadBackend backend) {
  if (cipher_functions(backend, CipherSuite::aes_128_gcm_sha256) == nullptr) {
    return failure(Errc::not_supported, "the packet protection backend " +
                                            std::string(to_string(backend)) +
                                            " cannot be used: " + obstacle_to(backend) +
                                            "; choose automatic or wolfcrypt");
  }
  chosen_backend.store(backend, std::memory_order_relaxed);
  return {};
}

AeadBackend aead_backend() noexcept {
  const AeadBackend backend = chosen_backend.load(std::memory_order_relaxed);
  return backend == AeadBackend::automatic ? best_backend() : backend;
}

std::string_view to_string(AeadBackend backend) noexcept {
  switch (backend) {
    case AeadBackend::ipsec_mb:
      return "ipsec-mb";
    case AeadBackend::vaes:
      return "vaes";
    case AeadBackend::aesni:
      return "aesni";
    case AeadBackend::wolfcrypt:
      return "wolfcrypt";
    case AeadBackend::automatic:
      break;
  }
  return "automatic";
}

void install_packet_protection(ngtcp2_callbacks& callbacks) noexcept {
  callbacks.encrypt = encrypt;
  callbacks.decrypt = decrypt;
  callbacks.hp_mask = hp_mask;
  callbacks.delete_crypto_aead_ctx = delete_aead;
  callbacks.delete_crypto_cipher_ctx = delete_cipher;
  install_key_callbacks(callbacks);
}

}  // namespace quicore::engine
