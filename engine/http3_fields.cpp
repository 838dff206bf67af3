// SPDX-License-Identifier: Apache-2.0
#include "engine/http3_fields.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <optional>

#include "engine/octet_words.h"

namespace quicore::engine {

namespace {

using Lifetime = FieldLines::Lifetime;

const std::uint8_t* octets(std::string_view text) noexcept {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

// --- errors --------------------------------------------------------------------------------------

// The name as a person can read it: it may hold anything.
std::string quoted(std::string_view name) {
  std::string text = "'";
  for (const char c : name.substr(0, 64)) text += c > ' ' && c < '\x7f' ? c : '?';
  return text + (name.size() > 64 ? "...'" : "'");
}

std::unexpected<Error> refuse(std::string_view name, std::string_view why) {
  return failure(Errc::invalid_argument, "field " + quoted(name) + ": " + std::string(why));
}

std::string_view fault_of_value(std::string_view value) noexcept {
  if (value.find_first_of("\r\n") != value.npos) return "the value contains a line break";
  if (value.find('\0') != value.npos) return "the value contains a NUL byte";
  constexpr std::string_view kWhiteSpace = " \t";
  if (kWhiteSpace.contains(value.front()) || kWhiteSpace.contains(value.back())) {
    return "the value begins or ends with white space; trim it";
  }
  return "the value contains a control character";
}

// --- characters ----------------------------------------------------------------------------------

class CharacterSet {
 public:
  constexpr explicit CharacterSet(std::string_view others, bool letters_and_digits = true) {
    for (const char c : others) allowed_[static_cast<std::uint8_t>(c)] = true;
    for (int c = 0; letters_and_digits && c < 128; ++c) {
      if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) {
        allowed_[static_cast<std::size_t>(c)] = true;
      }
    }
  }
  constexpr bool holds_all_of(std::string_view text) const noexcept {
    return std::all_of(text.begin(), text.end(),
                       [this](char c) { return allowed_[static_cast<std::uint8_t>(c)]; });
  }

 private:
  std::array<bool, 256> allowed_{};
};

constexpr CharacterSet kTokenCharacters("!#$%&'*+-.^_`|~");          // RFC 9110 5.6.2
constexpr CharacterSet kSchemeCharacters("+-.");                     // RFC 3986 3.1
constexpr CharacterSet kAuthorityCharacters("-._~%!$&'()*+,;=:[]");  // RFC 3986 3.2, no user info
constexpr CharacterSet kDigits("0123456789", false);

bool visible(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto octet = static_cast<std::uint8_t>(c);
    return octet > ' ' && octet != 0x7f;
  });
}

// --- pseudo-header fields (RFC 9114 4.3)
// -----------------------------------------------------------

struct PseudoFields {
  std::optional<std::string_view> method, scheme, authority, path, protocol, status;
  std::optional<std::string_view> host;  // not one of them, but it may stand for :authority
};

enum class Message : std::uint8_t { request, response, trailers };

std::optional<std::string_view>* slot_of(PseudoFields& pseudo, std::string_view name,
                                         Message message) noexcept {
  if (message == Message::request) {
    if (is(name, ":method")) return &pseudo.method;
    if (is(name, ":path")) return &pseudo.path;
    if (is(name, ":scheme")) return &pseudo.scheme;
    if (is(name, ":authority")) return &pseudo.authority;
    if (is(name, ":protocol")) return &pseudo.protocol;
  }
  if (message == Message::response && is(name, ":status")) return &pseudo.status;
  return nullptr;
}

std::unexpected<Error> refuse_pseudo(std::string_view name, Message message) {
  switch (message) {
    case Message::request:
      return refuse(name, "requests have :method, :scheme, :authority, :path and :protocol only");
    case Message::response:
      return refuse(name, "responses have :status only");
    case Message::trailers:
      break;
  }
  return refuse(name, "trailers have no pseudo-header fields; send it with the headers");
}

