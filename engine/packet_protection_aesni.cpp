// SPDX-License-Identifier: Apache-2.0
//
// AES-GCM (NIST SP 800-38D) for CPUs that have AES-NI and PCLMULQDQ but no VAES, as Intel's servers
// before Ice Lake: a block in an instruction, eight blocks under way, and between the rounds of
// their AES the hash of eight others (docs/decisions/0031-aes-gcm-with-aes-ni.md). No table is
// indexed by, and no branch taken on, anything secret.
#include "engine/packet_protection_backend.h"

#if defined(__x86_64__)

#include "engine/packet_protection_gcm_blocks.h"

namespace quicore::engine {

namespace aesni {
namespace {

using gcm::kBlock;
using gcm::load;
using gcm::store;

constexpr std::size_t kBlocks = 8;  // a turn of the loop
constexpr std::size_t kChunk = kBlocks * kBlock;

// The last reduction may join a chunk, the eight blocks that may follow it and the lengths.
constexpr std::size_t kPowers = 2 * kBlocks + 1;

struct AesniKey : AeadKey {
  alignas(16) __m128i round_keys[15];
  __m128i powers[kPowers + 1];  // of H, each at its exponent: the first is not used
};

// --- AES in counter mode ------------------------------------------------------------------------

// The counter begins with 1, which masks the tag; the text begins with 2. Eight counters from a
// multiple of eight on differ in their last three bits only, so that the first one of them, with
// the first round key in it already, gives each of the others by an XOR.
template <int kRounds>
class Keystream {
 public:
  QUICORE_AESNI_INLINE Keystream(const AesniKey& key, const std::uint8_t* nonce)
      : keys_(key.round_keys) {
    // Of two loads: a load of what was just stored in pieces waits for them.
    std::uint64_t first;
    std::uint32_t rest;
    std::memcpy(&first, nonce, sizeof first);
    std::memcpy(&rest, nonce + sizeof first, sizeof rest);
    const __m128i zero = _mm_set_epi64x(rest, static_cast<long long>(first));
    eight_ = _mm_xor_si128(zero, keys_[0]);
    tag_ = block(1);
    next_eight_ = _mm_add_epi32(gcm::swapped(zero), _mm_set_epi32(0, 0, 0, kBlocks));
  }

  // The next blocks: eight at a time, fewer only at the end.
  template <std::size_t kCount>
  QUICORE_AESNI_INLINE void begin(__m128i (&blocks)[kCount]) {
    constexpr std::size_t kOfThisEight = std::min(kCount, kBlocks - 2);
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kOfThisEight; ++i) blocks[i] = block(static_cast<int>(i) + 2);
    if (kCount == kOfThisEight) return;
    eight_ = _mm_xor_si128(gcm::swapped(next_eight_), keys_[0]);
    next_eight_ = _mm_add_epi32(next_eight_, _mm_set_epi32(0, 0, 0, kBlocks));
#pragma GCC unroll 8
    for (std::size_t i = kOfThisEight; i < kCount; ++i) {
      blocks[i] = block(static_cast<int>(i - kOfThisEight));
    }
  }
  template <std::size_t kCount>
  QUICORE_AESNI_INLINE void round(__m128i (&blocks)[kCount], int number) const {
    const __m128i key = keys_[number];
#pragma GCC unroll 8
    for (__m128i& block : blocks) block = _mm_aesenc_si128(block, key);
  }
  // The last round, and what the keystream is for.
  QUICORE_AESNI_INLINE __m128i finish(__m128i block, __m128i text) const {
    return _mm_aesenclast_si128(block, _mm_xor_si128(keys_[kRounds], text));
  }

  // The last blocks, and along with them what masks the tag.
  template <std::size_t kCount>
  QUICORE_AESNI_INLINE __m128i make_last(__m128i (&blocks)[kBlocks]) {
    __m128i last[kCount], tag[1] = {tag_};
    begin(last);
#pragma GCC unroll 16
    for (int i = 1; i < kRounds; ++i) {
      round(last, i);
      round(tag, i);
    }
    const __m128i nothing = _mm_setzero_si128();
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kCount; ++i) blocks[i] = finish(last[i], nothing);
    return finish(tag[0], nothing);
  }

 private:
  QUICORE_AESNI_INLINE __m128i block(int of_eight) const {
    return _mm_xor_si128(eight_, _mm_set_epi32(of_eight << 24, 0, 0, 0));
  }

