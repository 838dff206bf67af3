// SPDX-License-Identifier: Apache-2.0
//
// TLS alerts (RFC 8446 section 6), which QUIC carries as the transport errors 0x100 + alert
// (RFC 9001 4.8): the ones we raise ourselves, and a sentence for each. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace quicore::engine::alert {

inline constexpr std::uint8_t kUnexpectedMessage = 10;
inline constexpr std::uint8_t kIllegalParameter = 47;
inline constexpr std::uint8_t kInternalError = 80;
inline constexpr std::uint8_t kMissingExtension = 109;
inline constexpr std::uint8_t kNoApplicationProtocol = 120;

// "unexpected_message"; "unknown" for what the registry does not have.
std::string_view name_of(std::uint8_t alert) noexcept;

// "no_application_protocol: the two sides have no ALPN protocol in common; compare their lists".
std::string sentence_of(std::uint8_t alert);

}  // namespace quicore::engine::alert
