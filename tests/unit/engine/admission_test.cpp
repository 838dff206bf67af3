// SPDX-License-Identifier: Apache-2.0
#include "engine/admission.h"

#include <gtest/gtest.h>

#include <ngtcp2/ngtcp2_crypto.h>

#include <string>
#include <vector>

#include "io/steering.h"

namespace quicore::engine {
namespace {

using namespace std::chrono_literals;

const Address kClient = *Address::parse("192.0.2.1", 5000);
constexpr Instant kStart{1000s};

EndpointConfig validating() {
  EndpointConfig config;
  config.validate_address = true;
  config.token_secret.emplace().fill(std::byte{5});
  return config;
}

// A client's Initial, as the shard sees it after decoding.
struct Initial {
  std::vector<std::byte> datagram = std::vector<std::byte>(1200);
  std::vector<std::uint8_t> token;
  ngtcp2_pkt_hd header{};

  Initial() {
    header.type = NGTCP2_PKT_INITIAL;
    header.version = NGTCP2_PROTO_VER_V1;
    set_dcid(ConnectionId::from(std::vector<std::uint8_t>(12, 0xdc)));
    header.scid = ConnectionId::from(std::vector<std::uint8_t>(4, 0x5c)).to_ngtcp2();
  }
  void set_dcid(const ConnectionId& id) { header.dcid = id.to_ngtcp2(); }
  void set_token(std::vector<std::uint8_t> bytes) {
    token = std::move(bytes);
    header.token = token.data();
    header.tokenlen = token.size();
  }
};

class AdmissionTest : public testing::Test {
 protected:
  io::Random random_ = io::Random::seeded(1);
  InitialPacket packet_;

  Verdict decide(Admission& admission, Initial& initial, const Address& remote = kClient,
                 Instant now = kStart, const HandshakeLoad& load = {}, std::size_t total = 0) {
    packet_ = {};
    packet_.datagram = initial.datagram;
    return admission.decide(initial.header, remote, now, load, total, packet_);
  }

  // While so many handshakes are under way that all began lately.
  Verdict decide_at(Admission& admission, Initial& initial, std::size_t recent, bool busy) {
    return decide(admission, initial, kClient, kStart,
                  {.half_open = recent, .recent = recent, .busy = busy});
  }

