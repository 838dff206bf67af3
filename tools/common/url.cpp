// SPDX-License-Identifier: Apache-2.0
#include "tools/common/url.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>

namespace quicore::tools {

namespace {

constexpr std::uint16_t kHttpsPort = 443;

// RFC 3986 5.2.4.
std::string without_dot_segments(std::string_view path) {
  std::vector<std::string_view> kept;
  bool ends_in_folder = false;
  for (std::size_t at = 1; at <= path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, slash - at);
    ends_in_folder = segment == "." || segment == "..";
    if (segment == ".." && !kept.empty()) kept.pop_back();
    if (!ends_in_folder) kept.push_back(segment);
    at = slash + 1;
  }
  std::string text;
  for (const std::string_view segment : kept) text.append("/").append(segment);
  if (ends_in_folder || text.empty()) text += '/';
  return text;
}

// "scheme:" of RFC 3986 3.1, before any slash, question mark or hash.
bool has_scheme(std::string_view reference) noexcept {
  const std::size_t end = reference.find_first_of(":/?#");
  return end != std::string_view::npos && reference[end] == ':' && end > 0;
}

std::unexpected<Error> bad_url(std::string_view text, std::string_view why) {
  return failure(Errc::invalid_argument, "'" + std::string(text) + "' " + std::string(why) +
                                             "; write https://host[:port]/path");
}

}  // namespace

std::string Url::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != kHttpsPort) text += ":" + std::to_string(port);
  return text;
}

std::string Url::origin() const { return "https://" + authority(); }

Result<Url> parse_url(std::string_view text) {
  constexpr std::string_view kScheme = "https://";
  if (!text.starts_with(kScheme)) return bad_url(text, "does not begin with https://");
  std::string_view rest = text.substr(kScheme.size());
  rest = rest.substr(0, rest.find('#'));
  Url url;
  const std::size_t path = rest.find_first_of("/?");
  if (path != std::string_view::npos) {
    url.path =
        rest[path] == '/' ? std::string(rest.substr(path)) : "/" + std::string(rest.substr(path));
    rest = rest.substr(0, path);
  }
  if (rest.find('@') != std::string_view::npos)
    return bad_url(text, "has a user name, which is not supported");
  std::string_view port;
  if (rest.starts_with('[')) {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos) return bad_url(text, "has no ] behind the IPv6 address");
    url.host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    if (!rest.empty() && rest.front() != ':')
      return bad_url(text, "has something between ] and the port");
    if (!rest.empty()) port = rest.substr(1);
  } else {
    const std::size_t colon = rest.find(':');
    url.host = rest.substr(0, colon);
    if (colon != std::string_view::npos) port = rest.substr(colon + 1);
  }
  if (url.host.empty()) return bad_url(text, "has no host");
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc{} || end != port.data() + port.size() || url.port == 0) {
      return bad_url(text, "has a port that is not a number from 1 to 65535");
    }
  }
  return url;
}

Result<Url> resolve_reference(const Url& base, std::string_view reference) {
  if (has_scheme(reference)) return parse_url(reference);
  if (reference.starts_with("//")) return parse_url("https:" + std::string(reference));
  reference = reference.substr(0, reference.find('#'));
  Url url = base;
  if (reference.empty()) return url;
  const std::string_view base_path = std::string_view(base.path).substr(0, base.path.find('?'));
  const std::size_t query = std::min(reference.find('?'), reference.size());
  std::string path(reference.substr(0, query));
  if (path.empty()) {
    path = base_path;
  } else {
    if (!path.starts_with('/')) path.insert(0, base_path.substr(0, base_path.rfind('/') + 1));
    path = without_dot_segments(path);
  }
  url.path = path + std::string(reference.substr(query));
  return url;
}

Result<std::vector<Address>> resolve(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); error != 0) {
    return failure(Errc::invalid_argument, "cannot resolve '" + host +
                                               "': " + ::gai_strerror(error) +
                                               "; check the name and the network");
  }
  std::vector<Address> addresses;
  for (const addrinfo* it = found; it != nullptr; it = it->ai_next) {
    Address address = Address::from_sockaddr(it->ai_addr, it->ai_addrlen);
    if (address.empty()) continue;
    address.set_port(port);
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
      addresses.push_back(address);
    }
  }
  ::freeaddrinfo(found);
  if (addresses.empty()) {
    return failure(Errc::invalid_argument, "'" + host + "' has no IPv4 or IPv6 address");
  }
  return addresses;
}

}  // namespace quicore::tools
