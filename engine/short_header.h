// SPDX-License-Identifier: Apache-2.0
//
// The destination connection ID of a datagram with a short header, RFC 9000 17.3: all that is read of
// it before its connection is known.
//
// Threading: free functions, any thread.
// Cost: a few instructions; size_of_run a comparison of 8 bytes for each datagram of the run.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "engine/limits.h"

namespace quicore::engine {

inline constexpr std::size_t kShortHeaderIdOffset = 1;

inline std::span<const std::uint8_t> as_octets(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

// Of a datagram that is not empty.
inline bool is_long_header(std::span<const std::byte> datagram) noexcept {
  return (datagram[0] & std::byte{0x80}) != std::byte{0};
}

// If it has the usual length; empty for a long header, and for what is shorter.
inline std::span<const std::uint8_t> id_of_short_header(
    std::span<const std::byte> datagram) noexcept {
  if (datagram.size() < kShortHeaderIdOffset + limits::kConnectionIdLength) return {};
  if (is_long_header(datagram)) return {};
  return as_octets(datagram).subspan(kShortHeaderIdOffset, limits::kConnectionIdLength);
}

// How many bytes of the train at its front belong to one connection: datagrams with a short header
// and the same ID as the first, which has one.
inline std::size_t size_of_run(std::span<const std::byte> train, std::size_t segment) noexcept {
  std::size_t size = std::min(segment, train.size());
  while (train.size() - size > kShortHeaderIdOffset + limits::kConnectionIdLength) {
    const std::span<const std::byte> next = train.subspan(size);
    if (is_long_header(next) ||
        std::memcmp(next.data() + kShortHeaderIdOffset, train.data() + kShortHeaderIdOffset,
                    limits::kConnectionIdLength) != 0) {
      break;
    }
    size += std::min(segment, next.size());
  }
  return size;
}

}  // namespace quicore::engine
