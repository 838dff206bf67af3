// SPDX-License-Identifier: Apache-2.0
//
// SipHash-1-3 (Aumasson, Bernstein 2012) of 24 bytes: for hash tables whose keys the peer chooses.
// Whoever does not know the two secret words cannot find keys that collide.
//
// Cost: six rounds, about 8 ns. The length is fixed, so the length block of the original is left
// out.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace quicore::engine {

struct HashSecret {
  std::uint64_t word0 = 0;
  std::uint64_t word1 = 0;
};

class SipState {
 public:
  explicit constexpr SipState(const HashSecret& secret) noexcept
      : a_(secret.word0 ^ 0x736f6d6570736575),
        b_(secret.word1 ^ 0x646f72616e646f6d),
        c_(secret.word0 ^ 0x6c7967656e657261),
        d_(secret.word1 ^ 0x7465646279746573) {}

  constexpr void add(std::uint64_t word) noexcept {
    d_ ^= word;
    round();
    a_ ^= word;
  }
  constexpr std::uint64_t finish() noexcept {
    c_ ^= 0xff;
    for (int i = 0; i < 3; ++i) round();
    return a_ ^ b_ ^ c_ ^ d_;
  }

 private:
  constexpr void round() noexcept {
    a_ += b_, b_ = std::rotl(b_, 13) ^ a_, a_ = std::rotl(a_, 32);
    c_ += d_, d_ = std::rotl(d_, 16) ^ c_;
    a_ += d_, d_ = std::rotl(d_, 21) ^ a_;
    c_ += b_, b_ = std::rotl(b_, 17) ^ c_, c_ = std::rotl(c_, 32);
  }

  std::uint64_t a_, b_, c_, d_;
};

constexpr std::uint64_t keyed_hash(const HashSecret& secret,
                                   const std::array<std::uint64_t, 3>& words) noexcept {
  SipState state(secret);
  for (const std::uint64_t word : words) state.add(word);
  return state.finish();
}

}  // namespace quicore::engine
