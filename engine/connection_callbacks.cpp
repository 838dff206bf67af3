// SPDX-License-Identifier: Apache-2.0
#include "engine/connection_callbacks.h"

#include <algorithm>
#include <utility>

#include "engine/connection.h"
#include "engine/endpoint.h"
#include "engine/http3_error.h"
#include "engine/http3_session.h"
#include "engine/packet_protection.h"
#include "engine/path.h"
#include "engine/qlog_event.h"
#include "engine/shard.h"
#include "engine/tls_session.h"
#include "engine/transport_settings.h"
#include "io/steering.h"

namespace quicore::engine {

namespace {

// Packet protection's own callback; set once, with the table.
ngtcp2_update_key make_next_keys = nullptr;

Bytes as_bytes(const std::uint8_t* data, std::size_t size) noexcept {
  return {reinterpret_cast<const std::byte*>(data), size};
}

}  // namespace

// Private statics of Connection, so to speak: named after ngtcp2's events.
struct ConnectionCallbacks {
  static Connection& self(void* user_data) noexcept { return *static_cast<Connection*>(user_data); }
  static Stream* stream(void* stream_user_data) noexcept {
    return static_cast<Stream*>(stream_user_data);
  }

  // --- handshake -----------------------------------------------------------------------------

  static int recv_crypto_data(ngtcp2_conn*, ngtcp2_encryption_level level, std::uint64_t,
                              const std::uint8_t* data, std::size_t size, void* user_data) {
    Connection& connection = self(user_data);
    if (connection.tls_ == nullptr) {
      if (const auto ok = connection.begin_server_tls(); !ok) {
        connection.fail(ok.error());
        return NGTCP2_ERR_CALLBACK_FAILURE;
      }
    }
    const HandshakePause before = connection.tls_->pause();
    const int result = connection.tls_->advance(level, {data, size});
    const HandshakePause now = connection.tls_->pause();
    // Going on after a pause comes here as well, without bytes: then the next one has begun.
    if (result == 0 && now != HandshakePause::none && (now != before || size == 0)) {
      connection.mark(ConnectionEvent::handshake_paused);
    }
    if (result == NGTCP2_ERR_PROTO) {  // which ngtcp2 would drop silently, in an Initial packet
      connection.fail(
          Error::transport(NGTCP2_PROTOCOL_VIOLATION,
                           "the ClientHello has a session ID, as for TLS over TCP (RFC 9001 8.4)"));
      return NGTCP2_ERR_CALLBACK_FAILURE;
    }
    return result;
  }

  static int handshake_completed(ngtcp2_conn* quic, void* user_data) {
    Connection& connection = self(user_data);
    connection.handshake_completed_ = true;
    connection.stats_.handshake_completed_at = connection.now();
    connection.alpn_ = connection.tls_->alpn();
    if (connection.side_ == Side::server) {
      connection.server_name_ = connection.tls_->server_name();
      connection.server_handshake_completed();
    } else {
      connection.client_start_.reset();
    }
    if (const auto ok = connection.set_up_application(std::string(connection.alpn_)); !ok) {
      connection.fail(ok.error());
      return NGTCP2_ERR_CALLBACK_FAILURE;
    }
    connection.state_ = ConnectionState::active;
    connection.mark(ConnectionEvent::handshake_completed);
    static_cast<void>(quic);
    return 0;
  }

  static int handshake_confirmed(ngtcp2_conn*, void* user_data) {
    self(user_data).handshake_is_confirmed();
    return 0;
  }

  // The earliest moment the application may write in 1-RTT, for a server half a round trip before
  // the handshake ends: HTTP/3 sends its SETTINGS then.
  static int recv_tx_key(ngtcp2_conn*, ngtcp2_encryption_level level, void* user_data) {
    Connection& connection = self(user_data);
    if (connection.side_ != Side::server || level != NGTCP2_ENCRYPTION_LEVEL_1RTT) return 0;
    const std::string alpn = connection.tls_->negotiated_alpn();
    if (alpn.empty()) return 0;
    if (const auto ok = connection.set_up_application(alpn); !ok) {
      connection.fail(ok.error());
      return NGTCP2_ERR_CALLBACK_FAILURE;
    }
    return 0;
  }

