// SPDX-License-Identifier: Apache-2.0
//
// AES-GCM (NIST SP 800-38D) for CPUs that have VAES and VPCLMULQDQ but no AVX-512, as AMD's Zen 3
// and Intel's desktops since Alder Lake: two blocks at a time in 256-bit registers, where Debian
// 12's ipsec-mb uses one (docs/decisions/0022-aes-gcm-with-vaes.md). No table is indexed by, and no
// branch taken on, anything secret.
#include "engine/packet_protection_backend.h"

#if defined(__x86_64__)

#include "engine/packet_protection_vaes_blocks.h"

namespace quicore::engine {

namespace vaes {
namespace {

// --- GCM ----------------------------------------------------------------------------------------

QUICORE_VAES_INLINE __m256i load(const std::uint8_t* bytes) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
}
QUICORE_VAES_INLINE void store(std::uint8_t* bytes, __m256i blocks) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(bytes), blocks);
}

template <int kRounds>
class Keystream {
 public:
  // `first`: the first counter block, byte-reversed, so that its counter is the lowest 32 bits.
  QUICORE_VAES_INLINE Keystream(const VaesKey& key, __m128i first)
      : keys_(key.round_keys),
        counters_(_mm256_add_epi32(_mm256_broadcastsi128_si256(first),
                                   _mm256_set_epi32(0, 0, 0, 1, 0, 0, 0, 0))) {}

  QUICORE_VAES_INLINE __m256i begin() {
    const __m256i blocks = _mm256_shuffle_epi8(counters_, gcm::swap_pattern());
    counters_ = _mm256_add_epi32(counters_, _mm256_set_epi32(0, 0, 0, 2, 0, 0, 0, 2));
    return _mm256_xor_si256(blocks, key(0));
  }
  template <std::size_t kCount>
  QUICORE_VAES_INLINE void make(__m256i (&blocks)[kCount]) {
    for (__m256i& pair : blocks) pair = begin();
    rounds(blocks, 1, kRounds);
    finish(blocks);
  }
  template <std::size_t kCount>
  QUICORE_VAES_INLINE void rounds(__m256i (&blocks)[kCount], int from, int to) const {
    for (int i = from; i < to; ++i) {
      const __m256i round_key = key(i);
      for (__m256i& pair : blocks) pair = _mm256_aesenc_epi128(pair, round_key);
    }
  }
  template <std::size_t kCount>
  QUICORE_VAES_INLINE void finish(__m256i (&blocks)[kCount]) const {
    for (__m256i& pair : blocks) pair = _mm256_aesenclast_epi128(pair, key(kRounds));
  }

 private:
  QUICORE_VAES_INLINE __m256i key(int round) const {
    return _mm256_broadcastsi128_si256(_mm_load_si128(keys_ + round));
  }

  const __m128i* keys_;
  __m256i counters_;
};

// Eight blocks. What the ciphertext of eight adds to `sum`, the first of them times H^power, is
// computed between the rounds: of these blocks where the ciphertext is there, and of the eight
// before, where it is made. `ciphertext`: those, byte-reversed; `hash` goes into the first.
template <int kRounds, bool kSeal>
QUICORE_VAES_INLINE void crypt_chunk(const VaesKey& key, Keystream<kRounds>& stream,
                                     __m256i (&ciphertext)[4], std::uint8_t* to,
                                     const std::uint8_t* from, Product& sum, __m256i hash,
                                     std::size_t power) {
  const __m256i swap = gcm::swap_pattern();
  __m256i text[4];
  for (__m256i& pair : text) pair = stream.begin();
  if (!kSeal) {
    for (std::size_t i = 0; i < 4; ++i) {
      ciphertext[i] = _mm256_shuffle_epi8(load(from + kPair * i), swap);
    }
  }
  stream.rounds(text, 1, 2);
  add(sum, ciphertext[1], key, power - 2);
  stream.rounds(text, 2, 4);
  add(sum, ciphertext[2], key, power - 4);
  stream.rounds(text, 4, 6);
  add(sum, ciphertext[3], key, power - 6);
  stream.rounds(text, 6, 8);
  add(sum, _mm256_xor_si256(ciphertext[0], hash), key, power);  // the last that is known
  stream.rounds(text, 8, kRounds);
  stream.finish(text);
  for (std::size_t i = 0; i < 4; ++i) {
    text[i] = _mm256_xor_si256(text[i], load(from + kPair * i));
    if (kSeal) ciphertext[i] = _mm256_shuffle_epi8(text[i], swap);
    store(to + kPair * i, text[i]);
  }
}

