// SPDX-License-Identifier: Apache-2.0
#include "engine/hmac_sha256.h"

#include <gtest/gtest.h>
#include <wolfssl/wolfcrypt/hmac.h>

#include <array>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

namespace quicore::engine {
namespace {

using Code = std::array<std::uint8_t, HmacSha256::kCodeSize>;

std::vector<std::uint8_t> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

std::string hex_of(const HmacSha256& hmac, std::span<const std::uint8_t> message) {
  Code code{};
  EXPECT_TRUE(hmac.compute(message, code));
  std::string digits;
  for (const unsigned octet : code) {
    for (const unsigned digit : {octet >> 4, octet & 15}) digits += "0123456789abcdef"[digit];
  }
  return digits;
}

// RFC 4231 4.2 to 4.4.
TEST(HmacSha256, IsThatOfRfc4231) {
  EXPECT_EQ(hex_of(HmacSha256(std::vector<std::uint8_t>(20, 0x0b)), bytes_of("Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex_of(HmacSha256(bytes_of("Jefe")), bytes_of("what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(
      hex_of(HmacSha256(std::vector<std::uint8_t>(20, 0xaa)), std::vector<std::uint8_t>(50, 0xdd)),
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
}

// Keys and messages of every length around a block, each key used for many messages.
TEST(HmacSha256, AgreesWithWolfcrypt) {
  std::vector<std::uint8_t> data(200);
  std::iota(data.begin(), data.end(), std::uint8_t{1});
  const std::span<const std::uint8_t> all(data);
  for (std::size_t key = 0; key <= HmacSha256::kMaxKeySize; ++key) {
    const HmacSha256 ours(all.first(key));
    for (std::size_t size = 0; size <= all.size(); size += 1 + size / 20) {
      Hmac theirs;
      Code expected{};
      ASSERT_EQ(wc_HmacInit(&theirs, nullptr, INVALID_DEVID), 0);
      ASSERT_EQ(wc_HmacSetKey(&theirs, WC_SHA256, data.data(), static_cast<word32>(key)), 0);
      ASSERT_EQ(wc_HmacUpdate(&theirs, data.data(), static_cast<word32>(size)), 0);
      ASSERT_EQ(wc_HmacFinal(&theirs, expected.data()), 0);
      wc_HmacFree(&theirs);
      Code code{};
      ASSERT_TRUE(ours.compute(all.first(size), code));
      ASSERT_EQ(code, expected) << key << " bytes of key, " << size << " of message";
    }
  }
}

}  // namespace
}  // namespace quicore::engine
