// SPDX-License-Identifier: Apache-2.0
//
// The wolfCrypt backend: wc_AesGcm* and wc_ChaCha20Poly1305_* called directly, without the EVP
// layer that ngtcp2's helper goes through (about 60 ns a packet).
#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/chacha.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>

#include <algorithm>
#include <array>

#include "engine/packet_protection_backend.h"

namespace quicore::engine {

namespace {

// wolfCrypt's lengths are 32 bits; a packet's are 16.
word32 length(std::size_t size) { return static_cast<word32>(size); }

// --- AES-GCM ------------------------------------------------------------------------------------

struct AesGcmKey : AeadKey {
  Aes aes;
};

AeadKey* make_aes_gcm(const CipherFunctions& functions, const std::uint8_t* secret) noexcept {
  auto* key = allocate_key<AesGcmKey>(functions);
  if (key == nullptr) return nullptr;
  if (wc_AesInit(&key->aes, nullptr, INVALID_DEVID) != 0 ||
      wc_AesGcmSetKey(&key->aes, secret, functions.key_size) != 0) {
    destroy(key);
    return nullptr;
  }
  return key;
}

bool seal_aes_gcm(AeadKey* key, std::uint8_t* destination, const std::uint8_t* plaintext,
                  std::size_t size, const std::uint8_t* nonce, const std::uint8_t* aad,
                  std::size_t aad_size) noexcept {
  return wc_AesGcmEncrypt(&static_cast<AesGcmKey*>(key)->aes, destination, plaintext, length(size),
                          nonce, kAeadNonceSize, destination + size, kAeadTagSize, aad,
                          length(aad_size)) == 0;
}

bool open_aes_gcm(AeadKey* key, std::uint8_t* destination, const std::uint8_t* ciphertext,
                  std::size_t size, const std::uint8_t* nonce, const std::uint8_t* aad,
                  std::size_t aad_size) noexcept {
  const std::size_t plain = size - kAeadTagSize;
  return wc_AesGcmDecrypt(&static_cast<AesGcmKey*>(key)->aes, destination, ciphertext,
                          length(plain), nonce, kAeadNonceSize, ciphertext + plain, kAeadTagSize,
                          aad, length(aad_size)) == 0;
}

struct AesHeaderKey : HeaderKey {
  Aes aes;
};

HeaderKey* make_aes_header(const CipherFunctions& functions, const std::uint8_t* secret) noexcept {
  auto* key = allocate_key<AesHeaderKey>(functions);
  if (key == nullptr) return nullptr;
  if (wc_AesInit(&key->aes, nullptr, INVALID_DEVID) != 0 ||
      wc_AesSetKeyDirect(&key->aes, secret, functions.key_size, nullptr, AES_ENCRYPTION) != 0) {
    destroy(key);
    return nullptr;
  }
  return key;
}

bool aes_mask(HeaderKey* key, std::uint8_t* mask, const std::uint8_t* sample) noexcept {
  return wc_AesEncryptDirect(&static_cast<AesHeaderKey*>(key)->aes, mask, sample) == 0;
}

// --- ChaCha20-Poly1305 --------------------------------------------------------------------------

struct ChaChaKey : AeadKey {
  std::array<std::uint8_t, 32> secret;
};

AeadKey* make_chacha(const CipherFunctions& functions, const std::uint8_t* secret) noexcept {
  auto* key = allocate_key<ChaChaKey>(functions);
  if (key != nullptr) std::copy_n(secret, key->secret.size(), key->secret.begin());
  return key;
}

bool seal_chacha(AeadKey* key, std::uint8_t* destination, const std::uint8_t* plaintext,
                 std::size_t size, const std::uint8_t* nonce, const std::uint8_t* aad,
                 std::size_t aad_size) noexcept {
  return wc_ChaCha20Poly1305_Encrypt(static_cast<ChaChaKey*>(key)->secret.data(), nonce, aad,
                                     length(aad_size), plaintext, length(size), destination,
                                     destination + size) == 0;
}

bool open_chacha(AeadKey* key, std::uint8_t* destination, const std::uint8_t* ciphertext,
                 std::size_t size, const std::uint8_t* nonce, const std::uint8_t* aad,
                 std::size_t aad_size) noexcept {
  const std::size_t plain = size - kAeadTagSize;
  return wc_ChaCha20Poly1305_Decrypt(static_cast<ChaChaKey*>(key)->secret.data(), nonce, aad,
                                     length(aad_size), ciphertext, length(plain),
                                     ciphertext + plain, destination) == 0;
}

struct ChaChaHeaderKey : HeaderKey {
  ChaCha chacha;
};

HeaderKey* make_chacha_header(const CipherFunctions& functions,
                              const std::uint8_t* secret) noexcept {
  auto* key = allocate_key<ChaChaHeaderKey>(functions);
  if (key != nullptr && wc_Chacha_SetKey(&key->chacha, secret, functions.key_size) != 0) {
    destroy(key);
    return nullptr;
  }
  return key;
}

// RFC 9001 5.4.4: the sample is the block counter (little-endian) and the nonce.
bool chacha_mask(HeaderKey* key, std::uint8_t* mask, const std::uint8_t* sample) noexcept {
  ChaCha& chacha = static_cast<ChaChaHeaderKey*>(key)->chacha;
  const word32 counter = word32{sample[0]} | word32{sample[1]} << 8 | word32{sample[2]} << 16 |
                         word32{sample[3]} << 24;
  static constexpr std::uint8_t kZeroes[kHeaderSampleSize]{};
  return wc_Chacha_SetIV(&chacha, sample + 4, counter) == 0 &&
         wc_Chacha_Process(&chacha, mask, kZeroes, sizeof kZeroes) == 0;
}

constexpr CipherFunctions aes(CipherSuite suite, std::uint8_t key_size) {
  return {
      suite,        AeadBackend::wolfcrypt, key_size,     sizeof(AesGcmKey), sizeof(AesHeaderKey),
      make_aes_gcm, make_aes_header,        seal_aes_gcm, open_aes_gcm,      aes_mask};
}

constexpr std::array<CipherFunctions, kCipherSuiteCount> kFunctions{{
    aes(CipherSuite::aes_128_gcm_sha256, 16),
    aes(CipherSuite::aes_256_gcm_sha384, 32),
    {CipherSuite::chacha20_poly1305_sha256, AeadBackend::wolfcrypt, 32, sizeof(ChaChaKey),
     sizeof(ChaChaHeaderKey), make_chacha, make_chacha_header, seal_chacha, open_chacha,
     chacha_mask},
}};

}  // namespace

const CipherFunctions* wolfcrypt_functions(CipherSuite suite) noexcept {
  return &kFunctions[static_cast<std::size_t>(suite)];
}

}  // namespace quicore::engine
