// SPDX-License-Identifier: Apache-2.0
#include "engine/client_hello.h"

#include <algorithm>
#include <array>
#include <utility>

namespace quicore::engine {

namespace {

constexpr std::size_t kHeaderSize = 4;

// RFC 8446 4.2.
constexpr std::uint16_t kServerNameExtension = 0;
constexpr std::uint16_t kStatusRequestExtension = 5;
constexpr std::uint16_t kAlpnExtension = 16;
constexpr std::uint16_t kTransportParametersExtension = 0x39;  // RFC 9001 8.2
constexpr std::uint8_t kOcspStatusType = 1;                    // RFC 6066 8

constexpr std::array<std::pair<std::uint16_t, std::string_view>, 5> kSuites{{
    {0x1301, "TLS_AES_128_GCM_SHA256"},
    {0x1302, "TLS_AES_256_GCM_SHA384"},
    {0x1303, "TLS_CHACHA20_POLY1305_SHA256"},
    {0x1304, "TLS_AES_128_CCM_SHA256"},
    {0x1305, "TLS_AES_128_CCM_8_SHA256"},
}};

constexpr std::array<std::pair<std::uint8_t, std::string_view>, 11> kMessages{{
    {1, "ClientHello"},
    {2, "ServerHello"},
    {4, "NewSessionTicket"},
    {5, "EndOfEarlyData"},
    {8, "EncryptedExtensions"},
    {11, "Certificate"},
    {13, "CertificateRequest"},
    {15, "CertificateVerify"},
    {20, "Finished"},
    {24, "KeyUpdate"},
    {254, "MessageHash"},
}};

template <class Table, class Number>
std::string_view name_in(const Table& table, Number number) noexcept {
  const auto found =
      std::ranges::find(table, number, [](const auto& entry) { return entry.first; });
  return found == table.end() ? std::string_view() : found->second;
}

// Reads from the front; once something does not fit, everything after fails.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) noexcept : bytes_(bytes) {}

  bool ok() const noexcept { return ok_; }
  bool more() const noexcept { return ok_ && !bytes_.empty(); }

  std::span<const std::uint8_t> take(std::size_t size) noexcept {
    if (!ok_ || bytes_.size() < size) {
      ok_ = false;
      return {};
    }
    const auto taken = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return taken;
  }
  std::uint32_t number(std::size_t size) noexcept {
    std::uint32_t value = 0;
    for (const std::uint8_t byte : take(size)) value = value << 8 | byte;
    return value;
  }
  // What a length of so many bytes stands before.
  Reader vector(std::size_t length_size) noexcept {
    Reader part(take(number(length_size)));
    part.ok_ = ok_;
    return part;
  }
  std::string text(std::size_t length_size) {
    const auto bytes = take(number(length_size));
    return {bytes.begin(), bytes.end()};
  }

 private:
  std::span<const std::uint8_t> bytes_;
  bool ok_ = true;
};

// RFC 6066 3: the one name of type host_name.
bool read_server_name(Reader list, ClientHelloMessage& hello) {
  Reader names = list.vector(2);
  while (names.more()) {
    const bool is_host = names.number(1) == 0;
    std::string name = names.text(2);
    if (is_host && hello.server_name.empty()) hello.server_name = std::move(name);
  }
  return names.ok() && !list.more();
}

// RFC 7301 3.1.
bool read_alpn(Reader list, ClientHelloMessage& hello) {
  Reader names = list.vector(2);
  while (names.more()) hello.alpn.push_back(names.text(1));
  return names.ok() && !list.more();
}

bool read_extension(std::uint32_t type, Reader body, ClientHelloMessage& hello) {
  switch (type) {
    case kServerNameExtension:
      return read_server_name(body, hello);
    case kAlpnExtension:
      return read_alpn(body, hello);
    case kStatusRequestExtension:
      hello.wants_ocsp = body.number(1) == kOcspStatusType;
      return body.ok();
    default:
      return true;
  }
}

}  // namespace

std::string_view tls13_suite_name(std::uint16_t suite) noexcept { return name_in(kSuites, suite); }

std::string_view handshake_message_name(std::uint8_t type) noexcept {
  const auto name = name_in(kMessages, type);
  return name.empty() ? "unknown" : name;
}

std::size_t handshake_message_size(std::span<const std::uint8_t> bytes) noexcept {
  if (bytes.size() < kHeaderSize) return 0;
  return kHeaderSize + (std::size_t{bytes[1]} << 16 | std::size_t{bytes[2]} << 8 | bytes[3]);
}

std::optional<ClientHelloMessage> parse_client_hello(std::span<const std::uint8_t> message) {
  constexpr std::size_t kVersionAndRandom = 2 + 32;
  Reader reader(message);
  ClientHelloMessage hello;
  if (reader.number(1) != 1) return std::nullopt;
  Reader body = reader.vector(3);
  body.take(kVersionAndRandom);
  body.vector(1);  // legacy_session_id
  Reader suites = body.vector(2);
  while (suites.more()) {
    const auto suite = static_cast<std::uint16_t>(suites.number(2));
    if (!tls13_suite_name(suite).empty()) hello.cipher_suites.push_back(suite);
  }
  body.vector(1);  // legacy_compression_methods
  Reader extensions = body.vector(2);
  while (extensions.more()) {
    const std::uint32_t type = extensions.number(2);
    Reader extension = extensions.vector(2);
    if (!extensions.ok() || !read_extension(type, extension, hello)) return std::nullopt;
  }
  const bool whole = suites.ok() && extensions.ok() && body.ok() && !body.more() && !reader.more();
  return whole ? std::optional(std::move(hello)) : std::nullopt;
}

std::optional<bool> has_transport_parameters(std::span<const std::uint8_t> encrypted_extensions) {
  Reader reader(encrypted_extensions);
  Reader extensions = reader.vector(2);
  bool found = false;
  while (extensions.more()) {
    found = extensions.number(2) == kTransportParametersExtension || found;
    extensions.vector(2);
  }
  const bool whole = extensions.ok() && reader.ok() && !reader.more();
  return whole ? std::optional(found) : std::nullopt;
}

}  // namespace quicore::engine
