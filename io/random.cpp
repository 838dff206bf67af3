// SPDX-License-Identifier: Apache-2.0
#include "io/random.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "io/check.h"

namespace quicore::io {

namespace {

__extension__ using Uint128 = unsigned __int128;
using State = std::array<std::uint32_t, 16>;

void quarter_round(State& s, int a, int b, int c, int d) noexcept {
  s[a] += s[b], s[d] = std::rotl(s[d] ^ s[a], 16);
  s[c] += s[d], s[b] = std::rotl(s[b] ^ s[c], 12);
  s[a] += s[b], s[d] = std::rotl(s[d] ^ s[a], 8);
  s[c] += s[d], s[b] = std::rotl(s[b] ^ s[c], 7);
}

// Plain memset of memory that is about to be dead may be optimised away.
void wipe(void* memory, std::size_t size) noexcept { explicit_bzero(memory, size); }

}  // namespace

void chacha20_block(const std::array<std::uint32_t, 8>& key, std::uint32_t counter,
                    const std::array<std::uint32_t, 3>& nonce,
                    std::span<std::byte, 64> out) noexcept {
  State initial = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};  // "expand 32-byte k"
  std::copy(key.begin(), key.end(), initial.begin() + 4);
  initial[12] = counter;
  std::copy(nonce.begin(), nonce.end(), initial.begin() + 13);
  State state = initial;
  for (int round = 0; round < 20; round += 2) {
    for (int i = 0; i < 4; ++i) quarter_round(state, i, i + 4, i + 8, i + 12);
    for (int i = 0; i < 4; ++i) {
      quarter_round(state, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
    }
  }
  for (std::size_t i = 0; i < state.size(); ++i) {
    std::uint32_t word = state[i] + initial[i];
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap32(word);
    std::memcpy(out.data() + 4 * i, &word, sizeof(word));
  }
}

Random Random::system() {
  Key key{};
  auto* at = reinterpret_cast<std::byte*>(key.data());
  std::size_t have = 0;
  while (have < sizeof(key)) {
    const ssize_t got = getrandom(at + have, sizeof(key) - have, 0);
    QUICORE_CHECK(got > 0 || (got < 0 && errno == EINTR));
    if (got > 0) have += static_cast<std::size_t>(got);
  }
  Random random(key);
  wipe(key.data(), sizeof(key));
  return random;
}

Random Random::seeded(std::uint64_t seed) noexcept {
  return Random(Key{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
}

void Random::refill() noexcept {
  static constexpr std::size_t kBlock = 64;
  for (std::size_t at = 0; at < kPoolSize; at += kBlock) {
    chacha20_block(key_, static_cast<std::uint32_t>(at / kBlock), {},
                   std::span<std::byte, kBlock>(pool_.data() + at, kBlock));
  }
  std::memcpy(key_.data(), pool_.data(), sizeof(key_));
  if constexpr (std::endian::native == std::endian::big) {
    for (std::uint32_t& word : key_) word = __builtin_bswap32(word);
  }
  wipe(pool_.data(), sizeof(key_));
  used_ = sizeof(key_);
}

void Random::fill(std::span<std::byte> out) noexcept {
  while (!out.empty()) {
    if (used_ == kPoolSize) refill();
    const std::size_t size = std::min(out.size(), kPoolSize - used_);
    std::memcpy(out.data(), pool_.data() + used_, size);
    wipe(pool_.data() + used_, size);
    used_ += size;
    out = out.subspan(size);
  }
}

std::uint64_t Random::next() noexcept {
  std::uint64_t value = 0;
  fill(std::as_writable_bytes(std::span(&value, 1)));
  if constexpr (std::endian::native == std::endian::big) value = __builtin_bswap64(value);
  return value;
}

std::uint64_t Random::below(std::uint64_t bound) noexcept {
  QUICORE_DCHECK_THAT(bound > 0);
  // Lemire's method: the high half of a 128-bit product; the rare biased low halves are redrawn.
  Uint128 product = Uint128{next()} * bound;
  if (static_cast<std::uint64_t>(product) < bound) {
    const std::uint64_t biased = -bound % bound;
    while (static_cast<std::uint64_t>(product) < biased) {
      product = Uint128{next()} * bound;
    }
  }
  return static_cast<std::uint64_t>(product >> 64);
}

double Random::unit() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }

}  // namespace quicore::io
