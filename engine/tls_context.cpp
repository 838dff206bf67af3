// SPDX-License-Identifier: Apache-2.0
#include "engine/tls_context.h"

#include <wolfssl/options.h>

#include <wolfssl/quic.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/random.h>

#include <algorithm>
#include <cctype>
#include <cstdint>

#include "engine/limits.h"
#include "engine/packet_protection_keys.h"
#include "engine/shard_heap.h"
#include "engine/tls_credentials.h"
#include "engine/tls_names.h"
#include "engine/tls_random.h"
#include "engine/tls_session_callbacks.h"
#include "engine/tls_session_sign.h"

namespace quicore::engine {

namespace {

std::unexpected<Error> invalid(std::string reason) {
  return failure(Errc::invalid_argument, std::move(reason));
}

bool initialize_wolfssl() {
  static const bool kDone = [] {
    const bool usable = wolfSSL_Init() == WOLFSSL_SUCCESS;
    install_tls_seed_callback();
    return usable;
  }();
  return kDone;
}

std::string lower(std::string_view name) {
  std::string text(name);
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// One of several kinds: the caller is told `invalid_argument`, since not all of them are wishes that
// cannot be had.
class Problems {
 public:
  void add(Error problem) {
    kind_ = count_ == 0 || kind_ == problem.kind ? problem.kind : Errc::invalid_argument;
    if (count_++ > 0) text_ += "; ";
    text_ += problem.reason;
    first_ = count_ == 1 ? std::move(problem) : Error();
  }
  void add(Result<> result) {
    if (!result) add(std::move(result.error()));
  }
  Result<> result() {
    if (count_ == 0) return {};
    if (count_ == 1) return std::unexpected(std::move(first_));
    return failure(kind_, "TlsSettings (" + std::to_string(count_) + " problems): " + text_);
  }

 private:
  int count_ = 0;
  Errc kind_{};
  std::string text_;
  Error first_;
};

TlsSettings without_secrets(const TlsSettings& settings) {
  TlsSettings copy = settings;
  for (Pem& pem : copy.certificate) {  // a key may stand among them
    wipe(pem.text.data(), pem.text.size());
    pem.text.clear();
  }
  for (Pem& pem : copy.key) wipe(pem.text.data(), pem.text.size());
  for (Pem& pem : copy.pfx) wipe(pem.text.data(), pem.text.size());
  copy.pfx.clear();
  wipe(copy.passphrase.data(), copy.passphrase.size());
  wipe(copy.ticket_keys.data(), copy.ticket_keys.size());
  copy.key.clear();
  copy.passphrase.clear();
  copy.ticket_keys.clear();
  if (copy.ticket_seed) wipe(&*copy.ticket_seed, sizeof *copy.ticket_seed);
  copy.ticket_seed.reset();
  return copy;
}

}  // namespace

TlsContext::TlsContext(Side side, const TlsSettings& settings)
    : side_(side), settings_(without_secrets(settings)) {}

TlsContext::~TlsContext() { wolfSSL_CTX_free(native_); }

Result<std::shared_ptr<TlsContext>> TlsContext::create(Side side, const TlsSettings& settings) {
  std::shared_ptr<TlsContext> context(new TlsContext(side, settings));
  if (initialize_wolfssl()) {
    context->native_ = wolfSSL_CTX_new(side == Side::client ? wolfTLSv1_3_client_method()
                                                            : wolfTLSv1_3_server_method());
  }
  if (context->native_ == nullptr) {
    return failure(Errc::no_memory, "the TLS library has no memory for a context");
  }
  if (auto done = context->configure(settings); !done) {
    return std::unexpected(std::move(done.error()));
  }
  return context;
}

// Every problem is found, so that nobody has to mend them one by one.
Result<> TlsContext::configure(const TlsSettings& settings) {
  if (!install_wolfssl_callbacks(native_, *this)) {
    return failure(Errc::not_supported, "the TLS library was built without QUIC");
  }
  Problems problems;
  problems.add(check_verify());
  problems.add(check_dhparam());
  problems.add(check_engines());
  problems.add(configure_secure_options());
  problems.add(configure_ciphers());
  problems.add(configure_groups());
  problems.add(configure_signature_algorithms());
  if (auto alpn = wolfssl_alpn_list(settings_.alpn); !alpn) problems.add(std::move(alpn.error()));
  auto credentials = configure_credentials(settings);
  const bool no_certificate =
      !credentials && credentials.error().reason.starts_with("certificate: ");
  problems.add(std::move(credentials));
  if (no_certificate) {  // then nobody has looked for the key
    if (auto key = read_pem("key", settings.key); !key) problems.add(std::move(key.error()));
  }
  problems.add(configure_trust());
  problems.add(check_session_timeout());
  problems.add(configure_resumption(settings));
  return problems.result();
}

Result<> TlsContext::check_verify() const {
  if (settings_.verify <= Verify::none) return {};
  return invalid("verify: it is none of strict, report and none");
}

Result<> TlsContext::configure_ciphers() {
  const auto ciphers = wolfssl_cipher_list(settings_.ciphers);
  if (!ciphers) return std::unexpected(ciphers.error());
  if (wolfSSL_CTX_set_cipher_list(native_, ciphers->c_str()) == WOLFSSL_SUCCESS) return {};
  return invalid("ciphers: the TLS library was built without one of \"" + settings_.ciphers + "\"");
}

Result<> TlsContext::configure_groups() {
  auto groups = group_numbers(settings_.groups);
  if (!groups) return std::unexpected(std::move(groups.error()));
  if (wolfSSL_CTX_set_groups(native_, groups->data(), static_cast<int>(groups->size())) ==
      WOLFSSL_SUCCESS) {
    return {};
  }
  return invalid("groups: the TLS library was built without one of \"" + settings_.groups + "\"");
}

Result<> TlsContext::configure_signature_algorithms() {
  const std::string& names = settings_.signature_algorithms;
  if (names.empty() || wolfSSL_CTX_set1_sigalgs_list(native_, names.c_str()) == WOLFSSL_SUCCESS) {
    return {};
  }
  return invalid("signature_algorithms: \"" + names +
                 "\" is not understood; write them like \"ECDSA+SHA256:RSA-PSS+SHA256\"");
}

// What OpenSSL has and TLS 1.3 or wolfSSL has not; what the bits that are taken mean.
Result<> TlsContext::check_dhparam() const {
  if (settings_.dhparam.empty()) return {};
  return failure(Errc::not_supported,
                 "dhparam: TLS 1.3 has no custom Diffie-Hellman parameters; `groups` takes "
                 "ffdhe2048 and ffdhe3072 instead");
}

Result<> TlsContext::check_engines() const {
  if (settings_.client_certificate_engine.empty()) return {};
  return failure(Errc::not_supported,
                 "client_certificate_engine: the TLS library has no engines; give `certificate`, "
                 "and `key` or a `private_key_engine` of your own");
}

Result<> TlsContext::configure_secure_options() {
  if ((settings_.secure_options & secure_option::kNoTls13) != 0) {
    return invalid("secure_options: QUIC needs TLS 1.3; leave kNoTls13 out");
  }
  constexpr std::uint64_t kKnown = secure_option::kNoTicket |
                                   secure_option::kCipherServerPreference |
                                   secure_option::kNoOlderVersions;
  if ((settings_.secure_options & ~kKnown) != 0) {
    return failure(
        Errc::not_supported,
        "secure_options: a bit is set that means nothing here; those of secure_option do");
  }
  if ((settings_.secure_options & secure_option::kNoTicket) != 0) settings_.session_tickets = false;
  ticket_keys_.bind(settings_.session_id_context);
  return {};
}

Result<> TlsContext::configure_credentials(const TlsSettings& settings) {
  const bool engine = settings.private_key_engine != nullptr;
  if (!settings.private_key_identifier.empty() && !engine) {
    return invalid("private_key_identifier: it is told to a `private_key_engine`; set that, too");
  }
  if (engine && (!settings.key.empty() || !settings.pfx.empty())) {
    return invalid("private_key_engine: give it or a key (`key`, `pfx`), not both");
  }
  if (engine && !install_sign_callbacks(native_)) {
    return failure(
        Errc::not_supported,
        "private_key_engine: the TLS library was built without --enable-pkcallbacks; use "
        "one that has them, or give a key");
  }
  if (!settings.pfx.empty()) {
    if (settings.pfx.size() > 1 || !settings.certificate.empty() || !settings.key.empty()) {
      return invalid("pfx: give exactly one, and no `certificate` or `key` beside it");
    }
    auto identity = open_pfx(settings.pfx.front(), settings.passphrase);
    if (!identity) return std::unexpected(std::move(identity.error()));
    return use_identity(*identity, {});
  }
  if (settings.certificate.empty()) {
    if (!settings.key.empty() || engine) {
      return invalid("certificate: there is a key but no certificate; give both or neither");
    }
    if (side_ == Side::client || settings.psk != nullptr) return {};
    return invalid(
        "certificate: a server needs one; give `certificate` and `key`, or make a development "
        "certificate");
  }
  if (settings.key.size() > 1) return invalid("key: give exactly one");
  TlsIdentity identity;
  auto certificate = read_pem("certificate", settings.certificate);
  if (!certificate) return std::unexpected(std::move(certificate.error()));
  identity.certificate_pem = std::move(*certificate);
  if (engine) return use_identity(identity, {});
  auto key = settings.key.empty() ? Result<std::string>(identity.certificate_pem)
                                  : read_pem("key", settings.key);
  if (!key) return std::unexpected(std::move(key.error()));
  identity.key_pem = std::move(*key);
  return use_identity(identity, settings.passphrase);
}

Result<> TlsContext::use_identity(const TlsIdentity& identity, std::string_view passphrase) {
  auto leaf = settings_.private_key_engine != nullptr
                  ? load_certificate_without_key(native_, identity.certificate_pem)
                  : load_certificate_and_key(native_, identity.certificate_pem, identity.key_pem,
                                             passphrase);
  if (!leaf) return std::unexpected(std::move(leaf.error()));
  certificate_ = std::move(*leaf);
  const auto chain = Certificate::chain_from_pem(identity.certificate_pem);
  if (chain && chain->size() > 1) {
    issuer_ = (*chain)[1];
  } else if (certificate_.self_issued()) {
    issuer_ = certificate_;
  }
  if (auto warning = validity_warning(certificate_); !warning.empty()) {
    warnings_.push_back(std::move(warning));
  }
  return {};
}

// wolfSSL verifies in every mode; the callback decides what a problem means
// (tls_session_callbacks).
Result<> TlsContext::configure_trust() {
  const bool looks = side_ == Side::client || settings_.request_peer_certificate;
  if (issuer_.empty() && !certificate_.empty() && !settings_.ca.empty()) find_issuer();
  int mode = looks ? WOLFSSL_VERIFY_PEER : WOLFSSL_VERIFY_NONE;
  if (side_ == Side::server && looks && settings_.verify == Verify::strict) {
    mode |= WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  wolfSSL_CTX_set_verify(native_, mode, nullptr);
  if (!looks || settings_.verify == Verify::none) return {};
  if (settings_.ca.empty()) {
    if (!settings_.crl.empty()) {
      return invalid("crl: name in `ca` the CAs that the revocation lists are of");
    }
    if (side_ == Side::client && settings_.psk != nullptr) return {};
    if (side_ == Side::client) return load_system_trust(native_);
    if (settings_.verify == Verify::report) return {};
    return invalid(
        "ca: client certificates are demanded but no CA is trusted; name the CA that signs them");
  }
  const auto pem = read_pem("ca", settings_.ca);
  if (!pem) return std::unexpected(pem.error());
  if (auto done = load_trusted(native_, *pem); !done) return done;
  return settings_.crl.empty() ? Result<>() : configure_revocation();
}

// After `ca`: the lists are only taken with their signers' certificates at hand.
Result<> TlsContext::configure_revocation() {
  const auto pem = read_pem("crl", settings_.crl);
  if (!pem) return std::unexpected(pem.error());
  return load_revocation_lists(native_, *pem);
}

// An unreadable `ca` is told by configure_trust, where it is needed.
void TlsContext::find_issuer() {
  const auto pem = read_pem("ca", settings_.ca);
  const auto all = pem ? Certificate::chain_from_pem(*pem) : std::unexpected(pem.error());
  if (!all) return;
  const std::string name = certificate_.issuer();
  const auto found = std::ranges::find_if(
      *all, [&](const Certificate& candidate) { return candidate.subject() == name; });
  if (found != all->end()) issuer_ = *found;
}

Result<> TlsContext::check_session_timeout() const {
  if (settings_.session_timeout > std::chrono::seconds::zero() &&
      settings_.session_timeout <= limits::kMaxTicketLifetime) {
    return {};
  }
  return invalid("session_timeout: give one second to seven days");
}

Result<> TlsContext::configure_resumption(const TlsSettings& settings) {
  // Tickets carry everything; wolfSSL's process-wide session cache would only cost a lock.
  wolfSSL_CTX_set_session_cache_mode(native_, WOLFSSL_SESS_CACHE_NO_INTERNAL);
  const auto seconds = static_cast<unsigned>(settings.session_timeout.count());
  wolfSSL_CTX_set_timeout(native_, seconds);
  if (!settings_.session_tickets) {
    wolfSSL_CTX_no_ticket_TLSv13(native_);
    return {};
  }
  if (side_ == Side::client) {
    wolfSSL_CTX_UseSessionTicket(native_);
    return {};
  }
  wolfSSL_CTX_set_TicketHint(native_, static_cast<int>(seconds));
  // RFC 9001 4.6.1: the only value of max_early_data_size that means 0-RTT in QUIC.
  wolfSSL_CTX_set_max_early_data(native_, settings.early_data ? UINT32_MAX : 0);
  if (settings.early_data) {
    replay_filter_ =
        settings.replay_filter ? settings.replay_filter : std::make_shared<ReplayFilter>();
    allow_early_data(native_, true);
  }
  if (!settings.ticket_keys.empty()) return ticket_keys_.set(settings.ticket_keys);
  if (settings.ticket_seed) {
    return ticket_keys_.draw(settings.ticket_seed->secret, settings.ticket_key_rotation,
                             settings.ticket_seed->drawn);
  }
  std::array<std::uint8_t, kTicketKeySize> seed;
  if (wolfSSL_RAND_bytes(seed.data(), static_cast<int>(seed.size())) != WOLFSSL_SUCCESS) {
    return failure(Errc::system, "ticket_keys: the system gave no random bytes");
  }
  auto drawn = ticket_keys_.draw(seed, settings.ticket_key_rotation, std::nullopt);
  wipe(seed.data(), seed.size());
  return drawn;
}

// Tickets, and with them early data, are this context's; a session keeps to it although wolfSSL
// looks at the context of the name.
void TlsContext::set_server_name(std::string_view name, std::shared_ptr<TlsContext> context) {
  if (context == nullptr) {
    by_name_.erase(lower(name));
  } else {
    allow_early_data(context->native(), settings_.early_data);
    by_name_.insert_or_assign(lower(name), std::move(context));
  }
}

TlsContext& TlsContext::for_server_name(std::string_view name) noexcept {
  if (by_name_.empty() || name.empty()) return *this;
  const std::string host = lower(name);
  auto found = by_name_.find(host);
  if (found == by_name_.end()) {
    const auto dot = host.find('.');
    if (dot != std::string::npos) found = by_name_.find("*" + host.substr(dot));
  }
  return found == by_name_.end() ? *this : *found->second;
}

}  // namespace quicore::engine
