// SPDX-License-Identifier: Apache-2.0
#include "engine/tls_session_callbacks.h"

#include <wolfssl/options.h>

#include <wolfssl/quic.h>
#include <wolfssl/ssl.h>

#include <algorithm>
#include <array>

#include "engine/packet_protection.h"
#include "engine/tls_alert.h"
#include "engine/tls_session.h"

namespace quicore::engine {

namespace {

TlsSession* session_of(const WOLFSSL* native) {
  return static_cast<TlsSession*>(wolfSSL_get_app_data(native));
}

ngtcp2_encryption_level ngtcp2_level(WOLFSSL_ENCRYPTION_LEVEL level) {
  switch (level) {
    case wolfssl_encryption_initial:
      return NGTCP2_ENCRYPTION_LEVEL_INITIAL;
    case wolfssl_encryption_early_data:
      return NGTCP2_ENCRYPTION_LEVEL_0RTT;
    case wolfssl_encryption_handshake:
      return NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE;
    case wolfssl_encryption_application:
      break;
  }
  return NGTCP2_ENCRYPTION_LEVEL_1RTT;
}

// The suite in use. AES-CCM is not offered, so it is one of the three.
CipherSuite suite_of(WOLFSSL* native) {
  const WOLFSSL_EVP_CIPHER* aead = wolfSSL_quic_get_aead(native);
  if (wolfSSL_quic_aead_is_chacha20(aead) != 0) return CipherSuite::chacha20_poly1305_sha256;
  return wolfSSL_EVP_Cipher_key_length(aead) == 16 ? CipherSuite::aes_128_gcm_sha256
                                                   : CipherSuite::aes_256_gcm_sha384;
}

bool has_alpn(WOLFSSL* native) {
  char* name = nullptr;
  unsigned short size = 0;
  return wolfSSL_ALPN_GetProtocol(native, &name, &size) == WOLFSSL_SUCCESS && size > 0;
}

}  // namespace

struct TlsSessionCallbacks {
  // --- WOLFSSL_QUIC_METHOD: 1 is success --------------------------------------------------------

  static int set_encryption_secrets(WOLFSSL* native, WOLFSSL_ENCRYPTION_LEVEL level,
                                    const std::uint8_t* receive, const std::uint8_t* send,
                                    std::size_t size) {
    TlsSession& session = *session_of(native);
    session.suite_ = suite_of(native);
    // RFC 9001 8.1: the ClientHello has been read whole. wolfSSL refuses a list without a match;
    // that there is no list at all is left to us.
    if (session.context_->side() == Side::server && level == wolfssl_encryption_handshake &&
        !has_alpn(native)) {
      session.fail(alert::kNoApplicationProtocol);
      return 0;
    }
    const auto install = [&](KeyDirection direction, const std::uint8_t* secret) {
      return secret == nullptr ||
             install_traffic_secret(session.connection_, ngtcp2_level(level), direction,
                                    *session.suite_, {secret, size});
    };
    return install(KeyDirection::receive, receive) && install(KeyDirection::send, send) ? 1 : 0;
  }

  static int add_handshake_data(WOLFSSL* native, WOLFSSL_ENCRYPTION_LEVEL level,
                                const std::uint8_t* data, std::size_t size) {
    TlsSession& session = *session_of(native);
    if (session.trace_ != nullptr) session.trace_messages({data, size});
    ngtcp2_conn* connection = session.connection_;
    const int result = ngtcp2_conn_submit_crypto_data(connection, ngtcp2_level(level), data, size);
    if (result != 0) ngtcp2_conn_set_tls_error(connection, result);
    return result == 0 ? 1 : 0;
  }

  static int flush_flight(WOLFSSL*) { return 1; }

  static int send_alert(WOLFSSL* native, WOLFSSL_ENCRYPTION_LEVEL, std::uint8_t alert) {
    ngtcp2_conn_set_tls_alert(session_of(native)->connection_, alert);
    return 1;
  }

  // --- verification: 1 accepts ------------------------------------------------------------------

  // Called for every error, and once more for the leaf when all is well. The first problem counts.
  static int verify(int, WOLFSSL_X509_STORE_CTX* store) {
    auto* native = static_cast<WOLFSSL*>(
        wolfSSL_X509_STORE_CTX_get_ex_data(store, wolfSSL_get_ex_data_X509_STORE_CTX_idx()));
    TlsSession* session = native != nullptr ? session_of(native) : nullptr;
    if (session == nullptr) return 0;
    keep_chain(*session, *store);
    const TlsSettings& settings = session->shown_->settings();
    if (settings.verify == Verify::none) return 1;
    CertificateProblem problem = problem_of(store->error, session->peer_certificates_);
    if (problem == CertificateProblem::none && store->error_depth == 0) {
      problem = check_name(*session);
    }
    if (session->problem_ == CertificateProblem::none) session->problem_ = problem;
    return problem == CertificateProblem::none || settings.verify == Verify::report ? 1 : 0;
  }

