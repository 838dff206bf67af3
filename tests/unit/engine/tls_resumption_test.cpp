// SPDX-License-Identifier: Apache-2.0
//
// Session tickets and 0-RTT.
#include <gtest/gtest.h>

#include "engine/tls_session.h"
#include "tests/unit/engine/tls_pair.h"

namespace quicore::engine {
namespace {

using test::Bytes;
using test::client_settings;
using test::EndOptions;
using test::server_settings;
using test::TlsPair;

// What a client remembers of a session.
struct Memory {
  Bytes ticket, transport_params;
};

std::shared_ptr<TlsContext> server_context(TlsSettings settings = server_settings()) {
  return *TlsContext::create(Side::server, settings);
}

TlsSettings early_server_settings() {
  auto settings = server_settings();
  settings.early_data = true;
  return settings;
}

EndOptions server(std::shared_ptr<TlsContext> context) {
  EndOptions options;
  options.context = std::move(context);
  return options;
}

EndOptions client(const Memory& memory, bool early_data = false) {
  EndOptions options;
  options.tls = client_settings();
  options.ticket = memory.ticket;
  options.transport_params = memory.transport_params;
  options.early_data = early_data;
  return options;
}

Memory visit(std::shared_ptr<TlsContext> context, EndOptions options = client({})) {
  TlsPair pair(std::move(options), server(std::move(context)));
  pair.run();
  EXPECT_TRUE(pair.client().completed) << pair.client().error;
  EXPECT_GE(pair.client().tls->tickets_received(), 1u);
  Bytes params(256);
  const auto size = ngtcp2_conn_encode_0rtt_transport_params2(pair.client().connection,
                                                              params.data(), params.size());
  EXPECT_GT(size, 0);
  params.resize(static_cast<std::size_t>(size));
  return {pair.client().tls->session_ticket(), params};
}

bool resumes(EndOptions options, std::shared_ptr<TlsContext> context) {
  TlsPair pair(std::move(options), server(std::move(context)));
  pair.run();
  EXPECT_TRUE(pair.client().completed) << pair.client().error;
  EXPECT_TRUE(pair.server().completed) << pair.server().error;
  EXPECT_EQ(pair.client().tls->resumed(), pair.server().tls->resumed());
  return pair.client().tls->resumed();
}

TEST(TlsResumption, ATicketSavesTheCertificates) {
  const auto context = server_context();
  const Memory memory = visit(context);
  TlsPair pair(client(memory), server(context));
  pair.send(pair.client(), "hello again");
  pair.run();
  EXPECT_EQ(pair.server().received, "hello again");
  EXPECT_TRUE(pair.client().tls->resumed());
  EXPECT_TRUE(pair.server().tls->resumed());
  EXPECT_TRUE(pair.client().tls->peer_certificates().empty());
  EXPECT_EQ(pair.client().tls->alpn(), "h3");
  EXPECT_EQ(pair.server().tls->server_name(), "localhost");
  EXPECT_FALSE(pair.client().tls->early_data_accepted());
  EXPECT_GE(pair.client().tls->tickets_received(), 1u) << "a fresh ticket for the next time";
}

TEST(TlsResumption, TicketsCanBeTurnedOffByEitherSide) {
  auto settings = server_settings();
  settings.session_tickets = false;
  TlsPair silent(client({}), server(server_context(settings)));
  silent.run();
  EXPECT_TRUE(silent.client().completed);
  EXPECT_EQ(silent.client().tls->tickets_received(), 0u);
  EXPECT_TRUE(silent.client().tls->session_ticket().empty());
}

TEST(TlsResumption, ADamagedTicketMeansAFullHandshake) {
  const auto context = server_context();
  const Memory memory = visit(context);
  ASSERT_TRUE(resumes(client(memory), context));
  for (std::size_t size = 0; size < memory.ticket.size(); size += 7) {
    Memory cut = memory;
    cut.ticket.resize(size);
    EXPECT_FALSE(resumes(client(cut), context)) << size << " of " << memory.ticket.size();
  }
  Memory garbage = memory;
  garbage.ticket.assign(300, 0x5a);
  EXPECT_FALSE(resumes(client(garbage), context));
}

TEST(TlsResumption, ATicketOfAnotherServerIsNotShown) {
  const auto context = server_context();
  const Memory memory = visit(context);
  EndOptions elsewhere = client(memory);
  elsewhere.server_name = "127.0.0.1";
  EXPECT_FALSE(resumes(std::move(elsewhere), context));
}

TEST(TlsResumption, ATicketFromASessionThatDidNotVerifyIsNoProof) {
  const auto context = server_context();
  EndOptions careless = client({});
  careless.tls.verify = Verify::none;
  const Memory memory = visit(context, std::move(careless));
  EXPECT_FALSE(resumes(client(memory), context)) << "strict";
  EndOptions again = client(memory);
  again.tls.verify = Verify::none;
  EXPECT_TRUE(resumes(std::move(again), context));
}

TEST(TlsResumption, AReportedProblemIsRememberedWithTheTicket) {
  const auto context = server_context();
  const auto stranger = *make_development_certificate();
  const auto reporting = [&](const Memory& memory) {
    EndOptions options = client(memory);
    options.tls.verify = Verify::report;
    options.tls.ca = {Pem::bytes(stranger.certificate_pem)};
    return options;
  };
  const Memory memory = visit(context, reporting({}));
  TlsPair pair(reporting(memory), server(context));
  pair.run();
  ASSERT_TRUE(pair.client().tls->resumed());
  EXPECT_EQ(code_of(pair.client().tls->certificate_problem()), "DEPTH_ZERO_SELF_SIGNED_CERT");
  EXPECT_FALSE(resumes(client(memory), context)) << "strict";
}

// --- keys ----------------------------------------------------------------------------------------

TlsSettings with_keys(std::uint8_t first, std::size_t count = 1) {
  auto settings = server_settings();
  for (std::size_t i = 0; i < count * kTicketKeySize; ++i) {
    settings.ticket_keys.push_back(static_cast<std::uint8_t>(first + i / kTicketKeySize * 10));
  }
  return settings;
}

TEST(TlsResumption, AFleetWithTheSameKeysResumesEachOthersSessions) {
  const Memory memory = visit(server_context(with_keys(1)));
  EXPECT_TRUE(resumes(client(memory), server_context(with_keys(1))));
  EXPECT_FALSE(resumes(client(memory), server_context(with_keys(2))));
  EXPECT_FALSE(resumes(client(memory), server_context())) << "random keys";
}

TEST(TlsResumption, AnOlderKeyStillOpensAndBringsANewTicket) {
  const Memory memory = visit(server_context(with_keys(11)));
  const auto context = server_context(with_keys(1));
  EXPECT_FALSE(resumes(client(memory), context));
  ASSERT_TRUE(context->set_ticket_keys(with_keys(1, 2).ticket_keys));  // 1 in front, then 11
  TlsPair pair(client(memory), server(context));
  pair.run();
  EXPECT_TRUE(pair.client().tls->resumed());
  ASSERT_GE(pair.client().tls->tickets_received(), 1u);
  const Memory renewed{pair.client().tls->session_ticket(), memory.transport_params};
  EXPECT_TRUE(resumes(client(renewed), server_context(with_keys(1))));
}

TEST(TlsResumption, ShardsThatShareASeedResumeEachOthersSessions) {
  auto settings = server_settings();
  const std::array<std::uint8_t, kTicketKeySize> random{7, 7, 7};
  share_ticket_seed(settings, random, Instant{});
  const Memory memory = visit(server_context(settings));
  EXPECT_TRUE(resumes(client(memory), server_context(settings)));
}

// --- 0-RTT ---------------------------------------------------------------------------------------

// RFC 8446 8.1: with early data on, a ticket is good once; the copy gets a full handshake.
TEST(TlsEarlyData, OfACopiedFlightIsNotDelivered) {
  const auto context = server_context(early_server_settings());
  const Memory memory = visit(context);
  TlsPair first(client(memory, true), server(context));
  first.send(first.client(), "pay");
  first.run();
  ASSERT_EQ(first.server().received, "pay");
  TlsPair copy(client(memory, true), server(context));
  copy.send(copy.client(), "pay");
  copy.run();
  EXPECT_EQ(copy.server().received, "");
  EXPECT_TRUE(copy.client().completed) << "a full handshake";
  EXPECT_FALSE(copy.server().tls->resumed());
}

TEST(TlsEarlyData, OfACopiedFlightIsNotDeliveredByAnotherShard) {
  auto settings = early_server_settings();
  share_ticket_seed(settings, std::array<std::uint8_t, kTicketKeySize>{9}, Instant{});
  const auto here = server_context(settings), there = server_context(settings);
  const Memory memory = visit(here);
  TlsPair first(client(memory, true), server(there));
  first.send(first.client(), "pay");
  first.run();
  ASSERT_EQ(first.server().received, "pay");
  TlsPair copy(client(memory, true), server(here));
  copy.send(copy.client(), "pay");
  copy.run();
  EXPECT_EQ(copy.server().received, "");
}

TEST(TlsEarlyData, SurvivesTheCertificateOfAServerName) {
  const auto context = server_context(early_server_settings());
  context->set_server_name("localhost", server_context());
  const Memory memory = visit(context);
  TlsPair pair(client(memory, true), server(context));
  pair.send(pair.client(), "early");
  pair.run(1);
  EXPECT_EQ(pair.server().received, "early");
}

TEST(TlsEarlyData, ArrivesBeforeTheHandshakeIsDone) {
  const auto context = server_context(early_server_settings());
  const Memory memory = visit(context);
  TlsPair pair(client(memory, true), server(context));
  ASSERT_TRUE(pair.client().tls->early_data_offered());
  pair.send(pair.client(), "early");
  pair.run(1);  // one flight each way
  EXPECT_EQ(pair.server().received, "early");
  EXPECT_FALSE(pair.server().completed);
  pair.run();
  EXPECT_TRUE(pair.client().tls->early_data_accepted());
  EXPECT_TRUE(pair.server().tls->early_data_accepted());
  EXPECT_FALSE(pair.client().early_rejected);
  EXPECT_EQ(pair.server().received, "early");
}

TEST(TlsEarlyData, WorksWithEveryCipherSuite) {
  for (const std::string suite :
       {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}) {
    const auto context = server_context(early_server_settings());
    EndOptions first = client({});
    first.tls.ciphers = suite;
    const Memory memory = visit(context, first);
    EndOptions second = client(memory, true);
    second.tls.ciphers = suite;
    TlsPair pair(std::move(second), server(context));
    pair.send(pair.client(), "early " + suite);
    pair.run(1);
    EXPECT_EQ(pair.server().received, "early " + suite);
  }
}

TEST(TlsEarlyData, IsOffUnlessTheServerTurnsItOn) {
  const Memory memory = visit(server_context());
  TlsPair pair(client(memory, true), server(server_context()));
  EXPECT_FALSE(pair.client().tls->early_data_offered());
}

TEST(TlsEarlyData, IsNotOfferedUnlessAskedFor) {
  const auto context = server_context(early_server_settings());
  const Memory memory = visit(context);
  TlsPair pair(client(memory, false), server(context));
  EXPECT_FALSE(pair.client().tls->early_data_offered());
  pair.run();
  EXPECT_TRUE(pair.client().tls->resumed());
  EXPECT_FALSE(pair.server().tls->early_data_accepted());
}

TEST(TlsEarlyData, ThatIsRefusedIsToldAndCanBeSentAgain) {
  auto early = early_server_settings();
  early.ticket_keys = with_keys(5).ticket_keys;
  const Memory memory = visit(server_context(early));
  for (const bool knows_the_ticket : {true, false}) {
    const auto context = server_context(with_keys(knows_the_ticket ? 5 : 6));  // early data off
    TlsPair pair(client(memory, true), server(context));
    ASSERT_TRUE(pair.client().tls->early_data_offered());
    pair.send(pair.client(), "too early");
    pair.run();
    ASSERT_TRUE(pair.client().completed) << pair.client().error;
    ASSERT_TRUE(pair.server().completed) << pair.server().error;
    EXPECT_TRUE(pair.client().early_rejected);
    EXPECT_FALSE(pair.client().tls->early_data_accepted());
    EXPECT_FALSE(pair.server().tls->early_data_accepted());
    EXPECT_EQ(pair.client().tls->resumed(), knows_the_ticket);
    EXPECT_EQ(pair.server().received, "");
    pair.send(pair.client(), "once more");
    pair.run();
    EXPECT_EQ(pair.server().received, "once more");
  }
}

}  // namespace
}  // namespace quicore::engine
