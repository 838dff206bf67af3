// SPDX-License-Identifier: Apache-2.0
//
// Signatures by a key that lives elsewhere (decision 0012).
#include "engine/tls_session_sign.h"

#include <wolfssl/options.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>

#include <algorithm>

#include "engine/tls_session.h"

namespace quicore::engine {

// wolfSSL asks in the middle of a CertificateVerify message. WANT_WRITE makes it give up that
// message and leave; when it is called again, it begins the same message anew, of the same
// transcript, and asks for the same.
int TlsSession::sign(SignatureAlgorithm algorithm, std::span<const std::uint8_t> input,
                     std::span<std::uint8_t> out, unsigned& size) {
  if (signing_ == nullptr || !std::ranges::equal(signing_->input.bytes, input)) {
    signing_ = std::make_unique<Signing>();
    signing_->input = {algorithm, {input.begin(), input.end()}};
  }
  const auto& answer = signing_->answer;
  if (!answer) return WANT_WRITE;
  if (!answer->has_value()) return RSA_SIGN_FAULT;
  const std::vector<std::uint8_t>& signature = **answer;
  if (signature.empty() || signature.size() > out.size()) {
    signing_->answer = failure(Errc::invalid_argument,
                               "a signature of " + std::to_string(signature.size()) +
                                   " bytes cannot be one of this key: RSA's is as long as the key, "
                                   "Ed25519's has 64 bytes, ECDSA's is in DER");
    return RSA_SIGN_FAULT;
  }
  std::ranges::copy(signature, out.begin());
  size = static_cast<unsigned>(signature.size());
  signing_.reset();
  return 0;
}

Result<> TlsSession::signature_done(Result<std::vector<std::uint8_t>> signature) {
  if (pause() != HandshakePause::signature) {
    return failure(Errc::invalid_state, "this handshake does not wait for a signature");
  }
  signing_->answer = std::move(signature);
  return {};
}

struct TlsSignCallbacks {
  static TlsSession& session_of(const WOLFSSL* native) {
    return *static_cast<TlsSession*>(wolfSSL_get_app_data(native));
  }

  // RFC 8446 4.2.3: the curve decides about the hash.
  static int ecdsa(WOLFSSL* native, const unsigned char* input, unsigned input_size,
                   unsigned char* out, word32* size, const unsigned char*, unsigned, void*) {
    const auto algorithm = input_size == 32   ? SignatureAlgorithm::ecdsa_secp256r1_sha256
                           : input_size == 48 ? SignatureAlgorithm::ecdsa_secp384r1_sha384
                                              : SignatureAlgorithm::ecdsa_secp521r1_sha512;
    return session_of(native).sign(algorithm, {input, input_size}, {out, *size}, *size);
  }

  static int rsa_pss(WOLFSSL* native, const unsigned char* input, unsigned input_size,
                     unsigned char* out, unsigned* size, int, int, const unsigned char*, unsigned,
                     void*) {
    const auto algorithm = input_size == 32   ? SignatureAlgorithm::rsa_pss_rsae_sha256
                           : input_size == 48 ? SignatureAlgorithm::rsa_pss_rsae_sha384
                                              : SignatureAlgorithm::rsa_pss_rsae_sha512;
    return session_of(native).sign(algorithm, {input, input_size}, {out, *size}, *size);
  }

  static int ed25519(WOLFSSL* native, const unsigned char* input, unsigned input_size,
                     unsigned char* out, unsigned* size, const unsigned char*, unsigned, void*) {
    return session_of(native).sign(SignatureAlgorithm::ed25519, {input, input_size}, {out, *size},
                                   *size);
  }
};

bool install_sign_callbacks([[maybe_unused]] WOLFSSL_CTX* native) noexcept {
#ifdef HAVE_PK_CALLBACKS
  wolfSSL_CTX_SetEccSignCb(native, TlsSignCallbacks::ecdsa);
  wolfSSL_CTX_SetRsaPssSignCb(native, TlsSignCallbacks::rsa_pss);
  wolfSSL_CTX_SetEd25519SignCb(native, TlsSignCallbacks::ed25519);
  return true;
#else
  return false;  // a wolfSSL of the system
#endif
}

}  // namespace quicore::engine
