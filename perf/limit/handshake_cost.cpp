// SPDX-License-Identifier: Apache-2.0
#include "perf/limit/handshake_cost.h"

#include <wolfssl/options.h>
// The options come first: they decide the size of every type below.
#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>

#include <array>

#include "perf/limit/time_passes.h"

namespace quicore::perf {
namespace {

constexpr int kP256Size = 32;
constexpr std::size_t kMaxSignature = 80;  // DER of two 32-byte integers, with room

// The keys of both sides, and the peer's.
class Keys {
 public:
  Keys() {
    ready_ = wc_InitRng(&random_) == 0 && wc_ecc_init(&certificate_) == 0 &&
             wc_curve25519_init(&own_) == 0 && wc_curve25519_init(&peer_) == 0 &&
             wc_ecc_make_key(&random_, kP256Size, &certificate_) == 0 &&
             wc_curve25519_make_key(&random_, CURVE25519_KEYSIZE, &peer_) == 0 &&
             wc_ecc_set_rng(&certificate_, &random_) == 0;
  }
  ~Keys() {
    wc_curve25519_free(&own_);
    wc_curve25519_free(&peer_);
    wc_ecc_free(&certificate_);
    wc_FreeRng(&random_);
  }
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

  [[nodiscard]] bool ready() const { return ready_; }

  bool exchange() {
    std::array<byte, CURVE25519_KEYSIZE> secret;
    word32 size = secret.size();
    return wc_curve25519_make_key(&random_, CURVE25519_KEYSIZE, &own_) == 0 &&
#ifdef WOLFSSL_CURVE25519_BLINDING
           wc_curve25519_set_rng(&own_, &random_) == 0 &&
#endif
           wc_curve25519_shared_secret(&own_, &peer_, secret.data(), &size) == 0;
  }
  bool sign() {
    signature_size_ = kMaxSignature;
    return wc_ecc_sign_hash(hash_.data(), hash_.size(), signature_.data(), &signature_size_,
                            &random_, &certificate_) == 0;
  }
  bool verify() {
    int valid = 0;
    return wc_ecc_verify_hash(signature_.data(), signature_size_, hash_.data(), hash_.size(),
                              &valid, &certificate_) == 0 &&
           valid == 1;
  }

 private:
  WC_RNG random_{};
  ecc_key certificate_{};
  curve25519_key own_{};
  curve25519_key peer_{};
  std::array<byte, 32> hash_{1, 2, 3};
  std::array<byte, kMaxSignature> signature_{};
  word32 signature_size_ = 0;
  bool ready_ = false;
};

}  // namespace

Result<HandshakeCost> measure_handshake(Duration duration) {
  Keys keys;
  HandshakeCost cost;
  if (keys.ready()) {
    cost.server_ns = time_passes(1, duration / 2, [&] { return keys.exchange() && keys.sign(); });
    cost.client_ns = time_passes(1, duration / 2, [&] { return keys.exchange() && keys.verify(); });
  }
  if (cost.server_ns <= 0 || cost.client_ns <= 0) {
    return failure(Errc::not_supported, "the TLS library cannot do X25519 and ECDSA on P-256");
  }
  return cost;
}

}  // namespace quicore::perf
