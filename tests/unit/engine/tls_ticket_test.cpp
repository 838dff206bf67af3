// SPDX-License-Identifier: Apache-2.0
#include "engine/tls_ticket.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/replay_filter.h"
#include "engine/tls_settings.h"

namespace quicore::engine {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;

constexpr Instant kStart = from_nanoseconds(1'000'000'000);

struct Ticket {
  Bytes bytes{1, 2, 3, 4, 5};
  std::array<std::uint8_t, TicketKeys::kNameSize> name{};
  std::array<std::uint8_t, TicketKeys::kNonceSize> nonce{};
  std::array<std::uint8_t, TicketKeys::kTagSize> tag{};
};

const Bytes kPlain{1, 2, 3, 4, 5};

Ticket seal(TicketKeys& keys) {
  Ticket ticket;
  EXPECT_TRUE(keys.seal(ticket.bytes, ticket.name, ticket.nonce, ticket.tag));
  EXPECT_NE(ticket.bytes, kPlain);
  return ticket;
}

bool opens(TicketKeys& keys, Ticket ticket) {
  return keys.open(ticket.bytes, ticket.name, ticket.nonce, ticket.tag) && ticket.bytes == kPlain;
}

Bytes key_bytes(std::initializer_list<std::uint8_t> keys) {
  Bytes bytes;
  for (const std::uint8_t key : keys) bytes.insert(bytes.end(), TicketKeys::kKeySize, key);
  return bytes;
}

constexpr std::array<std::uint8_t, TicketKeys::kKeySize> kSeed{1, 2, 3};

TEST(TicketKeys, OpenWhatTheySealed) {
  TicketKeys keys;
  ASSERT_TRUE(keys.set(key_bytes({1})));
  const Ticket ticket = seal(keys);
  EXPECT_TRUE(opens(keys, ticket));
  EXPECT_NE(seal(keys).nonce, ticket.nonce);
}

TEST(TicketKeys, WithoutAKeyNothingIsSealedOrOpened) {
  TicketKeys keys;
  Ticket ticket;
  EXPECT_FALSE(keys.seal(ticket.bytes, ticket.name, ticket.nonce, ticket.tag));
  EXPECT_FALSE(opens(keys, ticket));
}

TEST(TicketKeys, RefuseEveryChangedByte) {
  TicketKeys keys;
  ASSERT_TRUE(keys.set(key_bytes({1})));
  const Ticket ticket = seal(keys);
  const auto refused = [&](auto member) {
    for (std::size_t i = 0; i < (ticket.*member).size(); ++i) {
      Ticket forged = ticket;
      (forged.*member)[i] ^= 0x80;
      EXPECT_FALSE(opens(keys, forged)) << i;
    }
  };
  refused(&Ticket::bytes);
  refused(&Ticket::name);
  refused(&Ticket::nonce);
  refused(&Ticket::tag);
}

TEST(TicketKeys, TheFirstSealsAndAllOpen) {
  TicketKeys old, both;
  ASSERT_TRUE(old.set(key_bytes({1})));
  ASSERT_TRUE(both.set(key_bytes({2, 1})));
  EXPECT_TRUE(opens(both, seal(old)));
  EXPECT_FALSE(opens(old, seal(both)));
}

TEST(TicketKeys, OfAWrongSizeAreRefusedAndTheOldOnesStay) {
  TicketKeys keys;
  ASSERT_TRUE(keys.set(key_bytes({1})));
  const Ticket ticket = seal(keys);
  for (const std::size_t size : {0uz, 1uz, 47uz, 49uz, 95uz}) {
    const auto result = keys.set(Bytes(size, 1));
    ASSERT_FALSE(result) << size;
    EXPECT_EQ(result.error().kind, Errc::invalid_argument);
  }
  EXPECT_TRUE(opens(keys, ticket));
}

TEST(TicketKeys, DrawnOnesChangeEachPeriodAndOpenForOneMore) {
  TicketKeys keys;
  ASSERT_TRUE(keys.draw(kSeed, 1h, kStart));
  const Ticket ticket = seal(keys);
  keys.advance(kStart + 1h - 1ns);
  EXPECT_EQ(seal(keys).name, ticket.name);
  keys.advance(kStart + 1h);
  EXPECT_NE(seal(keys).name, ticket.name);
  EXPECT_TRUE(opens(keys, ticket));
  keys.advance(kStart + 2h - 1ns);
  EXPECT_TRUE(opens(keys, ticket));
  keys.advance(kStart + 2h);
  EXPECT_FALSE(opens(keys, ticket));
}

TEST(TicketKeys, FromOneSeedTakeTheSameStepsWhereverAndWheneverTheyBegin) {
  TicketKeys early, late;
  ASSERT_TRUE(early.draw(kSeed, 1h, kStart));
  for (int i = 0; i <= 5; ++i) early.advance(kStart + i * 1h);
  ASSERT_TRUE(late.draw(kSeed, 1h, kStart));
  late.advance(kStart + 5h + 1min);
  EXPECT_TRUE(opens(late, seal(early)));
  EXPECT_TRUE(opens(early, seal(late)));
}

TEST(TicketKeys, OfAnotherSeedAreDifferent) {
  auto other = kSeed;
  other[47] = 1;
  TicketKeys one, two;
  ASSERT_TRUE(one.draw(kSeed, 1h, kStart));
  ASSERT_TRUE(two.draw(other, 1h, kStart));
  EXPECT_FALSE(opens(two, seal(one)));
}

TEST(TicketKeys, WithoutATimeCountFromTheFirstThatTheyAreTold) {
  TicketKeys keys;
  ASSERT_TRUE(keys.draw(kSeed, 1h, std::nullopt));
  const Ticket ticket = seal(keys);
  keys.advance(kStart + 1000h);
  EXPECT_EQ(seal(keys).name, ticket.name);
  keys.advance(kStart + 1001h);
  EXPECT_NE(seal(keys).name, ticket.name);
}

TEST(TicketKeys, GivenOnesNeverChangeByThemselves) {
  TicketKeys keys;
  ASSERT_TRUE(keys.set(key_bytes({1})));
  const Ticket ticket = seal(keys);
  keys.advance(kStart + 10000h);
  EXPECT_TRUE(opens(keys, ticket));
  EXPECT_EQ(seal(keys).name, ticket.name);
}

TEST(TicketSeed, IsDrawnOnceAndNotBesideGivenKeys) {
  constexpr std::array<std::uint8_t, kTicketKeySize> kFirst{1}, kSecond{2};
  TlsSettings settings;
  share_ticket_seed(settings, kFirst, kStart);
  ASSERT_TRUE(settings.ticket_seed);
  const auto filter = settings.replay_filter;
  EXPECT_NE(filter, nullptr);
  share_ticket_seed(settings, kSecond, kStart + 1h);
  EXPECT_EQ(settings.ticket_seed->secret, kFirst);
  EXPECT_EQ(settings.ticket_seed->drawn, kStart);
  EXPECT_EQ(settings.replay_filter, filter);
  TlsSettings given;
  given.ticket_keys = key_bytes({1});
  share_ticket_seed(given, kFirst, kStart);
  EXPECT_FALSE(given.ticket_seed);
  EXPECT_NE(given.replay_filter, nullptr);
}

}  // namespace
}  // namespace quicore::engine
