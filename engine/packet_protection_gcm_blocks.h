// SPDX-License-Identifier: Apache-2.0
//
// What both AES-GCMs of our own share (packet_protection_vaes.cpp, packet_protection_aesni.cpp): a
// single block of AES and of GHASH, the ends of messages, header protection. For CPUs with AVX2,
// AES-NI and PCLMULQDQ; the caller has asked.
//
// GHASH in the usual form for carry-less multiplication: byte-reversed blocks, H multiplied by x
// once when the key is made.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/packet_protection_backend.h"

#define QUICORE_AESNI __attribute__((target("avx2,aes,pclmul")))
// Into each other, and into functions for CPUs with more: the state stays in registers.
#define QUICORE_AESNI_INLINE QUICORE_AESNI __attribute__((always_inline)) inline

namespace quicore::engine::gcm {

inline constexpr std::size_t kBlock = 16;

QUICORE_AESNI_INLINE __m128i load(const std::uint8_t* bytes) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}
QUICORE_AESNI_INLINE void store(std::uint8_t* bytes, __m128i block) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes), block);
}
// Without a branch before all of it was compared.
QUICORE_AESNI_INLINE bool same(__m128i a, __m128i b) {
  return _mm_movemask_epi8(_mm_cmpeq_epi8(a, b)) == 0xffff;
}

// --- AES ----------------------------------------------------------------------------------------

// FIPS 197 5.2.
QUICORE_AESNI inline void expand(const std::uint8_t* secret, std::size_t size,
                                 __m128i* round_keys) {
  const std::size_t words = size / 4;
  const std::size_t total = 4 * (words + 7);
  std::array<std::uint32_t, std::size_t{15} * 4> schedule;
  std::memcpy(schedule.data(), secret, size);
  std::uint32_t round_constant = 1;
  for (std::size_t i = words; i < total; ++i) {
    std::uint32_t word = schedule[i - 1];
    const bool rotate = i % words == 0;
    if (rotate || (words > 6 && i % words == 4)) {
      const __m128i substituted =
          _mm_aeskeygenassist_si128(_mm_set1_epi32(static_cast<int>(word)), 0);
      word = static_cast<std::uint32_t>(_mm_cvtsi128_si32(substituted));
    }
    if (rotate) {
      word = (word >> 8 | word << 24) ^ round_constant;
      round_constant = (round_constant << 1) ^ (round_constant >> 7) * 0x11b;
    }
    schedule[i] = schedule[i - words] ^ word;
  }
  std::memcpy(round_keys, schedule.data(), total * 4);
  explicit_bzero(schedule.data(), sizeof schedule);
}

template <int kRounds>
QUICORE_AESNI_INLINE __m128i encrypt_block(const __m128i* round_keys, __m128i block) {
  block = _mm_xor_si128(block, round_keys[0]);
  for (int i = 1; i < kRounds; ++i) block = _mm_aesenc_si128(block, round_keys[i]);
  return _mm_aesenclast_si128(block, round_keys[kRounds]);
}

// --- GHASH --------------------------------------------------------------------------------------

QUICORE_AESNI_INLINE __m256i swap_pattern() {
  return _mm256_broadcastsi128_si256(
      _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}
QUICORE_AESNI_INLINE __m128i swapped(__m128i block) {
  return _mm_shuffle_epi8(block, _mm256_castsi256_si128(swap_pattern()));
}

QUICORE_AESNI_INLINE __m128i sum_of_halves(__m128i block) {
  return _mm_xor_si128(block, _mm_shuffle_epi32(block, 0x4e));
}

// A product of twice the size, of which `middle` belongs to both halves.
QUICORE_AESNI_INLINE __m128i modulo(__m128i low, __m128i middle, __m128i high) {
  const __m128i polynomial = _mm_set_epi64x(static_cast<long long>(0xc200000000000000), 1);
  middle = _mm_xor_si128(middle, _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e),
                                               _mm_clmulepi64_si128(polynomial, low, 0x01)));
  return _mm_xor_si128(high, _mm_xor_si128(_mm_shuffle_epi32(middle, 0x4e),
                                           _mm_clmulepi64_si128(polynomial, middle, 0x01)));
}

// The same of Karatsuba's three products.
QUICORE_AESNI_INLINE __m128i karatsuba_modulo(__m128i low, __m128i sums, __m128i high) {
  return modulo(low, _mm_xor_si128(sums, _mm_xor_si128(low, high)), high);
}

QUICORE_AESNI_INLINE __m128i times(__m128i a, __m128i b) {
  return karatsuba_modulo(_mm_clmulepi64_si128(a, b, 0x00),
                          _mm_clmulepi64_si128(sum_of_halves(a), sum_of_halves(b), 0x00),
                          _mm_clmulepi64_si128(a, b, 0x11));
}

// H, of an expanded key, times x: a shift, and the polynomial where a bit falls out.
template <int kRounds>
QUICORE_AESNI_INLINE __m128i hash_key(const __m128i* round_keys) {
  __m128i h = swapped(encrypt_block<kRounds>(round_keys, _mm_setzero_si128()));
  const __m128i fell_out = _mm_srai_epi32(_mm_shuffle_epi32(h, 0xff), 31);
  h = _mm_or_si128(_mm_slli_epi64(h, 1), _mm_slli_si128(_mm_srli_epi64(h, 63), 8));
  return _mm_xor_si128(
      h, _mm_and_si128(fell_out, _mm_set_epi64x(static_cast<long long>(0xc200000000000000), 1)));
}

// --- the end of a message -----------------------------------------------------------------------

