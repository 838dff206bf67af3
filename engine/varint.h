// SPDX-License-Identifier: Apache-2.0
//
// Variable-length integers (RFC 9000 16): 1, 2, 4 or 8 bytes, whose first two bits tell which.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "io/buf.h"

namespace quicore::engine {

inline constexpr std::size_t kMaxVarintSize = 8;

constexpr std::size_t varint_size(std::uint64_t value) noexcept {
  if (value < (1U << 6)) return 1;
  if (value < (1U << 14)) return 2;
  return value < (1U << 30) ? 4 : 8;
}

// A varint as it is sent, `size` bytes of it. `value` is below 2^62.
struct Varint {
  constexpr explicit Varint(std::uint64_t value) noexcept : size(varint_size(value)) {
    for (std::size_t i = 0; i < size; ++i) {
      bytes[i] = static_cast<std::byte>(value >> 8 * (size - 1 - i));
    }
    bytes[0] |= static_cast<std::byte>(std::countr_zero(size) << 6);
  }
  Bytes view() const noexcept { return Bytes(bytes).first(size); }

  std::size_t size;
  std::array<std::byte, kMaxVarintSize> bytes{};
};

// Reads the one that `bytes` begin with. Returns its size, 0 when not all of it is there.
constexpr std::size_t read_varint(Bytes bytes, std::uint64_t& value) noexcept {
  if (bytes.empty()) return 0;
  const std::size_t size = std::size_t{1} << (std::to_integer<unsigned>(bytes[0]) >> 6);
  if (bytes.size() < size) return 0;
  value = std::to_integer<std::uint64_t>(bytes[0] & std::byte{0x3f});
  for (std::size_t i = 1; i < size; ++i) {
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  }
  return size;
}

}  // namespace quicore::engine
