// SPDX-License-Identifier: Apache-2.0
//
// The specification's OCSPRequest and OCSPResponse: stapling, with responses of openssl.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/spec/tls_run.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;
using ::testing::IsEmpty;

std::vector<std::byte> bytes_of(std::string_view text) {
  const Bytes bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> der_of(const std::string& pem) {
  const auto certificate = value_or_throw(Certificate::from_pem(pem));
  const auto der = std::as_bytes(certificate.der());
  return {der.begin(), der.end()};
}

struct StapledRun : TlsRun {
  std::optional<OcspRequest> request;
  Completion<OcspResponse> response;

  explicit StapledRun(WorldOptions options, const Pki::Identity& identity = good_identity())
      : TlsRun(std::move(options)) {
    server.secure = identity.settings(shared_pki().ca_pem());
    server.secure.ocsp = true;
    client.secure.ca = {Pem::bytes(shared_pki().ca_pem())};
    client.secure.ocsp = true;
    on_session = [this](Session session) {
      session.ocsp_request().then([this](const Result<OcspRequest>& result) {
        if (result) request = *result;
      });
    };
  }

  void pause() {
    listen();
    response = connect().ocsp_response();
    pair.run_until([this] { return request.has_value(); });
  }
};

// spec: OC1 OC2 OC3 OC4 OC6 OC7 S21 SC23
TEST(SpecOcsp, TheServerAnswersAndTheClientSeesIt) {
  StapledRun run(this_test());
  run.pause();
  EXPECT_EQ(run.request->certificate, der_of(good_identity().certificate_pem));
  EXPECT_EQ(run.request->issuer, der_of(shared_pki().ca_pem()));
  run.pair.settle(3s);
  EXPECT_FALSE(run.handshake.ready());
  const std::string stapled = shared_pki().ocsp_response(good_identity());
  ASSERT_TRUE(run.request->respond_with(stapled).has_value());
  EXPECT_EQ(run.request->respond_with(stapled).error().kind, Errc::invalid_state);
  run.finish();
  ASSERT_TRUE(run.ok()) << to_string(run.error());
  ASSERT_TRUE(run.response.ready() && run.response.peek()->has_value());
  EXPECT_EQ(run.response.peek()->value().response, bytes_of(stapled));
  EXPECT_FALSE(run.pair.session.validation_error().has_value());
}

// spec: OC3
TEST(SpecOcsp, TheIssuerIsFoundAmongTheTrustedWhenTheChainLacksIt) {
  StapledRun run(this_test());
  run.server.secure.certificate = {Pem::bytes(good_identity().certificate_pem)};
  run.server.secure.ca = {Pem::bytes(shared_pki().ca_pem())};
  run.pause();
  EXPECT_EQ(run.request->issuer, der_of(shared_pki().ca_pem()));
}

// spec: OC5
TEST(SpecOcsp, NoArgumentMeansNoStaple) {
  StapledRun run(this_test());
  run.pause();
  ASSERT_TRUE(run.request->respond_with().has_value());
  run.finish();
  ASSERT_TRUE(run.ok()) << to_string(run.error());
  EXPECT_THAT(run.response.peek()->value().response, IsEmpty());
}

// spec: OC6 S30
TEST(SpecOcsp, ARevokedCertificateIsRefusedOrReported) {
  for (const Verify verify : {Verify::strict, Verify::report}) {
    StapledRun run(this_test(), revoked_identity());
    run.client.secure.verify = verify;
    run.pause();
    const std::string stapled = shared_pki().ocsp_response(revoked_identity());
    ASSERT_TRUE(run.request->respond_with(stapled).has_value());
    run.finish();
    if (verify == Verify::strict) {
      ASSERT_FALSE(run.ok());
      EXPECT_EQ(run.error().kind, Errc::certificate);
      EXPECT_EQ(run.error().reason.substr(0, 12), "CERT_REVOKED");
    } else {
      ASSERT_TRUE(run.ok()) << to_string(run.error());
      EXPECT_EQ(run.validation_code(), "CERT_REVOKED");
      EXPECT_EQ(run.response.peek()->value().response, bytes_of(stapled));
    }
  }
}

// spec: OC4
TEST(SpecOcsp, AResponseOfAnotherCertificateIsRefused) {
  StapledRun run(this_test());
  run.pause();
  ASSERT_TRUE(
      run.request->respond_with(shared_pki().ocsp_response(revoked_identity())).has_value());
  run.finish();
  ASSERT_FALSE(run.ok());
  EXPECT_EQ(run.error().kind, Errc::certificate);
}

// The specification's example answers 'ok': the bytes are sent as they are, and it is the client
// that refuses them.
// spec: OC4
TEST(SpecOcsp, TextIsSentAsItIs) {
  StapledRun run(this_test());
  run.pause();
  ASSERT_TRUE(run.request->respond_with("ok").has_value());
  run.finish();
  ASSERT_FALSE(run.ok());
  EXPECT_EQ(run.error().kind, Errc::certificate);
  EXPECT_EQ(run.error().reason.substr(0, 21), "OCSP_RESPONSE_INVALID");
}

// spec: OC1 S21
TEST(SpecOcsp, NobodyWaitsWhenTheClientDoesNotAsk) {
  StapledRun run(this_test());
  run.client.secure.ocsp = false;
  run.shake();
  ASSERT_TRUE(run.ok()) << to_string(run.error());
  EXPECT_EQ(run.accepted.ocsp_request().peek()->error().kind, Errc::not_supported);
  EXPECT_EQ(run.pair.session.ocsp_response().peek()->error().kind, Errc::not_supported);
}

// spec: OC6
TEST(SpecOcsp, AServerWithoutItStaplesNothing) {
  StapledRun run(this_test());
  run.server.secure.ocsp = false;
  run.listen();
  run.response = run.connect().ocsp_response();
  run.finish();
  ASSERT_TRUE(run.ok()) << to_string(run.error());
  EXPECT_THAT(run.response.peek()->value().response, IsEmpty());
}

// spec: CH2 OC4
TEST(SpecOcsp, ComesAfterTheClientHello) {
  StapledRun run(this_test());
  run.server.secure.client_hello = true;
  std::optional<ClientHello> hello;
  run.on_session = [&](Session session) {
    session.client_hello().then([&](const Result<ClientHello>& result) { hello = result.value(); });
    session.ocsp_request().then(
        [&](const Result<OcspRequest>& result) { run.request = result.value(); });
  };
  run.listen();
  run.response = run.connect().ocsp_response();
  run.pair.run_until([&] { return hello.has_value(); });
  run.pair.settle(1s);
  EXPECT_FALSE(run.request.has_value());
  ASSERT_TRUE(hello->done().has_value());
  run.pair.run_until([&] { return run.request.has_value(); });
  run.pair.settle(1s);
  EXPECT_FALSE(run.handshake.ready());
  const std::string stapled = shared_pki().ocsp_response(good_identity());
  ASSERT_TRUE(run.request->respond_with(stapled).has_value());
  run.finish();
  ASSERT_TRUE(run.ok()) << to_string(run.error());
  EXPECT_EQ(run.response.peek()->value().response, bytes_of(stapled));
}

}  // namespace
}  // namespace quicore::test
