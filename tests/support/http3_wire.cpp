// SPDX-License-Identifier: Apache-2.0
#include "tests/support/http3_wire.h"

#include "tests/support/wire.h"

namespace quicore::test::wire {

std::string prefixed(unsigned upper_bits, unsigned prefix, std::uint64_t value) {
  const std::uint64_t limit = (std::uint64_t{1} << prefix) - 1;
  if (value < limit) return std::string(1, static_cast<char>(upper_bits | value));
  std::string bytes(1, static_cast<char>(upper_bits | limit));
  for (value -= limit; value >= 128; value /= 128) bytes += static_cast<char>(value % 128 + 128);
  return bytes + static_cast<char>(value);
}

std::string h3_frame(std::uint64_t type, std::string_view payload) {
  return varint(type).append(varint(payload.size())).append(payload);
}

std::string h3_data(std::string_view content) { return h3_frame(kData, content); }

std::string field_section(const FieldList& fields) {
  std::string section(2, '\0');  // needs nothing of the dynamic table
  for (const auto& [name, value] : fields) {
    section.append(prefixed(0x20, 3, name.size())).append(name);
    section.append(prefixed(0x00, 7, value.size())).append(value);
  }
  return section;
}

std::string h3_headers(const FieldList& fields) {
  return h3_frame(kHeaders, field_section(fields));
}

std::string h3_settings(const std::vector<std::pair<std::uint64_t, std::uint64_t>>& settings) {
  std::string payload;
  for (const auto& [id, value] : settings) payload.append(varint(id)).append(varint(value));
  return h3_frame(kSettings, payload);
}

}  // namespace quicore::test::wire
