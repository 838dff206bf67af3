// SPDX-License-Identifier: Apache-2.0
//
// A client and a server connection joined back to back in memory: nothing but ngtcp2, packet
// protection and TLS. Time is a number; no packet is lost.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/development_certificate.h"
#include "engine/packet_protection.h"
#include "engine/tls_context.h"
#include "engine/tls_session.h"

namespace quicore::engine::test {

using Bytes = std::vector<std::uint8_t>;

// One for the whole test program: making it costs a millisecond and nobody changes it.
inline const DevelopmentCertificate& development_certificate() {
  static const DevelopmentCertificate certificate = *make_development_certificate();
  return certificate;
}

inline TlsSettings server_settings() {
  TlsSettings settings;
  settings.certificate = {Pem::bytes(development_certificate().certificate_pem)};
  settings.key = {Pem::bytes(development_certificate().key_pem)};
  return settings;
}

inline TlsSettings client_settings() {
  TlsSettings settings;
  settings.ca = {Pem::bytes(development_certificate().certificate_pem)};
  return settings;
}

struct EndOptions {
  TlsSettings tls;
  std::shared_ptr<TlsContext> context;  // made of `tls` when empty
  std::string server_name = "localhost";
  std::vector<std::string> alpn;
  Bytes ticket;
  Bytes transport_params;  // remembered, for 0-RTT
  bool early_data = false;
  std::vector<std::uint32_t> preferred_versions;
  std::uint32_t version = NGTCP2_PROTO_VER_V1;  // client: of its first packets
  KeyLogFunction keylog = nullptr;
  void* keylog_user = nullptr;
  void (*spoil)(TlsSession&) = nullptr;  // run before the handshake
  io::Random* random = nullptr;
};

class TlsPair {
 public:
  struct End {
    TlsPair* pair = nullptr;
    ngtcp2_conn* connection = nullptr;
    std::unique_ptr<TlsSession> tls;
    std::string received;  // of all streams
    std::vector<Bytes> sent_datagrams;
    std::string to_send, sent;
    bool completed = false;  // the handshake
    bool confirmed = false;
    bool early_rejected = false;
    int error = 0;  // of ngtcp2

    ~End() { ngtcp2_conn_del(connection); }
  };

  TlsPair(EndOptions client_options, EndOptions server_options)
      : client_options_(std::move(client_options)), server_options_(std::move(server_options)) {
    client_.pair = server_.pair = this;
    start_client();
  }

  End& client() { return client_; }
  End& server() { return server_; }

  // Carries datagrams to and fro until both are silent or one has failed.
  void run(int rounds = 50) {
    for (int i = 0; i < rounds; ++i) {
      now_ += 1'000'000;
      const bool moved = carry(client_, server_);
      if (!carry(server_, client_) && !moved) return;
    }
  }

  // Opens a stream with `text` and FIN; sent by the next run.
  void send(End& from, std::string text) { from.to_send = std::move(text); }

  std::uint64_t now() const { return now_; }
  void pass(std::uint64_t nanoseconds) { now_ += nanoseconds; }

 private:
  static constexpr std::size_t kPayload = 1400;

  static ngtcp2_cid id(std::uint8_t first) {
    std::array<std::uint8_t, 8> bytes{first, 2, 3, 4, 5, 6, 7, 8};
    ngtcp2_cid cid;
    ngtcp2_cid_init(&cid, bytes.data(), bytes.size());
    return cid;
  }

  static ngtcp2_callbacks callbacks() {
    ngtcp2_callbacks all{};
    install_packet_protection(all);
    install_tls_callbacks(all);
    all.rand = [](std::uint8_t* data, std::size_t size, const ngtcp2_rand_ctx*) {
      for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<std::uint8_t>(i * 7 + 1);
    };
    all.get_new_connection_id2 = [](ngtcp2_conn*, ngtcp2_cid* cid,
                                    ngtcp2_stateless_reset_token* token, std::size_t size,
                                    void* user) {
      static_cast<End*>(user)->pair->new_id(*cid, *token, size);
      return 0;
    };
    all.get_path_challenge_data2 = [](ngtcp2_conn*, ngtcp2_path_challenge_data* data, void*) {
      *data = {};
      return 0;
    };
    all.handshake_completed = [](ngtcp2_conn*, void* user) {
      static_cast<End*>(user)->completed = true;
      return 0;
    };
    all.handshake_confirmed = [](ngtcp2_conn*, void* user) {
      static_cast<End*>(user)->confirmed = true;
      return 0;
    };
    all.tls_early_data_rejected = [](ngtcp2_conn*, void* user) {
      static_cast<End*>(user)->early_rejected = true;
      return 0;
    };
    all.recv_stream_data = [](ngtcp2_conn*, std::uint32_t, std::int64_t, std::uint64_t,
                              const std::uint8_t* data, std::size_t size, void* user, void*) {
      static_cast<End*>(user)->received.append(reinterpret_cast<const char*>(data), size);
      return 0;
    };
    return all;
  }

  void new_id(ngtcp2_cid& cid, ngtcp2_stateless_reset_token& token, std::size_t size) {
    token = {};
    std::array<std::uint8_t, 20> bytes{};
    bytes[0] = ++ids_;
    bytes[1] = 0x77;
    ngtcp2_cid_init(&cid, bytes.data(), size);
  }

