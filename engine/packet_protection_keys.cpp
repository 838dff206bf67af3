// SPDX-License-Identifier: Apache-2.0
#include "engine/packet_protection_keys.h"

#include <ngtcp2/ngtcp2.h>
#include <string.h>
#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/hmac.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "engine/hmac_sha256.h"
#include "io/check.h"

namespace quicore::engine {

namespace {

using namespace std::string_view_literals;

// RFC 9001 5.2 and RFC 9369 3.3.1.
constexpr std::array<std::uint8_t, 20> kSaltV1{0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34,
                                               0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8,
                                               0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
constexpr std::array<std::uint8_t, 20> kSaltV2{0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6,
                                               0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26,
                                               0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};

// RFC 9001 5.1 and 6.1; RFC 9369 3.3.2.
struct Labels {
  std::string_view key, iv, header_key, update;
};
constexpr Labels kLabelsV1{"quic key", "quic iv", "quic hp", "quic ku"};
constexpr Labels kLabelsV2{"quicv2 key", "quicv2 iv", "quicv2 hp", "quicv2 ku"};

const Labels& labels_of(std::uint32_t version) {
  return version == NGTCP2_PROTO_VER_V2 ? kLabelsV2 : kLabelsV1;
}

int hash_of(CipherSuite suite) {
  return suite == CipherSuite::aes_256_gcm_sha384 ? WC_SHA384 : WC_SHA256;
}

std::size_t key_size(CipherSuite suite) {
  return suite == CipherSuite::aes_128_gcm_sha256 ? 16 : 32;
}

// HKDF-Expand-Label of RFC 8446 7.1, of one secret and with an empty context. All that is asked for
// is as long as the hash at most, so that it takes one round of HKDF-Expand (RFC 5869 2.3).
class Expansion {
 public:
  Expansion(int hash, std::span<const std::uint8_t> secret) noexcept
      : hash_(hash), secret_(secret) {
    if (hash == WC_SHA256) hmac_.emplace(secret);
  }

  bool label(std::string_view label, std::uint8_t* output, std::size_t size) const noexcept {
    constexpr std::string_view kPrefix = "tls13 ";
    std::array<std::uint8_t, 2 + 1 + 32 + 1 + 1> info;
    QUICORE_CHECK(kPrefix.size() + label.size() <= 32);
    auto* p = info.data();
    *p++ = static_cast<std::uint8_t>(size >> 8);
    *p++ = static_cast<std::uint8_t>(size);
    *p++ = static_cast<std::uint8_t>(kPrefix.size() + label.size());
    p = std::copy(kPrefix.begin(), kPrefix.end(), p);
    p = std::copy(label.begin(), label.end(), p);
    *p++ = 0;
    if (!hmac_) {
      return wc_HKDF_Expand(hash_, secret_.data(), static_cast<word32>(secret_.size()), info.data(),
                            static_cast<word32>(p - info.data()), output,
                            static_cast<word32>(size)) == 0;
    }
    *p++ = 1;  // the round
    std::array<std::uint8_t, HmacSha256::kCodeSize> code;
    QUICORE_CHECK(size <= code.size());
    const bool computed =
        hmac_->compute(std::span(info).first(static_cast<std::size_t>(p - info.data())), code);
    std::copy_n(code.begin(), size, output);
    wipe(code.data(), code.size());
    return computed;
  }

 private:
  int hash_;
  std::span<const std::uint8_t> secret_;
  std::optional<HmacSha256> hmac_;
};

bool expand_initial(InitialSecrets& secrets, const Expansion& initial) noexcept {
  return initial.label("client in"sv, secrets.client.data(), secrets.client.size()) &&
         initial.label("server in"sv, secrets.server.data(), secrets.server.size());
}

bool expand_keys(PacketKeys& keys, const Labels& labels, CipherSuite suite,
                 const Expansion& expansion) noexcept {
  return expansion.label(labels.key, keys.key.data(), key_size(suite)) &&
         expansion.label(labels.iv, keys.iv.data(), keys.iv.size());
}

}  // namespace

void wipe(void* memory, std::size_t size) noexcept {
  if (size > 0) explicit_bzero(memory, size);  // an empty container has no address
}

std::size_t secret_size(CipherSuite suite) noexcept {
  return suite == CipherSuite::aes_256_gcm_sha384 ? 48 : 32;
}

bool derive_initial_secrets(InitialSecrets& secrets, std::uint32_t version,
                            std::span<const std::uint8_t> connection_id) noexcept {
  const auto& salt = version == NGTCP2_PROTO_VER_V2 ? kSaltV2 : kSaltV1;
  std::array<std::uint8_t, kInitialSecretSize> initial;
  return wc_HKDF_Extract(WC_SHA256, salt.data(), salt.size(), connection_id.data(),
                         static_cast<word32>(connection_id.size()), initial.data()) == 0 &&
         expand_initial(secrets, Expansion(WC_SHA256, initial));
}

bool derive_packet_keys(PacketKeys& keys, std::uint32_t version, CipherSuite suite,
                        std::span<const std::uint8_t> secret) noexcept {
  const Labels& labels = labels_of(version);
  const Expansion expansion(hash_of(suite), secret);
  return expand_keys(keys, labels, suite, expansion) &&
         expansion.label(labels.header_key, keys.header_key.data(), key_size(suite));
}

bool derive_updated_keys(PacketKeys& keys, std::uint32_t version, CipherSuite suite,
                         std::span<const std::uint8_t> secret) noexcept {
  return expand_keys(keys, labels_of(version), suite, Expansion(hash_of(suite), secret));
}

bool derive_next_secret(std::uint8_t* next, std::uint32_t version, CipherSuite suite,
                        std::span<const std::uint8_t> secret) noexcept {
  return Expansion(hash_of(suite), secret).label(labels_of(version).update, next, secret.size());
}

}  // namespace quicore::engine
