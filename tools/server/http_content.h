// SPDX-License-Identifier: Apache-2.0
//
// What a GET or HEAD of a file is answered: validators, conditions and ranges (RFC 9110 8.8, 13, 14),
// and which of its encodings a client takes (12.5.3). Pure functions of headers and numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/headers.h"
#include "tools/server/file_site.h"

namespace quicore::tools {

// Strong: of the size and the time of change.
std::string etag_of(const SiteFile& file);

struct ContentAnswer {
  Headers headers;        // with :status
  bool has_body = false;  // the part of the file from `offset` on
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// `varies`: there is more than one encoding to choose from, which caches must know.
ContentAnswer answer_for(const Headers& request, const SiteFile& file, bool varies);

// The first of `candidates` whose encoding the Accept-Encoding field takes; nullptr: the file itself.
const SiteFile* preferred_encoding(std::string_view accept_encoding,
                                   const std::vector<SiteFile>& candidates);

struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // included
};
enum class RangeKind : std::uint8_t { none, one, unsatisfiable };
// Of a Range field. Several ranges in one request count as none: the whole file is a right answer
// (RFC 9110 14.2).
RangeKind parse_range(std::string_view field, std::uint64_t size, ByteRange& range);

}  // namespace quicore::tools
