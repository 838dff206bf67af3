// SPDX-License-Identifier: Apache-2.0
#include "io/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <charconv>
#include <optional>

namespace quicore {

namespace {

// Offsets inside sockaddr_in and sockaddr_in6; family and port sit in the same place in both.
constexpr std::size_t kPortOffset = offsetof(sockaddr_in, sin_port);
constexpr std::size_t kIpv4Offset = offsetof(sockaddr_in, sin_addr);
constexpr std::size_t kIpv6Offset = offsetof(sockaddr_in6, sin6_addr);
static_assert(kPortOffset == offsetof(sockaddr_in6, sin6_port));
static_assert(sizeof(sockaddr_in6) == Address::kCapacity);

constexpr std::array<unsigned char, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

template <class Sockaddr>
Sockaddr load(const Address& address) noexcept {
  Sockaddr result;
  std::memcpy(&result, address.data(), sizeof(result));
  return result;
}

template <class Sockaddr>
Address store(const Sockaddr& sockaddr) noexcept {
  return Address::from_sockaddr(&sockaddr, sizeof(sockaddr));
}

Address make_ipv4(in_addr ip, std::uint16_t port) noexcept {
  sockaddr_in sockaddr{};
  sockaddr.sin_family = AF_INET;
  sockaddr.sin_port = htons(port);
  sockaddr.sin_addr = ip;
  return store(sockaddr);
}

Address make_ipv6(const in6_addr& ip, std::uint16_t port, std::uint32_t scope) noexcept {
  sockaddr_in6 sockaddr{};
  sockaddr.sin6_family = AF_INET6;
  sockaddr.sin6_port = htons(port);
  sockaddr.sin6_addr = ip;
  sockaddr.sin6_scope_id = scope;
  return store(sockaddr);
}

std::optional<std::uint32_t> parse_scope(const std::string& zone) noexcept {
  if (const unsigned index = if_nametoindex(zone.c_str()); index != 0) return index;
  std::uint32_t number = 0;
  const char* end = zone.data() + zone.size();
  const auto parsed = std::from_chars(zone.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number == 0) return std::nullopt;
  return number;
}

std::unexpected<Error> not_an_address(std::string_view text) {
  return failure(Errc::invalid_argument,
                 "'" + std::string(text) +
                     "' is not an IP address; write one like 127.0.0.1 or ::1, not a name");
}

__extension__ using Uint128 = unsigned __int128;

// One multiply-and-fold step: every input bit reaches every output bit.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
  const Uint128 product = Uint128{a ^ 0x9e3779b97f4a7c15U} * (b ^ 0xd1b54a32d192ed03U);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

Result<Address> Address::parse(std::string_view ip, std::uint16_t port) {
  const std::string text(ip);
  in_addr ipv4{};
  if (inet_pton(AF_INET, text.c_str(), &ipv4) == 1 && text.size() == ip.size()) {
    return make_ipv4(ipv4, port);
  }
  const auto percent = text.find('%');
  in6_addr ipv6{};
  if (inet_pton(AF_INET6, text.substr(0, percent).c_str(), &ipv6) != 1) return not_an_address(ip);
  if (percent == std::string::npos) return make_ipv6(ipv6, port, 0);
  const auto scope = parse_scope(text.substr(percent + 1));
  if (!scope) {
    return failure(Errc::invalid_argument, "'" + text + "': this machine has no interface '" +
                                               text.substr(percent + 1) +
                                               "'; `ip link` lists the ones it has");
  }
  return make_ipv6(ipv6, port, *scope);
}

Result<Address> Address::parse_with_port(std::string_view text) {
  const auto expected = [&] {
    return failure(Errc::invalid_argument, "'" + std::string(text) +
                                               "' is not an address with a port; write "
                                               "127.0.0.1:4433 or [::1]:4433");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return expected();
  std::string_view ip = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (ip.size() >= 2 && ip.front() == '[' && ip.back() == ']') {
    ip = ip.substr(1, ip.size() - 2);
    if (ip.find(':') == std::string_view::npos) return expected();
  } else if (ip.find(':') != std::string_view::npos) {
    return expected();  // "::1:4433": nobody can tell where the address ends
  }
  std::uint16_t port = 0;
  const char* end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, port);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return failure(Errc::invalid_argument,
                   "'" + std::string(digits) + "' is not a port number; it must be 0 to 65535");
  }
  return parse(ip, port);
}

Address Address::from_sockaddr(const void* sockaddr, std::size_t size) noexcept {
  Address address;
  sa_family_t family = AF_UNSPEC;
  if (size < sizeof(family)) return address;
  std::memcpy(&family, sockaddr, sizeof(family));
  if (family == AF_INET && size >= sizeof(sockaddr_in)) {
    address.size_ = sizeof(sockaddr_in);
  } else if (family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    address.size_ = sizeof(sockaddr_in6);
  }
  std::memcpy(address.storage_.data(), sockaddr, address.size_);
  return address;
}

Address Address::any(Family family, std::uint16_t port) noexcept {
  if (family == Family::ipv4) return make_ipv4({htonl(INADDR_ANY)}, port);
  if (family == Family::ipv6) return make_ipv6(in6addr_any, port, 0);
  return {};
}

Address Address::loopback(Family family, std::uint16_t port) noexcept {
  if (family == Family::ipv4) return make_ipv4({htonl(INADDR_LOOPBACK)}, port);
  if (family == Family::ipv6) return make_ipv6(in6addr_loopback, port, 0);
  return {};
}

Family Address::family() const noexcept {
  if (size_ == sizeof(sockaddr_in)) return Family::ipv4;
  return size_ == sizeof(sockaddr_in6) ? Family::ipv6 : Family::none;
}

std::uint16_t Address::port() const noexcept {
  std::uint16_t port = 0;
  std::memcpy(&port, storage_.data() + kPortOffset, sizeof(port));
  return ntohs(port);
}

void Address::set_port(std::uint16_t port) noexcept {
  if (empty()) return;
  port = htons(port);
  std::memcpy(storage_.data() + kPortOffset, &port, sizeof(port));
}

void Address::set_flow_label(std::uint32_t label) noexcept {
  if (family() != Family::ipv6) return;
  const std::uint32_t flow = htonl(label & 0xfffffU);
  std::memcpy(storage_.data() + offsetof(sockaddr_in6, sin6_flowinfo), &flow, sizeof(flow));
}

std::uint32_t Address::flow_label() const noexcept {
  if (family() != Family::ipv6) return 0;
  return ntohl(load<sockaddr_in6>(*this).sin6_flowinfo) & 0xfffffU;
}

bool Address::is_any() const noexcept {
  if (empty()) return false;
  const Address host = unmapped();
  for (const char byte : host.ip_bytes()) {
    if (byte != 0) return false;
  }
  return true;
}

bool Address::is_loopback() const noexcept {
  const Address host = unmapped();
  if (host.family() == Family::ipv4) return static_cast<unsigned char>(host.ip_bytes()[0]) == 127;
  if (host.family() != Family::ipv6) return false;
  const auto ip = load<sockaddr_in6>(host).sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&ip);
}

