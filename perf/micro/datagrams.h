// SPDX-License-Identifier: Apache-2.0
//
// Datagrams as they arrive, for benchmarks of what happens before a packet is opened: headers that
// are right, and bytes that stand for what is encrypted.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace quicore::perf {

inline constexpr std::array<std::uint8_t, 8> kOurId = {1, 2, 3, 4, 5, 6, 7, 8};
inline constexpr std::array<std::uint8_t, 8> kClientId = {9, 8, 7, 6, 5, 4, 3, 2};
inline constexpr std::uint32_t kVersion1 = 1;
inline constexpr std::uint32_t kUnknownVersion = 0x1234abcd;

namespace internal {
template <class Range>
void append(std::vector<std::uint8_t>& bytes, const Range& more) {
  bytes.insert(bytes.end(), std::begin(more), std::end(more));
}
}  // namespace internal

// RFC 9000 17.3.1.
inline std::vector<std::uint8_t> short_datagram(std::size_t size) {
  std::vector<std::uint8_t> datagram = {0x41};
  internal::append(datagram, kOurId);
  datagram.resize(size, 0xa5);
  return datagram;
}

// RFC 9000 17.2.2: a client's first datagram, of the least size allowed.
inline std::vector<std::uint8_t> initial_datagram(std::uint32_t version,
                                                  std::span<const std::uint8_t> token = {}) {
  constexpr std::size_t kSize = 1200;
  std::vector<std::uint8_t> datagram = {0xc0};
  for (int shift = 24; shift >= 0; shift -= 8) {
    datagram.push_back(static_cast<std::uint8_t>(version >> shift));
  }
  datagram.push_back(kOurId.size());
  internal::append(datagram, kOurId);
  datagram.push_back(kClientId.size());
  internal::append(datagram, kClientId);
  const auto append_length = [&](std::size_t length) {  // as a varint of two bytes
    datagram.push_back(static_cast<std::uint8_t>(0x40 | length >> 8));
    datagram.push_back(static_cast<std::uint8_t>(length));
  };
  append_length(token.size());
  internal::append(datagram, token);
  append_length(kSize - datagram.size() - 2);
  datagram.resize(kSize, 0xa5);
  return datagram;
}

}  // namespace quicore::perf
