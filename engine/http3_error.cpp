// SPDX-License-Identifier: Apache-2.0
#include "engine/http3_error.h"

#include <array>

namespace quicore::http3 {

std::string_view error_name(std::uint64_t code) noexcept {
  static constexpr std::array<std::string_view, 17> kHttp3 = {
      "H3_NO_ERROR",
      "H3_GENERAL_PROTOCOL_ERROR",
      "H3_INTERNAL_ERROR",
      "H3_STREAM_CREATION_ERROR",
      "H3_CLOSED_CRITICAL_STREAM",
      "H3_FRAME_UNEXPECTED",
      "H3_FRAME_ERROR",
      "H3_EXCESSIVE_LOAD",
      "H3_ID_ERROR",
      "H3_SETTINGS_ERROR",
      "H3_MISSING_SETTINGS",
      "H3_REQUEST_REJECTED",
      "H3_REQUEST_CANCELLED",
      "H3_REQUEST_INCOMPLETE",
      "H3_MESSAGE_ERROR",
      "H3_CONNECT_ERROR",
      "H3_VERSION_FALLBACK",
  };
  static constexpr std::array<std::string_view, 3> kQpack = {
      "QPACK_DECOMPRESSION_FAILED",
      "QPACK_ENCODER_STREAM_ERROR",
      "QPACK_DECODER_STREAM_ERROR",
  };
  if (code == kDatagramError) return "H3_DATAGRAM_ERROR";
  if (code >= kNoError && code - kNoError < kHttp3.size()) return kHttp3[code - kNoError];
  if (code >= kQpackDecompressionFailed && code - kQpackDecompressionFailed < kQpack.size()) {
    return kQpack[code - kQpackDecompressionFailed];
  }
  return {};
}

}  // namespace quicore::http3
