// SPDX-License-Identifier: Apache-2.0
//
// An IP address and UDP port, stored exactly as the kernel's sockaddr_in / sockaddr_in6 so that no
// packet pays for a conversion: `data()`/`size()` go straight into msg_name and ngtcp2_addr.
//
// A value type of 32 bytes, trivially copyable, any thread.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "io/error.h"

namespace quicore {

// Of IP; `none` for an empty address.
enum class Family : std::uint8_t { none, ipv4, ipv6 };

// An IP address and a UDP port. A value of 28 bytes, without allocation.
class Address {
 public:
  static constexpr std::size_t kCapacity = 28;  // sizeof(sockaddr_in6)

  Address() = default;

  // From a literal IPv4 or IPv6 address ("127.0.0.1", "::1", "fe80::1%eth0"). Names are not
  // resolved here: resolving blocks. Fails with invalid_argument and says what was expected.
  static Result<Address> parse(std::string_view ip, std::uint16_t port);
  // "127.0.0.1:4433", "[::1]:4433".
  static Result<Address> parse_with_port(std::string_view text);
  // From a sockaddr as the kernel wrote it; anything but AF_INET/AF_INET6 gives an empty address.
  static Address from_sockaddr(const void* sockaddr, std::size_t size) noexcept;
  // 0.0.0.0 or [::]: every address of this machine, to bind to.
  static Address any(Family family, std::uint16_t port) noexcept;
  // 127.0.0.1 or [::1].
  static Address loopback(Family family, std::uint16_t port) noexcept;

  // `none` when it is empty.
  Family family() const noexcept;
  // In host byte order; 0 when it is empty.
  std::uint16_t port() const noexcept;
  // In host byte order.
  void set_port(std::uint16_t port) noexcept;
  void set_flow_label(std::uint32_t label) noexcept;  // IPv6 only, 20 bits
  std::uint32_t flow_label() const noexcept;          // 0 when there is none
  // Made by default: no address.
  bool empty() const noexcept { return size_ == 0; }
  // 0.0.0.0 or [::].
  bool is_any() const noexcept;
  // 127.0.0.0/8 or [::1].
  bool is_loopback() const noexcept;
  // ::ffff:a.b.c.d becomes a.b.c.d; every other address is returned as it is.
  Address unmapped() const noexcept;
  // The address alone, without its port: what per-host limits count by.
  Address host() const noexcept;

  std::string ip() const;         // "127.0.0.1", "::1"
  std::string to_string() const;  // "127.0.0.1:4433", "[::1]:4433"

  // A sockaddr, for system calls.
  const void* data() const noexcept { return storage_.data(); }
  // The same, for system calls that write one.
  void* data() noexcept { return storage_.data(); }
  // Of the sockaddr.
  std::uint32_t size() const noexcept { return size_; }

  // The bytes of the IP address (4, 16 or 0) in network order.
  std::string_view ip_bytes() const noexcept;
  // Of address and port, without a key.
  std::uint64_t hash() const noexcept;

  // Family, IP, port and scope; the flow label is not part of an address's identity.
  friend bool operator==(const Address& a, const Address& b) noexcept;

 private:
  alignas(4) std::array<std::byte, kCapacity> storage_{};
  std::uint32_t size_ = 0;
};

}  // namespace quicore