  // RFC 9001 4.6.2: the server declined 0-RTT; ngtcp2 has dropped those streams.
  static int tls_early_data_rejected(ngtcp2_conn*, void* user_data) {
    self(user_data).detach_streams(
        Error::make(Errc::cancelled, "the server did not accept 0-RTT data: send it again"));
    return 0;
  }

  static int recv_version_negotiation(ngtcp2_conn*, const ngtcp2_pkt_hd*, const std::uint32_t* sv,
                                      std::size_t nsv, void* user_data) {
    self(user_data).offered_versions_.assign(sv, sv + nsv);
    return 0;
  }

  static int recv_stateless_reset2(ngtcp2_conn*, const ngtcp2_pkt_stateless_reset2*,
                                   void* user_data) {
    Error error = Error::make(Errc::stateless_reset,
                              "the peer lost the state of this connection; connect again");
    self(user_data).fail(std::move(error));
    return 0;
  }

  static int recv_new_token(ngtcp2_conn*, const std::uint8_t* token, std::size_t size,
                            void* user_data) {
    Connection& connection = self(user_data);
    const Bytes bytes = as_bytes(token, size);
    connection.new_token_.assign(bytes.begin(), bytes.end());
    connection.mark(ConnectionEvent::session_ticket);
    return 0;
  }

  // ngtcp2 asks for the next keys ahead of time: once after the handshake, then after each update.
  static int update_key(ngtcp2_conn* quic, std::uint8_t* rx_secret, std::uint8_t* tx_secret,
                        ngtcp2_crypto_aead_ctx* rx_context, std::uint8_t* rx_iv,
                        ngtcp2_crypto_aead_ctx* tx_context, std::uint8_t* tx_iv,
                        const std::uint8_t* current_rx_secret,
                        const std::uint8_t* current_tx_secret, std::size_t size, void* user_data) {
    Connection& connection = self(user_data);
    if (connection.key_generations_++ > 0) ++connection.stats_.key_update_count;
    return make_next_keys(quic, rx_secret, tx_secret, rx_context, rx_iv, tx_context, tx_iv,
                          current_rx_secret, current_tx_secret, size, user_data);
  }

  // --- streams -------------------------------------------------------------------------------

  static int stream_open(ngtcp2_conn*, std::int64_t id, void* user_data) {
    Connection& connection = self(user_data);
    if (connection.http3_ != nullptr && connection.side_ == Side::client &&
        ngtcp2_is_bidi_stream(id)) {  // RFC 9114 6.1
      connection.fail(Error::application(http3::kStreamCreationError,
                                         "HTTP/3: the server opened a bidirectional stream"));
      return NGTCP2_ERR_CALLBACK_FAILURE;
    }
    connection.allowance_of(id).opened(static_cast<std::uint64_t>(id) >> 2);
    connection.count_stream(id, true);
    // HTTP/3's unidirectional streams (control, QPACK, push) are the protocol's own (RFC 9114 6.2).
    if (connection.http3_ == nullptr || ngtcp2_is_bidi_stream(id)) {
      connection.create_stream(id, true).mark(StreamEvent::opened);
    }
    return 0;
  }