Address Address::unmapped() const noexcept {
  if (family() != Family::ipv6) return *this;
  const auto sockaddr = load<sockaddr_in6>(*this);
  if (std::memcmp(&sockaddr.sin6_addr, kMappedPrefix.data(), kMappedPrefix.size()) != 0) {
    return *this;
  }
  in_addr ipv4{};
  std::memcpy(&ipv4, sockaddr.sin6_addr.s6_addr + kMappedPrefix.size(), sizeof(ipv4));
  return make_ipv4(ipv4, port());
}

Address Address::host() const noexcept {
  Address host = *this;
  host.set_port(0);
  host.set_flow_label(0);
  return host;
}

std::string Address::ip() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (family() == Family::ipv4) {
    const auto ip = load<sockaddr_in>(*this).sin_addr;
    return inet_ntop(AF_INET, &ip, text.data(), text.size());
  }
  if (family() != Family::ipv6) return {};
  const auto sockaddr = load<sockaddr_in6>(*this);
  std::string result = inet_ntop(AF_INET6, &sockaddr.sin6_addr, text.data(), text.size());
  if (sockaddr.sin6_scope_id != 0) {
    std::array<char, IF_NAMESIZE> name{};
    const char* known = if_indextoname(sockaddr.sin6_scope_id, name.data());
    result += '%';
    result += known != nullptr ? std::string(known) : std::to_string(sockaddr.sin6_scope_id);
  }
  return result;
}

std::string Address::to_string() const {
  if (empty()) return "none";
  const std::string port_text = std::to_string(port());
  return family() == Family::ipv4 ? ip() + ":" + port_text : "[" + ip() + "]:" + port_text;
}

std::string_view Address::ip_bytes() const noexcept {
  const char* bytes = reinterpret_cast<const char*>(storage_.data());
  if (family() == Family::ipv4) return {bytes + kIpv4Offset, 4};
  if (family() == Family::ipv6) return {bytes + kIpv6Offset, 16};
  return {};
}

std::uint64_t Address::hash() const noexcept {
  if (family() == Family::ipv4) {
    std::uint64_t head = 0;  // family, port and address are the first eight bytes
    std::memcpy(&head, storage_.data(), sizeof(head));
    return mix(head, 4);
  }
  if (family() != Family::ipv6) return 0;
  const auto sockaddr = load<sockaddr_in6>(*this);
  std::array<std::uint64_t, 2> ip{};
  std::memcpy(ip.data(), &sockaddr.sin6_addr, sizeof(ip));
  const std::uint64_t tail = (std::uint64_t{sockaddr.sin6_scope_id} << 32) | sockaddr.sin6_port;
  return mix(mix(ip[0], ip[1]), tail);
}

bool operator==(const Address& a, const Address& b) noexcept {
  if (a.size_ != b.size_) return false;
  const std::byte* x = a.storage_.data();
  const std::byte* y = b.storage_.data();
  if (a.size_ == sizeof(sockaddr_in)) return std::memcmp(x, y, kIpv4Offset + 4) == 0;
  return std::memcmp(x, y, 4) == 0 && std::memcmp(x + kIpv6Offset, y + kIpv6Offset, 20) == 0;
}

}  // namespace quicore
