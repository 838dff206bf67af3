// SPDX-License-Identifier: Apache-2.0
//
// What a ClientHello says (RFC 8446 4.1.2), read before TLS sees it: so that the application can
// choose a certificate, or fetch an OCSP response, while the handshake waits.
//
// A pure function over bytes of an unknown sender: it allocates in proportion to them only, and the
// caller bounds them (limits::kMaxClientHello). Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quicore::engine {

struct ClientHelloMessage {
  std::vector<std::string> alpn;             // in the client's order of preference
  std::string server_name;                   // SNI; empty when there is none
  std::vector<std::uint16_t> cipher_suites;  // those of TLS 1.3, in the client's order
  bool wants_ocsp = false;                   // status_request (RFC 6066 8)
};

// The size of the whole handshake message that `bytes` begin with; 0 while its header is not there.
std::size_t handshake_message_size(std::span<const std::uint8_t> bytes) noexcept;

// Nothing when the message, with its header, is malformed.
std::optional<ClientHelloMessage> parse_client_hello(std::span<const std::uint8_t> message);

// Whether EncryptedExtensions (a message without its header, RFC 8446 4.3.1) hold the extension
// quic_transport_parameters of RFC 9001 8.2. Nothing when they are malformed.
std::optional<bool> has_transport_parameters(std::span<const std::uint8_t> encrypted_extensions);

// "TLS_AES_128_GCM_SHA256"; empty for a suite that TLS 1.3 does not have.
std::string_view tls13_suite_name(std::uint16_t suite) noexcept;

// "ClientHello"; "unknown" for what the registry does not have.
std::string_view handshake_message_name(std::uint8_t type) noexcept;

}  // namespace quicore::engine
