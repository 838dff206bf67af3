// SPDX-License-Identifier: Apache-2.0
//
// The specification's handshake: what it tells when the peer's certificate is not acceptable, and
// sessions that are resumed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "engine/development_certificate.h"
#include "tests/spec/tls_run.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

// --- certificates that are not acceptable -------------------------------------------------------

TlsSettings settings_of(const engine::DevelopmentCertificate& made) {
  TlsSettings settings;
  settings.certificate = {Pem::bytes(made.certificate_pem)};
  settings.key = {Pem::bytes(made.key_pem)};
  return settings;
}

struct Unacceptable {
  const char* what;
  TlsSettings server;
  std::vector<Pem> ca;
  std::string hostname;
  std::string code;
};

std::vector<Unacceptable> unacceptable() {
  const auto own = client_config("xyz").secure.ca;
  const auto old = *engine::make_development_certificate({.age = std::chrono::days{30}});
  const auto future = *engine::make_development_certificate({.age = -std::chrono::days{2}});
  const Pki stranger("Another CA");
  const std::vector<Pem> trusts_stranger{Pem::bytes(stranger.ca_pem())};
  const std::string ca = shared_pki().ca_pem();
  return {
      {"expired",
       settings_of(old),
       {Pem::bytes(old.certificate_pem)},
       "localhost",
       "CERT_HAS_EXPIRED"},
      {"of tomorrow",
       settings_of(future),
       {Pem::bytes(future.certificate_pem)},
       "localhost",
       "CERT_NOT_YET_VALID"},
      {"self-signed", server_config("xyz").secure, trusts_stranger, "localhost",
       "DEPTH_ZERO_SELF_SIGNED_CERT"},
      {"of an unknown issuer", good_identity().settings(), trusts_stranger, "localhost",
       "UNABLE_TO_VERIFY_LEAF_SIGNATURE"},
      {"of an unknown root", good_identity().settings(ca), trusts_stranger, "localhost",
       "SELF_SIGNED_CERT_IN_CHAIN"},
      {"of another name", server_config("xyz").secure, own, "example.org", "HOSTNAME_MISMATCH"},
  };
}

// spec: S30 SC13
TEST(SpecValidation, AStrictClientRefusesAndNamesTheCode) {
  for (const Unacceptable& one : unacceptable()) {
    TlsRun run(this_test());
    run.server.secure = one.server;
    run.client.secure.ca = one.ca;
    run.client.hostname = one.hostname;
    run.listen();
    const auto closed = run.connect().closed();
    run.finish();
    ASSERT_FALSE(run.ok()) << one.what;
    EXPECT_EQ(run.error().kind, Errc::certificate) << one.what;
    EXPECT_EQ(certificate_code(run.error()), one.code) << one.what;
    EXPECT_EQ(closed.peek()->error().kind, Errc::certificate) << one.what;
    const auto of_server = run.accepted.handshake();
    EXPECT_FALSE(of_server.peek() != nullptr && of_server.peek()->has_value()) << one.what;
  }
}

// spec: S30 SC13 S23
TEST(SpecValidation, AReportingClientGoesOnAndTellsCodeAndReason) {
  for (const Unacceptable& one : unacceptable()) {
    TlsRun run(this_test());
    run.server.secure = one.server;
    run.client.secure.ca = one.ca;
    run.client.secure.verify = Verify::report;
    run.client.hostname = one.hostname;
    run.listen();
    EXPECT_FALSE(run.connect().validation_error().has_value());
    run.finish();
    ASSERT_TRUE(run.ok()) << one.what << to_string(run.error());
    EXPECT_EQ(run.validation_code(), one.code) << one.what;
    const Error error = *run.pair.session.validation_error();
    EXPECT_EQ(error.kind, Errc::certificate);
    EXPECT_GT(error.reason.size(), one.code.size() + 10) << "a sentence follows";
    EXPECT_EQ(run.info().validation_error->reason, error.reason);
    EXPECT_EQ(run.pair.session.peer_certificate(), run.accepted.certificate()) << one.what;
  }
}

// spec: S30
TEST(SpecValidation, IsEmptyWhenAllIsWell) {
  TlsRun run(this_test());
  run.client.secure.verify = Verify::report;
  run.shake();
  ASSERT_TRUE(run.ok());
  EXPECT_FALSE(run.pair.session.validation_error().has_value());
  EXPECT_FALSE(run.accepted.validation_error().has_value());
}

// spec: S30 SC14
TEST(SpecValidation, AServerTellsOfItsClients) {
  TlsRun run(this_test());
  run.server.secure.request_peer_certificate = true;
  run.server.secure.verify = Verify::report;
  run.server.secure.ca = {Pem::bytes(shared_pki().ca_pem())};
  const TlsSettings stranger = server_config("xyz").secure;
  run.client.secure.certificate = stranger.certificate;
  run.client.secure.key = stranger.key;
  run.shake();
  ASSERT_TRUE(run.ok());
  ASSERT_TRUE(run.accepted.validation_error().has_value());
  EXPECT_EQ(certificate_code(*run.accepted.validation_error()), "DEPTH_ZERO_SELF_SIGNED_CERT");
  EXPECT_EQ(certificate_code(Error::make(Errc::closed, "closed: why")), "");
}