  static void keep_chain(TlsSession& session, const WOLFSSL_X509_STORE_CTX& store) {
    if (!session.peer_certificates_.empty()) return;
    session.problem_ = CertificateProblem::none;  // not what the ticket said: it was not taken
    for (int i = 0; i < store.totalCerts; ++i) {
      auto certificate = Certificate::from_der({store.certs[i].buffer, store.certs[i].length});
      if (!certificate) break;
      session.peer_certificates_.push_back(std::move(*certificate));
    }
  }

  static CertificateProblem check_name(const TlsSession& session) {
    const TlsSettings& settings = session.context_->settings();
    if (session.context_->side() == Side::server || !settings.verify_hostname ||
        session.server_name_.empty() || session.peer_certificates_.empty() ||
        session.peer_certificates_.front().matches_host(session.server_name_)) {
      return CertificateProblem::none;
    }
    return CertificateProblem::hostname_mismatch;
  }

  // --- OCSP -------------------------------------------------------------------------------------

  // Server: the response for the certificate about to be sent.
  static int ocsp_to_send(WOLFSSL* native, void*) {
    const auto& response = session_of(native)->ocsp_response_;
    if (response.empty()) return WOLFSSL_OCSP_STATUS_CB_NOACK;
    auto* copy = static_cast<unsigned char*>(wolfSSL_Malloc(response.size()));
    if (copy == nullptr) return WOLFSSL_OCSP_STATUS_CB_ALERT_FATAL;
    std::ranges::copy(response, copy);
    return wolfSSL_set_tlsext_status_ocsp_resp(native, copy, static_cast<int>(response.size())) ==
                   WOLFSSL_SUCCESS
               ? WOLFSSL_OCSP_STATUS_CB_OK
               : WOLFSSL_OCSP_STATUS_CB_ALERT_FATAL;
  }

  // Client: wolfSSL has looked at the response; 0 accepts.
  static int ocsp_received(WOLFSSL* native, int error, unsigned char* response, unsigned int size,
                           unsigned int index, void*) {
    TlsSession& session = *session_of(native);
    if (index == 0) session.ocsp_response_.assign(response, response + size);
    const Verify verify = session.context_->settings().verify;
    if (error == 0 || verify == Verify::none) return 0;
    if (session.problem_ == CertificateProblem::none) session.problem_ = problem_of(error, {});
    return verify == Verify::report ? 0 : error;
  }

  // --- pre-shared keys --------------------------------------------------------------------------

  // The suite that goes with all of them: its hash is SHA-256.
  static constexpr const char* kPskSuite = "TLS13-AES128-GCM-SHA256";

  static Psk ask_psk(const TlsSession& session, std::string_view identity) noexcept {
    try {
      const auto& function = session.context_->settings().psk;
      if (function != nullptr && *function) return (*function)(identity);
      return {};
    } catch (...) {
      return {};  // no key: without one the handshake goes on by certificate, or fails
    }
  }

  // Both return the size of the key; 0: there is none.
  static unsigned int psk_of_client(WOLFSSL* native, const char*, char* identity,
                                    unsigned int identity_capacity, unsigned char* key,
                                    unsigned int capacity, const char** suite) {
    const Psk psk = ask_psk(*session_of(native), {});
    if (psk.key.size() > capacity || psk.identity.size() > identity_capacity) return 0;
    std::ranges::copy(psk.identity, identity);
    if (psk.identity.size() < identity_capacity) identity[psk.identity.size()] = '\0';
    std::ranges::copy(psk.key, key);
    *suite = kPskSuite;
    return static_cast<unsigned int>(psk.key.size());
  }

  static unsigned int psk_of_server(WOLFSSL* native, const char* identity, unsigned char* key,
                                    unsigned int capacity, const char** suite) {
    const Psk psk = ask_psk(*session_of(native), identity);
    if (psk.key.size() > capacity) return 0;
    std::ranges::copy(psk.key, key);
    *suite = kPskSuite;
    return static_cast<unsigned int>(psk.key.size());
  }

  // --- server name ------------------------------------------------------------------------------

  static int server_name(WOLFSSL* native, int*, void*) {
    TlsSession& session = *session_of(native);
    void* name = nullptr;
    const unsigned short size = wolfSSL_SNI_GetRequest(native, WOLFSSL_SNI_HOST_NAME, &name);
    if (name == nullptr || size == 0) return 0;
    session.server_name_.assign(static_cast<const char*>(name), size);
    TlsContext& chosen = session.context_->for_server_name(session.server_name_);
    if (&chosen == session.shown_) return 0;
    session.shown_ = &chosen;
    wolfSSL_set_SSL_CTX(native, chosen.native());
    wolfSSL_set_verify(native, wolfSSL_CTX_get_verify_mode(chosen.native()), nullptr);
    return 0;
  }

  // --- tickets ----------------------------------------------------------------------------------

