// SPDX-License-Identifier: Apache-2.0
//
// When a connection gets which keys. The order of calls is that of ngtcp2's crypto helper; the
// contexts are ours.
#include "engine/packet_protection_install.h"

#include <algorithm>
#include <string_view>

#include "engine/packet_protection.h"
#include "engine/packet_protection_backend.h"
#include "engine/packet_protection_keys.h"
#include "engine/tls_session.h"

namespace quicore::engine {

namespace {

// What ngtcp2 takes over when an install call succeeds, and what is ours to free until then.
class KeyPair {
 public:
  KeyPair(const CipherFunctions& functions, const PacketKeys& keys) noexcept
      : aead_(functions.make_aead_key(functions, keys.key.data())),
        header_(functions.make_header_key(functions, keys.header_key.data())) {}
  ~KeyPair() {
    destroy(aead_);
    destroy(header_);
  }
  KeyPair(const KeyPair&) = delete;
  KeyPair& operator=(const KeyPair&) = delete;

  bool usable() const noexcept { return aead_ != nullptr && header_ != nullptr; }
  ngtcp2_crypto_aead_ctx aead() const noexcept { return {aead_}; }
  ngtcp2_crypto_cipher_ctx header() const noexcept { return {header_}; }
  void release() noexcept {
    aead_ = nullptr;
    header_ = nullptr;
  }

