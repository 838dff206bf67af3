// SPDX-License-Identifier: Apache-2.0
//
// An https URL and where it leads. Resolving blocks: do it before the runtime starts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/address.h"
#include "io/error.h"

namespace quicore::tools {

struct Url {
  std::string host;  // without brackets
  std::uint16_t port = 443;
  std::string path = "/";  // with the query, without the fragment

  // "host", or "host:port" where it is not 443: the :authority.
  std::string authority() const;
  // "https://host:port"
  std::string origin() const;
};

// Fails with a sentence that says what a URL looks like here.
Result<Url> parse_url(std::string_view text);

// Where a reference seen at `base` leads, as in a Location field (RFC 3986 5.2): absolute, with the
// host alone (//host/path), absolute or relative path, or query alone. Fails where it is no https.
Result<Url> resolve_reference(const Url& base, std::string_view reference);

// The addresses of a name or literal, in the order the system prefers. Fails with the resolver's
// reason.
Result<std::vector<Address>> resolve(const std::string& host, std::uint16_t port);

}  // namespace quicore::tools
