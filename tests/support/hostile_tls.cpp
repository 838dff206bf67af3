// SPDX-License-Identifier: Apache-2.0
#include "tests/support/hostile_tls.h"

#include <wolfssl/options.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/quic.h>
#include <wolfssl/ssl.h>

#include "engine/tls_random.h"
#include "io/check.h"

namespace quicore::test {

namespace {

const std::uint8_t* octets(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

Level level_of(WOLFSSL_ENCRYPTION_LEVEL level) {
  switch (level) {
    case wolfssl_encryption_initial:
      return Level::initial;
    case wolfssl_encryption_early_data:
      return Level::early;
    case wolfssl_encryption_handshake:
      return Level::handshake;
    case wolfssl_encryption_application:
      break;
  }
  return Level::application;
}

WOLFSSL_ENCRYPTION_LEVEL level_of(Level level) {
  switch (level) {
    case Level::initial:
      return wolfssl_encryption_initial;
    case Level::early:
      return wolfssl_encryption_early_data;
    case Level::handshake:
      return wolfssl_encryption_handshake;
    case Level::application:
      break;
  }
  return wolfssl_encryption_application;
}

bool ok(int result) { return result == WOLFSSL_SUCCESS; }

WOLFSSL_CTX* make_context(const HostileTls::Settings& settings) {
  const bool client = settings.side == Side::client;
  WOLFSSL_CTX* context =
      wolfSSL_CTX_new(client ? wolfTLSv1_3_client_method() : wolfTLSv1_3_server_method());
  QUICORE_CHECK(context != nullptr);
  QUICORE_CHECK(ok(wolfSSL_CTX_set_cipher_list(context, "TLS13-AES128-GCM-SHA256")));
  wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_NONE, nullptr);
  if (client) return context;
  QUICORE_CHECK(ok(wolfSSL_CTX_use_certificate_chain_buffer(
      context, octets(settings.certificate), static_cast<long>(settings.certificate.size()))));
  QUICORE_CHECK(ok(wolfSSL_CTX_use_PrivateKey_buffer(context, octets(settings.key),
                                                     static_cast<long>(settings.key.size()),
                                                     WOLFSSL_FILETYPE_PEM)));
  return context;
}

}  // namespace

struct HostileTlsCallbacks {
  static HostileTls& self(WOLFSSL* native) {
    return *static_cast<HostileTls*>(wolfSSL_get_app_data(native));
  }

  static int secrets(WOLFSSL* native, WOLFSSL_ENCRYPTION_LEVEL level, const std::uint8_t* receive,
                     const std::uint8_t* send, std::size_t size) {
    const auto give = [&](bool receives, const std::uint8_t* secret) {
      if (secret == nullptr) return;
      self(native).on_secret(level_of(level), receives,
                             {reinterpret_cast<const char*>(secret), size});
    };
    give(true, receive);
    give(false, send);
    return 1;
  }
  static int crypto(WOLFSSL* native, WOLFSSL_ENCRYPTION_LEVEL level, const std::uint8_t* data,
                    std::size_t size) {
    self(native).on_crypto(level_of(level), {reinterpret_cast<const char*>(data), size});
    return 1;
  }
  static int flush(WOLFSSL*) { return 1; }
  static int alert(WOLFSSL* native, WOLFSSL_ENCRYPTION_LEVEL, std::uint8_t alert) {
    self(native).alert_ = alert;
    return 1;
  }
};

HostileTls::~HostileTls() {
  wolfSSL_free(native_);
  wolfSSL_CTX_free(context_);
}

void HostileTls::start(const Settings& settings) {
  QUICORE_CHECK(ok(wolfSSL_Init()));
  engine::install_tls_seed_callback();
  random_ = settings.random;
  const engine::TlsSeedScope seed(random_);
  static constexpr WOLFSSL_QUIC_METHOD kMethod{
      HostileTlsCallbacks::secrets, HostileTlsCallbacks::crypto, HostileTlsCallbacks::flush,
      HostileTlsCallbacks::alert};
  context_ = make_context(settings);
  QUICORE_CHECK(ok(wolfSSL_CTX_set_quic_method(context_, &kMethod)));
  native_ = wolfSSL_new(context_);
  QUICORE_CHECK(native_ != nullptr && ok(wolfSSL_set_app_data(native_, this)));
  if (!settings.alpn.empty()) {
    std::string alpn = settings.alpn;
    QUICORE_CHECK(ok(wolfSSL_UseALPN(native_, alpn.data(), static_cast<unsigned>(alpn.size()),
                                     WOLFSSL_ALPN_FAILED_ON_MISMATCH)));
  }
  wolfSSL_set_quic_transport_version(native_, settings.codepoint);
  QUICORE_CHECK(ok(wolfSSL_set_quic_transport_params(native_, octets(settings.transport_params),
                                                     settings.transport_params.size())));
  if (settings.side == Side::server) return;
  // One small key share: the ClientHello fits into one datagram.
  int group = WOLFSSL_ECC_X25519;
  QUICORE_CHECK(ok(wolfSSL_set_groups(native_, &group, 1)));
  QUICORE_CHECK(ok(wolfSSL_UseSNI(native_, WOLFSSL_SNI_HOST_NAME, settings.server_name.data(),
                                  static_cast<unsigned short>(settings.server_name.size()))));
  if (settings.session.empty()) return;
  const std::uint8_t* position = octets(settings.session);
  WOLFSSL_SESSION* session =
      wolfSSL_d2i_SSL_SESSION(nullptr, &position, static_cast<long>(settings.session.size()));
  QUICORE_CHECK(session != nullptr && ok(wolfSSL_set_session(native_, session)));
  wolfSSL_set_max_early_data(native_, UINT32_MAX);
  wolfSSL_SESSION_free(session);
}

void HostileTls::advance(Level level, std::string_view bytes) {
  const engine::TlsSeedScope seed(random_);
  if (alert_) return;
  if (!bytes.empty() &&
      !ok(wolfSSL_provide_quic_data(native_, level_of(level), octets(bytes), bytes.size()))) {
    return;  // of a level that is over: the peer's business
  }
  if (!completed_ && !ok(wolfSSL_quic_do_handshake(native_))) return;
  completed_ = true;
  wolfSSL_process_quic_post_handshake(native_);
}

std::string_view HostileTls::peer_parameters() const {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  if (native_ != nullptr) wolfSSL_get_peer_quic_transport_params(native_, &data, &size);
  return {reinterpret_cast<const char*>(data), size};
}

std::string HostileTls::session() const {
  WOLFSSL_SESSION* session = native_ != nullptr ? wolfSSL_get_session(native_) : nullptr;
  const int size = session != nullptr ? wolfSSL_i2d_SSL_SESSION(session, nullptr) : 0;
  if (size <= 0) return {};
  std::string bytes(static_cast<std::size_t>(size), '\0');
  auto* position = reinterpret_cast<std::uint8_t*>(bytes.data());
  return wolfSSL_i2d_SSL_SESSION(session, &position) == size ? bytes : std::string();
}

}  // namespace quicore::test
