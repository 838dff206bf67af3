// SPDX-License-Identifier: Apache-2.0
//
// The error codes of HTTP/3 (RFC 9114 8.1) and QPACK (RFC 9204 6) and their names, for every layer:
// nghttp3 has them too, but its header stays inside engine/http3_*.
#pragma once

#include <cstdint>
#include <string_view>

namespace quicore::http3 {

inline constexpr std::uint64_t kDatagramError = 0x0033;  // RFC 9297 5.2
inline constexpr std::uint64_t kNoError = 0x0100;
inline constexpr std::uint64_t kGeneralProtocolError = 0x0101;
inline constexpr std::uint64_t kInternalError = 0x0102;
inline constexpr std::uint64_t kStreamCreationError = 0x0103;
inline constexpr std::uint64_t kClosedCriticalStream = 0x0104;
inline constexpr std::uint64_t kFrameUnexpected = 0x0105;
inline constexpr std::uint64_t kFrameError = 0x0106;
inline constexpr std::uint64_t kExcessiveLoad = 0x0107;
inline constexpr std::uint64_t kIdError = 0x0108;
inline constexpr std::uint64_t kSettingsError = 0x0109;
inline constexpr std::uint64_t kMissingSettings = 0x010a;
inline constexpr std::uint64_t kRequestRejected = 0x010b;
inline constexpr std::uint64_t kRequestCancelled = 0x010c;
inline constexpr std::uint64_t kRequestIncomplete = 0x010d;
inline constexpr std::uint64_t kMessageError = 0x010e;
inline constexpr std::uint64_t kConnectError = 0x010f;
inline constexpr std::uint64_t kVersionFallback = 0x0110;
inline constexpr std::uint64_t kQpackDecompressionFailed = 0x0200;
inline constexpr std::uint64_t kQpackEncoderStreamError = 0x0201;
inline constexpr std::uint64_t kQpackDecoderStreamError = 0x0202;

// "H3_MESSAGE_ERROR" and so on; empty for a code that neither RFC names.
std::string_view error_name(std::uint64_t code) noexcept;

}  // namespace quicore::http3
