// SPDX-License-Identifier: Apache-2.0
//
// RFC 9297: HTTP datagrams in QUIC datagrams; RFC 9220: extended CONNECT.
#include "tests/conformance/http3_peers.h"

namespace quicore::test {
namespace {

// --- RFC 9297 ------------------------------------------------------------------------------------------

constexpr Close kDatagramError = application(http3::kDatagramError);

constexpr std::uint64_t kStreamsAllowed = 8;

SessionConfig with_datagrams() {
  SessionConfig config = server_config("h3");
  config.http3.datagrams = true;
  config.transport.initial_max_streams_bidi = kStreamsAllowed;
  return config;
}

std::string datagram_of(std::uint64_t quarter_stream_id, std::string_view content) {
  return wire::datagram(wire::varint(quarter_stream_id).append(content));
}

// What a server answers to one datagram, by itself or behind the request of stream 0 in its packet.
class Datagrams {
 public:
  Datagrams() : test(of_http3(), with_datagrams()) { EXPECT_EQ(test.handshake(), kOpen); }
  std::optional<Close> answer_to(std::string_view frames) { return test.answer_to(frames); }
  std::size_t delivered() {
    const TestConnection& connection = test.accepted();
    std::size_t count = connection.datagrams.size();
    for (const TestStream& stream : connection.streams) count += stream.datagrams.size();
    return count;
  }
  AgainstServer test;
};

const std::string kRequest = wire::stream(kClientBidi, 0, wire::h3_headers(kGet), false);

TEST(Rfc9297Section2_1, ADatagramBelongsToTheStreamThatItsNumberTells) {
  Datagrams peer;
  EXPECT_EQ(peer.answer_to(kRequest + datagram_of(0, "hello")), kOpen);
  EXPECT_EQ(peer.delivered(), 1u);
}

TEST(Rfc9297Section2_1, ADatagramTooShortForItsNumberIsADatagramError) {
  EXPECT_EQ(Datagrams().answer_to(wire::datagram("")), kDatagramError);
  EXPECT_EQ(Datagrams().answer_to(wire::datagram("\x40")), kDatagramError);
  EXPECT_EQ(Datagrams().answer_to(wire::datagram(std::string("\xc0\0\0\0\0\0\0", 7))),
            kDatagramError);
}

TEST(Rfc9297Section2_1, ANumberThatNoStreamCanHaveIsADatagramError) {
  EXPECT_EQ(Datagrams().answer_to(datagram_of(std::uint64_t{1} << 60, "x")), kDatagramError);
}

TEST(Rfc9297Section2_1, AStreamBeyondTheLimitIsAnIdError) {
  Datagrams peer;
  EXPECT_EQ(peer.answer_to(datagram_of(kStreamsAllowed - 1, "x")), kOpen);
  EXPECT_EQ(peer.answer_to(datagram_of(kStreamsAllowed, "x")), kIdError);
}

TEST(Rfc9297Section2_1, DatagramsOfStreamsThatAreNotThereAreDropped) {
  Datagrams peer;
  EXPECT_EQ(peer.answer_to(datagram_of(3, "early")), kOpen);
  EXPECT_EQ(peer.answer_to(wire::stream(kClientBidi, 0, wire::h3_headers(kGet), true)), kOpen);
  EXPECT_EQ(peer.answer_to(datagram_of(0, "late")), kOpen);
  EXPECT_EQ(peer.delivered(), 0u);
}

// --- RFC 9220 (and RFC 8441) ---------------------------------------------------------------------------

SessionConfig with_extended_connect(bool offered) {
  SessionConfig config = server_config("h3");
  config.http3.extended_connect = offered;
  return config;
}

const wire::FieldList kTunnel{{":method", "CONNECT"},
                              {":protocol", "connect-udp"},
                              {":scheme", "https"},
                              {":authority", "localhost"},
                              {":path", "/udp"}};

struct Answer {
  bool delivered;
  bool malformed;
};

Answer server_answers(const wire::FieldList& fields, bool offered = true) {
  AgainstServer test(of_http3(), with_extended_connect(offered));
  EXPECT_EQ(test.handshake(), kOpen);
  test.answer_to(wire::stream(kClientBidi, 0, wire::h3_headers(fields), false));
  const Http3Answer answer = look(test.hostile, test.victim.connections, kClientBidi);
  return {answer.sections == 1,
          answer.close == kMessageError || answer.reset == http3::kMessageError};
}

wire::FieldList without(std::string_view name) {
  wire::FieldList fields = kTunnel;
  std::erase_if(fields, [&](const auto& field) { return field.first == name; });
  return fields;
}

TEST(Rfc9220Section3, AProtocolMayBeAskedForWhereThatIsOffered) {
  EXPECT_TRUE(server_answers(kTunnel).delivered);
}

TEST(Rfc9220Section3, AProtocolThatWasNotOfferedIsMalformed) {
  const Answer answer = server_answers(kTunnel, false);
  EXPECT_FALSE(answer.delivered);
  EXPECT_TRUE(answer.malformed);
}

TEST(Rfc8441Section4, ExtendedConnectHasSchemeAuthorityAndPath) {
  for (const std::string_view name : {":scheme", ":authority", ":path"}) {
    const Answer answer = server_answers(without(name));
    EXPECT_FALSE(answer.delivered) << name;
    EXPECT_TRUE(answer.malformed) << name;
  }
}

TEST(Rfc8441Section4, AProtocolIsForConnectOnly) {
  wire::FieldList fields = kTunnel;
  fields[0].second = "GET";
  const Answer answer = server_answers(fields);
  EXPECT_FALSE(answer.delivered);
  EXPECT_TRUE(answer.malformed);
}

}  // namespace
}  // namespace quicore::test
