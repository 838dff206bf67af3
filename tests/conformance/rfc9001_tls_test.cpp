// SPDX-License-Identifier: Apache-2.0
//
// RFC 9001 sections 4, 6 and 8: what TLS may say inside of QUIC, keys and their updates.
#include "tests/conformance/peers.h"

namespace quicore::test {
namespace {

std::string message(std::uint8_t type, std::string_view body) {
  std::string bytes(1, static_cast<char>(type));
  return bytes.append(wire::big_endian(body.size(), 3)).append(body);
}

const std::string kKeyUpdate = message(24, std::string(1, '\0'));
const std::string kEndOfEarlyData = message(5, "");
const std::string kFinished = message(20, std::string(32, 'f'));

// The first flight of one level of a handshake, changed on its way out.
HostileOptions editing(Level wanted, std::function<void(std::string&)> edit) {
  HostileOptions options;
  options.edit_crypto = [wanted, edit = std::move(edit)](Level level, std::string& bytes) {
    if (level == wanted) edit(bytes);
  };
  return options;
}

void replace(std::string& bytes, std::string_view what, std::string_view with) {
  const std::size_t at = bytes.find(what);
  ASSERT_NE(at, bytes.npos);
  bytes.replace(at, what.size(), with);
}

// The extension's whole bytes in a ClientHello or EncryptedExtensions.
std::string extension(std::uint64_t type, std::string_view body) {
  return wire::big_endian(type, 2) + wire::big_endian(body.size(), 2) + std::string(body);
}

// Renames the quic_transport_parameters extension: it is not there any more.
void hide_transport_parameters(std::string& bytes, std::uint64_t new_type) {
  // Its type, a length and the first parameter that the hostile endpoint writes.
  for (std::size_t at = 0; at + 6 < bytes.size(); ++at) {
    if (bytes[at] != '\0' || bytes[at + 1] != '\x39') continue;
    const char first = bytes[at + 4];
    if (first != '\x00' && first != '\x0f') continue;
    if (static_cast<std::uint8_t>(bytes[at + 3]) < 40 || bytes[at + 2] != '\0') continue;
    bytes.replace(at, 2, wire::big_endian(new_type, 2));
    return;
  }
  ADD_FAILURE() << "no transport parameters";
}

// --- 4: messages ---------------------------------------------------------------------------------------

TEST(Rfc9001Section4_1_3, BytesThatAreNoClientHelloAreAnUnexpectedMessage) {
  AgainstServer test(editing(Level::initial, [](std::string& bytes) { bytes[0] = '\x14'; }));
  EXPECT_EQ(test.handshake(), kUnexpectedMessage);
}

TEST(Rfc9001Section4_1_3, AClientHelloThatIsMalformedEndsWithADecodeError) {
  AgainstServer test(editing(Level::initial, [](std::string& bytes) {
    bytes[39] = '\xff';  // the list of cipher suites reaches beyond the end
  }));
  const auto close = test.handshake();
  ASSERT_TRUE(close.has_value());
  EXPECT_FALSE(close->application);
  EXPECT_EQ(close->code & ~std::uint64_t{0xff}, 0x100u) << *close;
}

TEST(Rfc9001Section4_4, AfterTheHandshakeAServerTakesNoTlsMessage) {
  for (const std::uint8_t type : {1, 2, 4, 8, 11, 13, 15, 20, 99}) {
    AgainstServer test;
    ASSERT_EQ(test.handshake(), kOpen);
    test.hostile.send_crypto(Level::application, message(type, std::string(32, 'x')));
    EXPECT_EQ(test.verdict(), kUnexpectedMessage) << int{type};
  }
}

TEST(Rfc9001Section4_4, APostHandshakeRequestForACertificateIsAnUnexpectedMessage) {
  for (const std::uint8_t type : {1, 2, 8, 11, 13, 15, 20, 99}) {
    AgainstClient test;
    ASSERT_EQ(test.handshake(), kOpen);
    test.hostile.send_crypto(Level::application, message(type, std::string(32, 'x')));
    EXPECT_EQ(test.verdict(), kUnexpectedMessage) << int{type};
  }
}

TEST(Rfc9001Section4_1_4, MessagesThatAServerMustNotGetInHandshakePacketsAreUnexpected) {
  for (const std::uint8_t type : {1, 2, 4, 5, 8, 13, 24, 99}) {
    AgainstServer test(
        editing(Level::handshake, [&](std::string& bytes) { bytes = message(type, "") + bytes; }));
    EXPECT_EQ(test.handshake(), kUnexpectedMessage) << int{type};
  }
}

TEST(Rfc9001Section4_1_4, MessagesThatAClientMustNotGetInHandshakePacketsAreUnexpected) {
  for (const std::uint8_t type : {1, 2, 4, 5, 24, 99}) {
    AgainstClient test(
        editing(Level::handshake, [&](std::string& bytes) { bytes = message(type, "") + bytes; }));
    EXPECT_EQ(test.handshake(), kUnexpectedMessage) << int{type};
  }
}

TEST(Rfc9001Section4_1_4, AClientTakesServerHelloOnlyInInitialPackets) {
  AgainstClient test(editing(Level::initial, [](std::string& bytes) { bytes[0] = '\x08'; }));
  EXPECT_EQ(test.handshake(), kUnexpectedMessage);
}

TEST(Rfc9001Section4_8, AFinishedThatIsWrongEndsWithADecryptError) {
  AgainstServer test(editing(Level::handshake, [](std::string& bytes) {
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
  }));
  EXPECT_EQ(test.handshake(), transport(0x133));
}

TEST(Rfc9001Section4_8, AServerFlightThatIsWrongEndsTheClientsHandshake) {
  AgainstClient test(editing(Level::handshake, [](std::string& bytes) {
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
  }));
  EXPECT_EQ(test.handshake(), transport(0x133));
}

TEST(Rfc9001Section4_1_3, DataOfAnEarlierLevelAfterItsKeysAreGoneIsDropped) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  test.hostile.send(Level::initial, wire::crypto(0, kFinished));
  test.hostile.send(Level::handshake, wire::crypto(0, kFinished));
  EXPECT_EQ(test.verdict(), kOpen);
}

// --- 6: key updates --------------------------------------------------------------------------------------

TEST(Rfc9001Section6, ATlsKeyUpdateIsAnUnexpectedMessage) {
  AgainstServer server;
  ASSERT_EQ(server.handshake(), kOpen);
  server.hostile.send_crypto(Level::application, kKeyUpdate);
  EXPECT_EQ(server.verdict(), kUnexpectedMessage);
  AgainstClient client;
  ASSERT_EQ(client.handshake(), kOpen);
  client.hostile.send_crypto(Level::application, kKeyUpdate);
  EXPECT_EQ(client.verdict(), kUnexpectedMessage);
}

TEST(Rfc9001Section6, AKeyUpdateInPiecesIsSeenAsSoonAsItsTypeIs) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  for (const char octet : kKeyUpdate.substr(0, 4)) {
    test.hostile.send_crypto(Level::application, std::string(1, octet));
  }
  EXPECT_EQ(test.verdict(), kUnexpectedMessage);
}

