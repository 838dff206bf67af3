// SPDX-License-Identifier: Apache-2.0
//
// The ipsec-mb backend. The library's batch interface gains nothing for GCM, so its functions for
// one message are called directly; they keep no state but their arguments. One manager for the
// process finds the right ones for the CPU (SSE up to VAES/AVX-512) and is only read afterwards.
#include "engine/packet_protection_backend.h"

#if defined(QUICORE_HAVE_IPSEC_MB) && defined(__x86_64__)

#include <immintrin.h>
#include <intel-ipsec-mb.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace quicore::engine {

namespace {

struct Library {
  IMB_MGR* manager = nullptr;
  const char* obstacle = "";
};

Library load() noexcept {
  if (!__builtin_cpu_supports("aes") || !__builtin_cpu_supports("pclmul") ||
      !__builtin_cpu_supports("sse4.2")) {
    return {nullptr, "this CPU has no AES-NI or no PCLMULQDQ"};
  }
  IMB_MGR* manager = alloc_mb_mgr(0);  // lives as long as the process
  if (manager == nullptr) return {nullptr, "alloc_mb_mgr had no memory"};
  init_mb_mgr_auto(manager, nullptr);
  if (imb_get_errno(manager) != 0) return {nullptr, "init_mb_mgr_auto failed"};
  return {manager, ""};
}

const Library& library() noexcept {
  static const Library kLibrary = load();
  return kLibrary;
}

// The functions the CPU's manager chose; read only by keys, which exist only after library() did.
aes_gcm_enc_dec_t gcm128_seal, gcm128_open, gcm256_seal, gcm256_open;
chacha_poly_init_t chacha_init;
chacha_poly_enc_dec_update_t chacha_encrypt, chacha_decrypt;
chacha_poly_finalize_t chacha_finalize;

// Independent of where they differ (RFC 8446 5.2: a failure tells nothing but that it failed).
bool equal_tags(const std::uint8_t* a, const std::uint8_t* b) noexcept {
  std::uint64_t a0, a1, b0, b1;
  std::memcpy(&a0, a, 8);
  std::memcpy(&a1, a + 8, 8);
  std::memcpy(&b0, b, 8);
  std::memcpy(&b1, b + 8, 8);
  return ((a0 ^ b0) | (a1 ^ b1)) == 0;
}

// --- AES-GCM ------------------------------------------------------------------------------------

struct GcmKey : AeadKey {
  alignas(64) gcm_key_data data;  // the header aligns it only where LINUX is defined
};

AeadKey* make_gcm(const CipherFunctions& functions, const std::uint8_t* secret) noexcept {
  IMB_MGR* manager = library().manager;
  auto* key = manager != nullptr ? allocate_key<GcmKey>(functions) : nullptr;
  if (key == nullptr) return nullptr;
  if (functions.key_size == 16) {
    IMB_AES128_GCM_PRE(manager, secret, &key->data);
  } else {
    IMB_AES256_GCM_PRE(manager, secret, &key->data);
  }
  return key;
}

template <const aes_gcm_enc_dec_t& kSeal>
bool seal_gcm(AeadKey* key, std::uint8_t* destination, const std::uint8_t* plaintext,
              std::size_t size, const std::uint8_t* nonce, const std::uint8_t* aad,
              std::size_t aad_size) noexcept {
  gcm_context_data context;
  kSeal(&static_cast<GcmKey*>(key)->data, &context, destination, plaintext, size, nonce, aad,
        aad_size, destination + size, kAeadTagSize);
  return true;
}

template <const aes_gcm_enc_dec_t& kOpen>
bool open_gcm(AeadKey* key, std::uint8_t* destination, const std::uint8_t* ciphertext,
              std::size_t size, const std::uint8_t* nonce, const std::uint8_t* aad,
              std::size_t aad_size) noexcept {
  gcm_context_data context;
  std::uint8_t tag[kAeadTagSize];
  const std::size_t plain = size - kAeadTagSize;
  kOpen(&static_cast<GcmKey*>(key)->data, &context, destination, ciphertext, plain, nonce, aad,
        aad_size, tag, kAeadTagSize);
  return equal_tags(tag, ciphertext + plain);
}

struct AesHeaderKey : HeaderKey {
  alignas(16) std::array<std::uint8_t, 16 * 15> round_keys;
};

HeaderKey* make_aes_header(const CipherFunctions& functions, const std::uint8_t* secret) noexcept {
  IMB_MGR* manager = library().manager;
  auto* key = manager != nullptr ? allocate_key<AesHeaderKey>(functions) : nullptr;
  if (key == nullptr) return nullptr;
  alignas(16) std::uint8_t decryption_keys[16 * 15];
  if (functions.key_size == 16) {
    IMB_AES_KEYEXP_128(manager, secret, key->round_keys.data(), decryption_keys);
  } else {
    IMB_AES_KEYEXP_256(manager, secret, key->round_keys.data(), decryption_keys);
  }
  explicit_bzero(decryption_keys, sizeof decryption_keys);
  return key;
}

// One block of AES-ECB. A call into any library would cost more than these instructions.
template <int kRounds>
__attribute__((target("aes,sse2"))) bool aes_mask(HeaderKey* key, std::uint8_t* mask,
                                                  const std::uint8_t* sample) noexcept {
  const auto* round =
      reinterpret_cast<const __m128i*>(static_cast<const AesHeaderKey*>(key)->round_keys.data());
  __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(sample));
  block = _mm_xor_si128(block, _mm_load_si128(round));
  for (int i = 1; i < kRounds; ++i) block = _mm_aesenc_si128(block, _mm_load_si128(round + i));
  block = _mm_aesenclast_si128(block, _mm_load_si128(round + kRounds));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(mask), block);
  return true;
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
  chacha20_poly1305_context_data context;
  const std::uint8_t* secret = static_cast<ChaChaKey*>(key)->secret.data();
  chacha_init(secret, &context, nonce, aad, aad_size);
  chacha_encrypt(secret, &context, destination, plaintext, size);
  chacha_finalize(&context, destination + size, kAeadTagSize);
  explicit_bzero(context.poly_key, sizeof context.poly_key);
  return true;
}

