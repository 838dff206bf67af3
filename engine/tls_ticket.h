// SPDX-License-Identifier: Apache-2.0
//
// Keys that seal a server's session tickets (RFC 5077 section 4, RFC 8446 4.6.1): AES-256-GCM, the
// key's name in front so that a server that has several knows which one to take.
//
// Two ways to get keys:
//  - given: 48 bytes each (16 name, 32 key). The first seals, all open. A fleet shares them.
//  - drawn: from a 48-byte seed and the time. A new key each period; the one before still opens.
//    The seed is replaced by a one-way function at each step (a ratchet), so old keys are gone for
//    good. Shards that start from the same seed take the same steps without talking to each other.
//
// Threading: one per TlsContext, on its shard's thread. Seal and open allocate only
// for a long bind().
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/error.h"
#include "io/time.h"

namespace quicore::engine {

class TicketKeys {
 public:
  static constexpr std::size_t kKeySize = 48;
  static constexpr std::size_t kNameSize = 16;
  static constexpr std::size_t kNonceSize = 12;
  static constexpr std::size_t kTagSize = 16;

  TicketKeys();
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  // Replaces all keys by the given ones. Errors: invalid_argument unless the size is a positive
  // multiple of 48; the old keys stay then.
  Result<> set(std::span<const std::uint8_t> keys);

  // Draws keys from `seed`, a new one every `period` (positive) after `drawn`; without `drawn` the
  // periods count from the first `advance`.
  Result<> draw(std::span<const std::uint8_t, kKeySize> seed, Duration period,
                std::optional<Instant> drawn);

  // Tickets open only where this is the same as where they were sealed.
  void bind(std::string_view context) { bound_to_ = context; }

  // Takes the steps of the ratchet that are due. One comparison when none is. Does nothing with
  // given keys.
  void advance(Instant now) noexcept;

  // Encrypts `ticket` in place; writes the key's name, the nonce and the tag. False when there is
  // no key or the library fails.
  bool seal(std::span<std::uint8_t> ticket, std::span<std::uint8_t, kNameSize> name,
            std::span<std::uint8_t, kNonceSize> nonce,
            std::span<std::uint8_t, kTagSize> tag) noexcept;
  // Decrypts `ticket` in place. False for an unknown key and for what is not authentic; the bytes
  // are then worthless.
  bool open(std::span<std::uint8_t> ticket, std::span<const std::uint8_t, kNameSize> name,
            std::span<const std::uint8_t, kNonceSize> nonce,
            std::span<const std::uint8_t, kTagSize> tag) noexcept;

 private:
  using Key = std::array<std::uint8_t, kKeySize>;

  struct Randomness;

  void clear() noexcept;
  bool step() noexcept;

  std::string additional_data(std::span<const std::uint8_t> name) const;

  std::string bound_to_;
  std::vector<Key> keys_;  // the first one seals
  Key seed_{};
  Duration period_{};  // zero: keys were given
  std::optional<Instant> next_step_;
  std::unique_ptr<Randomness> random_;  // of nonces; made with the first key
};

}  // namespace quicore::engine
