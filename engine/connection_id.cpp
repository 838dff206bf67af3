// SPDX-License-Identifier: Apache-2.0
#include "engine/connection_id.h"

#include <algorithm>

#include "io/check.h"
#include "io/steering.h"

namespace quicore::engine {

ConnectionId ConnectionId::from(std::span<const std::uint8_t> id) noexcept {
  QUICORE_CHECK(id.size() <= limits::kMaxConnectionIdLength);
  ConnectionId result;
  result.size = static_cast<std::uint8_t>(id.size());
  std::ranges::copy(id, result.bytes.begin());
  return result;
}

ConnectionId ConnectionId::from(const ngtcp2_cid& id) noexcept {
  return from(std::span(id.data, id.datalen));
}

ngtcp2_cid ConnectionId::to_ngtcp2() const noexcept {
  ngtcp2_cid result{};
  ngtcp2_cid_init(&result, bytes.data(), size);
  return result;
}

std::string ConnectionId::to_hex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(std::size_t{2} * size);
  for (const std::uint8_t byte : span()) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

ConnectionId make_connection_id(io::Random& random, std::uint32_t shard_index,
                                std::uint32_t shard_count, std::size_t length) noexcept {
  QUICORE_CHECK(length >= io::kSteeringBytes && length <= limits::kMaxConnectionIdLength);
  QUICORE_CHECK(shard_count > 0 && shard_index < shard_count);
  ConnectionId id;
  id.size = static_cast<std::uint8_t>(length);
  const auto bytes = std::as_writable_bytes(std::span(id.bytes).first(length));
  random.fill(bytes);
  io::mark_connection_id(bytes, shard_index, shard_count);
  return id;
}

}  // namespace quicore::engine