  ngtcp2_settings settings(const EndOptions& options) const {
    ngtcp2_settings all;
    ngtcp2_settings_default(&all);
    all.initial_ts = now_;
    all.max_tx_udp_payload_size = kPayload;
    all.no_pmtud = 1;
    if (!options.preferred_versions.empty()) {
      all.preferred_versions = options.preferred_versions.data();
      all.preferred_versionslen = options.preferred_versions.size();
      all.available_versions = options.preferred_versions.data();
      all.available_versionslen = options.preferred_versions.size();
    }
    return all;
  }

  static ngtcp2_transport_params params() {
    ngtcp2_transport_params all;
    ngtcp2_transport_params_default(&all);
    all.initial_max_data = 1 << 20;
    all.initial_max_stream_data_uni = 1 << 18;
    all.initial_max_streams_uni = 10;
    all.active_connection_id_limit = 2;
    return all;
  }

  ngtcp2_path path() {
    ngtcp2_path both{};
    both.local = {&local_.sa, sizeof local_.in};
    both.remote = {&remote_.sa, sizeof remote_.in};
    return both;
  }

  void make_tls(End& end, const EndOptions& options, Side side) {
    auto context = options.context ? options.context : *TlsContext::create(side, options.tls);
    end.tls = *TlsSession::create(
        std::move(context),
        {.server_name = side == Side::client ? options.server_name : std::string_view(),
         .alpn = options.alpn,
         .ticket = options.ticket,
         .early_data = options.early_data,
         .keylog = options.keylog,
         .keylog_user = options.keylog_user,
         .random = options.random});
    end.tls->attach(end.connection);
    if (options.spoil != nullptr) options.spoil(*end.tls);
  }

  void start_client() {
    local_.in.sin_family = remote_.in.sin_family = NGTCP2_AF_INET;
    const auto all = callbacks();
    const auto options = settings(client_options_);
    const auto transport = params();
    const ngtcp2_cid destination = id(1), source = id(2);
    const ngtcp2_path both = path();
    ngtcp2_conn_client_new(&client_.connection, &destination, &source, &both,
                           client_options_.version, &all, &options, &transport, nullptr, &client_);
    make_tls(client_, client_options_, Side::client);
    if (client_.tls->early_data_offered()) {
      ngtcp2_conn_decode_and_set_0rtt_transport_params(client_.connection,
                                                       client_options_.transport_params.data(),
                                                       client_options_.transport_params.size());
    }
  }

  void start_server(const Bytes& datagram) {
    ngtcp2_pkt_hd header;
    if (ngtcp2_accept(&header, datagram.data(), datagram.size()) != 0) return;
    const auto all = callbacks();
    const auto options = settings(server_options_);
    auto transport = params();
    transport.original_dcid = header.dcid;
    transport.original_dcid_present = 1;
    const ngtcp2_cid source = id(3);
    const ngtcp2_path both = path();
    ngtcp2_conn_server_new(&server_.connection, &header.scid, &source, &both, header.version, &all,
                           &options, &transport, nullptr, &server_);
    make_tls(server_, server_options_, Side::server);
  }

  bool carry(End& from, End& to) {
    bool moved = false;
    while (from.connection != nullptr && from.error == 0) {
      Bytes datagram(kPayload);
      const ngtcp2_ssize size = write(from, datagram);
      if (size < 0) {
        from.error = static_cast<int>(size);
        return true;
      }
      if (size == 0) return moved;
      moved = true;
      datagram.resize(static_cast<std::size_t>(size));
      from.sent_datagrams.push_back(datagram);
      if (to.connection == nullptr) start_server(datagram);
      if (to.connection == nullptr || to.error != 0) return moved;
      const ngtcp2_path both = path();
      to.error = ngtcp2_conn_read_pkt(to.connection, &both, nullptr, datagram.data(),
                                      datagram.size(), now_);
    }
    return moved;
  }

  ngtcp2_ssize write(End& end, Bytes& datagram) {
    ngtcp2_path_storage where;
    ngtcp2_path_storage_zero(&where);
    ngtcp2_pkt_info info;
    std::int64_t stream = -1;
    ngtcp2_vec data{};
    if (!end.to_send.empty() &&
        ngtcp2_conn_open_uni_stream(end.connection, &stream, nullptr) == 0) {
      end.sent = std::exchange(end.to_send, {});
      data = {reinterpret_cast<std::uint8_t*>(end.sent.data()), end.sent.size()};
    }
    ngtcp2_ssize accepted = 0;
    const ngtcp2_ssize size = ngtcp2_conn_writev_stream(
        end.connection, &where.path, &info, datagram.data(), datagram.size(), &accepted,
        stream >= 0 ? NGTCP2_WRITE_STREAM_FLAG_FIN : NGTCP2_WRITE_STREAM_FLAG_NONE, stream, &data,
        1, now_);
    ngtcp2_conn_update_pkt_tx_time(end.connection, now_);
    return size;
  }

 private:
  EndOptions client_options_, server_options_;
  End client_, server_;
  std::uint64_t now_ = 1'000'000'000;
  std::uint8_t ids_ = 0x10;
  ngtcp2_sockaddr_union local_{}, remote_{};
};

}  // namespace quicore::engine::test
