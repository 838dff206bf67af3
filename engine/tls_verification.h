// SPDX-License-Identifier: Apache-2.0
//
// Why a peer's certificate was not accepted: a static code, spelled as OpenSSL and Node.js spell it
// so that people find it, and a sentence that says what to do.
//
// Pure functions, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/certificate.h"

namespace quicore::engine {

enum class CertificateProblem : std::uint8_t {
  none,
  no_certificate,                // the peer sent none, and one was demanded
  depth_zero_self_signed,        // DEPTH_ZERO_SELF_SIGNED_CERT
  self_signed_in_chain,          // SELF_SIGNED_CERT_IN_CHAIN
  unable_to_get_issuer_locally,  // UNABLE_TO_GET_ISSUER_CERT_LOCALLY
  unable_to_verify_leaf,         // UNABLE_TO_VERIFY_LEAF_SIGNATURE
  expired,                       // CERT_HAS_EXPIRED
  not_yet_valid,                 // CERT_NOT_YET_VALID
  hostname_mismatch,             // HOSTNAME_MISMATCH
  signature_failure,             // CERT_SIGNATURE_FAILURE
  revoked,                       // CERT_REVOKED
  invalid_ca,                    // INVALID_CA
  invalid_purpose,               // INVALID_PURPOSE
  chain_too_long,                // CERT_CHAIN_TOO_LONG
  path_length_exceeded,          // PATH_LENGTH_EXCEEDED
  weak_key,                      // EE_KEY_TOO_SMALL
  rejected,                      // CERT_REJECTED: everything else
  no_crl,                        // UNABLE_TO_GET_CRL
  bad_ocsp_response,             // OCSP_RESPONSE_INVALID
};
inline constexpr std::size_t kCertificateProblemCount = 19;

// "CERT_HAS_EXPIRED"; empty for `none`.
std::string_view code_of(CertificateProblem problem) noexcept;

// One sentence. `host` is the name the certificate should have been made out to; may be empty.
std::string sentence_of(CertificateProblem problem, std::string_view host);

// What wolfSSL's error means for a peer that sent `chain`, its leaf first.
CertificateProblem problem_of(int wolfssl_error, std::span<const Certificate> chain) noexcept;

}  // namespace quicore::engine
