// SPDX-License-Identifier: Apache-2.0
//
// Everything TLS that sessions share: certificate, key, trusted CAs, what is negotiated, ticket
// keys, and other contexts by server name.
//
// Threading: a context belongs to one shard, like the sessions made from it. Make one per shard
// from one TlsSettings value (share_ticket_seed first, so that tickets are good on all of them).
// Lifetime: each session holds a reference; replacing a context leaves running sessions alone.
// Cost: create reads files, parses certificates and takes about a millisecond; with the system's
// CAs (a client without `ca`) some ten milliseconds: keep the context instead of making one per
// session.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/certificate.h"
#include "engine/replay_filter.h"
#include "engine/tls_settings.h"
#include "engine/tls_ticket.h"
#include "io/error.h"

struct WOLFSSL_CTX;

namespace quicore::engine {

struct TlsIdentity;

class TlsContext {
 public:
  // Errors, of every problem at once: invalid_argument with the name of the field ("certificate",
  // "key", "pfx", "private_key_engine", "private_key_identifier", "passphrase", "ca", "crl",
  // "verify", "ciphers", "groups", "signature_algorithms", "alpn", "ticket_keys",
  // "ticket_key_rotation", "session_timeout", "secure_options") and what to do; not_supported
  // likewise ("dhparam", "secure_options", "client_certificate_engine"); no_memory.
  static Result<std::shared_ptr<TlsContext>> create(Side side, const TlsSettings& settings);

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  Side side() const noexcept { return side_; }
  // As given, without the secrets.
  const TlsSettings& settings() const noexcept { return settings_; }
  // The leaf; empty when there is none.
  const Certificate& certificate() const noexcept { return certificate_; }
  // Of whoever signed it, from the chain or else from `ca`; empty when it stands in neither.
  const Certificate& issuer() const noexcept { return issuer_; }

  // Sentences worth logging once, such as an expired certificate.
  std::span<const std::string> warnings() const noexcept { return warnings_; }

  // Server: sessions whose SNI is `name` use `context`: its certificate, key, CAs and verification;
  // ALPN, tickets and the rest stay this one's. A name may begin with "*." for exactly one more
  // label. Replaces an earlier one; nullptr removes it. Names are compared without case.
  void set_server_name(std::string_view name, std::shared_ptr<TlsContext> context);
  // The context for `name`: an exact match, then a wildcard, then this one.
  TlsContext& for_server_name(std::string_view name) noexcept;

  // Server: replaces the keys given as TlsSettings::ticket_keys. Errors as TicketKeys::set.
  Result<> set_ticket_keys(std::span<const std::uint8_t> keys) { return ticket_keys_.set(keys); }
  TicketKeys& ticket_keys() noexcept { return ticket_keys_; }
  // Server with early data; otherwise nullptr.
  ReplayFilter* replay_filter() noexcept { return replay_filter_.get(); }

  WOLFSSL_CTX* native() const noexcept { return native_; }

 private:
  TlsContext(Side side, const TlsSettings& settings);

  Result<> configure(const TlsSettings& settings);
  Result<> check_verify() const;
  Result<> check_dhparam() const;
  Result<> check_engines() const;
  Result<> configure_secure_options();
  Result<> configure_ciphers();
  Result<> configure_groups();
  Result<> configure_signature_algorithms();
  Result<> configure_credentials(const TlsSettings& settings);
  Result<> use_identity(const TlsIdentity& identity, std::string_view passphrase);
  Result<> configure_revocation();
  Result<> configure_trust();
  void find_issuer();
  Result<> check_session_timeout() const;
  Result<> configure_resumption(const TlsSettings& settings);

  Side side_;
  TlsSettings settings_;
  WOLFSSL_CTX* native_ = nullptr;
  Certificate certificate_;
  Certificate issuer_;
  std::vector<std::string> warnings_;
  TicketKeys ticket_keys_;
  std::shared_ptr<ReplayFilter> replay_filter_;
  std::map<std::string, std::shared_ptr<TlsContext>, std::less<>> by_name_;
};

}  // namespace quicore::engine