TEST(Rfc9001Section6_1, APeersKeyUpdateIsFollowed) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  test.hostile.update_send_key();
  EXPECT_EQ(test.answer_to(wire::stream(0, 0, "new key", true)), kOpen);
  ASSERT_EQ(test.accepted().streams.size(), 1u);
  EXPECT_EQ(test.accepted().streams.front().received, "new key");
  EXPECT_EQ(test.hostile.close(), kOpen);
}

TEST(Rfc9001Section6_3, AKeyPhaseWithoutItsKeyIsDropped) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.answer_to(wire::stream(0, 0, "x"), {.other_key_phase = true}), kOpen);
  EXPECT_EQ(test.accepted().streams.size(), 0u);
  EXPECT_EQ(test.answer_to(wire::stream(0, 0, "x")), kOpen);
  EXPECT_EQ(test.accepted().streams.size(), 1u);
}

TEST(Rfc9001Section6_4, OlderKeysForNewerPacketsAfterAnUpdateAreNotAccepted) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  // Sealed with the old key but numbered after the first packet of the new one.
  const std::uint64_t next = test.hostile.next_number(Level::application);
  const std::string late =
      test.hostile.packet(Level::application, wire::stream(4, 0, "old"), {.number = next + 50});
  test.hostile.update_send_key();
  test.hostile.send(Level::application, wire::stream(0, 0, "new"), {.number = next + 1});
  test.world.run_for(50ms);
  test.hostile.send_datagram(late);
  const auto close = test.verdict();
  EXPECT_TRUE(close == kOpen || close == transport(0x0e)) << testing::PrintToString(close);
  for (const TestStream& stream : test.accepted().streams) EXPECT_NE(stream.received, "old");
}