  const __m128i* keys_;
  __m128i eight_;       // the first of the eight that are under way, and the first round key
  __m128i next_eight_;  // the first of those after them, byte-reversed
  __m128i tag_;
};

// --- GHASH --------------------------------------------------------------------------------------

// A sum of products that was not reduced yet. Four multiplications for each: Karatsuba's three and
// the sums they need are as many instructions, and a table more to load from.
struct Product {
  __m128i low, middle, high;
};

QUICORE_AESNI_INLINE Product nothing() {
  const __m128i zero = _mm_setzero_si128();
  return {zero, zero, zero};
}

QUICORE_AESNI_INLINE void add(Product& sum, __m128i block, __m128i power) {
  sum.low = _mm_xor_si128(sum.low, _mm_clmulepi64_si128(block, power, 0x00));
  sum.high = _mm_xor_si128(sum.high, _mm_clmulepi64_si128(block, power, 0x11));
  sum.middle = _mm_xor_si128(sum.middle, _mm_clmulepi64_si128(block, power, 0x01));
  sum.middle = _mm_xor_si128(sum.middle, _mm_clmulepi64_si128(block, power, 0x10));
  // Or the compiler keeps the products of eight blocks to add them in an order of its own, for
  // which it has not the registers.
  asm("" : "+x"(sum.low), "+x"(sum.middle), "+x"(sum.high));
}

QUICORE_AESNI_INLINE __m128i modulo(const Product& sum) {
  return gcm::modulo(sum.low, sum.middle, sum.high);
}

// Block `at` of the eight of a chunk, the first of which counts times H^power, with `hash`, that of
// everything before it.
QUICORE_AESNI_INLINE void add_of_chunk(Product& sum, const AesniKey& key, const std::uint8_t* chunk,
                                       std::size_t at, __m128i hash, std::size_t power) {
  __m128i block = gcm::swapped(load(chunk + kBlock * at));
  if (at == 0) block = _mm_xor_si128(block, hash);
  add(sum, block, key.powers[power - at]);
}

// Which of the eight is the n-th to be added, n from 1 to 8: the first goes last, because the hash
// before it is known last.
constexpr std::size_t in_turn(int n) { return static_cast<std::size_t>(n) % kBlocks; }

// --- GCM ----------------------------------------------------------------------------------------

struct Message {
  std::uint8_t* to;
  const std::uint8_t* from;
  std::size_t left;
  __m128i hash;  // of the additional data and the ciphertext so far

