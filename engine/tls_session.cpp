// SPDX-License-Identifier: Apache-2.0
#include "engine/tls_session.h"

#include <wolfssl/options.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/quic.h>
#include <wolfssl/ssl.h>

#include <algorithm>
#include <utility>

#include "engine/limits.h"
#include "engine/shared_trains_parameter.h"
#include "engine/tls_alert.h"
#include "engine/tls_names.h"
#include "engine/tls_random.h"
#include "engine/transport_settings.h"
#include "io/address.h"
#include "io/check.h"

namespace quicore::engine {

namespace {

// RFC 8446 4: types of handshake messages.
constexpr std::uint8_t kClientHelloType = 1;
constexpr std::uint8_t kServerHelloType = 2;
constexpr std::uint8_t kNewSessionTicketType = 4;
constexpr std::uint8_t kEncryptedExtensionsType = 8;
constexpr std::uint8_t kCertificateType = 11;
constexpr std::uint8_t kCertificateRequestType = 13;
constexpr std::uint8_t kCertificateVerifyType = 15;
constexpr std::uint8_t kFinishedType = 20;

// In a ClientHello: behind the version and the random number is the size of legacy_session_id.
constexpr std::size_t kSessionIdOffset = 2 + 32;

// What a side may receive at a level. RFC 9001 forbids some of what TLS 1.3 has: EndOfEarlyData
// (8.3), KeyUpdate (6) and requests for a certificate after the handshake (4.4).
bool may_receive(Side side, ngtcp2_encryption_level level, std::uint8_t type) noexcept {
  const bool client = side == Side::client;
  switch (level) {
    case NGTCP2_ENCRYPTION_LEVEL_INITIAL:
      return type == (client ? kServerHelloType : kClientHelloType);
    case NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE:
      if (type == kEncryptedExtensionsType || type == kCertificateRequestType) return client;
      return type == kCertificateType || type == kCertificateVerifyType || type == kFinishedType;
    case NGTCP2_ENCRYPTION_LEVEL_1RTT:
      return client && type == kNewSessionTicketType;
    case NGTCP2_ENCRYPTION_LEVEL_0RTT:
      break;
  }
  return false;
}

// RFC 9001 8.2.
constexpr int kTransportParametersExtension = 0x39;

WOLFSSL_ENCRYPTION_LEVEL wolfssl_level(ngtcp2_encryption_level level) {
  switch (level) {
    case NGTCP2_ENCRYPTION_LEVEL_INITIAL:
      return wolfssl_encryption_initial;
    case NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE:
      return wolfssl_encryption_handshake;
    case NGTCP2_ENCRYPTION_LEVEL_0RTT:
      return wolfssl_encryption_early_data;
    case NGTCP2_ENCRYPTION_LEVEL_1RTT:
      break;
  }
  return wolfssl_encryption_application;
}

int recv_crypto_data(ngtcp2_conn* connection, ngtcp2_encryption_level level, std::uint64_t,
                     const std::uint8_t* data, std::size_t size, void*) {
  return tls_session_of(connection)->advance(level, {data, size});
}

}  // namespace

void install_tls_callbacks(ngtcp2_callbacks& callbacks) noexcept {
  callbacks.recv_crypto_data = recv_crypto_data;
}

TlsSession* tls_session_of(const ngtcp2_conn* connection) noexcept {
  return static_cast<TlsSession*>(ngtcp2_conn_get_tls_native_handle2(connection));
}

// --- making one ----------------------------------------------------------------------------------

TlsSession::TlsSession(std::shared_ptr<TlsContext> context)
    : context_(std::move(context)), shown_(context_.get()) {}

TlsSession::~TlsSession() { wolfSSL_free(native_); }

Result<std::unique_ptr<TlsSession>> TlsSession::create(std::shared_ptr<TlsContext> context,
                                                       const Parameters& parameters) {
  std::unique_ptr<TlsSession> session(new TlsSession(std::move(context)));
  if (auto done = session->configure(parameters); !done) {
    return std::unexpected(std::move(done.error()));
  }
  session->hold_client_hello(parameters);
  return session;
}

Result<> TlsSession::configure(const Parameters& parameters) {
  const TlsSettings& settings = context_->settings();
  created_ = parameters.now;
  shared_trains_ = parameters.shared_trains;
  const TlsSeedScope seed(parameters.random);
  auto alpn =
      wolfssl_alpn_list(parameters.alpn.empty() ? std::span(settings.alpn) : parameters.alpn);
  if (!alpn) return std::unexpected(std::move(alpn.error()));
  native_ = wolfSSL_new(context_->native());
  if (native_ == nullptr || wolfSSL_set_app_data(native_, this) != WOLFSSL_SUCCESS ||
      wolfSSL_UseALPN(native_, alpn->data(), static_cast<unsigned>(alpn->size()),
                      WOLFSSL_ALPN_FAILED_ON_MISMATCH) != WOLFSSL_SUCCESS) {
    return failure(Errc::no_memory, "the TLS library has no memory for a session");
  }
  // RFC 9001 8.2: not the extension number of the drafts, which wolfSSL would send as well.
  wolfSSL_set_quic_transport_version(native_, kTransportParametersExtension);
  if (settings.keylog) {
    keylog_ = parameters.keylog;
    keylog_user_ = parameters.keylog_user;
  }
  if (settings.trace) {
    trace_ = parameters.trace;
    keylog_user_ = parameters.keylog_user;
  }
  if (context_->side() == Side::server) {
    context_->ticket_keys().advance(parameters.now);
    return {};
  }
  if (settings.ocsp && wolfSSL_UseOCSPStapling(native_, WOLFSSL_CSR_OCSP, 0) != WOLFSSL_SUCCESS) {
    return failure(Errc::no_memory, "the TLS library has no memory for an OCSP request");
  }
  if (auto done = configure_server_name(parameters.server_name); !done) return done;
  import_ticket(parameters.ticket, parameters.early_data);
  return {};
}

Result<> TlsSession::configure_server_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);  // RFC 6066 3: without the trailing dot
  server_name_ = name;
  if (name.empty() || Address::parse(name, 0)) return {};
  if (name.size() > 253 || name.find('\0') != std::string_view::npos) {
    return failure(Errc::invalid_argument,
                   "hostname: a DNS name has at most 253 bytes, none of them NUL");
  }
  if (wolfSSL_UseSNI(native_, WOLFSSL_SNI_HOST_NAME, name.data(),
                     static_cast<unsigned short>(name.size())) != WOLFSSL_SUCCESS) {
    return failure(Errc::no_memory, "the TLS library has no memory for a server name");
  }
  return {};
}