  static int ticket(WOLFSSL* native, unsigned char name[WOLFSSL_TICKET_NAME_SZ],
                    unsigned char iv[WOLFSSL_TICKET_IV_SZ],
                    unsigned char mac[WOLFSSL_TICKET_MAC_SZ], int seal, unsigned char* ticket,
                    int size, int* size_out, void*) {
    TlsSession& session = *session_of(native);
    TicketKeys& keys = session.context_->ticket_keys();
    const std::span<std::uint8_t> bytes(ticket, static_cast<std::size_t>(size));
    const std::span<std::uint8_t, TicketKeys::kNameSize> key_name(name, TicketKeys::kNameSize);
    const std::span<std::uint8_t, TicketKeys::kNonceSize> nonce(iv, TicketKeys::kNonceSize);
    const std::span<std::uint8_t, TicketKeys::kTagSize> tag(mac, TicketKeys::kTagSize);
    *size_out = size;
    if (seal != 0) {
      std::fill_n(mac, WOLFSSL_TICKET_MAC_SZ, 0);  // ours are shorter than wolfSSL's
      std::fill_n(iv, WOLFSSL_TICKET_IV_SZ, 0);
      return keys.seal(bytes, key_name, nonce, tag) ? WOLFSSL_TICKET_RET_OK
                                                    : WOLFSSL_TICKET_RET_FATAL;
    }
    // With an older key as well: a TLS 1.3 server sends a new ticket in any case.
    if (!keys.open(bytes, key_name, nonce, tag) || is_replay(session, tag)) {
      return WOLFSSL_TICKET_RET_REJECT;
    }
    return WOLFSSL_TICKET_RET_OK;
  }

  static bool is_replay(TlsSession& session,
                        std::span<const std::uint8_t, TicketKeys::kTagSize> tag) {
    ReplayFilter* filter = session.context_->replay_filter();
    // The same session shows it again after a HelloRetryRequest.
    if (filter == nullptr || std::ranges::equal(session.ticket_shown_, tag)) return false;
    if (!filter->first_time(tag, session.created_)) return true;
    std::ranges::copy(tag, session.ticket_shown_.begin());
    return false;
  }

  // 0: the session stays wolfSSL's.
  static int new_session(WOLFSSL* native, WOLFSSL_SESSION*) {
    ++session_of(native)->tickets_received_;
    return 0;
  }

  // That wolfSSL has this to call is what counts: the filter above has decided.
  static void remove_session(WOLFSSL_CTX*, WOLFSSL_SESSION*) {}

  static void keylog(const WOLFSSL* native, const char* line) {
    const TlsSession& session = *session_of(native);
    if (session.keylog_ != nullptr) session.keylog_(session.keylog_user_, line);
  }
};

namespace {

bool install_ocsp(WOLFSSL_CTX* native, Side side) noexcept {
  if (side == Side::server) {
    return wolfSSL_CTX_set_tlsext_status_cb(native, TlsSessionCallbacks::ocsp_to_send) ==
           WOLFSSL_SUCCESS;
  }
  wolfSSL_CTX_set_ocsp_status_verify_cb(native, TlsSessionCallbacks::ocsp_received, nullptr);
  return wolfSSL_CTX_EnableOCSPStapling(native) == WOLFSSL_SUCCESS;
}

}  // namespace

bool install_wolfssl_callbacks(WOLFSSL_CTX* native, const TlsContext& context) noexcept {
  using Callbacks = TlsSessionCallbacks;
  static constexpr WOLFSSL_QUIC_METHOD kMethod{Callbacks::set_encryption_secrets,
                                               Callbacks::add_handshake_data,
                                               Callbacks::flush_flight, Callbacks::send_alert};
  if (wolfSSL_CTX_set_quic_method(native, &kMethod) != WOLFSSL_SUCCESS) return false;
  wolfSSL_CertManagerSetVerify(wolfSSL_CTX_GetCertManager(native), Callbacks::verify);
  if (context.side() == Side::server) {
    wolfSSL_CTX_set_servername_callback(native, Callbacks::server_name);
    wolfSSL_CTX_set_TicketEncCb(native, Callbacks::ticket);
  } else {
    wolfSSL_CTX_sess_set_new_cb(native, Callbacks::new_session);
  }
  if (context.settings().ocsp && !install_ocsp(native, context.side())) return false;
  if (context.settings().psk != nullptr) {
    if (context.side() == Side::server) {
      wolfSSL_CTX_set_psk_server_tls13_callback(native, Callbacks::psk_of_server);
    } else {
      wolfSSL_CTX_set_psk_client_tls13_callback(native, Callbacks::psk_of_client);
    }
  }
  if (context.settings().keylog) wolfSSL_CTX_set_keylog_callback(native, Callbacks::keylog);
  return true;
}

void allow_early_data(WOLFSSL_CTX* native, bool allow) noexcept {
  // RFC 8446 8: wolfSSL takes early data only with a session that it can remove from a cache, its
  // own (which we have turned off) or ours.
  wolfSSL_CTX_sess_set_remove_cb(native, allow ? TlsSessionCallbacks::remove_session : nullptr);
}

}  // namespace quicore::engine