  QUICORE_AESNI_INLINE void advance(std::size_t size) {
    to += size;
    from += size;
    left -= size;
  }
};

// Eight blocks, and between their rounds the hash of the eight at `hashed`.
template <bool kHash, int kRounds>
QUICORE_AESNI_INLINE void crypt_chunk(const AesniKey& key, Keystream<kRounds>& stream,
                                      Message& message, const std::uint8_t* hashed) {
  __m128i text[kBlocks];
  stream.begin(text);
  Product sum = nothing();
#pragma GCC unroll 16
  for (int i = 1; i < kRounds; ++i) {
    stream.round(text, i);
    if (kHash && i <= int{kBlocks}) {
      add_of_chunk(sum, key, hashed, in_turn(i), message.hash, kBlocks);
    }
  }
  if (kHash) message.hash = modulo(sum);
#pragma GCC unroll 8
  for (std::size_t i = 0; i < kBlocks; ++i) {
    store(message.to + kBlock * i, stream.finish(text[i], load(message.from + kBlock * i)));
  }
  message.advance(kChunk);
}

// What is left of a chunk, into `sum`; `power` is that of its first block.
template <bool kSeal>
QUICORE_AESNI_INLINE void crypt_rest(const AesniKey& key, const __m128i* keystream,
                                     Message& message, Product& sum, std::size_t power) {
  for (; message.left >= kBlock; message.advance(kBlock)) {
    const __m128i in = load(message.from);
    const __m128i out = _mm_xor_si128(*keystream++, in);
    store(message.to, out);
    add(sum, _mm_xor_si128(gcm::swapped(kSeal ? out : in), message.hash), key.powers[power--]);
    message.hash = _mm_setzero_si128();
  }
  if (message.left == 0) return;
  const __m128i in = gcm::load_end(message.from, message.left);
  const __m128i out = _mm_xor_si128(*keystream, in);
  gcm::store_end(message.to, out, message.left);
  __m128i hashed = in;
  if (kSeal) {  // what lies behind the end counts as zero
    const __m128i position = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m128i end = _mm_set1_epi8(static_cast<char>(message.left));
    hashed = _mm_and_si128(out, _mm_cmpgt_epi8(end, position));
  }
  add(sum, _mm_xor_si128(gcm::swapped(hashed), message.hash), key.powers[power]);
  message.hash = _mm_setzero_si128();
}

// The end of a message; returns the tag. `pending`: the last chunk is not in the hash yet.
template <bool kSeal, int kRounds>
QUICORE_AESNI_INLINE __m128i crypt_end(const AesniKey& key, Keystream<kRounds>& stream,
                                       Message& message, bool pending, __m128i lengths) {
  __m128i text[kBlocks];
  const __m128i tag_mask = message.left > 4 * kBlock   ? stream.template make_last<8>(text)
                           : message.left > 2 * kBlock ? stream.template make_last<4>(text)
                                                       : stream.template make_last<2>(text);
  Product sum = nothing();
  const std::size_t power = (message.left + kBlock - 1) / kBlock + 1;
  if (pending) {
#pragma GCC unroll 8
    for (int i = 1; i <= int{kBlocks}; ++i) {
      add_of_chunk(sum, key, message.to - kChunk, in_turn(i), message.hash, power + kBlocks);
    }
    message.hash = _mm_setzero_si128();
  }
  crypt_rest<kSeal>(key, text, message, sum, power);
  add(sum, _mm_xor_si128(lengths, message.hash), key.powers[1]);
  return _mm_xor_si128(gcm::swapped(modulo(sum)), tag_mask);
}

// Encrypts or decrypts; returns the tag. `to` may be `from`. What is hashed between the rounds of a
// chunk is that chunk where the ciphertext is there, and the one before where it is made.
template <int kRounds, bool kSeal>
QUICORE_AESNI_INLINE __m128i crypt(const AesniKey& key, std::uint8_t* to, const std::uint8_t* from,
                                   std::size_t size, const std::uint8_t* nonce,
                                   const std::uint8_t* aad, std::size_t aad_size) {
  Keystream<kRounds> stream(key, nonce);
  Message message{to, from, size, gcm::hash_of(key.powers[1], aad, aad_size)};
  const bool delayed = kSeal && size >= kChunk;
  if (delayed) crypt_chunk<false>(key, stream, message, nullptr);
  while (message.left >= kChunk) {
    crypt_chunk<true>(key, stream, message, kSeal ? message.to - kChunk : message.from);
  }
  const __m128i lengths = gcm::lengths_block(aad_size, size);
  return crypt_end<kSeal>(key, stream, message, delayed, lengths);
}

template <int kRounds>
QUICORE_AESNI bool seal(AeadKey* key, std::uint8_t* destination, const std::uint8_t* plaintext,
                        std::size_t size, const std::uint8_t* nonce, const std::uint8_t* aad,
                        std::size_t aad_size) noexcept {
  const __m128i tag = crypt<kRounds, true>(*static_cast<AesniKey*>(key), destination, plaintext,
                                           size, nonce, aad, aad_size);
  store(destination + size, tag);
  return true;
}

template <int kRounds>
QUICORE_AESNI bool open(AeadKey* key, std::uint8_t* destination, const std::uint8_t* ciphertext,
                        std::size_t size, const std::uint8_t* nonce, const std::uint8_t* aad,
                        std::size_t aad_size) noexcept {
  const std::size_t plain = size - kAeadTagSize;
  const __m128i expected = load(ciphertext + plain);
  const __m128i tag = crypt<kRounds, false>(*static_cast<AesniKey*>(key), destination, ciphertext,
                                            plain, nonce, aad, aad_size);
  return gcm::same(tag, expected);
}

// --- keys ---------------------------------------------------------------------------------------

template <int kRounds>
QUICORE_AESNI AeadKey* make_key(const CipherFunctions& functions,
                                const std::uint8_t* secret) noexcept {
  auto* key = allocate_key<AesniKey>(functions);
  if (key == nullptr) return nullptr;
  gcm::expand(secret, functions.key_size, key->round_keys);
  const __m128i h = gcm::hash_key<kRounds>(key->round_keys);
  key->powers[1] = h;
  for (std::size_t i = 2; i <= kPowers; ++i) key->powers[i] = gcm::times(key->powers[i - 1], h);
  return key;
}

template <int kRounds>
constexpr CipherFunctions kFunctions = gcm::functions_of<AesniKey, kRounds>(AeadBackend::aesni,
                                                                            make_key<kRounds>,
                                                                            seal<kRounds>,
                                                                            open<kRounds>);

}  // namespace
}  // namespace aesni

const CipherFunctions* aesni_functions(CipherSuite suite) noexcept {
  static const bool kUsable = gcm::usable();
  return kUsable ? gcm::functions_for(suite, aesni::kFunctions<10>, aesni::kFunctions<14>)
                 : nullptr;
}

}  // namespace quicore::engine

#else

namespace quicore::engine {

const CipherFunctions* aesni_functions(CipherSuite) noexcept { return nullptr; }

}  // namespace quicore::engine

#endif
