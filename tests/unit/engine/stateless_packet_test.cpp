// SPDX-License-Identifier: Apache-2.0
#include "engine/stateless_packet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace quicore::engine {
namespace {

constexpr std::array<std::uint8_t, 16> kSecret{1, 2};

ConnectionId id_of(std::uint8_t first, std::size_t size) {
  std::vector<std::uint8_t> bytes(size, first);
  return ConnectionId::from(bytes);
}

std::vector<std::uint8_t> bytes_of(std::span<const std::uint8_t> span) {
  return {span.begin(), span.end()};
}

ngtcp2_version_cid ids_of(std::span<const std::uint8_t> dcid, std::span<const std::uint8_t> scid) {
  return {.version = 0x11223344,
          .dcid = dcid.data(),
          .dcidlen = dcid.size(),
          .scid = scid.data(),
          .scidlen = scid.size()};
}

std::uint32_t read_be32(const std::uint8_t* at) {
  return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 |
         at[3];
}

struct ParsedVersionNegotiation {
  std::vector<std::uint8_t> dcid, scid;
  std::vector<std::uint32_t> versions;
};

// By the text of RFC 9000 17.2.1, independent of the library that wrote it.
ParsedVersionNegotiation parse(const StatelessPacket& packet) {
  ParsedVersionNegotiation parsed;
  const std::uint8_t* at = packet.bytes.data();
  EXPECT_EQ(*at & 0x80, 0x80);
  EXPECT_EQ(read_be32(at + 1), 0u);
  at += 5;
  parsed.dcid.assign(at + 1, at + 1 + *at);
  at += 1 + *at;
  parsed.scid.assign(at + 1, at + 1 + *at);
  at += 1 + *at;
  for (; at < packet.bytes.data() + packet.size; at += 4) parsed.versions.push_back(read_be32(at));
  EXPECT_EQ(at, packet.bytes.data() + packet.size);
  return parsed;
}

TEST(VersionNegotiation, SwapsTheIdsAndListsOurVersionsAfterAReservedOne) {
  io::Random random = io::Random::seeded(1);
  const std::vector<std::uint8_t> dcid(8, 0xd1), scid(5, 0x5c);
  const std::array<std::uint32_t, 2> versions = {1, 0x6b3343cf};
  const auto parsed = parse(version_negotiation(ids_of(dcid, scid), versions, random));
  EXPECT_EQ(parsed.dcid, scid);
  EXPECT_EQ(parsed.scid, dcid);
  ASSERT_EQ(parsed.versions.size(), 3u);
  EXPECT_EQ(parsed.versions[0] & 0x0f0f0f0f, 0x0a0a0a0au);
  EXPECT_EQ(parsed.versions[1], 1u);
  EXPECT_EQ(parsed.versions[2], 0x6b3343cfu);
}

TEST(VersionNegotiation, TheReservedVersionChanges) {
  io::Random random = io::Random::seeded(2);
  const std::vector<std::uint8_t> id(8, 1);
  const std::array<std::uint32_t, 1> versions = {1};
  std::set<std::uint32_t> reserved;
  for (int i = 0; i < 50; ++i) {
    reserved.insert(parse(version_negotiation(ids_of(id, id), versions, random)).versions[0]);
  }
  EXPECT_GT(reserved.size(), 25u);
}

// RFC 8999 5.1: IDs of versions not known may have up to 255 bytes, and none.
TEST(VersionNegotiation, EchoesTheLongestAndTheShortestIds) {
  io::Random random = io::Random::seeded(3);
  const std::array<std::uint32_t, 2> versions = {1, 0x6b3343cf};
  const std::vector<std::uint8_t> longest(255, 0xff), none;
  const StatelessPacket packet = version_negotiation(ids_of(longest, none), versions, random);
  EXPECT_EQ(parse(packet).scid, longest);
  EXPECT_TRUE(parse(packet).dcid.empty());
  const auto both = parse(version_negotiation(ids_of(longest, longest), versions, random));
  EXPECT_EQ(both.dcid, longest);
  EXPECT_EQ(both.versions.size(), 3u);
}

TEST(Retry, CarriesTheTokenToTheClientsIdFromTheNewOne) {
  const std::vector<std::uint8_t> token(100, 0x77);
  const ConnectionId client_scid = id_of(0xc1, 4), fresh = id_of(0x5e, 8);
  for (const std::uint32_t version : {NGTCP2_PROTO_VER_V1, NGTCP2_PROTO_VER_V2}) {
    const StatelessPacket packet = retry(version, client_scid, id_of(0xdc, 8), fresh, token);
    ASSERT_TRUE(packet);
    ngtcp2_pkt_hd header;
    const ngtcp2_ssize size = ngtcp2_pkt_decode_hd_long(&header, packet.bytes.data(), packet.size);
    ASSERT_GT(size, 0);
    EXPECT_EQ(header.type, NGTCP2_PKT_RETRY);
    EXPECT_EQ(header.version, version);
    EXPECT_EQ(ConnectionId::from(header.dcid), client_scid);
    EXPECT_EQ(ConnectionId::from(header.scid), fresh);
    constexpr std::size_t kIntegrityTag = 16;
    EXPECT_EQ(bytes_of(packet.span().subspan(static_cast<std::size_t>(size), token.size())), token);
    EXPECT_EQ(packet.size, static_cast<std::size_t>(size) + token.size() + kIntegrityTag);
  }
}

TEST(Retry, ItsIntegrityTagDependsOnTheOriginalId) {
  const std::vector<std::uint8_t> token(10, 1);
  const auto one = retry(1, id_of(1, 4), id_of(2, 8), id_of(3, 8), token);
  const auto other = retry(1, id_of(1, 4), id_of(4, 8), id_of(3, 8), token);
  ASSERT_EQ(one.size, other.size);
  EXPECT_NE(bytes_of(one.span().last(16)), bytes_of(other.span().last(16)));
  const std::size_t before_tag = one.size - 16;
  // The four lowest bits of the first byte are unused and may differ.
  EXPECT_EQ(bytes_of(one.span().subspan(1, before_tag - 1)),
            bytes_of(other.span().subspan(1, before_tag - 1)));
}

TEST(Retry, ATokenThatDoesNotFitGivesNoPacket) {
  const std::vector<std::uint8_t> token(StatelessPacket::kCapacity, 1);
  EXPECT_FALSE(retry(1, id_of(1, 4), id_of(2, 8), id_of(3, 8), token));
}

TEST(StatelessReset, IsAlwaysSmallerThanWhatItAnswersAndEndsInTheToken) {
  io::Random random = io::Random::seeded(4);
  const ConnectionId id = id_of(9, 8);
  const HmacSha256 key(kSecret);
  std::array<std::uint8_t, 16> token;
  ASSERT_TRUE(make_stateless_reset_token(token, key, id));
  for (std::size_t received = 22; received <= 1500; ++received) {
    const StatelessPacket packet = stateless_reset(id.span(), received, key, random);
    ASSERT_TRUE(packet);
    ASSERT_LT(packet.size, received);
    ASSERT_GE(packet.size, 21u);  // RFC 9000 10.3
    ASSERT_EQ(packet.bytes[0] & 0xc0, 0x40);
    ASSERT_TRUE(std::ranges::equal(packet.span().last(16), token));
    if (received <= 43) {
      ASSERT_EQ(packet.size, received - 1);
    }
  }
}

TEST(StatelessReset, NothingAnswersADatagramThatLeavesNoRoomForASmallerOne) {
  io::Random random = io::Random::seeded(5);
  const HmacSha256 key(kSecret);
  for (std::size_t received : {0u, 1u, 20u, 21u}) {
    EXPECT_FALSE(stateless_reset(id_of(9, 8).span(), received, key, random)) << received;
  }
}

TEST(StatelessReset, LooksDifferentEachTime) {
  io::Random random = io::Random::seeded(6);
  const HmacSha256 key(kSecret);
  std::set<std::size_t> sizes;
  std::set<std::vector<std::uint8_t>> beginnings;
  for (int i = 0; i < 100; ++i) {
    const StatelessPacket packet = stateless_reset(id_of(9, 8).span(), 1200, key, random);
    sizes.insert(packet.size);
    beginnings.insert(bytes_of(packet.span().first(5)));
  }
  EXPECT_GT(sizes.size(), 20u);
  EXPECT_EQ(beginnings.size(), 100u);
}

TEST(StatelessResetToken, IsAFunctionOfIdAndSecret) {
  std::array<std::uint8_t, 16> one, same, other_id, other_secret;
  const HmacSha256 key(kSecret), same_key(kSecret), other_key(std::array<std::uint8_t, 16>{});
  ASSERT_TRUE(make_stateless_reset_token(one, key, id_of(9, 8)));
  ASSERT_TRUE(make_stateless_reset_token(same, same_key, id_of(9, 8)));
  ASSERT_TRUE(make_stateless_reset_token(other_id, key, id_of(8, 8)));
  ASSERT_TRUE(make_stateless_reset_token(other_secret, other_key, id_of(9, 8)));
  EXPECT_EQ(one, same);
  EXPECT_NE(one, other_id);
  EXPECT_NE(one, other_secret);
}

TEST(ConnectionClose, IsAnInitialBackToTheClientThatDoesNotAmplify) {
  for (const std::uint32_t version : {NGTCP2_PROTO_VER_V1, NGTCP2_PROTO_VER_V2}) {
    const auto packet =
        connection_close(version, id_of(1, 0), id_of(2, 20), NGTCP2_CONNECTION_REFUSED);
    ASSERT_TRUE(packet);
    EXPECT_LT(packet.size, 100u);
    ngtcp2_pkt_hd header;
    ASSERT_GT(ngtcp2_pkt_decode_hd_long(&header, packet.bytes.data(), packet.size), 0);
    EXPECT_EQ(header.type, NGTCP2_PKT_INITIAL);
    EXPECT_EQ(header.version, version);
    EXPECT_EQ(ConnectionId::from(header.dcid), id_of(1, 0));
    EXPECT_EQ(ConnectionId::from(header.scid), id_of(2, 20));
  }
}

}  // namespace
}  // namespace quicore::engine
