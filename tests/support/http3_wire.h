// SPDX-License-Identifier: Apache-2.0
//
// HTTP/3 frames and QPACK instructions as bytes, whatever they say (RFC 9114 7, RFC 9204 4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quicore::test::wire {

using FieldList = std::vector<std::pair<std::string, std::string>>;

enum H3Frame : std::uint64_t {
  kData = 0x00,
  kHeaders = 0x01,
  kCancelPush = 0x03,
  kSettings = 0x04,
  kPushPromise = 0x05,
  kGoaway = 0x07,
  kMaxPushId = 0x0d
};

enum H3Stream : std::uint64_t { kControl = 0x00, kPush = 0x01, kEncoder = 0x02, kDecoder = 0x03 };

std::string h3_frame(std::uint64_t type, std::string_view payload);
std::string h3_data(std::string_view content);
// Literals without Huffman coding or tables (RFC 9204 4.5.6), as given.
std::string field_section(const FieldList& fields);
std::string h3_headers(const FieldList& fields);
std::string h3_settings(const std::vector<std::pair<std::uint64_t, std::uint64_t>>& settings = {});

// An integer with a prefix of so many bits below the given upper bits (RFC 9204 4.1.1).
std::string prefixed(unsigned upper_bits, unsigned prefix, std::uint64_t value);

}  // namespace quicore::test::wire