// Encrypts or decrypts; returns the tag. `to` may be `from`.
template <int kRounds, bool kSeal>
QUICORE_VAES_INLINE __m128i crypt(const VaesKey& key, std::uint8_t* to, const std::uint8_t* from,
                                  std::size_t size, const std::uint8_t* nonce,
                                  const std::uint8_t* aad, std::size_t aad_size) {
  const __m256i swap = gcm::swap_pattern();
  alignas(16) std::uint8_t counter[kBlock] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  std::memcpy(counter, nonce, kAeadNonceSize);
  const __m128i first = _mm_load_si128(reinterpret_cast<const __m128i*>(counter));
  const __m128i tag_mask = gcm::encrypt_block<kRounds>(key.round_keys, first);
  Keystream<kRounds> stream(key, _mm_add_epi32(gcm::swapped(first), _mm_set_epi32(0, 0, 0, 1)));

  __m256i hash = _mm256_zextsi128_si256(gcm::hash_of(key.powers[kPowers - 1], aad, aad_size));
  Product sum = nothing();
  std::size_t left = size;
  __m256i ciphertext[4];
  if (kSeal && left >= kChunk) {
    __m256i text[4];
    stream.make(text);
    for (std::size_t i = 0; i < 4; ++i) {
      text[i] = _mm256_xor_si256(text[i], load(from + kPair * i));
      store(to + kPair * i, text[i]);
      ciphertext[i] = _mm256_shuffle_epi8(text[i], swap);
    }
    from += kChunk;
    to += kChunk;
    left -= kChunk;
  }
  const bool pending = kSeal && left != size;
  for (; left >= 2 * kChunk; left -= 2 * kChunk, from += 2 * kChunk, to += 2 * kChunk) {
    sum = nothing();
    crypt_chunk<kRounds, kSeal>(key, stream, ciphertext, to, from, sum, hash, 16);
    crypt_chunk<kRounds, kSeal>(key, stream, ciphertext, to + kChunk, from + kChunk, sum,
                                _mm256_setzero_si256(), 8);
    hash = _mm256_zextsi128_si256(modulo(sum));
  }
  if (left >= kChunk) {
    sum = nothing();
    crypt_chunk<kRounds, kSeal>(key, stream, ciphertext, to, from, sum, hash, 8);
    hash = _mm256_zextsi128_si256(modulo(sum));
    from += kChunk;
    to += kChunk;
    left -= kChunk;
  }

  // The end: what is left of a chunk, and the lengths. `power` is that of the next block.
  std::size_t power = (left + kBlock - 1) / kBlock + 1;
  sum = nothing();
  if (pending) {
    ciphertext[0] = _mm256_xor_si256(ciphertext[0], hash);
    for (std::size_t i = 0; i < 4; ++i) add(sum, ciphertext[i], key, power + 8 - 2 * i);
    hash = _mm256_setzero_si256();
  }
  __m256i text[4];
  if (left > 2 * kPair) {
    stream.make(text);
  } else if (left > kPair) {
    __m256i two[2];
    stream.make(two);
    text[0] = two[0];
    text[1] = two[1];
  } else if (left != 0) {
    __m256i one[1];
    stream.make(one);
    text[0] = one[0];
  }
  std::size_t used = 0;
  for (; left >= kPair; left -= kPair, power -= 2) {
    const __m256i in = load(from);
    const __m256i out = _mm256_xor_si256(text[used++], in);
    store(to, out);
    add(sum, _mm256_xor_si256(_mm256_shuffle_epi8(kSeal ? out : in, swap), hash), key, power);
    hash = _mm256_setzero_si256();
    from += kPair;
    to += kPair;
  }
  const __m128i lengths = gcm::lengths_block(aad_size, size);
  if (left != 0) {
    const std::size_t second = left > kBlock ? left - kBlock : 0;
    const __m256i in =
        _mm256_set_m128i(gcm::load_end(from + kBlock, second), gcm::load_block(from, left));
    const __m256i out = _mm256_xor_si256(text[used], in);
    gcm::store_block(to, _mm256_castsi256_si128(out), left);
    if (second != 0) gcm::store_end(to + kBlock, _mm256_extracti128_si256(out, 1), second);
    __m256i hashed = in;
    if (kSeal) {  // what lies behind the end counts as zero
      const __m256i position =
          _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
                           21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
      hashed = _mm256_and_si256(
          out, _mm256_cmpgt_epi8(_mm256_set1_epi8(static_cast<char>(left)), position));
    }
    hashed = _mm256_xor_si256(_mm256_shuffle_epi8(hashed, swap), hash);
    hash = _mm256_setzero_si256();
    if (second != 0) {
      add(sum, hashed, key, power);
      power -= 2;
    } else {  // one block: the lengths are the other one
      add(sum, _mm256_inserti128_si256(hashed, lengths, 1), key, power);
      power = 0;
    }
  }
  if (power != 0) add(sum, _mm256_xor_si256(hash, _mm256_zextsi128_si256(lengths)), key, power);
  return _mm_xor_si128(gcm::swapped(modulo(sum)), tag_mask);
}

