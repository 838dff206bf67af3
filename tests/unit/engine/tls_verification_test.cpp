// SPDX-License-Identifier: Apache-2.0
#include "engine/tls_verification.h"

#include <gtest/gtest.h>
#include <wolfssl/options.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include <set>

#include "engine/development_certificate.h"
#include "engine/tls_alert.h"

namespace quicore::engine {
namespace {

Certificate self_signed() {
  return *Certificate::from_pem(make_development_certificate()->certificate_pem);
}

TEST(CertificateProblem, EachHasACodeOfItsOwnAndASentence) {
  std::set<std::string_view> codes;
  for (std::size_t i = 1; i < kCertificateProblemCount; ++i) {
    const auto problem = static_cast<CertificateProblem>(i);
    EXPECT_TRUE(codes.insert(code_of(problem)).second) << code_of(problem);
    EXPECT_GT(sentence_of(problem, "").size(), 20u) << code_of(problem);
  }
  EXPECT_EQ(code_of(CertificateProblem::none), "");
  EXPECT_EQ(code_of(CertificateProblem::rejected), "CERT_REJECTED") << "the last of the table";
}

TEST(CertificateProblem, NamesTheHostThatDoesNotMatch) {
  EXPECT_NE(sentence_of(CertificateProblem::hostname_mismatch, "example.org").find("example.org"),
            std::string::npos);
}

TEST(CertificateProblem, AnUnknownIssuerIsToldByTheShapeOfTheChain) {
  const Certificate certificate = self_signed();
  const std::vector<Certificate> none, one{certificate}, two{certificate, self_signed()};
  EXPECT_EQ(problem_of(ASN_NO_SIGNER_E, one), CertificateProblem::depth_zero_self_signed);
  EXPECT_EQ(problem_of(ASN_NO_SIGNER_E, two), CertificateProblem::self_signed_in_chain);
  EXPECT_EQ(problem_of(ASN_NO_SIGNER_E, none), CertificateProblem::unable_to_get_issuer_locally);
  EXPECT_EQ(problem_of(ASN_SIG_CONFIRM_E, one), CertificateProblem::depth_zero_self_signed);
  EXPECT_EQ(problem_of(ASN_SIG_CONFIRM_E, two), CertificateProblem::signature_failure);
}

TEST(CertificateProblem, AnErrorThatIsNotKnownIsARejection) {
  EXPECT_EQ(problem_of(0, {}), CertificateProblem::none);
  EXPECT_EQ(problem_of(-9999, {}), CertificateProblem::rejected);
  EXPECT_EQ(problem_of(ASN_AFTER_DATE_E, {}), CertificateProblem::expired);
  EXPECT_EQ(problem_of(CRL_CERT_REVOKED, {}), CertificateProblem::revoked);
}

TEST(TlsAlert, HasANameAndAnAdvice) {
  EXPECT_EQ(alert::name_of(120), "no_application_protocol");
  EXPECT_EQ(alert::sentence_of(48).substr(0, 12), "unknown_ca: ");
  EXPECT_EQ(alert::sentence_of(20), "bad_record_mac");
  EXPECT_EQ(alert::sentence_of(255), "unknown alert 255");
}

}  // namespace
}  // namespace quicore::engine