TEST(Rfc9001Section6_6, ForgedPacketsAreDropped) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  for (int i = 0; i < 50; ++i) {
    test.hostile.send(Level::application, wire::handshake_done(), {.forged = true});
  }
  EXPECT_EQ(test.verdict(), kOpen);
}

// --- 8: ALPN, transport parameters, 0-RTT, session ID ------------------------------------------------------

TEST(Rfc9001Section8_1, AClientWithoutAlpnIsRefused) {
  HostileOptions options;
  options.alpn = "";
  EXPECT_EQ(AgainstServer(options).handshake(), kNoApplicationProtocol);
}

TEST(Rfc9001Section8_1, AClientWithoutACommonProtocolIsRefused) {
  HostileOptions options;
  options.alpn = "other";
  EXPECT_EQ(AgainstServer(options).handshake(), kNoApplicationProtocol);
}

TEST(Rfc9001Section8_1, AServerWithoutAlpnIsRefused) {
  HostileOptions options;
  options.alpn = "";
  EXPECT_EQ(AgainstClient(options).handshake(), kNoApplicationProtocol);
}

TEST(Rfc9001Section8_1, AProtocolThatWasNotOfferedIsRefused) {
  AgainstClient test(
      editing(Level::handshake, [](std::string& bytes) { replace(bytes, "\3raw", "\3rax"); }));
  EXPECT_THAT(test.handshake(),
              testing::Optional(testing::AnyOf(kNoApplicationProtocol, kIllegalParameter)));
}

TEST(Rfc9001Section8_2, AClientHelloWithoutTransportParametersIsAMissingExtension) {
  AgainstServer test(editing(Level::initial,
                             [](std::string& bytes) { hide_transport_parameters(bytes, 0x7a7a); }));
  EXPECT_EQ(test.handshake(), kMissingExtension);
}

TEST(Rfc9001Section8_2, TransportParametersAtTheCodepointOfTheDraftsDoNotCount) {
  HostileOptions options;
  options.transport_codepoint = 0xffa5;
  EXPECT_EQ(AgainstServer(options).handshake(), kMissingExtension);
}

TEST(Rfc9001Section8_2, EncryptedExtensionsWithoutTransportParametersAreAMissingExtension) {
  for (const std::uint64_t other : {0x7a7a, 0xffa5}) {
    AgainstClient test(editing(
        Level::handshake, [&](std::string& bytes) { hide_transport_parameters(bytes, other); }));
    // A type that was not offered may be refused as such first.
    EXPECT_EQ(test.handshake(), kMissingExtension) << other;
  }
}

