// SPDX-License-Identifier: Apache-2.0
//
// What a client stores to resume a session: wolfSSL's session behind a header that says which
// server it is of and what was found out about the server's certificate. A resumed handshake shows
// no certificate, so a ticket from a session that did not look must not vouch for one that does.
//
//   "QCT1" | CertificateProblem (1) | looked (1) | size of name (2) | name | wolfSSL's session
#include <wolfssl/options.h>

#include <wolfssl/ssl.h>

#include <algorithm>
#include <cstring>

#include "engine/packet_protection_keys.h"
#include "engine/tls_session.h"

namespace quicore::engine {

namespace {

constexpr std::string_view kMagic = "QCT1";
constexpr std::size_t kHeaderSize = 8;

struct Header {
  CertificateProblem problem{};
  bool looked = false;  // at the chain and, if the session did, at the name
  std::string_view name;
  std::span<const std::uint8_t> session;
};

std::optional<Header> parse(std::span<const std::uint8_t> ticket) {
  if (ticket.size() < kHeaderSize || std::memcmp(ticket.data(), kMagic.data(), 4) != 0 ||
      ticket[4] >= kCertificateProblemCount) {
    return std::nullopt;
  }
  const std::size_t name_size = std::size_t{ticket[6]} << 8 | ticket[7];
  if (ticket.size() - kHeaderSize < name_size) return std::nullopt;
  const auto* name = reinterpret_cast<const char*>(ticket.data() + kHeaderSize);
  return Header{static_cast<CertificateProblem>(ticket[4]),
                ticket[5] != 0,
                {name, name_size},
                ticket.subspan(kHeaderSize + name_size)};
}

bool looked(const TlsSettings& settings) {
  return settings.verify != Verify::none && settings.verify_hostname;
}

bool acceptable(const Header& header, const TlsSettings& settings) {
  switch (settings.verify) {
    case Verify::strict:
      return header.looked && header.problem == CertificateProblem::none;
    case Verify::report:
      return header.looked;
    case Verify::none:
      break;
  }
  return true;
}

}  // namespace

std::vector<std::uint8_t> TlsSession::session_ticket() const {
  if (tickets_received_ == 0 || native_ == nullptr) return {};
  WOLFSSL_SESSION* session = wolfSSL_get_session(native_);
  const int size = session != nullptr ? wolfSSL_i2d_SSL_SESSION(session, nullptr) : 0;
  if (size <= 0) return {};
  std::vector<std::uint8_t> ticket(kHeaderSize + server_name_.size() +
                                   static_cast<std::size_t>(size));
  std::ranges::copy(kMagic, ticket.begin());
  ticket[4] = static_cast<std::uint8_t>(problem_);
  ticket[5] = looked(context_->settings()) ? 1 : 0;
  ticket[6] = static_cast<std::uint8_t>(server_name_.size() >> 8);
  ticket[7] = static_cast<std::uint8_t>(server_name_.size());
  std::ranges::copy(server_name_, ticket.begin() + kHeaderSize);
  unsigned char* position = ticket.data() + kHeaderSize + server_name_.size();
  if (wolfSSL_i2d_SSL_SESSION(session, &position) != size) return {};
  return ticket;
}

void TlsSession::import_ticket(std::span<const std::uint8_t> ticket, bool early_data) {
  const auto header = parse(ticket);
  if (!header || header->name != server_name_ || !acceptable(*header, context_->settings())) {
    return;
  }
  const unsigned char* position = header->session.data();
  WOLFSSL_SESSION* session =
      wolfSSL_d2i_SSL_SESSION(nullptr, &position, static_cast<long>(header->session.size()));
  if (session == nullptr) return;
  if (wolfSSL_set_session(native_, session) == WOLFSSL_SUCCESS) {
    problem_ = header->problem;
    if (early_data && wolfSSL_SESSION_get_max_early_data(session) > 0) {
      early_data_offered_ = true;
      wolfSSL_set_max_early_data(native_, UINT32_MAX);
    } else {
      wolfSSL_set_max_early_data(native_, 0);
    }
  }
  wolfSSL_SESSION_free(session);
}

}  // namespace quicore::engine
