// SPDX-License-Identifier: Apache-2.0
//
// What packet_protection_vaes.cpp makes AES-GCM of, beside packet_protection_gcm_blocks.h: GHASH of
// two blocks in a register, Karatsuba's three products for each block, one reduction for many. For
// CPUs with AVX2, VAES and VPCLMULQDQ; the caller has asked.
#pragma once

#include <immintrin.h>

#include <cstddef>

#include "engine/packet_protection_backend.h"
#include "engine/packet_protection_gcm_blocks.h"

#define QUICORE_VAES __attribute__((target("avx2,aes,pclmul,vaes,vpclmulqdq")))
// Into each other, so that the state stays in registers.
#define QUICORE_VAES_INLINE QUICORE_VAES __attribute__((always_inline)) inline

namespace quicore::engine::vaes {

using gcm::kBlock;

inline constexpr std::size_t kPair = 32;    // what a register holds
inline constexpr std::size_t kChunk = 128;  // a turn of the loop: four registers

// The last reduction may join a chunk, the eight blocks that may follow it and the lengths.
inline constexpr std::size_t kPowers = 17;

struct VaesKey : AeadKey {
  alignas(32) __m128i round_keys[15];
  // H^17 down to H^1, so that a load gives the powers of two blocks that follow each other; behind
  // them a zero, for the second block that is not there.
  __m128i powers[kPowers + 1];
  __m128i halves[kPowers + 1];  // the sum of each power's halves, in both
};

// --- GHASH --------------------------------------------------------------------------------------

// Sums of products that were not reduced yet, of the first and the second block of each register.
struct Product {
  __m256i low, middle, high;
};

QUICORE_VAES_INLINE Product nothing() {
  const __m256i zero = _mm256_setzero_si256();
  return {zero, zero, zero};
}

// Two blocks, the first one times H^power.
QUICORE_VAES_INLINE void add(Product& sum, __m256i blocks, const VaesKey& key, std::size_t power) {
  const std::size_t at = kPowers - power;
  const __m256i h = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(key.powers + at));
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(key.halves + at));
  const __m256i both = _mm256_xor_si256(blocks, _mm256_shuffle_epi32(blocks, 0x4e));
  sum.low = _mm256_xor_si256(sum.low, _mm256_clmulepi64_epi128(blocks, h, 0x00));
  sum.high = _mm256_xor_si256(sum.high, _mm256_clmulepi64_epi128(blocks, h, 0x11));
  sum.middle = _mm256_xor_si256(sum.middle, _mm256_clmulepi64_epi128(both, half, 0x00));
}

QUICORE_VAES_INLINE __m128i fold(__m256i lanes) {
  return _mm_xor_si128(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
}
QUICORE_VAES_INLINE __m128i modulo(const Product& sum) {
  return gcm::karatsuba_modulo(fold(sum.low), fold(sum.middle), fold(sum.high));
}

}  // namespace quicore::engine::vaes