  static int recv_stream_data(ngtcp2_conn*, std::uint32_t flags, std::int64_t id,
                              std::uint64_t offset, const std::uint8_t* data, std::size_t size,
                              void* user_data, void* stream_user_data) {
    Connection& connection = self(user_data);
    const bool fin = (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0;
    const bool early = (flags & NGTCP2_STREAM_DATA_FLAG_0RTT) != 0;
    if (early) connection.early_received_ = true;
    connection.prefetch_streams_after(id);
    if (connection.http3_ != nullptr) {
      return connection.http3_->receive_stream_data(id, stream(stream_user_data), offset,
                                                    as_bytes(data, size), fin, early);
    }
    if (Stream* target = stream(stream_user_data)) {
      target->receive(as_bytes(data, size), fin, early);
    }
    return connection.failed_ != nullptr ? NGTCP2_ERR_CALLBACK_FAILURE : 0;
  }

  static int acked_stream_data_offset(ngtcp2_conn*, std::int64_t id, std::uint64_t offset,
                                      std::uint64_t size, void* user_data, void* stream_user_data) {
    Connection& connection = self(user_data);
    connection.observer_.delivered(size);
    connection.prefetch_streams_after(id);
    if (connection.http3_ != nullptr) {
      const int result = connection.http3_->acknowledged(id, size);
      // The end of the stream has no content bytes by which HTTP/3 would report it.
      if (Stream* target = stream(stream_user_data)) target->check_flushed();
      return result;
    }
    if (Stream* target = stream(stream_user_data)) target->acknowledged_to(offset + size);
    return 0;
  }

  static int stream_close(ngtcp2_conn* quic, std::uint32_t flags, std::int64_t id,
                          std::uint64_t code, void* user_data, void* stream_user_data) {
    Connection& connection = self(user_data);
    const bool has_code = (flags & NGTCP2_STREAM_CLOSE_FLAG_APP_ERROR_CODE_SET) != 0;
    Stream* target = stream(stream_user_data);
    // All bytes have come, but nghttp3 holds some back: the stream ends when they are delivered.
    if (!has_code && connection.http3_ != nullptr && target != nullptr &&
        connection.http3_->holds_back(*target)) {
      connection.http3_->close_later(id);
      target = nullptr;
    } else if (connection.http3_ != nullptr) {
      // RFC 9114 8.1: without a code from either side the stream ended well.
      const std::uint64_t h3_code = has_code ? code : http3::kNoError;
      if (const int error = connection.http3_->stream_closed(id, h3_code); error != 0) return error;
    }
    if (!ngtcp2_conn_is_local_stream2(quic, id)) {
      const auto more = static_cast<std::size_t>(connection.allowance_of(id).closed());
      if (more > 0) {
        const auto extend = ngtcp2_is_bidi_stream(id) ? ngtcp2_conn_extend_max_streams_bidi
                                                      : ngtcp2_conn_extend_max_streams_uni;
        extend(quic, more);
      }
    }
    if (target != nullptr) {
      connection.stream_closed(*target, has_code ? std::optional(code) : std::nullopt);
    }
    return 0;
  }

  static int stream_reset(ngtcp2_conn*, std::int64_t id, std::uint64_t final_size,
                          std::uint64_t code, void* user_data, void* stream_user_data) {
    Connection& connection = self(user_data);
    if (connection.http3_ != nullptr) {
      if (const int error = connection.http3_->stream_reset(id); error != 0) return error;
    }
    if (Stream* target = stream(stream_user_data)) target->peer_reset(code, final_size);
    return 0;
  }

  static int recv_stop_sending(ngtcp2_conn*, std::int64_t id, std::uint64_t code, void* user_data,
                               void* stream_user_data) {
    Connection& connection = self(user_data);
    if (connection.http3_ != nullptr) {
      if (const int error = connection.http3_->stop_sending(id); error != 0) return error;
    }
    if (Stream* target = stream(stream_user_data)) target->peer_stopped(code);
    return 0;
  }

  static int extend_max_stream_data(ngtcp2_conn*, std::int64_t id, std::uint64_t, void* user_data,
                                    void* stream_user_data) {
    Connection& connection = self(user_data);
    if (connection.http3_ != nullptr) return connection.http3_->extend_max_stream_data(id);
    if (Stream* target = stream(stream_user_data)) connection.stream_unblocked(*target);
    return 0;
  }

  static int extend_max_local_streams(ngtcp2_conn*, std::uint64_t, void* user_data) {
    self(user_data).mark(ConnectionEvent::streams_available);
    return 0;
  }

  static int extend_max_remote_streams_bidi(ngtcp2_conn*, std::uint64_t max, void* user_data) {
    Connection& connection = self(user_data);
    return connection.http3_ == nullptr ? 0 : connection.http3_->remote_streams_allowed(max);
  }

  // --- datagrams -----------------------------------------------------------------------------

  static int recv_datagram(ngtcp2_conn*, std::uint32_t flags, const std::uint8_t* data,
                           std::size_t size, void* user_data) {
    Connection& connection = self(user_data);
    const bool early = (flags & NGTCP2_DATAGRAM_FLAG_0RTT) != 0;
    if (early) connection.early_received_ = true;
    ++connection.stats_.datagrams_received;
    if (connection.http3_ != nullptr && connection.http3_->takes_datagrams()) {
      return connection.http3_->receive_datagram(as_bytes(data, size), early);
    }
    connection.queue_datagram(as_bytes(data, size), early);
    return 0;
  }

  static int ack_datagram(ngtcp2_conn*, std::uint64_t id, void* user_data) {
    Connection& connection = self(user_data);
    ++connection.stats_.datagrams_acknowledged;
    connection.datagram_reports_.push_back({id, DatagramStatus::acknowledged});
    connection.mark(ConnectionEvent::datagram_status);
    return 0;
  }

  static int lost_datagram(ngtcp2_conn*, std::uint64_t id, void* user_data) {
    Connection& connection = self(user_data);
    ++connection.stats_.datagrams_lost;
    connection.datagram_reports_.push_back({id, DatagramStatus::lost});
    connection.mark(ConnectionEvent::datagram_status);
    return 0;
  }

  // --- connection IDs and paths ----------------------------------------------------------------

  // As long as the connection's first one: by that length ngtcp2 reads short headers. Those that
  // SessionConfig::scid made shorter than what steering reads are repeated easily.
  static ConnectionId unused_id(Shard& shard, std::size_t size) {
    constexpr int kAttempts = 64;
    ConnectionId id;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      id = make_connection_id(shard.random(), shard.index(), shard.count(),
                              std::max(size, io::kSteeringBytes));
      id = ConnectionId::from(id.span().first(size));
      if (shard.table().find(id.span()) == nullptr) break;
    }
    return id;
  }

