// SPDX-License-Identifier: Apache-2.0
#include "engine/shared_trains_parameter.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "engine/transport_settings.h"
#include "engine/varint.h"

namespace quicore::engine {

namespace {

constexpr std::uint64_t kId = 0x7163'6f72'65;

}  // namespace

std::size_t write_shared_trains_parameter(std::span<std::uint8_t> destination,
                                          std::uint32_t shards) noexcept {
  const Varint id(kId);
  const Varint value(shards);
  const Varint length(value.size);
  const std::size_t size = id.size + length.size + value.size;
  if (destination.size() < size) return 0;
  auto* to = reinterpret_cast<std::byte*>(destination.data());
  for (const Varint& part : {id, length, value}) to = std::ranges::copy(part.view(), to).out;
  return size;
}

std::uint32_t read_shared_trains_parameter(std::span<const std::uint8_t> encoded) noexcept {
  while (const auto parameter = take_transport_parameter(encoded)) {
    if (parameter->id != kId) continue;
    const Bytes value = std::as_bytes(parameter->value);
    std::uint64_t shards = 0;
    if (read_varint(value, shards) != value.size()) return 0;
    return shards <= std::numeric_limits<std::uint32_t>::max() ? static_cast<std::uint32_t>(shards)
                                                               : 0;
  }
  return 0;
}

}  // namespace quicore::engine
