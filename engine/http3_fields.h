// SPDX-License-Identifier: Apache-2.0
//
// From the Headers a user gives to the field lines nghttp3 encodes: missing pseudo-header fields
// are filled in, pseudo-header fields come first, and nothing malformed leaves (RFC 9114 4.2, 4.3).
// What would make the peer close the connection is an Error here that names the field.
//
//   request    :method GET, :scheme https, :authority (from `host`, else the session's), :path /
//   CONNECT    :authority is required, :scheme and :path are not allowed (RFC 9114 4.4)
//   response   :status 200; informational: :status 103 (Early Hints, RFC 8297)
//   trailers   no pseudo-header fields, no content-length (RFC 9110 6.5.1)
//
// Checked: names are lower-case tokens; values hold no CR, LF, NUL or other control characters and
// neither begin nor end with white space (RFC 9110 5.5); no connection-specific fields.
//
// Threading: functions of their arguments. Lifetime: FieldLines points into the Headers, the
// authority and literals: use it while all of them live and are unchanged.
// Cost: one pass for pseudo-header fields, one for the others; no allocation up to
// FieldLines::kInline lines.
#pragma once

#include <nghttp3/nghttp3.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/headers.h"
#include "engine/stream.h"
#include "io/address.h"
#include "io/error.h"

namespace quicore::engine {

class FieldLines {
 public:
  // Ordinary requests and responses have 5 to 30 lines.
  static constexpr std::size_t kInline = 32;

  FieldLines() = default;
  FieldLines(const FieldLines&) = delete;
  FieldLines& operator=(const FieldLines&) = delete;

  // Literals live forever: nghttp3 need not copy them.
  enum class Lifetime : std::uint8_t { caller, literal };
  void add(std::string_view name, std::string_view value, bool sensitive,
           Lifetime name_lifetime = Lifetime::caller, Lifetime value_lifetime = Lifetime::caller);

  const nghttp3_nv* data() const noexcept { return more_.empty() ? lines_.data() : more_.data(); }
  std::size_t size() const noexcept { return size_; }
  Field operator[](std::size_t index) const noexcept;
  // Of the field of that name.
  std::optional<std::uint64_t> content_length() const noexcept { return content_length_; }
  void set_content_length(std::uint64_t bytes) noexcept { content_length_ = bytes; }
  // Names + values + 32 a line (RFC 9114 4.2.2).
  std::size_t section_size() const noexcept { return text_size_ + 32 * size_; }

 private:
  std::array<nghttp3_nv, kInline> lines_;  // all of them, unless there are more ...
  std::vector<nghttp3_nv> more_;           // ... then all of them are here
  std::size_t size_ = 0;
  std::size_t text_size_ = 0;
  std::optional<std::uint64_t> content_length_;
};

// Each fills `lines` or fails with invalid_argument.
Result<> complete_request(const Headers& fields, std::string_view authority, FieldLines& lines);
// `section` is informational or headers. The status code is returned.
Result<unsigned> complete_response(const Headers& fields, FieldSection section, FieldLines& lines);
Result<> complete_trailers(const Headers& fields, FieldLines& lines);

// host[:port] as a client names its server: IPv6 literals in brackets, port 443 left out
// (RFC 9110 4.2.2). Without a host name, the remote IP address.
std::string authority_of(std::string_view hostname, const Address& remote);

}  // namespace quicore::engine