template <int kRounds>
QUICORE_VAES bool seal(AeadKey* key, std::uint8_t* destination, const std::uint8_t* plaintext,
                       std::size_t size, const std::uint8_t* nonce, const std::uint8_t* aad,
                       std::size_t aad_size) noexcept {
  const __m128i tag = crypt<kRounds, true>(*static_cast<VaesKey*>(key), destination, plaintext,
                                           size, nonce, aad, aad_size);
  gcm::store(destination + size, tag);
  return true;
}

template <int kRounds>
QUICORE_VAES bool open(AeadKey* key, std::uint8_t* destination, const std::uint8_t* ciphertext,
                       std::size_t size, const std::uint8_t* nonce, const std::uint8_t* aad,
                       std::size_t aad_size) noexcept {
  const std::size_t plain = size - kAeadTagSize;
  const __m128i expected = gcm::load(ciphertext + plain);
  const __m128i tag = crypt<kRounds, false>(*static_cast<VaesKey*>(key), destination, ciphertext,
                                            plain, nonce, aad, aad_size);
  return gcm::same(tag, expected);
}

// --- keys ---------------------------------------------------------------------------------------

template <int kRounds>
QUICORE_VAES AeadKey* make_key(const CipherFunctions& functions,
                               const std::uint8_t* secret) noexcept {
  auto* key = allocate_key<VaesKey>(functions);
  if (key == nullptr) return nullptr;
  gcm::expand(secret, functions.key_size, key->round_keys);
  const __m128i h = gcm::hash_key<kRounds>(key->round_keys);
  key->powers[kPowers] = _mm_setzero_si128();
  key->powers[kPowers - 1] = h;
  for (std::size_t i = kPowers - 1; i-- > 0;) key->powers[i] = gcm::times(key->powers[i + 1], h);
  for (std::size_t i = 0; i <= kPowers; ++i) key->halves[i] = gcm::sum_of_halves(key->powers[i]);
  return key;
}

template <int kRounds>
constexpr CipherFunctions kFunctions = gcm::functions_of<VaesKey, kRounds>(AeadBackend::vaes,
                                                                           make_key<kRounds>,
                                                                           seal<kRounds>,
                                                                           open<kRounds>);

bool usable() noexcept {
  return gcm::usable() && __builtin_cpu_supports("vaes") && __builtin_cpu_supports("vpclmulqdq");
}

}  // namespace
}  // namespace vaes

const CipherFunctions* vaes_functions(CipherSuite suite) noexcept {
  static const bool kUsable = vaes::usable();
  return kUsable ? gcm::functions_for(suite, vaes::kFunctions<10>, vaes::kFunctions<14>) : nullptr;
}

}  // namespace quicore::engine

#else

namespace quicore::engine {

const CipherFunctions* vaes_functions(CipherSuite) noexcept { return nullptr; }

}  // namespace quicore::engine

#endif