Result<PseudoFields> find_pseudo(const Headers& fields, Message message) {
  PseudoFields pseudo;
  for (const Field field : fields) {
    if (field.name.empty()) return refuse(field.name, "the name is empty");
    if (field.name.front() != ':') {
      if (message == Message::request && is(field.name, "host")) {
        if (pseudo.host) return refuse(field.name, "it is given twice");
        pseudo.host = field.value;
      }
      continue;
    }
    std::optional<std::string_view>* slot = slot_of(pseudo, field.name, message);
    if (slot == nullptr) return refuse_pseudo(field.name, message);
    if (*slot) return refuse(field.name, "it is given twice");
    *slot = field.value;
  }
  return pseudo;
}

// --- all other fields
// ------------------------------------------------------------------------------

// RFC 9114 4.2: they belong to one HTTP/1.1 connection and make a message malformed.
bool connection_specific(std::string_view name) noexcept {
  switch (name.size()) {
    case 7:
      return is(name, "upgrade");
    case 10:
      return is(name, "connection") || is(name, "keep-alive");
    case 16:
      return is(name, "proxy-connection");
    case 17:
      return is(name, "transfer-encoding");
    default:
      return false;
  }
}

bool is_trailers(std::string_view value) noexcept {
  constexpr std::string_view kTrailers = "trailers";
  return std::equal(value.begin(), value.end(), kTrailers.begin(), kTrailers.end(),
                    [](char a, char b) { return (a | 0x20) == b; });
}

bool is_name(std::string_view name) noexcept {
  return consists_of(name, is_plain_name) ||
         nghttp3_check_header_name(octets(name), name.size()) != 0;
}

bool is_value(std::string_view value) noexcept {
  if (value.empty()) return true;
  if (value.front() != ' ' && value.back() != ' ' && consists_of(value, is_plain_value))
    return true;
  return nghttp3_check_header_value(octets(value), value.size()) != 0;
}

// Its name is not empty.
Result<> check_field(const Field& field) {
  if (!is_name(field.name)) {
    return refuse(field.name, "the name must consist of letters, digits and !#$%&'*+-.^_`|~");
  }
  if (!is_value(field.value)) {
    return refuse(field.name, fault_of_value(field.value));
  }
  if (connection_specific(field.name)) {
    return refuse(field.name,
                  "HTTP/3 has no connection-specific fields (RFC 9114 4.2); leave it out");
  }
  if (is(field.name, "te") && !is_trailers(field.value)) {
    return refuse(field.name, "the only value HTTP/3 permits is 'trailers'");
  }
  return {};
}

// A wrong one makes the message malformed (RFC 9114 4.1.2), which costs the whole connection.
Result<> take_content_length(const Field& field, FieldLines& lines, bool allowed) {
  if (!allowed) {
    return refuse(field.name, "hints, trailers, CONNECT and 204 responses must not have it");
  }
  if (lines.content_length()) return refuse(field.name, "it is given twice");
  constexpr std::size_t kMaxDigits = 18;  // below 2^62
  if (field.value.empty() || field.value.size() > kMaxDigits ||
      !kDigits.holds_all_of(field.value)) {
    return refuse(field.name, "the value must be a number of bytes");
  }
  std::uint64_t bytes = 0;
  std::from_chars(field.value.begin(), field.value.end(), bytes);
  lines.set_content_length(bytes);
  return {};
}

Result<> add_regular(const Headers& fields, FieldLines& lines, bool content_length_allowed,
                     bool leave_host_out = false) {
  for (const Field field : fields) {
    if (field.name.front() == ':') continue;
    if (auto ok = check_field(field); !ok) return ok;
    if (is(field.name, "content-length")) {
      if (auto ok = take_content_length(field, lines, content_length_allowed); !ok) {
        return ok;
      }
    }
    if (leave_host_out && is(field.name, "host")) continue;
    lines.add(field.name, field.value, field.sensitive);
  }
  return {};
}

