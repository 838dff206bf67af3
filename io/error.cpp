// SPDX-License-Identifier: Apache-2.0
#include "io/error.h"

#include <array>
#include <cstdio>

namespace quicore {

namespace {

constexpr std::array<std::string_view, 22> kErrcNames = {"ok",
                                                         "invalid_argument",
                                                         "invalid_state",
                                                         "closed",
                                                         "closing",
                                                         "cancelled",
                                                         "timed_out",
                                                         "blocked",
                                                         "stream_limit",
                                                         "not_supported",
                                                         "tls",
                                                         "certificate",
                                                         "peer_reset",
                                                         "peer_stopped",
                                                         "transport",
                                                         "application",
                                                         "version_negotiation",
                                                         "rejected",
                                                         "stateless_reset",
                                                         "busy",
                                                         "no_memory",
                                                         "system"};

static_assert(kErrcNames.size() == static_cast<std::size_t>(Errc::system) + 1);

// RFC 9000 20.1, RFC 9368 5: the names of the transport codes.
std::string_view transport_code_name(std::uint64_t code) noexcept {
  static constexpr std::array<std::string_view, 18> kNames = {"NO_ERROR",
                                                              "INTERNAL_ERROR",
                                                              "CONNECTION_REFUSED",
                                                              "FLOW_CONTROL_ERROR",
                                                              "STREAM_LIMIT_ERROR",
                                                              "STREAM_STATE_ERROR",
                                                              "FINAL_SIZE_ERROR",
                                                              "FRAME_ENCODING_ERROR",
                                                              "TRANSPORT_PARAMETER_ERROR",
                                                              "CONNECTION_ID_LIMIT_ERROR",
                                                              "PROTOCOL_VIOLATION",
                                                              "INVALID_TOKEN",
                                                              "APPLICATION_ERROR",
                                                              "CRYPTO_BUFFER_EXCEEDED",
                                                              "KEY_UPDATE_ERROR",
                                                              "AEAD_LIMIT_REACHED",
                                                              "NO_VIABLE_PATH",
                                                              "VERSION_NEGOTIATION_ERROR"};
  if (code < kNames.size()) return kNames[code];
  if (code >= 0x100 && code <= 0x1ff) return "CRYPTO_ERROR";
  return {};
}

}  // namespace

std::string_view to_string(Errc kind) noexcept {
  const auto index = static_cast<std::size_t>(kind);
  return index < kErrcNames.size() ? kErrcNames[index] : std::string_view("unknown");
}

std::string_view to_string(ErrorSpace space) noexcept {
  switch (space) {
    case ErrorSpace::library:
      return "library";
    case ErrorSpace::transport:
      return "transport";
    case ErrorSpace::application:
      return "application";
    case ErrorSpace::tls_alert:
      return "tls_alert";
    case ErrorSpace::os:
      return "os";
  }
  return "unknown";
}

std::string to_string(const Error& error) {
  std::string text(to_string(error.kind));
  if (error.space != ErrorSpace::library) {
    std::array<char, 32> number{};
    const char* format = error.space == ErrorSpace::os ? " %llu" : " 0x%llx";
    std::snprintf(number.data(), number.size(), format,
                  static_cast<unsigned long long>(error.code));
    text += number.data();
    if (error.space == ErrorSpace::transport) {
      if (const auto name = transport_code_name(error.code); !name.empty()) {
        text.append(" (").append(name).append(")");
      }
    }
  }
  if (!error.reason.empty()) text.append(": ").append(error.reason);
  return text;
}

}  // namespace quicore