void TlsSession::attach(ngtcp2_conn* connection) noexcept {
  connection_ = connection;
  ngtcp2_conn_set_tls_native_handle(connection, this);
}

// --- moving on -----------------------------------------------------------------------------------

int TlsSession::advance(ngtcp2_encryption_level level,
                        std::span<const std::uint8_t> data) noexcept {
  if (!data.empty()) {
    if (!check_messages(level, data)) return failed(0);
    if (native_ == nullptr) return 0;  // released: a ticket that nobody will use
    if (held_ != nullptr) [[unlikely]] {
      return hold(data);
    }
    if (wolfSSL_provide_quic_data(native_, wolfssl_level(level), data.data(), data.size()) !=
        WOLFSSL_SUCCESS) {
      return fail(alert::kUnexpectedMessage);  // bytes of a level that is over (RFC 9001 4.1.3)
    }
  }
  if (native_ == nullptr) return 0;
  if (held_ != nullptr) [[unlikely]] {
    return release();
  }
  if (signing_ != nullptr && !signing_->answer) [[unlikely]] {
    return 0;
  }
  if (!completed_) {
    if (const int result = run_handshake(); result != 0 || !completed_) return result;
  }
  return run_post_handshake();
}

// Walks over the bytes from one message header to the next.
bool TlsSession::check_messages(ngtcp2_encryption_level level,
                                std::span<const std::uint8_t> data) noexcept {
  if (scanner_.level != level) scanner_ = {.level = level};
  while (!data.empty()) {
    if (scanner_.body_left > 0) {
      const std::size_t step = std::min<std::size_t>(scanner_.body_left, data.size());
      if (!check_body(data.first(step))) return false;
      scanner_.body_left -= static_cast<std::uint32_t>(step);
      data = data.subspan(step);
      if (scanner_.body_left == 0 && !check_end_of_message()) return false;
      continue;
    }
    scanner_.header[scanner_.header_size++] = data.front();
    data = data.subspan(1);
    if (scanner_.header_size < scanner_.header.size()) continue;
    scanner_.header_size = 0;
    const auto& header = scanner_.header;
    scanner_.body_left = std::uint32_t{header[1]} << 16 | std::uint32_t{header[2]} << 8 | header[3];
    scanner_.body_size = scanner_.body_left;
    if (!check_message(level, header[0], scanner_.body_left)) return false;
  }
  return true;
}