// --- how it begins ------------------------------------------------------------------------------

// spec: EV18
TEST(SpecHandshake, BeginsByItselfAndIsTls13) {
  TlsRun run(this_test());
  run.listen();
  run.connect();
  run.pair.run_until([&] { return static_cast<bool>(run.accepted); });
  EXPECT_FALSE(run.handshake.ready());
  run.finish();
  for (const Session& session : {run.pair.session, run.accepted}) {
    EXPECT_EQ(session.handshake().peek()->value().cipher_version, "TLSv1.3");
  }
}

// --- resumption ---------------------------------------------------------------------------------

void collect(Session session, std::string& received) {
  session.on_stream() = [&received](StreamEvent event) -> Task<> {
    auto body = co_await event.stream.reader().read_all(100);
    if (body) received = body->text();
  };
}

struct ResumedRun : TlsRun {
  std::string received;
  std::optional<Resume> ticket;

  explicit ResumedRun(WorldOptions options, bool early_data) : TlsRun(std::move(options)) {
    server.secure.early_data = client.secure.early_data = early_data;
    on_session = [this](Session session) { collect(session, received); };
    shake();
    pair.run_until([this] { return pair.session.session_ticket().has_value(); });
    ticket = pair.session.session_ticket();
    pair.session.cancel();
    pair.settle();
  }
};

// spec: EV19 S17 E12
TEST(SpecResumption, EarlyDataIsSentBeforeTheHandshakeAndBothSidesKnow) {
  ResumedRun run(this_test(), true);
  Session again = run.connect(run.ticket);
  EXPECT_TRUE(again.open({.body = "early"}).has_value());
  EXPECT_FALSE(run.handshake.ready());
  run.finish();
  ASSERT_TRUE(run.ok());
  run.pair.run_until([&] { return run.received == "early"; });
  EXPECT_TRUE(again.early_data());
  EXPECT_TRUE(run.accepted.early_data());
  EXPECT_TRUE(run.info().early_data);
}

// spec: EV19 S17
TEST(SpecResumption, WithoutEarlyDataAStreamWaitsForTheHandshake) {
  ResumedRun run(this_test(), false);
  Session again = run.connect(run.ticket);
  EXPECT_EQ(again.open({.body = "early"}).error().kind, Errc::invalid_state);
  run.finish();
  EXPECT_TRUE(run.info().resumed);
  EXPECT_FALSE(again.early_data());
  EXPECT_FALSE(run.accepted.early_data());
}

// spec: E13
TEST(SpecResumption, WhatCannotBeUsedIsIgnored) {
  using Spoil = void (*)(Resume&);
  const std::pair<const char*, Spoil> cases[] = {
      {"an empty one", [](Resume& resume) { resume = {}; }},
      {"no ticket", [](Resume& resume) { resume.session_ticket.clear(); }},
      {"a cut ticket", [](Resume& resume) { resume.session_ticket.resize(20); }},
      {"a damaged ticket",
       [](Resume& resume) { resume.session_ticket.assign(200, std::byte{0x55}); }},
      {"damaged parameters",
       [](Resume& resume) { resume.transport_params.assign(50, std::byte{0xff}); }},
      {"no parameters", [](Resume& resume) { resume.transport_params.clear(); }},
      {"a damaged token", [](Resume& resume) { resume.token.assign(40, std::byte{1}); }},
  };
  for (const auto& [what, spoil] : cases) {
    for (const bool early_data : {false, true}) {
      ResumedRun run(this_test(), early_data);
      ASSERT_TRUE(run.ticket.has_value());
      spoil(*run.ticket);
      Session again = run.connect(run.ticket);
      run.finish();
      ASSERT_TRUE(run.ok()) << what << ' ' << early_data << ' ' << to_string(run.error());
      ASSERT_TRUE(again.open({.body = "late"}).has_value()) << what;
      run.pair.run_until([&run] { return run.received == "late"; });
    }
  }
}

// spec: E13
TEST(SpecResumption, ATicketTheServerDoesNotKnowMeansAFullHandshake) {
  ResumedRun one(this_test(), true);
  TlsRun other(this_test());
  other.server.secure.early_data = other.client.secure.early_data = true;
  other.listen();
  other.connect(one.ticket);
  other.finish();
  ASSERT_TRUE(other.ok());
  EXPECT_FALSE(other.info().resumed);
  EXPECT_FALSE(other.info().early_data);
  EXPECT_FALSE(other.pair.session.peer_certificate().empty());
}

// TLS ages tickets by the machine's clock, not by the simulator's.
// spec: SC31
TEST(SpecResumption, ATicketIsGoodForTheSessionTimeout) {
  TlsRun run(this_test());
  run.server.secure.session_timeout = 1s;
  run.shake();
  run.pair.run_until([&] { return run.pair.session.session_ticket().has_value(); });
  const auto ticket = run.pair.session.session_ticket();
  std::this_thread::sleep_for(2100ms);
  run.connect(ticket);
  run.finish();
  ASSERT_TRUE(run.ok());
  EXPECT_FALSE(run.info().resumed);
}

}  // namespace
}  // namespace quicore::test
