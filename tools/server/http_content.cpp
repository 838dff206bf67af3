// SPDX-License-Identifier: Apache-2.0
#include "tools/server/http_content.h"

#include <array>
#include <cstdio>

#include "tools/common/parse.h"
#include "tools/server/http_date.h"

namespace quicore::tools {

namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// The next element of a list, without its comma.
std::string_view take_element(std::string_view& list) {
  const std::size_t comma = list.find(',');
  const std::string_view element = trim(list.substr(0, comma));
  list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  return element;
}

// RFC 9110 13.1.2: If-None-Match compares weakly, If-Match strongly.
bool names_tag(std::string_view list, std::string_view tag, bool weakly) {
  if (trim(list) == "*") return true;
  while (!list.empty()) {
    std::string_view element = take_element(list);
    if (weakly && element.starts_with("W/")) element.remove_prefix(2);
    if (element == tag) return true;
  }
  return false;
}

struct Validators {
  std::string tag;
  std::int64_t modified;  // seconds: what a date can say
};

// RFC 9110 13.2.2, in its order. Empty: go on.
std::string_view failed_condition(const Headers& request, const Validators& have) {
  if (const auto match = request.get("if-match")) {
    if (!names_tag(*match, have.tag, false)) return "412";
  } else if (const auto since = request.get("if-unmodified-since")) {
    const auto date = parse_http_date(*since);
    if (date && have.modified > *date) return "412";
  }
  if (const auto none = request.get("if-none-match")) {
    if (names_tag(*none, have.tag, true)) return "304";
  } else if (const auto since = request.get("if-modified-since")) {
    const auto date = parse_http_date(*since);
    if (date && have.modified <= *date) return "304";
  }
  return {};
}

// RFC 9110 13.1.5: a part makes sense only of the same file.
bool range_applies(const Headers& request, const Validators& have) {
  const auto condition = request.get("if-range");
  if (!condition) return true;
  if (condition->starts_with('"')) return *condition == have.tag;
  const auto date = parse_http_date(*condition);
  return date && *date == have.modified;
}

bool accepts(std::string_view accept_encoding, std::string_view encoding) {
  std::optional<bool> any;
  while (!accept_encoding.empty()) {
    std::string_view element = take_element(accept_encoding);
    const std::size_t semicolon = element.find(';');
    const std::string_view name = trim(element.substr(0, semicolon));
    bool taken = true;
    if (semicolon != std::string_view::npos) {
      const std::string_view weight = trim(element.substr(semicolon + 1));
      // "q=0", "q=0.0" ...: not acceptable.
      taken =
          !weight.starts_with("q=0") || weight.find_first_not_of("0.", 2) != std::string_view::npos;
    }
    if (name == encoding || (encoding == "gzip" && name == "x-gzip")) return taken;
    if (name == "*") any = taken;
  }
  return any.value_or(false);
}

}  // namespace

std::string etag_of(const SiteFile& file) {
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), "\"%llx-%llx\"",
                                 static_cast<unsigned long long>(file.modified),
                                 static_cast<unsigned long long>(file.size));
  return {text.data(), static_cast<std::size_t>(size)};
}

RangeKind parse_range(std::string_view field, std::uint64_t size, ByteRange& range) {
  constexpr std::string_view kUnit = "bytes=";
  if (!field.starts_with(kUnit)) return RangeKind::none;
  field = trim(field.substr(kUnit.size()));
  const std::size_t dash = field.find('-');
  if (dash == std::string_view::npos || field.find(',') != std::string_view::npos) {
    return RangeKind::none;
  }
  const std::string_view last_text = trim(field.substr(dash + 1));
  const auto first = parse_number(trim(field.substr(0, dash)), 0, UINT64_MAX);
  const auto last = parse_number(last_text, 0, UINT64_MAX);
  if (dash == 0) {  // the last so many bytes
    if (!last) return RangeKind::none;
    if (*last == 0 || size == 0) return RangeKind::unsatisfiable;
    range = {*last < size ? size - *last : 0, size - 1};
    return RangeKind::one;
  }
  if (!first || (!last && !last_text.empty()) || (last && *last < *first)) return RangeKind::none;
  if (*first >= size) return RangeKind::unsatisfiable;
  range = {*first, last && *last < size ? *last : size - 1};
  return RangeKind::one;
}

const SiteFile* preferred_encoding(std::string_view accept_encoding,
                                   const std::vector<SiteFile>& candidates) {
  for (const SiteFile& candidate : candidates) {
    if (accepts(accept_encoding, candidate.encoding)) return &candidate;
  }
  return nullptr;
}

ContentAnswer answer_for(const Headers& request, const SiteFile& file, bool varies) {
  ContentAnswer answer;
  // A time within the present second may still change without changing the date.
  const Validators have{etag_of(file), file.modified / kNanosecondsPerSecond};
  const auto describe = [&](std::string_view status) {
    answer.headers.add(":status", status);
    answer.headers.add("etag", have.tag);
    answer.headers.add("last-modified", http_date(have.modified));
    if (varies) answer.headers.add("vary", "accept-encoding");
  };
  if (const std::string_view status = failed_condition(request, have); !status.empty()) {
    describe(status);
    return answer;
  }
  ByteRange range;
  RangeKind kind = RangeKind::none;
  const auto field = request.get("range");
  if (field && request.get(":method") == "GET" && range_applies(request, have)) {
    kind = parse_range(*field, file.size, range);
  }
  const std::string total = std::to_string(file.size);
  if (kind == RangeKind::unsatisfiable) {
    describe("416");
    answer.headers.add("content-range", "bytes */" + total);
    return answer;
  }
  describe(kind == RangeKind::one ? "206" : "200");
  answer.headers.add("accept-ranges", "bytes");
  answer.headers.add("content-type", file.type);
  if (!file.encoding.empty()) answer.headers.add("content-encoding", file.encoding);
  answer.has_body = true;
  answer.length = file.size;
  if (kind == RangeKind::one) {
    answer.offset = range.first;
    answer.length = range.last - range.first + 1;
    answer.headers.add("content-range", "bytes " + std::to_string(range.first) + "-" +
                                            std::to_string(range.last) + "/" + total);
  }
  answer.headers.add("content-length", std::to_string(answer.length));
  return answer;
}

}  // namespace quicore::tools