// --- requests
// ----------------------------------------------------------------------------------------

Result<> check_authority(std::string_view name, std::string_view authority) {
  if (authority.empty()) return refuse(name, "it must name a host");
  if (!kAuthorityCharacters.holds_all_of(authority)) {
    return refuse(name, "it must be host or host:port, without user name or spaces");
  }
  return {};
}

Result<> check_target(std::string_view method, std::string_view scheme, std::string_view path) {
  const bool letter_first =
      !scheme.empty() && (scheme[0] | 0x20) >= 'a' && (scheme[0] | 0x20) <= 'z';
  if (!letter_first || !kSchemeCharacters.holds_all_of(scheme)) {
    return refuse(":scheme", "it must be a URI scheme such as 'https'");
  }
  if (!visible(path)) {
    return refuse(":path", "spaces and control characters must be percent-encoded");
  }
  const bool http = scheme == "https" || scheme == "http";
  const bool asterisk = method == "OPTIONS" && path == "*";
  if (http && !path.starts_with('/') && !asterisk) {
    return refuse(":path", "it must begin with '/' ('*' is for OPTIONS only)");
  }
  return {};
}

// RFC 8441 4, RFC 9220 3.
Result<> check_protocol(std::string_view method, std::string_view protocol) {
  if (method != "CONNECT") return refuse(":protocol", "it is for the method CONNECT only");
  if (protocol.empty() || !kTokenCharacters.holds_all_of(protocol)) {
    return refuse(":protocol", "it must be a token such as 'websocket'");
  }
  return {};
}

Result<> add_connect(const PseudoFields& pseudo, FieldLines& lines) {
  if (pseudo.scheme || pseudo.path) {
    return refuse(pseudo.scheme ? ":scheme" : ":path", "CONNECT has none (RFC 9114 4.4)");
  }
  if (!pseudo.authority) {
    return refuse(":authority", "CONNECT needs it: the host and port to connect to");
  }
  if (auto ok = check_authority(":authority", *pseudo.authority); !ok) return ok;
  lines.add(":method", "CONNECT", false, Lifetime::literal, Lifetime::literal);
  lines.add(":authority", *pseudo.authority, false, Lifetime::literal);
  return {};
}

void add_pseudo(FieldLines& lines, std::string_view literal_name,
                const std::optional<std::string_view>& given, std::string_view literal_default) {
  lines.add(literal_name, given.value_or(literal_default), false, Lifetime::literal,
            given ? Lifetime::caller : Lifetime::literal);
}

}  // namespace

// --- FieldLines
// --------------------------------------------------------------------------------------

void FieldLines::add(std::string_view name, std::string_view value, bool sensitive,
                     Lifetime name_lifetime, Lifetime value_lifetime) {
  std::uint8_t flags = NGHTTP3_NV_FLAG_NONE;
  if (sensitive) flags |= NGHTTP3_NV_FLAG_NEVER_INDEX;
  if (name_lifetime == Lifetime::literal) flags |= NGHTTP3_NV_FLAG_NO_COPY_NAME;
  if (value_lifetime == Lifetime::literal) flags |= NGHTTP3_NV_FLAG_NO_COPY_VALUE;
  const nghttp3_nv line{octets(name), octets(value), name.size(), value.size(), flags};
  if (size_ < kInline) {
    lines_[size_] = line;
  } else {
    if (more_.empty()) more_.assign(lines_.begin(), lines_.end());
    more_.push_back(line);
  }
  ++size_;
  text_size_ += name.size() + value.size();
}

Field FieldLines::operator[](std::size_t index) const noexcept {
  const nghttp3_nv& line = data()[index];
  return {{reinterpret_cast<const char*>(line.name), line.namelen},
          {reinterpret_cast<const char*>(line.value), line.valuelen},
          (line.flags & NGHTTP3_NV_FLAG_NEVER_INDEX) != 0};
}