// A block of fewer than sixteen bytes, filled up with zeroes: of loads that overlap, because a copy
// of unknown size, and reading what was written in pieces, cost more than a small packet's AES.
QUICORE_AESNI_INLINE __m128i load_end(const std::uint8_t* bytes, std::size_t size) {
  std::uint64_t low = 0, high = 0;
  if (size >= 8) {
    std::memcpy(&low, bytes, 8);
    if (size > 8) {
      std::memcpy(&high, bytes + size - 8, 8);
      high >>= 8 * (16 - size);
    }
  } else if (size >= 4) {
    std::uint32_t first, last;
    std::memcpy(&first, bytes, 4);
    std::memcpy(&last, bytes + size - 4, 4);
    low = first | std::uint64_t{last} << (8 * (size - 4));
  } else if (size > 0) {
    low = bytes[0] | std::uint64_t{bytes[size / 2]} << (8 * (size / 2)) |
          std::uint64_t{bytes[size - 1]} << (8 * (size - 1));
  }
  return _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
}

QUICORE_AESNI_INLINE void store_end(std::uint8_t* bytes, __m128i block, std::size_t size) {
  const auto low = static_cast<std::uint64_t>(_mm_cvtsi128_si64(block));
  if (size >= 8) {
    std::memcpy(bytes, &low, 8);
    if (size > 8) {
      const auto high = static_cast<std::uint64_t>(_mm_extract_epi64(block, 1));
      const std::uint64_t last = low >> (8 * (size - 8)) | high << (8 * (16 - size));
      std::memcpy(bytes + size - 8, &last, 8);
    }
  } else if (size >= 4) {
    const auto first = static_cast<std::uint32_t>(low);
    const auto last = static_cast<std::uint32_t>(low >> (8 * (size - 4)));
    std::memcpy(bytes, &first, 4);
    std::memcpy(bytes + size - 4, &last, 4);
  } else {
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(low >> (8 * i));
  }
}

QUICORE_AESNI_INLINE __m128i load_block(const std::uint8_t* bytes, std::size_t size) {
  return size < kBlock ? load_end(bytes, size) : load(bytes);
}
QUICORE_AESNI_INLINE void store_block(std::uint8_t* bytes, __m128i block, std::size_t size) {
  if (size < kBlock) {
    store_end(bytes, block, size);
  } else {
    store(bytes, block);
  }
}

// The blocks of the additional data, the last one filled up with zeroes; `h`: H^1.
QUICORE_AESNI_INLINE __m128i hash_of(__m128i h, const std::uint8_t* data, std::size_t size) {
  __m128i hash = _mm_setzero_si128();
  for (; size != 0; data += kBlock) {
    const __m128i next = swapped(load_block(data, size));
    hash = times(_mm_xor_si128(hash, next), h);
    size -= std::min(size, kBlock);
  }
  return hash;
}

// The last block, in bits; byte-reversed like every other.
QUICORE_AESNI_INLINE __m128i lengths_block(std::uint64_t aad_size, std::uint64_t size) {
  const std::uint64_t aad_bits = aad_size * 8;
  const std::uint64_t bits = size * 8;
  return _mm_set_epi64x(static_cast<long long>(aad_bits), static_cast<long long>(bits));
}

// --- header protection --------------------------------------------------------------------------

struct AesHeaderKey : HeaderKey {
  __m128i round_keys[15];
};

QUICORE_AESNI inline HeaderKey* make_header(const CipherFunctions& functions,
                                            const std::uint8_t* secret) noexcept {
  auto* key = allocate_key<AesHeaderKey>(functions);
  if (key != nullptr) expand(secret, functions.key_size, key->round_keys);
  return key;
}

template <int kRounds>
QUICORE_AESNI bool header_mask(HeaderKey* key, std::uint8_t* mask,
                               const std::uint8_t* sample) noexcept {
  const auto& round_keys = static_cast<const AesHeaderKey*>(key)->round_keys;
  store(mask, encrypt_block<kRounds>(round_keys, load(sample)));
  return true;
}

// --- what a backend offers ----------------------------------------------------------------------

inline bool usable() noexcept {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("aes") &&
         __builtin_cpu_supports("pclmul");
}

// Key: what make_key allocates. What differs between the backends is given.
template <class Key, int kRounds>
constexpr CipherFunctions functions_of(AeadBackend backend,
                                       decltype(CipherFunctions::make_aead_key) make_key,
                                       decltype(CipherFunctions::seal) seal,
                                       decltype(CipherFunctions::open) open) {
  constexpr bool kAes128 = kRounds == 10;
  return {kAes128 ? CipherSuite::aes_128_gcm_sha256 : CipherSuite::aes_256_gcm_sha384,
          backend,
          kAes128 ? std::uint8_t{16} : std::uint8_t{32},
          sizeof(Key),
          sizeof(AesHeaderKey),
          make_key,
          make_header,
          seal,
          open,
          header_mask<kRounds>};
}

// Its own two suites, and another backend's ChaCha20-Poly1305.
inline const CipherFunctions* functions_for(CipherSuite suite, const CipherFunctions& aes_128,
                                            const CipherFunctions& aes_256) noexcept {
  switch (suite) {
    case CipherSuite::aes_128_gcm_sha256:
      return &aes_128;
    case CipherSuite::aes_256_gcm_sha384:
      return &aes_256;
    case CipherSuite::chacha20_poly1305_sha256:
      break;
  }
  const CipherFunctions* other = ipsec_mb_functions(suite);
  return other != nullptr ? other : wolfcrypt_functions(suite);
}

}  // namespace quicore::engine::gcm