  static int get_new_connection_id2(ngtcp2_conn*, ngtcp2_cid* cid,
                                    ngtcp2_stateless_reset_token* token, std::size_t size,
                                    void* user_data) {
    Connection& connection = self(user_data);
    Shard& shard = connection.shard();
    const ConnectionId id = unused_id(shard, size);
    if (!make_stateless_reset_token(
            std::span<std::uint8_t, NGTCP2_STATELESS_RESET_TOKENLEN>(token->data),
            connection.endpoint_.admission().reset_token_key(), id)) {
      return NGTCP2_ERR_CALLBACK_FAILURE;
    }
    *cid = id.to_ngtcp2();
    connection.issue_id(id);
    return 0;
  }

  static int remove_connection_id(ngtcp2_conn*, const ngtcp2_cid* cid, void* user_data) {
    self(user_data).retire_id(ConnectionId::from(*cid));
    return 0;
  }

  // A stateless reset is known by its last 16 bytes only: its connection ID is random
  // (RFC 9000 10.3.1).
  static int dcid_status2(ngtcp2_conn*, ngtcp2_connection_id_status_type type, std::uint64_t,
                          const ngtcp2_cid*, const ngtcp2_stateless_reset_token* token,
                          void* user_data) {
    if (token == nullptr) return 0;
    const ConnectionId key = ConnectionId::from(std::span<const std::uint8_t>(token->data));
    Connection& connection = self(user_data);
    type == NGTCP2_CONNECTION_ID_STATUS_TYPE_ACTIVATE ? connection.expect_reset(key)
                                                      : connection.expect_reset_no_more(key);
    return 0;
  }

  static int get_path_challenge_data2(ngtcp2_conn*, ngtcp2_path_challenge_data* data,
                                      void* user_data) {
    self(user_data).shard().random().fill(std::as_writable_bytes(std::span(data->data)));
    return 0;
  }