bool open_chacha(AeadKey* key, std::uint8_t* destination, const std::uint8_t* ciphertext,
                 std::size_t size, const std::uint8_t* nonce, const std::uint8_t* aad,
                 std::size_t aad_size) noexcept {
  chacha20_poly1305_context_data context;
  const std::uint8_t* secret = static_cast<ChaChaKey*>(key)->secret.data();
  const std::size_t plain = size - kAeadTagSize;
  std::uint8_t expected[kAeadTagSize];
  std::memcpy(expected, ciphertext + plain, kAeadTagSize);
  std::uint8_t tag[kAeadTagSize];
  chacha_init(secret, &context, nonce, aad, aad_size);
  chacha_decrypt(secret, &context, destination, ciphertext, plain);
  chacha_finalize(&context, tag, kAeadTagSize);
  explicit_bzero(context.poly_key, sizeof context.poly_key);
  return equal_tags(tag, expected);
}

// The library has no ChaCha20 for one block; wolfCrypt's is as good.
HeaderKey* make_chacha_header(const CipherFunctions&, const std::uint8_t* secret) noexcept {
  const CipherFunctions& other = *wolfcrypt_functions(CipherSuite::chacha20_poly1305_sha256);
  return other.make_header_key(other, secret);
}

constexpr std::array<CipherFunctions, kCipherSuiteCount> kFunctions{{
    {CipherSuite::aes_128_gcm_sha256, AeadBackend::ipsec_mb, 16, sizeof(GcmKey),
     sizeof(AesHeaderKey), make_gcm, make_aes_header, seal_gcm<gcm128_seal>, open_gcm<gcm128_open>,
     aes_mask<10>},
    {CipherSuite::aes_256_gcm_sha384, AeadBackend::ipsec_mb, 32, sizeof(GcmKey),
     sizeof(AesHeaderKey), make_gcm, make_aes_header, seal_gcm<gcm256_seal>, open_gcm<gcm256_open>,
     aes_mask<14>},
    {CipherSuite::chacha20_poly1305_sha256, AeadBackend::ipsec_mb, 32, sizeof(ChaChaKey), 0,
     make_chacha, make_chacha_header, seal_chacha, open_chacha, nullptr},
}};

bool choose_functions() noexcept {
  const IMB_MGR* manager = library().manager;
  if (manager == nullptr) return false;
  gcm128_seal = manager->gcm128_enc;
  gcm128_open = manager->gcm128_dec;
  gcm256_seal = manager->gcm256_enc;
  gcm256_open = manager->gcm256_dec;
  chacha_init = manager->chacha20_poly1305_init;
  chacha_encrypt = manager->chacha20_poly1305_enc_update;
  chacha_decrypt = manager->chacha20_poly1305_dec_update;
  chacha_finalize = manager->chacha20_poly1305_finalize;
  return true;
}

}  // namespace

const CipherFunctions* ipsec_mb_functions(CipherSuite suite) noexcept {
  static const bool kUsable = choose_functions();
  return kUsable ? &kFunctions[static_cast<std::size_t>(suite)] : nullptr;
}

const char* ipsec_mb_obstacle() noexcept { return library().obstacle; }

}  // namespace quicore::engine

#else

namespace quicore::engine {

const CipherFunctions* ipsec_mb_functions(CipherSuite) noexcept { return nullptr; }

const char* ipsec_mb_obstacle() noexcept {
#if defined(__x86_64__)
  return "it was built without libipsec-mb";
#else
  return "libipsec-mb runs on x86-64 only";
#endif
}

}  // namespace quicore::engine

#endif
