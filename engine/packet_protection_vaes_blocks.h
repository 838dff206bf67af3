// SPDX-License-Identifier: Apache-2.0
//
// What packet_protection_vaes.cpp makes AES-GCM of: AES, GHASH and the ends of messages, two blocks
// in a register. For CPUs with AVX2, VAES and VPCLMULQDQ; the caller has asked.
//
// GHASH in the usual form for carry-less multiplication: byte-reversed blocks, H multiplied by x
// once when the key is made, Karatsuba's three products for each block, one reduction for many
// blocks.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/packet_protection_backend.h"

#define QUICORE_VAES __attribute__((target("avx2,aes,pclmul,vaes,vpclmulqdq")))
// Into each other, so that the state stays in registers.
#define QUICORE_VAES_INLINE QUICORE_VAES __attribute__((always_inline)) inline

namespace quicore::engine::vaes {

inline constexpr std::size_t kBlock = 16;
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

// --- AES ----------------------------------------------------------------------------------------

// FIPS 197 5.2.
QUICORE_VAES inline void expand(const std::uint8_t* secret, std::size_t size, __m128i* round_keys) {
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
QUICORE_VAES_INLINE __m128i encrypt_block(const __m128i* round_keys, __m128i block) {
  block = _mm_xor_si128(block, round_keys[0]);
  for (int i = 1; i < kRounds; ++i) block = _mm_aesenc_si128(block, round_keys[i]);
  return _mm_aesenclast_si128(block, round_keys[kRounds]);
}

// --- GHASH --------------------------------------------------------------------------------------

// Sums of products that were not reduced yet, of the first and the second block of each register.
struct Product {
  __m256i low, middle, high;
};

QUICORE_VAES_INLINE __m256i swap_pattern() {
  return _mm256_broadcastsi128_si256(
      _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}
QUICORE_VAES_INLINE __m128i swapped(__m128i block) {
  return _mm_shuffle_epi8(block, _mm256_castsi256_si128(swap_pattern()));
}
QUICORE_VAES_INLINE __m128i sum_of_halves(__m128i block) {
  return _mm_xor_si128(block, _mm_shuffle_epi32(block, 0x4e));
}

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

QUICORE_VAES_INLINE __m128i modulo(__m128i low, __m128i middle, __m128i high) {
  const __m128i polynomial = _mm_set_epi64x(static_cast<long long>(0xc200000000000000), 1);
  middle = _mm_xor_si128(middle, _mm_xor_si128(low, high));
  middle = _mm_xor_si128(middle, _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e),
                                               _mm_clmulepi64_si128(polynomial, low, 0x01)));
  return _mm_xor_si128(high, _mm_xor_si128(_mm_shuffle_epi32(middle, 0x4e),
                                           _mm_clmulepi64_si128(polynomial, middle, 0x01)));
}

QUICORE_VAES_INLINE __m128i fold(__m256i lanes) {
  return _mm_xor_si128(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
}
QUICORE_VAES_INLINE __m128i modulo(const Product& sum) {
  return modulo(fold(sum.low), fold(sum.middle), fold(sum.high));
}

QUICORE_VAES_INLINE __m128i times(__m128i a, __m128i b) {
  return modulo(_mm_clmulepi64_si128(a, b, 0x00),
                _mm_clmulepi64_si128(sum_of_halves(a), sum_of_halves(b), 0x00),
                _mm_clmulepi64_si128(a, b, 0x11));
}

// --- the end of a message -----------------------------------------------------------------------

// A block of fewer than sixteen bytes, filled up with zeroes: of loads that overlap, because a copy
// of unknown size, and reading what was written in pieces, cost more than a small packet's AES.
QUICORE_VAES_INLINE __m128i load_end(const std::uint8_t* bytes, std::size_t size) {
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

QUICORE_VAES_INLINE void store_end(std::uint8_t* bytes, __m128i block, std::size_t size) {
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

QUICORE_VAES_INLINE __m128i load_block(const std::uint8_t* bytes, std::size_t size) {
  return size < kBlock ? load_end(bytes, size)
                       : _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}
QUICORE_VAES_INLINE void store_block(std::uint8_t* bytes, __m128i block, std::size_t size) {
  if (size < kBlock) {
    store_end(bytes, block, size);
  } else {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes), block);
  }
}

// The blocks of the additional data, the last one filled up with zeroes.
QUICORE_VAES_INLINE __m128i hash_of(const VaesKey& key, const std::uint8_t* data,
                                    std::size_t size) {
  __m128i hash = _mm_setzero_si128();
  for (; size != 0; data += kBlock) {
    const __m128i next = swapped(load_block(data, size));
    hash = times(_mm_xor_si128(hash, next), key.powers[kPowers - 1]);
    size -= std::min(size, kBlock);
  }
  return hash;
}

}  // namespace quicore::engine::vaes
