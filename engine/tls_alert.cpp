// SPDX-License-Identifier: Apache-2.0
#include "engine/tls_alert.h"

#include <algorithm>
#include <array>

namespace quicore::engine::alert {

namespace {

struct Entry {
  std::uint8_t alert;
  std::string_view name;
  std::string_view advice;  // empty where nothing helps but reading both logs
};

constexpr std::array<Entry, 27> kAlerts{{
    {0, "close_notify", ""},
    {kUnexpectedMessage, "unexpected_message", "a message came that must not come at this point"},
    {20, "bad_record_mac", ""},
    {22, "record_overflow", ""},
    {40, "handshake_failure",
     "the two sides have no cipher suite, group or signature algorithm in common; compare "
     "`ciphers`, "
     "`groups` and `signature_algorithms`"},
    {42, "bad_certificate", "the certificate was not accepted"},
    {43, "unsupported_certificate", "the certificate is of a kind that is not supported"},
    {44, "certificate_revoked", "the certificate has been revoked"},
    {45, "certificate_expired",
     "the certificate has expired or is not valid yet; check both clocks"},
    {46, "certificate_unknown", "the certificate was not accepted"},
    {kIllegalParameter, "illegal_parameter",
     "a field of the handshake has a value it must not have"},
    {48, "unknown_ca", "the certificate's issuer is not trusted there; add its CA to `ca`"},
    {49, "access_denied", ""},
    {50, "decode_error", "a message of the handshake is malformed"},
    {51, "decrypt_error", "a signature or a Finished message is wrong"},
    {70, "protocol_version", "the two sides have no TLS version in common; QUIC needs TLS 1.3"},
    {71, "insufficient_security", ""},
    {kInternalError, "internal_error", ""},
    {86, "inappropriate_fallback", ""},
    {90, "user_canceled", ""},
    {kMissingExtension, "missing_extension",
     "an extension that QUIC demands is missing, such as quic_transport_parameters"},
    {110, "unsupported_extension", ""},
    {112, "unrecognized_name", "the server has no certificate for this server name"},
    {113, "bad_certificate_status_response", "the OCSP response was not accepted"},
    {115, "unknown_psk_identity", "the pre-shared key is unknown there"},
    {116, "certificate_required", "the peer demands a certificate; give `certificate` and `key`"},
    {kNoApplicationProtocol, "no_application_protocol",
     "the two sides have no ALPN protocol in common; compare their lists"},
}};

const Entry* find(std::uint8_t alert) {
  const auto entry = std::ranges::find(kAlerts, alert, &Entry::alert);
  return entry == kAlerts.end() ? nullptr : &*entry;
}

}  // namespace

std::string_view name_of(std::uint8_t alert) noexcept {
  const Entry* entry = find(alert);
  return entry != nullptr ? entry->name : "unknown";
}

std::string sentence_of(std::uint8_t alert) {
  std::string text(name_of(alert));
  const Entry* entry = find(alert);
  if (entry == nullptr) return text + " alert " + std::to_string(alert);
  if (!entry->advice.empty()) text.append(": ").append(entry->advice);
  return text;
}

}  // namespace quicore::engine::alert