  static int path_validation(ngtcp2_conn*, std::uint32_t flags, const ngtcp2_path* path,
                             const ngtcp2_path*, ngtcp2_path_validation_result result,
                             void* user_data) {
    if (result != NGTCP2_PATH_VALIDATION_RESULT_SUCCESS) return 0;
    Connection& connection = self(user_data);
    connection.mark(ConnectionEvent::path_changed);
    if (connection.qlog_ != nullptr) {
      const Address local = Address::from_sockaddr(path->local.addr, path->local.addrlen);
      const Address remote = Address::from_sockaddr(path->remote.addr, path->remote.addrlen);
      QlogEvent(*connection.qlog_, connection.now(), "quicore:path_validated")
          .text("local", local.to_string())
          .text("remote", remote.to_string())
          .write();
    }
    if ((flags & NGTCP2_PATH_VALIDATION_FLAG_NEW_TOKEN) != 0) {
      connection.send_new_token(Address::from_sockaddr(path->remote.addr, path->remote.addrlen));
    }
    return 0;
  }

  // RFC 9000 9.6: a client moves to the address its server prefers, in the family it uses already.
  static int select_preferred_addr(ngtcp2_conn*, ngtcp2_path* destination,
                                   const ngtcp2_preferred_addr* preferred, void* user_data) {
    Connection& connection = self(user_data);
    if (!connection.use_preferred_address_) return 0;
    const auto move_to = [&](const void* sockaddr, std::size_t size) {
      std::copy_n(static_cast<const std::uint8_t*>(sockaddr), size,
                  reinterpret_cast<std::uint8_t*>(destination->remote.addr));
      destination->remote.addrlen = static_cast<ngtcp2_socklen>(size);
    };
    const Family family = connection.remote_address().unmapped().family();
    if (family == Family::ipv4 && preferred->ipv4_present) {
      move_to(&preferred->ipv4, sizeof(preferred->ipv4));
    } else if (family == Family::ipv6 && preferred->ipv6_present) {
      move_to(&preferred->ipv6, sizeof(preferred->ipv6));
    }
    return 0;
  }
};

const ngtcp2_callbacks& connection_callbacks() noexcept {
  static const ngtcp2_callbacks kCallbacks = [] {
    using C = ConnectionCallbacks;
    ngtcp2_callbacks callbacks{};
    install_packet_protection(callbacks);
    install_tls_callbacks(callbacks);
    callbacks.recv_crypto_data = C::recv_crypto_data;
    callbacks.rand = random_callback();
    callbacks.handshake_completed = C::handshake_completed;
    callbacks.handshake_confirmed = C::handshake_confirmed;
    callbacks.recv_tx_key = C::recv_tx_key;
    callbacks.tls_early_data_rejected = C::tls_early_data_rejected;
    callbacks.recv_version_negotiation = C::recv_version_negotiation;
    callbacks.recv_stateless_reset2 = C::recv_stateless_reset2;
    callbacks.recv_new_token = C::recv_new_token;
    callbacks.stream_open = C::stream_open;
    callbacks.recv_stream_data = C::recv_stream_data;
    callbacks.acked_stream_data_offset = C::acked_stream_data_offset;
    callbacks.stream_close = C::stream_close;
    callbacks.stream_reset = C::stream_reset;
    callbacks.recv_stop_sending = C::recv_stop_sending;
    callbacks.extend_max_stream_data = C::extend_max_stream_data;
    callbacks.extend_max_local_streams_bidi = C::extend_max_local_streams;
    callbacks.extend_max_local_streams_uni = C::extend_max_local_streams;
    callbacks.extend_max_remote_streams_bidi = C::extend_max_remote_streams_bidi;
    callbacks.recv_datagram = C::recv_datagram;
    callbacks.ack_datagram = C::ack_datagram;
    callbacks.lost_datagram = C::lost_datagram;
    callbacks.get_new_connection_id2 = C::get_new_connection_id2;
    callbacks.remove_connection_id = C::remove_connection_id;
    callbacks.get_path_challenge_data2 = C::get_path_challenge_data2;
    callbacks.dcid_status2 = C::dcid_status2;
    make_next_keys = std::exchange(callbacks.update_key, C::update_key);
    callbacks.path_validation = C::path_validation;
    callbacks.select_preferred_addr = C::select_preferred_addr;
    return callbacks;
  }();
  return kCallbacks;
}

}  // namespace quicore::engine