bool TlsSession::check_message(ngtcp2_encryption_level level, std::uint8_t type,
                               std::size_t size) noexcept {
  if (!may_receive(context_->side(), level, type)) {
    fail(alert::kUnexpectedMessage);
    return false;
  }
  const bool first = level == NGTCP2_ENCRYPTION_LEVEL_INITIAL;
  if (size > (first ? limits::kMaxClientHello : limits::kMaxHandshakeMessage)) {
    fail(alert::kIllegalParameter);
    return false;
  }
  if (trace_ != nullptr) trace("received ", type, size);
  return true;
}

// A piece of the message that scanner_ is in.
bool TlsSession::check_body(std::span<const std::uint8_t> piece) noexcept {
  const std::size_t begin = scanner_.body_size - scanner_.body_left;
  if (scanner_.header[0] == kEncryptedExtensionsType) {
    encrypted_extensions_.insert(encrypted_extensions_.end(), piece.begin(), piece.end());
  }
  const bool has_session_id = scanner_.header[0] == kClientHelloType && begin <= kSessionIdOffset &&
                              kSessionIdOffset < begin + piece.size() &&
                              piece[kSessionIdOffset - begin] != 0;
  if (has_session_id) {  // RFC 9001 8.4
    ngtcp2_conn_set_tls_error(connection_, NGTCP2_ERR_PROTO);
    return false;
  }
  return true;
}

// RFC 9001 8.2, before TLS finds anything else to complain of.
bool TlsSession::check_end_of_message() noexcept {
  if (scanner_.header[0] != kEncryptedExtensionsType) return true;
  const auto extensions = std::exchange(encrypted_extensions_, {});
  if (has_transport_parameters(extensions).value_or(true)) return true;  // malformed: TLS says how
  fail(alert::kMissingExtension);
  return false;
}

int TlsSession::run_handshake() noexcept {
  const int result = wolfSSL_quic_do_handshake(native_);
  if (result > 0) return complete_handshake();
  error_ = wolfSSL_get_error(native_, result);
  if (error_ == WOLFSSL_ERROR_WANT_READ || error_ == WOLFSSL_ERROR_WANT_WRITE) {
    error_ = 0;
    return 0;
  }
  return failed(error_);
}

int TlsSession::complete_handshake() noexcept {
  remember_results();
  // RFC 9001 8.1. A server knew it with the ClientHello (tls_session_callbacks).
  if (alpn_.empty()) return fail(alert::kNoApplicationProtocol);
  if (early_data_offered_ && !early_data_accepted_) {
    if (const int result = ngtcp2_conn_tls_early_data_rejected(connection_); result != 0) {
      return result;
    }
  }
  completed_ = true;
  ngtcp2_conn_tls_handshake_completed(connection_);
  return 0;
}

int TlsSession::run_post_handshake() noexcept {
  const int result = wolfSSL_process_quic_post_handshake(native_);
  if (result == WOLFSSL_SUCCESS) return 0;
  const int error = wolfSSL_get_error(native_, result);
  if (error == WOLFSSL_ERROR_WANT_READ || error == WOLFSSL_ERROR_WANT_WRITE) return 0;
  error_ = error;
  return failed(error);
}

// What the callback returns after a failure whose alert wolfSSL, or we, have set already.
int TlsSession::failed(int error) noexcept {
  if (const int quic_error = ngtcp2_conn_get_tls_error2(connection_); quic_error != 0) {
    return quic_error;
  }
  if (ngtcp2_conn_get_tls_alert2(connection_) == 0) {
    fail(error == QUIC_TP_MISSING_E ? alert::kMissingExtension : alert::kInternalError);
  }
  return NGTCP2_ERR_CRYPTO;
}