  // What a client sends after the Retry that answers `initial`.
  Initial after_retry(Admission& admission, Initial& initial, const Address& remote = kClient,
                      Instant now = kStart) {
    EXPECT_EQ(decide(admission, initial, remote, now), Verdict::retry);
    const StatelessPacket retry = admission.make_retry(packet_, remote, now, 3, 5);
    EXPECT_TRUE(retry);
    ngtcp2_pkt_hd header;
    const auto size = ngtcp2_pkt_decode_hd_long(&header, retry.bytes.data(), retry.size);
    EXPECT_GT(size, 0);
    Initial next;
    next.set_dcid(ConnectionId::from(header.scid));
    const auto token = retry.span()
                           .subspan(static_cast<std::size_t>(size))
                           .first(retry.size - static_cast<std::size_t>(size) - 16);
    next.set_token({token.begin(), token.end()});
    return next;
  }
};

TEST_F(AdmissionTest, AcceptsByDefaultWithoutATokenAndSaysTheAddressIsNotValidated) {
  Admission admission(EndpointConfig{}, random_);
  Initial initial;
  EXPECT_EQ(decide(admission, initial), Verdict::accept);
  EXPECT_EQ(packet_.dcid, ConnectionId::from(initial.header.dcid));
  EXPECT_EQ(packet_.scid, ConnectionId::from(initial.header.scid));
  EXPECT_EQ(packet_.version, NGTCP2_PROTO_VER_V1);
  EXPECT_FALSE(packet_.address_validated);
  EXPECT_FALSE(packet_.original_dcid.has_value());
  EXPECT_TRUE(packet_.token.empty());
}

TEST_F(AdmissionTest, DropsAnInitialInADatagramBelow1200Bytes) {
  Admission admission(EndpointConfig{}, random_);
  Initial initial;
  initial.datagram.resize(1199);
  EXPECT_EQ(decide(admission, initial), Verdict::drop);
}

TEST_F(AdmissionTest, DropsAFirstDestinationIdBelowEightBytes) {
  Admission admission(EndpointConfig{}, random_);
  Initial initial;
  initial.set_dcid(ConnectionId::from(std::vector<std::uint8_t>(7, 1)));
  EXPECT_EQ(decide(admission, initial), Verdict::drop);
  initial.set_dcid(ConnectionId::from(std::vector<std::uint8_t>(8, 1)));
  EXPECT_EQ(decide(admission, initial), Verdict::accept);
}

TEST_F(AdmissionTest, DropsWhatIsNotAnInitial) {
  Admission admission(EndpointConfig{}, random_);
  Initial initial;
  initial.header.type = NGTCP2_PKT_0RTT;
  EXPECT_EQ(decide(admission, initial), Verdict::drop);
}

TEST_F(AdmissionTest, ARetryTokenValidatesTheAddressAndNamesTheOriginalId) {
  Admission admission(validating(), random_);
  Initial first;
  Initial second = after_retry(admission, first);
  EXPECT_EQ(decide(admission, second), Verdict::accept);
  EXPECT_TRUE(packet_.address_validated);
  EXPECT_EQ(packet_.token_type, NGTCP2_TOKEN_TYPE_RETRY);
  ASSERT_TRUE(packet_.original_dcid.has_value());
  EXPECT_EQ(*packet_.original_dcid, ConnectionId::from(first.header.dcid));
  EXPECT_EQ(packet_.token.size(), second.token.size());
}

TEST_F(AdmissionTest, TheIdOfARetrySteersToTheShardThatSentIt) {
  Admission admission(validating(), random_);
  Initial first;
  const Initial second = after_retry(admission, first);
  const ConnectionId id = ConnectionId::from(second.header.dcid);
  EXPECT_EQ(io::shard_of_connection_id(std::as_bytes(id.span()), 5), 3u);
}

TEST_F(AdmissionTest, ARetryTokenFromAnotherAddressOrPortIsInvalid) {
  for (const Address& remote :
       {*Address::parse("192.0.2.1", 5001), *Address::parse("192.0.2.2", 5000),
        *Address::parse("2001:db8::1", 5000)}) {
    Admission admission(validating(), random_);
    Initial first;
    Initial second = after_retry(admission, first);
    EXPECT_EQ(decide(admission, second, remote), Verdict::invalid_token) << remote.to_string();
  }
}

TEST_F(AdmissionTest, ARetryTokenIsGoodUntilItExpires) {
  EndpointConfig config = validating();
  config.retry_token_expiration = 30s;
  Admission admission(config, random_);
  Initial first;
  Initial second = after_retry(admission, first);
  EXPECT_EQ(decide(admission, second, kClient, kStart + 30s - 1ns), Verdict::accept);
  EXPECT_EQ(decide(admission, second, kClient, kStart + 30s), Verdict::invalid_token);
}

TEST_F(AdmissionTest, ARetryTokenForAnotherIdOrVersionCountsAsNone) {
  Admission admission(validating(), random_);
  Initial first;
  Initial second = after_retry(admission, first);
  Initial other_version = second;
  other_version.set_token(second.token);
  other_version.header.version = NGTCP2_PROTO_VER_V2;
  EXPECT_EQ(decide(admission, other_version), Verdict::retry);
  second.set_dcid(ConnectionId::from(first.header.dcid));
  EXPECT_EQ(decide(admission, second), Verdict::retry);
  EXPECT_TRUE(packet_.token.empty());
}

TEST_F(AdmissionTest, EveryDamagedTokenCountsAsNone) {
  EndpointConfig config = validating();
  config.retry_limit = 1000000;
  Admission admission(config, random_);
  Initial first;
  const Initial second = after_retry(admission, first);
  for (std::size_t at = 0; at < second.token.size(); ++at) {
    Initial damaged;
    damaged.header.dcid = second.header.dcid;
    std::vector<std::uint8_t> token = second.token;
    token[at] ^= 0x40;
    damaged.set_token(token);
    EXPECT_EQ(decide(admission, damaged), Verdict::retry) << at;
    token.resize(at);
    damaged.set_token(token);
    EXPECT_EQ(decide(admission, damaged), Verdict::retry) << at;
  }
}

TEST_F(AdmissionTest, ATokenIsBoundToTheClientNotToItsFlowLabelOrTheSocketsFamily) {
  Admission admission(validating(), random_);
  Address labelled = *Address::parse("2001:db8::1", 5000);
  labelled.set_flow_label(0x12345);
  Initial first;
  Initial second = after_retry(admission, first, labelled);
  EXPECT_EQ(decide(admission, second, *Address::parse("2001:db8::1", 5000)), Verdict::accept);

  Initial third = after_retry(admission, first, *Address::parse("::ffff:192.0.2.9", 5000));
  EXPECT_EQ(decide(admission, third, *Address::parse("192.0.2.9", 5000)), Verdict::accept);
}

TEST_F(AdmissionTest, ANewTokenIsGoodFromAnyPortOfTheHostAndFromNoOtherHost) {
  Admission admission(validating(), random_);
  Initial initial;
  initial.set_token(admission.make_new_token(kClient, kStart));
  EXPECT_EQ(decide(admission, initial, *Address::parse("192.0.2.2", 5000)), Verdict::retry);
  EXPECT_EQ(decide(admission, initial, *Address::parse("192.0.2.1", 777)), Verdict::accept);
  EXPECT_TRUE(packet_.address_validated);
  EXPECT_EQ(packet_.token_type, NGTCP2_TOKEN_TYPE_NEW_TOKEN);
  EXPECT_FALSE(packet_.original_dcid.has_value());
}

TEST_F(AdmissionTest, AnExpiredNewTokenCountsAsNone) {
  EndpointConfig config = validating();
  config.token_expiration = 60s;
  Admission admission(config, random_);
  Initial initial;
  initial.set_token(admission.make_new_token(kClient, kStart));
  EXPECT_EQ(decide(admission, initial, kClient, kStart + 60s), Verdict::retry);
  EXPECT_EQ(decide(admission, initial, kClient, kStart + 60s - 1ns), Verdict::accept);
}

TEST_F(AdmissionTest, AFleetWithOneSecretTakesEachOthersTokens) {
  Admission one(validating(), random_);
  Admission same_secret(validating(), random_);
  EndpointConfig config = validating();
  config.token_secret.reset();
  Admission other_secret(config, random_);
  Initial initial;
  initial.set_token(one.make_new_token(kClient, kStart));
  EXPECT_EQ(decide(same_secret, initial), Verdict::accept);
  EXPECT_EQ(decide(other_secret, initial), Verdict::retry);
}

TEST_F(AdmissionTest, MachinesThatBootedAtDifferentTimesAgreeByTheirClockOffsets) {
  Admission old_machine(validating(), random_);
  Admission new_machine(validating(), random_);
  old_machine.set_token_clock_offset(1000s);
  new_machine.set_token_clock_offset(91000s);
  Initial initial;
  initial.set_token(new_machine.make_new_token(kClient, Instant(10s)));
  EXPECT_EQ(decide(old_machine, initial, kClient, Instant(90010s)), Verdict::accept);
  EXPECT_EQ(decide(old_machine, initial, *Address::parse("192.0.2.3", 1), Instant(90010s)),
            Verdict::retry);
  Admission unaware(validating(), random_);
  EXPECT_EQ(decide(unaware, initial, kClient, Instant(92610s)), Verdict::retry);
}

TEST_F(AdmissionTest, RetriesPerHostAreLimitedAndTheHostGetsItsShareAgainLater) {
  EndpointConfig config = validating();
  config.retry_limit = 3;
  Admission admission(config, random_);
  Initial initial;
  for (std::uint16_t port = 1; port <= 3; ++port) {
    EXPECT_EQ(decide(admission, initial, *Address::parse("192.0.2.1", port)), Verdict::retry);
  }
  EXPECT_EQ(decide(admission, initial), Verdict::drop);
  EXPECT_EQ(decide(admission, initial, *Address::parse("192.0.2.2", 1)), Verdict::retry);
  EXPECT_EQ(decide(admission, initial, kClient, kStart + limits::kHostCounterPeriod),
            Verdict::retry);
}

TEST_F(AdmissionTest, AValidTokenGoesThroughWhenTheHostHadAllItsRetries) {
  EndpointConfig config = validating();
  config.retry_limit = 1;
  Admission admission(config, random_);
  Initial first;
  Initial second = after_retry(admission, first);
  EXPECT_EQ(decide(admission, first), Verdict::drop);
  EXPECT_EQ(decide(admission, second), Verdict::accept);
}

TEST_F(AdmissionTest, AHostValidatedOnceNeedsNoRetryForAWhile) {
  EndpointConfig config = validating();
  config.token_expiration = 100s;
  Admission admission(config, random_);
  admission.address_validated(kClient, kStart);
  Initial initial;
  EXPECT_EQ(decide(admission, initial, kClient, kStart + 100s - 1ns), Verdict::accept);
  EXPECT_FALSE(packet_.address_validated) << "the amplification limit still holds";
  EXPECT_EQ(decide(admission, initial, kClient, kStart + 100s), Verdict::retry);
}

TEST_F(AdmissionTest, ValidatedHostsAreForgottenBeyondTheSizeOfTheLru) {
  EndpointConfig config = validating();
  config.address_lru_size = 2;
  Admission admission(config, random_);
  for (const char* ip : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) {
    admission.address_validated(*Address::parse(ip, 1), kStart);
  }
  Initial initial;
  EXPECT_EQ(decide(admission, initial, *Address::parse("192.0.2.3", 9)), Verdict::accept);
  EXPECT_EQ(decide(admission, initial, *Address::parse("192.0.2.1", 9)), Verdict::retry);
}

TEST_F(AdmissionTest, ManyHandshakesUnderWayTurnValidationOn) {
  Admission admission(EndpointConfig{}, random_);
  Initial initial;
  const std::size_t limit = limits::kHandshakesBeforeRetry;
  EXPECT_EQ(decide(admission, initial, kClient, kStart, {.half_open = limit - 1}), Verdict::accept);
  EXPECT_EQ(decide(admission, initial, kClient, kStart, {.half_open = limit}), Verdict::retry);
}

TEST_F(AdmissionTest, TooManyHalfOpenConnectionsDropEvenValidatedClients) {
  Admission admission(EndpointConfig{}, random_);
  Initial initial;
  initial.set_token(admission.make_new_token(kClient, kStart));
  const std::size_t limit = limits::kMaxHalfOpenConnections;
  EXPECT_EQ(decide(admission, initial, kClient, kStart, {.half_open = limit - 1}), Verdict::accept);
  EXPECT_EQ(decide(admission, initial, kClient, kStart, {.half_open = limit}), Verdict::drop);
}

// docs/decisions/0034.
TEST_F(AdmissionTest, OnABusyShardFewerRecentHandshakesTurnValidationOn) {
  Admission admission(EndpointConfig{}, random_);
  Initial initial;
  const std::size_t limit = limits::kRecentHandshakesBeforeRetryWhenBusy;
  EXPECT_EQ(decide_at(admission, initial, limit, false), Verdict::accept);
  EXPECT_EQ(decide_at(admission, initial, limit - 1, true), Verdict::accept);
  EXPECT_EQ(decide_at(admission, initial, limit, true), Verdict::retry);
}

TEST_F(AdmissionTest, OnABusyShardFewerRecentHandshakesDropEvenValidatedClients) {
  Admission admission(EndpointConfig{}, random_);
  Initial initial;
  initial.set_token(admission.make_new_token(kClient, kStart));
  const std::size_t limit = limits::kMostRecentHandshakesWhenBusy;
  EXPECT_EQ(decide_at(admission, initial, limit, false), Verdict::accept);
  EXPECT_EQ(decide_at(admission, initial, limit - 1, true), Verdict::accept);
  EXPECT_EQ(decide_at(admission, initial, limit, true), Verdict::drop);
}

// Or whoever holds many for long would keep a busy shard from all others.
TEST_F(AdmissionTest, OnABusyShardHandshakesThatTakeLongDoNotCount) {
  Admission admission(EndpointConfig{}, random_);
  Initial initial;
  const HandshakeLoad load = {
      .half_open = limits::kHandshakesBeforeRetry - 1, .recent = 0, .busy = true};
  EXPECT_EQ(decide(admission, initial, kClient, kStart, load), Verdict::accept);
}

TEST_F(AdmissionTest, RefusesAtTheTotalLimitOfConnections) {
  EndpointConfig config;
  config.max_connections_total = 5;
  Admission admission(config, random_);
  Initial initial;
  EXPECT_EQ(decide(admission, initial, kClient, kStart, {}, 4), Verdict::accept);
  EXPECT_EQ(decide(admission, initial, kClient, kStart, {}, 5), Verdict::refuse_busy);
}

TEST_F(AdmissionTest, RefusesAHostWithTooManyConnectionsUntilOneEnds) {
  EndpointConfig config;
  config.max_connections_per_host = 2;
  Admission admission(config, random_);
  Initial initial;
  admission.connection_added(*Address::parse("192.0.2.1", 1));
  EXPECT_EQ(decide(admission, initial), Verdict::accept);
  admission.connection_added(*Address::parse("192.0.2.1", 2));
  EXPECT_EQ(decide(admission, initial), Verdict::refuse_busy);
  EXPECT_EQ(decide(admission, initial, *Address::parse("192.0.2.2", 1)), Verdict::accept);
  admission.connection_removed(*Address::parse("192.0.2.1", 1));
  EXPECT_EQ(decide(admission, initial), Verdict::accept);
}

TEST_F(AdmissionTest, StatelessResetsPerHostAreLimited) {
  EndpointConfig config;
  config.max_stateless_resets = 2;
  Admission admission(config, random_);
  EXPECT_TRUE(admission.may_send_stateless_reset(kClient, kStart));
  EXPECT_TRUE(admission.may_send_stateless_reset(kClient, kStart));
  EXPECT_FALSE(admission.may_send_stateless_reset(kClient, kStart));
  EXPECT_TRUE(admission.may_send_stateless_reset(*Address::parse("192.0.2.2", 1), kStart));
  EXPECT_TRUE(admission.may_send_stateless_reset(kClient, kStart + limits::kHostCounterPeriod));
}

TEST_F(AdmissionTest, NoStatelessResetLeavesWhenTheyAreDisabled) {
  EndpointConfig config;
  config.disable_stateless_reset = true;
  Admission admission(config, random_);
  EXPECT_FALSE(admission.may_send_stateless_reset(kClient, kStart));
}

TEST_F(AdmissionTest, UsesTheResetSecretGivenAndARandomOneOtherwise) {
  EndpointConfig config;
  config.reset_token_secret.emplace().fill(std::byte{9});
  EXPECT_EQ(Admission(config, random_).reset_token_secret(), *config.reset_token_secret);
  config.reset_token_secret.reset();
  const auto one = Admission(config, random_).reset_token_secret();
  EXPECT_NE(one, Admission(config, random_).reset_token_secret());
}

}  // namespace
}  // namespace quicore::engine
