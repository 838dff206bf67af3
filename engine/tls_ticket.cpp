// SPDX-License-Identifier: Apache-2.0
#include "engine/tls_ticket.h"

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/hmac.h>
#include <wolfssl/wolfcrypt/random.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "engine/packet_protection_keys.h"
#include "engine/replay_filter.h"
#include "engine/tls_settings.h"

namespace quicore {

void share_ticket_seed(TlsSettings& settings, std::span<const std::uint8_t, kTicketKeySize> random,
                       Instant now) {
  if (settings.replay_filter == nullptr) {
    settings.replay_filter = std::make_shared<engine::ReplayFilter>();
  }
  if (settings.ticket_seed || !settings.ticket_keys.empty()) return;
  TicketSeed& seed = settings.ticket_seed.emplace();
  std::ranges::copy(random, seed.secret.begin());
  seed.drawn = now;
}

}  // namespace quicore

namespace quicore::engine {

namespace {

// The key in use and the one before it.
constexpr std::size_t kDrawnKeys = 2;

bool expand(std::span<const std::uint8_t> secret, std::string_view label,
            std::span<std::uint8_t> output) noexcept {
  return wc_HKDF_Expand(WC_SHA384, secret.data(), static_cast<word32>(secret.size()),
                        reinterpret_cast<const byte*>(label.data()),
                        static_cast<word32>(label.size()), output.data(),
                        static_cast<word32>(output.size())) == 0;
}

// AES-256-GCM with the second part of a ticket key.
class Cipher {
 public:
  explicit Cipher(std::span<const std::uint8_t, TicketKeys::kKeySize> key) noexcept {
    ok_ = wc_AesInit(&aes_, nullptr, INVALID_DEVID) == 0 &&
          wc_AesGcmSetKey(&aes_, key.data() + TicketKeys::kNameSize,
                          TicketKeys::kKeySize - TicketKeys::kNameSize) == 0;
  }
  ~Cipher() {
    wc_AesFree(&aes_);
    wipe(&aes_, sizeof aes_);
  }
  Cipher(const Cipher&) = delete;
  Cipher& operator=(const Cipher&) = delete;

  bool ok() const noexcept { return ok_; }
  Aes* native() noexcept { return &aes_; }

 private:
  Aes aes_;
  bool ok_ = false;
};

}  // namespace

struct TicketKeys::Randomness {
  WC_RNG generator{};
  bool ok = wc_InitRng(&generator) == 0;

  Randomness() = default;
  ~Randomness() {
    if (ok) wc_FreeRng(&generator);
  }
  Randomness(const Randomness&) = delete;
  Randomness& operator=(const Randomness&) = delete;
};

TicketKeys::TicketKeys() = default;

TicketKeys::~TicketKeys() { clear(); }

void TicketKeys::clear() noexcept {
  wipe(keys_.data(), keys_.size() * sizeof(Key));
  keys_.clear();
  wipe(seed_.data(), seed_.size());
}

Result<> TicketKeys::set(std::span<const std::uint8_t> keys) {
  if (keys.empty() || keys.size() % kKeySize != 0) {
    return failure(Errc::invalid_argument,
                   "ticket_keys: give a positive multiple of 48 bytes (16 of name, 32 of key); "
                   "these are " +
                       std::to_string(keys.size()));
  }
  clear();
  period_ = Duration::zero();
  next_step_.reset();
  keys_.resize(keys.size() / kKeySize);
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    std::ranges::copy(keys.subspan(i * kKeySize, kKeySize), keys_[i].begin());
  }
  if (!random_) random_ = std::make_unique<Randomness>();
  return {};
}

Result<> TicketKeys::draw(std::span<const std::uint8_t, kKeySize> seed, Duration period,
                          std::optional<Instant> drawn) {
  if (period <= Duration::zero()) {
    return failure(Errc::invalid_argument, "ticket_key_rotation: give a positive time");
  }
  clear();
  keys_.reserve(kDrawnKeys + 1);
  std::ranges::copy(seed, seed_.begin());
  period_ = period;
  next_step_.reset();
  if (drawn) next_step_ = *drawn + period;
  if (!random_) random_ = std::make_unique<Randomness>();
  if (!step()) return failure(Errc::system, "ticket_keys: no ticket key could be derived");
  return {};
}

// A new key in front, and a seed from which the old one cannot be computed.
bool TicketKeys::step() noexcept {
  Key key, next;
  const bool ok =
      expand(seed_, "quicore ticket key", key) && expand(seed_, "quicore ticket seed", next);
  if (ok) {
    keys_.insert(keys_.begin(), key);  // within the reserved space
    if (keys_.size() > kDrawnKeys) {
      wipe(keys_.back().data(), kKeySize);
      keys_.pop_back();
    }
    seed_ = next;
  }
  wipe(key.data(), key.size());
  wipe(next.data(), next.size());
  return ok;
}

void TicketKeys::advance(Instant now) noexcept {
  if (period_ == Duration::zero()) return;
  if (!next_step_) next_step_ = now + period_;
  while (now >= *next_step_ && step()) *next_step_ += period_;
}

std::string TicketKeys::additional_data(std::span<const std::uint8_t> name) const {
  std::string data(name.begin(), name.end());
  return data += bound_to_;
}

bool TicketKeys::seal(std::span<std::uint8_t> ticket, std::span<std::uint8_t, kNameSize> name,
                      std::span<std::uint8_t, kNonceSize> nonce,
                      std::span<std::uint8_t, kTagSize> tag) noexcept {
  if (keys_.empty() || !random_->ok ||
      wc_RNG_GenerateBlock(&random_->generator, nonce.data(), kNonceSize) != 0) {
    return false;
  }
  Cipher cipher(keys_.front());
  std::copy_n(keys_.front().begin(), kNameSize, name.begin());
  const std::string bound = additional_data(name);
  return cipher.ok() &&
         wc_AesGcmEncrypt(cipher.native(), ticket.data(), ticket.data(),
                          static_cast<word32>(ticket.size()), nonce.data(), kNonceSize, tag.data(),
                          kTagSize, reinterpret_cast<const byte*>(bound.data()),
                          static_cast<word32>(bound.size())) == 0;
}

bool TicketKeys::open(std::span<std::uint8_t> ticket, std::span<const std::uint8_t, kNameSize> name,
                      std::span<const std::uint8_t, kNonceSize> nonce,
                      std::span<const std::uint8_t, kTagSize> tag) noexcept {
  const auto key = std::ranges::find_if(
      keys_, [&](const Key& k) { return std::equal(name.begin(), name.end(), k.begin()); });
  if (key == keys_.end()) return false;
  Cipher cipher(*key);
  const std::string bound = additional_data(name);
  return cipher.ok() &&
         wc_AesGcmDecrypt(cipher.native(), ticket.data(), ticket.data(),
                          static_cast<word32>(ticket.size()), nonce.data(), kNonceSize, tag.data(),
                          kTagSize, reinterpret_cast<const byte*>(bound.data()),
                          static_cast<word32>(bound.size())) == 0;
}

}  // namespace quicore::engine