// --- completion
// --------------------------------------------------------------------------------------

Result<> complete_request(const Headers& fields, std::string_view authority, FieldLines& lines) {
  const auto found = find_pseudo(fields, Message::request);
  if (!found) return std::unexpected(found.error());
  const PseudoFields& pseudo = *found;
  const std::string_view method = pseudo.method.value_or("GET");
  if (method.empty() || !kTokenCharacters.holds_all_of(method)) {
    return refuse(":method", "it must be a token such as 'GET'");
  }
  // RFC 9114 4.3.1: both may be there only with the same value; one line says it all.
  if (pseudo.host && pseudo.authority && *pseudo.host != *pseudo.authority) {
    return refuse("host", "it differs from :authority; leave it out");
  }
  if (pseudo.protocol) {
    if (auto ok = check_protocol(method, *pseudo.protocol); !ok) return ok;
  } else if (method == "CONNECT") {
    if (auto ok = add_connect(pseudo, lines); !ok) return ok;
    return add_regular(fields, lines, false, true);
  }
  const std::string_view target = pseudo.authority.value_or(pseudo.host.value_or(authority));
  const bool from_host = !pseudo.authority && pseudo.host;
  if (auto ok = check_authority(from_host ? "host" : ":authority", target); !ok) return ok;
  const std::string_view scheme = pseudo.scheme.value_or("https");
  const std::string_view path = pseudo.path.value_or("/");
  if (auto ok = check_target(method, scheme, path); !ok) return ok;
  add_pseudo(lines, ":method", pseudo.method, "GET");
  add_pseudo(lines, ":scheme", pseudo.scheme, "https");
  lines.add(":authority", target, false, Lifetime::literal);
  add_pseudo(lines, ":path", pseudo.path, "/");
  if (pseudo.protocol) lines.add(":protocol", *pseudo.protocol, false, Lifetime::literal);
  return add_regular(fields, lines, !pseudo.protocol, true);
}

Result<unsigned> complete_response(const Headers& fields, FieldSection section, FieldLines& lines) {
  const auto pseudo = find_pseudo(fields, Message::response);
  if (!pseudo) return std::unexpected(pseudo.error());
  const bool informational = section == FieldSection::informational;
  const std::string_view text = pseudo->status.value_or(informational ? "103" : "200");
  if (text.size() != 3 || !kDigits.holds_all_of(text)) {
    return refuse(":status", "it must be a number of three digits");
  }
  const auto status =
      static_cast<unsigned>((text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0'));
  if (status == 101) return refuse(":status", "HTTP/3 has no 101 Switching Protocols");
  if (informational && status / 100 != 1) {
    return refuse(":status", "hints have a status of 100 to 199; send others with the headers");
  }
  if (!informational && (status < 200 || status > 599)) {
    return refuse(":status", "the response has a status of 200 to 599; send 1xx as hints");
  }
  add_pseudo(lines, ":status", pseudo->status, informational ? "103" : "200");
  // RFC 9110 8.6: not with 1xx and 204.
  if (auto ok = add_regular(fields, lines, !informational && status != 204); !ok) {
    return std::unexpected(ok.error());
  }
  return status;
}

Result<> complete_trailers(const Headers& fields, FieldLines& lines) {
  if (const auto pseudo = find_pseudo(fields, Message::trailers); !pseudo) {
    return std::unexpected(pseudo.error());
  }
  return add_regular(fields, lines, false);
}

std::string authority_of(std::string_view hostname, const Address& remote) {
  const std::string host = hostname.empty() ? remote.ip() : std::string(hostname);
  const bool bracketed = host.find(':') != host.npos && !host.starts_with('[');
  std::string authority = bracketed ? "[" + host + "]" : host;
  if (remote.port() != 443) authority += ":" + std::to_string(remote.port());
  return authority;
}

}  // namespace quicore::engine
