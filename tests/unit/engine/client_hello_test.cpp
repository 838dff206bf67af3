// SPDX-License-Identifier: Apache-2.0
#include "engine/client_hello.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quicore::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Message = std::vector<std::uint8_t>;

Message bytes(std::string_view text) { return {text.begin(), text.end()}; }

Message operator+(Message one, const Message& other) {
  one.insert(one.end(), other.begin(), other.end());
  return one;
}

Message number(std::size_t value, std::size_t size) {
  Message message(size);
  for (std::size_t i = 0; i < size; ++i) {
    message[size - 1 - i] = static_cast<std::uint8_t>(value >> 8 * i);
  }
  return message;
}

// With its length in front.
Message vector(const Message& content, std::size_t length_size) {
  return number(content.size(), length_size) + content;
}

Message extension(std::size_t type, const Message& content) {
  return number(type, 2) + vector(content, 2);
}

Message client_hello(const Message& suites, const Message& extensions) {
  return number(1, 1) + vector(number(0x0303, 2) + Message(32, 7) + vector({}, 1) +
                                   vector(suites, 2) + vector({0}, 1) + vector(extensions, 2),
                               3);
}

Message example() {
  const Message name = number(0, 1) + vector(bytes("example.org"), 2);
  return client_hello(
      number(0x1303, 2) + number(0x0a0a, 2) + number(0x1301, 2) + number(0xc02b, 2),
      extension(0, vector(name, 2)) + extension(0xfafa, {}) +
          extension(16, vector(vector(bytes("h3"), 1) + vector(bytes("xyz"), 1), 2)) +
          extension(5, {1, 0, 0, 0, 0}));
}

TEST(ClientHelloMessage, IsReadWithoutWhatIsNotOfTls13) {
  const auto hello = parse_client_hello(example());
  ASSERT_TRUE(hello.has_value());
  EXPECT_THAT(hello->alpn, ElementsAre("h3", "xyz"));
  EXPECT_EQ(hello->server_name, "example.org");
  EXPECT_THAT(hello->cipher_suites, ElementsAre(0x1303, 0x1301));
  EXPECT_TRUE(hello->wants_ocsp);
}

TEST(ClientHelloMessage, MayHaveNoExtensionThatMatters) {
  const auto hello = parse_client_hello(client_hello(number(0x1302, 2), {}));
  ASSERT_TRUE(hello.has_value());
  EXPECT_THAT(hello->alpn, IsEmpty());
  EXPECT_EQ(hello->server_name, "");
  EXPECT_FALSE(hello->wants_ocsp);
}

TEST(ClientHelloMessage, CutAnywhereIsMalformed) {
  const Message whole = example();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_client_hello({whole.data(), size}).has_value()) << size;
  }
  EXPECT_FALSE(parse_client_hello(whole + Message{0}).has_value());
}

// The bytes are an unknown sender's: whatever the lengths say, nothing is read beyond them. The
// sanitizers judge.
TEST(ClientHelloMessage, SurvivesEveryChangedByte) {
  const Message whole = example();
  std::size_t refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const std::uint8_t value : {0x00, 0x01, 0x7f, 0xff}) {
      Message changed = whole;
      changed[at] = value;
      if (!parse_client_hello(changed)) ++refused;
    }
  }
  EXPECT_GT(refused, 30u);
}

TEST(ClientHelloMessage, ListsThatEndInTheMiddleAreMalformed) {
  const auto with = [](std::size_t type, const Message& content) {
    return parse_client_hello(client_hello(number(0x1301, 2), extension(type, content)));
  };
  EXPECT_FALSE(with(16, number(9, 2) + vector(bytes("h3"), 1)).has_value());
  EXPECT_FALSE(with(16, vector(vector(bytes("h3"), 1), 2) + Message{0}).has_value());
  EXPECT_FALSE(with(0, vector(number(0, 1) + number(5, 2), 2)).has_value());
  EXPECT_FALSE(with(5, {}).has_value());
  EXPECT_FALSE(parse_client_hello(client_hello({0x13}, {})).has_value());
}

TEST(EncryptedExtensions, HoldTransportParametersOrDoNot) {  // RFC 9001 8.2
  const Message alpn = extension(16, vector(vector(bytes("h3"), 1), 2));
  const Message parameters = extension(0x39, bytes("params"));
  EXPECT_EQ(has_transport_parameters(vector(alpn + parameters, 2)), true);
  EXPECT_EQ(has_transport_parameters(vector(parameters + alpn, 2)), true);
  EXPECT_EQ(has_transport_parameters(vector(alpn, 2)), false);
  EXPECT_EQ(has_transport_parameters(vector({}, 2)), false);
  EXPECT_EQ(has_transport_parameters(vector(extension(0xffa5, bytes("params")), 2)), false);
  EXPECT_EQ(has_transport_parameters({}), std::nullopt);
  EXPECT_EQ(has_transport_parameters(vector(alpn + parameters, 2) + Message{0}), std::nullopt);
  EXPECT_EQ(has_transport_parameters(vector(alpn + Message{0, 0x39, 0}, 2)), std::nullopt);
}

TEST(HandshakeMessage, SizeIsKnownWithItsHeader) {
  const Message whole = example();
  EXPECT_EQ(handshake_message_size({whole.data(), 3}), 0u);
  EXPECT_EQ(handshake_message_size({whole.data(), 4}), whole.size());
  EXPECT_EQ(handshake_message_name(8), "EncryptedExtensions");
  EXPECT_EQ(handshake_message_name(99), "unknown");
  EXPECT_EQ(tls13_suite_name(0x1301), "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(tls13_suite_name(0xc02b), "");
}

}  // namespace
}  // namespace quicore::engine
