// SPDX-License-Identifier: Apache-2.0
//
// The key schedule of QUIC: RFC 9001 section 5.1 and 5.2 (version 1), RFC 9369 section 3.3
// (version 2: other salt, other labels). Pure functions over HKDF. The results are secrets: callers
// wipe them (`PacketKeys` wipes itself).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/packet_protection_backend.h"

namespace quicore::engine {

// Overwrites memory in a way the compiler keeps.
void wipe(void* memory, std::size_t size) noexcept;

struct PacketKeys {
  std::array<std::uint8_t, kMaxAeadKeySize> key{};
  std::array<std::uint8_t, kAeadNonceSize> iv{};
  std::array<std::uint8_t, kMaxAeadKeySize> header_key{};

  PacketKeys() = default;
  PacketKeys(const PacketKeys&) = delete;
  PacketKeys& operator=(const PacketKeys&) = delete;
  ~PacketKeys() { wipe(this, sizeof *this); }
};

inline constexpr std::size_t kInitialSecretSize = 32;

struct InitialSecrets {
  std::array<std::uint8_t, kInitialSecretSize> client{};
  std::array<std::uint8_t, kInitialSecretSize> server{};
};

// The size of the suite's hash, which is the size of its traffic secrets.
std::size_t secret_size(CipherSuite suite) noexcept;

// RFC 9001 5.2. `connection_id` is the client's first Destination Connection ID (after a Retry, the
// server's choice). All of these return false only when the hash library fails.
[[nodiscard]] bool derive_initial_secrets(InitialSecrets& secrets, std::uint32_t version,
                                          std::span<const std::uint8_t> connection_id) noexcept;

// Key, IV and header-protection key of a traffic secret.
[[nodiscard]] bool derive_packet_keys(PacketKeys& keys, std::uint32_t version, CipherSuite suite,
                                      std::span<const std::uint8_t> secret) noexcept;

// The same without the header-protection key, which a key update leaves as it is (RFC 9001 6.1).
[[nodiscard]] bool derive_updated_keys(PacketKeys& keys, std::uint32_t version, CipherSuite suite,
                                       std::span<const std::uint8_t> secret) noexcept;

// The secret of the next key phase (RFC 9001 6.1). `next` has the size of `secret`.
[[nodiscard]] bool derive_next_secret(std::uint8_t* next, std::uint32_t version, CipherSuite suite,
                                      std::span<const std::uint8_t> secret) noexcept;

}  // namespace quicore::engine