int TlsSession::fail(std::uint8_t alert) noexcept {
  ngtcp2_conn_set_tls_alert(connection_, alert);
  return NGTCP2_ERR_CRYPTO;
}

bool TlsSession::send_transport_params() noexcept {
  std::array<std::uint8_t, 512> encoded;
  const ngtcp2_ssize size =
      ngtcp2_conn_encode_local_transport_params2(connection_, encoded.data(), encoded.size());
  if (size < 0) return false;
  auto end = static_cast<std::size_t>(size);
  if (shared_trains_ != 0) {
    end += write_shared_trains_parameter(std::span(encoded).subspan(end), shared_trains_);
  }
  return wolfSSL_set_quic_transport_params(native_, encoded.data(), end) == WOLFSSL_SUCCESS;
}

bool TlsSession::receive_transport_params() noexcept {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  wolfSSL_get_peer_quic_transport_params(native_, &data, &size);
  // wolfSSL also takes them from the extension of the drafts.
  if (data == nullptr ||
      wolfSSL_get_peer_quic_transport_version(native_) != kTransportParametersExtension) {
    fail(alert::kMissingExtension);
    return false;
  }
  const int result =
      repeats_parameter({data, size})
          ? NGTCP2_ERR_TRANSPORT_PARAM
          : ngtcp2_conn_decode_and_set_remote_transport_params(connection_, data, size);
  if (result != 0) ngtcp2_conn_set_tls_error(connection_, result);
  peer_shared_trains_ = read_shared_trains_parameter({data, size});
  return result == 0;
}

// --- afterwards ----------------------------------------------------------------------------------

std::string TlsSession::negotiated_alpn() const {
  char* name = nullptr;
  unsigned short size = 0;
  if (wolfSSL_ALPN_GetProtocol(native_, &name, &size) != WOLFSSL_SUCCESS || name == nullptr) {
    return {};
  }
  return {name, size};
}

void TlsSession::remember_results() {
  alpn_ = negotiated_alpn();
  if (const char* group = wolfSSL_get_curve_name(native_); group != nullptr) {
    group_ = engine::group_name(group);
  }
  resumed_ = wolfSSL_session_reused(native_) != 0;
  early_data_accepted_ = wolfSSL_get_early_data_status(native_) == WOLFSSL_EARLY_DATA_ACCEPTED;
}

std::string_view TlsSession::cipher_name() const noexcept {
  return completed_ && suite_ ? name_of(*suite_) : std::string_view();
}

Error TlsSession::handshake_error(std::uint8_t alert, bool from_peer) const {
  Error error{Errc::tls, ErrorSpace::tls_alert, alert, {}, nullptr};
  if (signing_ != nullptr && signing_->answer && !signing_->answer->has_value()) {
    error.reason = "private_key_engine: " + signing_->answer->error().reason;
    return error;
  }
  if (from_peer) {
    error.reason = "the peer ended the handshake: " + alert::sentence_of(alert);
    return error;
  }
  const bool from_error = error_ == NO_PEER_CERT || error_ == BAD_CERTIFICATE_STATUS_ERROR;
  const CertificateProblem problem =
      problem_ == CertificateProblem::none && from_error ? problem_of(error_, {}) : problem_;
  if (problem != CertificateProblem::none) {
    error.kind = Errc::certificate;
    error.reason = std::string(code_of(problem)) + ": " + sentence_of(problem, server_name_);
    return error;
  }
  error.reason = "the handshake failed: " + alert::sentence_of(alert);
  if (error_ != 0) {
    error.reason.append(" (")
        .append(wolfSSL_ERR_reason_error_string(static_cast<unsigned long>(-error_)))
        .append(")");
  }
  return error;
}

void TlsSession::release_handshake_memory() noexcept {
  if (native_ == nullptr || !completed_) return;
  // A server has sent its tickets and takes no more messages; its keys are ngtcp2's. A client waits
  // for tickets.
  if (context_->side() == Side::server || !context_->settings().session_tickets) {
    wolfSSL_free(native_);
    native_ = nullptr;
  } else {
    wolfSSL_FreeHandshakeResources(native_);
  }
}

}  // namespace quicore::engine
