// SPDX-License-Identifier: Apache-2.0
#include "engine/tls_verification.h"

#include <wolfssl/options.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include <array>

namespace quicore::engine {

namespace {

struct Text {
  std::string_view code;
  std::string_view sentence;
};

constexpr std::array<Text, kCertificateProblemCount> kTexts{{
    {"", ""},
    {"PEER_DID_NOT_RETURN_A_CERTIFICATE",
     "the peer sent no certificate: give it one, or do not request one"},
    {"DEPTH_ZERO_SELF_SIGNED_CERT",
     "the peer's certificate is self-signed and not among the trusted ones: add it to `ca` if you "
     "know it"},
    {"SELF_SIGNED_CERT_IN_CHAIN",
     "the peer's chain ends in a root that is not trusted: add that root to `ca` if you know it"},
    {"UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
     "the issuer of the peer's chain is not among the trusted CAs: add it to `ca`"},
    {"UNABLE_TO_VERIFY_LEAF_SIGNATURE",
     "the issuer of the peer's certificate is unknown: the peer has to send its intermediate "
     "certificates, or add its CA to `ca`"},
    {"CERT_HAS_EXPIRED", "a certificate of the peer has expired: it has to be renewed there"},
    {"CERT_NOT_YET_VALID", "a certificate of the peer is not valid yet: check both clocks"},
    {"HOSTNAME_MISMATCH", "the peer's certificate is not made out to the host name asked for"},
    {"CERT_SIGNATURE_FAILURE", "the signature of a certificate of the peer is wrong"},
    {"CERT_REVOKED", "a certificate of the peer has been revoked"},
    {"INVALID_CA", "a certificate in the peer's chain is used as a CA but is none"},
    {"INVALID_PURPOSE",
     "the peer's certificate must not be used for this: look at its key usage extensions"},
    {"CERT_CHAIN_TOO_LONG", "the peer's certificate chain is too long"},
    {"PATH_LENGTH_EXCEEDED", "a CA of the peer's chain must not have so many below it"},
    {"EE_KEY_TOO_SMALL", "the key of the peer's certificate is too small"},
    {"CERT_REJECTED", "the peer's certificate was not accepted"},
    {"UNABLE_TO_GET_CRL",
     "there is no revocation list of the issuer of the peer's certificate: add it to `crl`"},
    {"OCSP_RESPONSE_INVALID",
     "the OCSP response that the server stapled is damaged, stale or of another certificate"},
}};

const Text& text_of(CertificateProblem problem) {
  return kTexts[static_cast<std::size_t>(problem)];
}

CertificateProblem no_signer(std::span<const Certificate> chain) {
  if (chain.empty()) return CertificateProblem::unable_to_get_issuer_locally;
  if (chain.size() == 1) {
    return chain[0].self_issued() ? CertificateProblem::depth_zero_self_signed
                                  : CertificateProblem::unable_to_verify_leaf;
  }
  return chain.back().self_issued() ? CertificateProblem::self_signed_in_chain
                                    : CertificateProblem::unable_to_get_issuer_locally;
}

}  // namespace

std::string_view code_of(CertificateProblem problem) noexcept { return text_of(problem).code; }

std::string sentence_of(CertificateProblem problem, std::string_view host) {
  std::string sentence(text_of(problem).sentence);
  if (problem == CertificateProblem::hostname_mismatch && !host.empty()) {
    sentence.append(" (\"").append(host).append("\")");
  }
  return sentence;
}

CertificateProblem problem_of(int wolfssl_error, std::span<const Certificate> chain) noexcept {
  switch (wolfssl_error) {
    case 0:
      return CertificateProblem::none;
    case NO_PEER_CERT:
      return CertificateProblem::no_certificate;
    case ASN_NO_SIGNER_E:
    case ASN_SELF_SIGNED_E:
      return no_signer(chain);
    case ASN_AFTER_DATE_E:
      return CertificateProblem::expired;
    case ASN_BEFORE_DATE_E:
      return CertificateProblem::not_yet_valid;
    case DOMAIN_NAME_MISMATCH:
    case IPADDR_MISMATCH:
      return CertificateProblem::hostname_mismatch;
    case ASN_SIG_CONFIRM_E:
      // A trusted certificate of the same name, but another key: not its issuer.
      return chain.size() == 1 && chain[0].self_issued() ? no_signer(chain)
                                                         : CertificateProblem::signature_failure;
    case ASN_SIG_HASH_E:
    case ASN_SIG_KEY_E:
      return CertificateProblem::signature_failure;
    case CRL_CERT_REVOKED:
    case OCSP_CERT_REVOKED:
      return CertificateProblem::revoked;
    case CRL_MISSING:
      return CertificateProblem::no_crl;
    case BAD_CERTIFICATE_STATUS_ERROR:
      return CertificateProblem::bad_ocsp_response;
    case NOT_CA_ERROR:
      return CertificateProblem::invalid_ca;
    case KEYUSE_SIGNATURE_E:
    case KEYUSE_ENCIPHER_E:
    case EXTKEYUSE_AUTH_E:
      return CertificateProblem::invalid_purpose;
    case MAX_CHAIN_ERROR:
      return CertificateProblem::chain_too_long;
    case ASN_PATHLEN_SIZE_E:
    case ASN_PATHLEN_INV_E:
      return CertificateProblem::path_length_exceeded;
    case RSA_KEY_SIZE_E:
    case ECC_KEY_SIZE_E:
      return CertificateProblem::weak_key;
    default:
      return CertificateProblem::rejected;
  }
}

}  // namespace quicore::engine