 private:
  AeadKey* aead_;
  HeaderKey* header_;
};

ngtcp2_crypto_ctx crypto_context(const CipherFunctions& functions) noexcept {
  // ngtcp2 hands these pointers back and never looks behind them.
  void* handle = const_cast<CipherFunctions*>(&functions);  // NOLINT: a C interface
  ngtcp2_crypto_ctx context{};
  context.aead = {handle, kAeadTagSize};
  context.md = {handle};
  context.hp = {handle};
  return context;
}

// RFC 9001 6.6: packets sealed, and packets that failed to open, with one key.
constexpr std::uint64_t kMaxSealedAesGcm = std::uint64_t{1} << 23;
constexpr std::uint64_t kMaxForgedAesGcm = std::uint64_t{1} << 52;
constexpr std::uint64_t kMaxSealedChaCha = std::uint64_t{1} << 62;  // the packet number's own bound
constexpr std::uint64_t kMaxForgedChaCha = std::uint64_t{1} << 36;

ngtcp2_crypto_ctx limited_context(const CipherFunctions& functions) noexcept {
  const bool chacha = functions.suite == CipherSuite::chacha20_poly1305_sha256;
  ngtcp2_crypto_ctx context = crypto_context(functions);
  context.max_encryption = chacha ? kMaxSealedChaCha : kMaxSealedAesGcm;
  context.max_decryption_failure = chacha ? kMaxForgedChaCha : kMaxForgedAesGcm;
  return context;
}

const CipherFunctions& initial_functions() noexcept {
  return *cipher_functions(aead_backend(), CipherSuite::aes_128_gcm_sha256);
}

// --- Initial ------------------------------------------------------------------------------------

// RFC 9001 5.8 and RFC 9369 3.3.3: the key of the Retry Integrity Tag.
constexpr std::string_view kRetryKeyV1{NGTCP2_RETRY_KEY_V1, 16};
constexpr std::string_view kRetryKeyV2{NGTCP2_RETRY_KEY_V2, 16};

bool set_retry_key(ngtcp2_conn* connection, std::uint32_t version) noexcept {
  const CipherFunctions& functions = initial_functions();
  const std::string_view secret = version == NGTCP2_PROTO_VER_V2 ? kRetryKeyV2 : kRetryKeyV1;
  AeadKey* key =
      functions.make_aead_key(functions, reinterpret_cast<const std::uint8_t*>(secret.data()));
  if (key == nullptr) return false;
  const ngtcp2_crypto_ctx context = crypto_context(functions);
  const ngtcp2_crypto_aead_ctx handle{key};
  ngtcp2_conn_set_retry_aead(connection, &context.aead, &handle);
  return true;
}

enum class InitialReason : std::uint8_t { start, version_changed };

int install_initial(ngtcp2_conn* connection, std::uint32_t version, const ngtcp2_cid& id,
                    InitialReason reason) noexcept {
  const CipherFunctions& functions = initial_functions();
  InitialSecrets secrets;  // not secret: anybody who sees the packet can derive them
  PacketKeys client, server;
  if (!derive_initial_secrets(secrets, version, {id.data, id.datalen}) ||
      !derive_packet_keys(client, version, functions.suite, secrets.client) ||
      !derive_packet_keys(server, version, functions.suite, secrets.server)) {
    return NGTCP2_ERR_CALLBACK_FAILURE;
  }
  const bool is_server = ngtcp2_conn_is_server2(connection) != 0;
  const PacketKeys& receive_keys = is_server ? client : server;
  const PacketKeys& send_keys = is_server ? server : client;
  KeyPair receive(functions, receive_keys), send(functions, send_keys);
  if (!receive.usable() || !send.usable()) return NGTCP2_ERR_CALLBACK_FAILURE;

  const auto receive_aead = receive.aead(), send_aead = send.aead();
  const auto receive_header = receive.header(), send_header = send.header();
  int result = 0;
  if (reason == InitialReason::start) {
    const ngtcp2_crypto_ctx context = crypto_context(functions);
    ngtcp2_conn_set_initial_crypto_ctx(connection, &context);
    result = ngtcp2_conn_install_initial_key(connection, &receive_aead, receive_keys.iv.data(),
                                             &receive_header, &send_aead, send_keys.iv.data(),
                                             &send_header, kAeadNonceSize);
  } else {
    result = ngtcp2_conn_install_vneg_initial_key(
        connection, version, &receive_aead, receive_keys.iv.data(), &receive_header, &send_aead,
        send_keys.iv.data(), &send_header, kAeadNonceSize);
  }
  if (result != 0) return NGTCP2_ERR_CALLBACK_FAILURE;
  receive.release();
  send.release();
  return 0;
}

int client_initial(ngtcp2_conn* connection, void*) {
  const std::uint32_t version = ngtcp2_conn_get_client_chosen_version2(connection);
  TlsSession* session = tls_session_of(connection);
  if (install_initial(connection, version, *ngtcp2_conn_get_dcid2(connection),
                      InitialReason::start) != 0 ||
      !set_retry_key(connection, version) || !session->send_transport_params()) {
    return NGTCP2_ERR_CALLBACK_FAILURE;
  }
  return session->advance(NGTCP2_ENCRYPTION_LEVEL_INITIAL, {});
}

int recv_client_initial(ngtcp2_conn* connection, const ngtcp2_cid* id, void*) {
  return install_initial(connection, ngtcp2_conn_get_client_chosen_version2(connection), *id,
                         InitialReason::start);
}

int recv_retry(ngtcp2_conn* connection, const ngtcp2_pkt_hd* header, void*) {
  return install_initial(connection, ngtcp2_conn_get_client_chosen_version2(connection),
                         header->scid, InitialReason::start);
}

int version_negotiation(ngtcp2_conn* connection, std::uint32_t version, const ngtcp2_cid* id,
                        void*) {
  return install_initial(connection, version, *id, InitialReason::version_changed);
}

// --- 1-RTT key update ---------------------------------------------------------------------------

// RFC 9001 6.1: the header-protection key stays. Returns the new key, with its secret and IV.
AeadKey* next_key(const CipherFunctions& functions, std::uint32_t version,
                  std::span<const std::uint8_t> current, std::uint8_t* secret,
                  std::uint8_t* iv) noexcept {
  PacketKeys keys;
  if (!derive_next_secret(secret, version, functions.suite, current) ||
      !derive_updated_keys(keys, version, functions.suite, {secret, current.size()})) {
    return nullptr;
  }
  std::copy(keys.iv.begin(), keys.iv.end(), iv);
  return make_sleeping_key(functions, keys.key.data());
}

int update_key(ngtcp2_conn* connection, std::uint8_t* receive_secret, std::uint8_t* send_secret,
               ngtcp2_crypto_aead_ctx* receive_context, std::uint8_t* receive_iv,
               ngtcp2_crypto_aead_ctx* send_context, std::uint8_t* send_iv,
               const std::uint8_t* current_receive_secret, const std::uint8_t* current_send_secret,
               std::size_t size, void*) {
  const auto& functions = *static_cast<const CipherFunctions*>(
      ngtcp2_conn_get_crypto_ctx2(connection)->aead.native_handle);
  const std::uint32_t version = ngtcp2_conn_get_negotiated_version2(connection);
  AeadKey* receive =
      next_key(functions, version, {current_receive_secret, size}, receive_secret, receive_iv);
  AeadKey* send = next_key(functions, version, {current_send_secret, size}, send_secret, send_iv);
  if (receive == nullptr || send == nullptr) {
    destroy(receive);
    destroy(send);
    wipe(receive_secret, size);
    wipe(send_secret, size);
    return NGTCP2_ERR_CALLBACK_FAILURE;
  }
  receive_context->native_handle = receive;
  send_context->native_handle = send;
  return 0;
}

// --- Handshake, 0-RTT and 1-RTT -----------------------------------------------------------------

// The context of a level; made from `suite` when it is the first key of it.
void ensure_context(ngtcp2_conn* connection, ngtcp2_encryption_level level,
                    CipherSuite suite) noexcept {
  const ngtcp2_crypto_ctx context = limited_context(*cipher_functions(aead_backend(), suite));
  if (level == NGTCP2_ENCRYPTION_LEVEL_0RTT) {
    ngtcp2_conn_set_0rtt_crypto_ctx(connection, &context);
  } else if (ngtcp2_conn_get_crypto_ctx2(connection)->aead.native_handle == nullptr) {
    ngtcp2_conn_set_crypto_ctx(connection, &context);
  }
}

int install_key(ngtcp2_conn* connection, ngtcp2_encryption_level level, KeyDirection direction,
                std::span<const std::uint8_t> secret, const KeyPair& pair,
                const PacketKeys& keys) noexcept {
  const auto aead = pair.aead();
  const auto header = pair.header();
  const std::uint8_t* iv = keys.iv.data();
  const bool receive = direction == KeyDirection::receive;
  switch (level) {
    case NGTCP2_ENCRYPTION_LEVEL_0RTT:
      return ngtcp2_conn_install_0rtt_key(connection, &aead, iv, kAeadNonceSize, &header);
    case NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE:
      return receive ? ngtcp2_conn_install_rx_handshake_key(connection, &aead, iv, kAeadNonceSize,
                                                            &header)
                     : ngtcp2_conn_install_tx_handshake_key(connection, &aead, iv, kAeadNonceSize,
                                                            &header);
    default:
      return receive ? ngtcp2_conn_install_rx_key(connection, secret.data(), secret.size(), &aead,
                                                  iv, kAeadNonceSize, &header)
                     : ngtcp2_conn_install_tx_key(connection, secret.data(), secret.size(), &aead,
                                                  iv, kAeadNonceSize, &header);
  }
}

}  // namespace

bool install_traffic_secret(ngtcp2_conn* connection, ngtcp2_encryption_level level,
                            KeyDirection direction, CipherSuite suite,
                            std::span<const std::uint8_t> secret) noexcept {
  const bool server = ngtcp2_conn_is_server2(connection) != 0;
  const bool receive = direction == KeyDirection::receive;
  // 0-RTT goes one way only; TLS libraries may hand out both.
  if (level == NGTCP2_ENCRYPTION_LEVEL_0RTT && receive != server) return true;

  // RFC 9368 4: the server must know the client's versions before it derives the first key by one.
  if (level == NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE && server &&
      ngtcp2_conn_get_negotiated_version2(connection) == 0 &&
      !tls_session_of(connection)->receive_transport_params()) {
    return false;
  }
  ensure_context(connection, level, suite);
  const std::uint32_t version = level == NGTCP2_ENCRYPTION_LEVEL_0RTT
                                    ? ngtcp2_conn_get_client_chosen_version2(connection)
                                    : ngtcp2_conn_get_negotiated_version2(connection);
  PacketKeys keys;
  if (!derive_packet_keys(keys, version, suite, secret)) return false;
  KeyPair pair(*cipher_functions(aead_backend(), suite), keys);
  if (!pair.usable()) return false;

  // RFC 9001 8.2: parameters count only once the handshake that carries them is authenticated.
  if (level == NGTCP2_ENCRYPTION_LEVEL_1RTT && receive && !server &&
      !tls_session_of(connection)->receive_transport_params()) {
    return false;
  }
  if (install_key(connection, level, direction, secret, pair, keys) != 0) return false;
  pair.release();
  return level != NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE || receive || !server ||
         tls_session_of(connection)->send_transport_params();
}

void install_key_callbacks(ngtcp2_callbacks& callbacks) noexcept {
  callbacks.client_initial = client_initial;
  callbacks.recv_client_initial = recv_client_initial;
  callbacks.recv_retry = recv_retry;
  callbacks.version_negotiation = version_negotiation;
  callbacks.update_key = update_key;
}

}  // namespace quicore::engine