TEST(Rfc9001Section8_2, TheSameExtensionTwiceIsRefused) {
  AgainstServer test(editing(Level::initial, [](std::string& bytes) {
    const std::string more = extension(0x39, wire::varint(0x0f) + wire::varint(0));
    // At the end of the list: three lengths grow.
    bytes.append(more);
    const auto grow = [&](std::size_t at, std::size_t size) {
      std::uint64_t value = 0;
      for (std::size_t i = 0; i < size; ++i) {
        value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
      }
      bytes.replace(at, size, wire::big_endian(value + more.size(), size));
    };
    grow(1, 3);
    std::size_t at = 38;
    at += 1 + static_cast<std::uint8_t>(bytes[at]);
    at += 2 + (static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[at])) << 8 |
               static_cast<std::uint8_t>(bytes[at + 1]));
    at += 1 + static_cast<std::uint8_t>(bytes[at]);
    grow(at, 2);
  }));
  const auto close = test.handshake();
  ASSERT_TRUE(close.has_value());
  EXPECT_EQ(close->code & ~std::uint64_t{0xff}, 0x100u) << *close;
}

TEST(Rfc9001Section8_4, ALegacySessionIdIsAProtocolViolation) {
  AgainstServer test(editing(Level::initial, [](std::string& bytes) {
    const std::string id(32, 's');
    ASSERT_EQ(bytes[38], '\0');
    bytes[38] = '\x20';
    bytes.insert(39, id);
    const std::uint64_t size = bytes.size() - 4;
    bytes.replace(1, 3, wire::big_endian(size, 3));
  }));
  EXPECT_EQ(test.handshake(), kProtocolViolation);
}

// --- 0-RTT -------------------------------------------------------------------------------------------------

SessionConfig with_early_data() {
  SessionConfig config = server_config("raw");
  config.secure.early_data = true;
  return config;
}

// A hostile client that resumes, with frames of its own in a 0-RTT packet.
std::optional<Close> server_answers_early(std::string_view frames,
                                          std::string* received = nullptr) {
  sim::World world(sim::this_test());
  EngineNode server(world, world.add_host("server"));
  server.listen(with_early_data());
  HostileEndpoint first(world, world.add_host("first"));
  world.connect(first.host(), server.host(), {sim::Delay{5ms}});
  first.connect(server.address());
  world.run_until([&] { return !first.session().empty(); }, 5s);
  HostileOptions options;
  options.session = first.session();
  HostileEndpoint second(world, world.add_host("second"), options);
  world.connect(second.host(), server.host(), {sim::Delay{5ms}});
  second.connect(server.address());
  EXPECT_TRUE(second.has_keys(Level::early));
  second.send(Level::early, frames);
  world.run_for(1s);
  if (received != nullptr && server.connections.size() == 2) {
    for (const TestStream& stream : server.connections.back().streams) *received += stream.received;
  }
  return second.close();
}

TEST(Rfc9001Section4_6, OrdinaryEarlyDataIsTaken) {  // what the next one rests on
  std::string received;
  EXPECT_EQ(server_answers_early(wire::stream(0, 0, "early", true), &received), kOpen);
  EXPECT_EQ(received, "early");
}

TEST(Rfc9001Section8_3, CryptoFramesInEarlyDataAreAProtocolViolation) {
  EXPECT_EQ(server_answers_early(wire::crypto(0, kEndOfEarlyData)), kProtocolViolation);
}

TEST(Rfc9001Section8_3, EndOfEarlyDataInHandshakePacketsIsAnUnexpectedMessage) {
  AgainstServer test(
      editing(Level::handshake, [](std::string& bytes) { bytes = kEndOfEarlyData + bytes; }));
  EXPECT_EQ(test.handshake(), kUnexpectedMessage);
}

TEST(Rfc9000Section12_4, FramesThatEarlyDataMustNotHoldAreAProtocolViolation) {
  for (const std::string& frame :
       {wire::handshake_done(), wire::ack(0), wire::new_token("token"),
        wire::path_response("12345678"), wire::retire_connection_id(0)}) {
    EXPECT_EQ(server_answers_early(frame), kProtocolViolation) << testing::PrintToString(frame);
  }
}

}  // namespace
}  // namespace quicore::test
