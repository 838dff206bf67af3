// SPDX-License-Identifier: Apache-2.0
//
// Connection: how it begins, on both sides; TLS, 0-RTT, the application protocol, and a second
// beginning with another version.
#include <ngtcp2/ngtcp2.h>

#include <utility>

#include "engine/admission.h"
#include "engine/connection.h"
#include "engine/connection_callbacks.h"
#include "engine/endpoint.h"
#include "engine/http3_session.h"
#include "engine/path.h"
#include "engine/qlog.h"
#include "engine/shard.h"
#include "engine/shard_heap.h"
#include "engine/tls_session.h"
#include "engine/transport_settings.h"

namespace quicore::engine {

Result<std::unique_ptr<Connection>> Connection::connect(Endpoint& endpoint, const Address& remote,
                                                        const SessionConfig& config,
                                                        const Resume* resume) {
  std::unique_ptr<Connection> connection(new Connection(endpoint, Side::client));
  connection->socket_ = endpoint.socket();
  connection->use_preferred_address_ = config.use_preferred_address;
  auto start = std::make_unique<ClientStart>();
  start->config = config;
  start->remote = remote;
  connection->first_remote_ = remote;
  if (resume != nullptr) start->resume = *resume;
  const std::uint32_t version = wire_versions(config).front();
  if (auto ok = connection->start_client(*start, version, version); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  connection->client_start_ = std::move(start);
  connection->wants_to_send();
  return connection;
}

Result<> Connection::start_client(const ClientStart& start, std::uint32_t version,
                                  std::uint32_t original_version) {
  const SessionConfig& config = start.config;
  const auto versions = wire_versions(config);
  auto settings =
      make_settings(endpoint_.config(), config, start.remote, shard().random(), versions, now());
  settings.original_version = original_version;
  if (config.qlog) settings.qlog_write = &Connection::record_qlog;
  if (start.resume && !start.resume->token.empty()) {
    settings.token = reinterpret_cast<const std::uint8_t*>(start.resume->token.data());
    settings.tokenlen = start.resume->token.size();
    settings.token_type = NGTCP2_TOKEN_TYPE_NEW_TOKEN;
  }
  auto params = make_transport_params(config);
  const auto as_id = [](const std::vector<std::byte>& bytes) {
    return ConnectionId::from({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  };
  const ConnectionId scid =
      config.scid.empty() ? make_connection_id(shard().random(), shard().index(), shard().count())
                          : as_id(config.scid);
  // Any random ID will do as the first destination: the server's steering treats it as a hash.
  const ConnectionId dcid =
      config.dcid.empty() ? make_connection_id(shard().random(), 0, 1) : as_id(config.dcid);
  const ngtcp2_cid quic_scid = scid.to_ngtcp2();
  const ngtcp2_cid quic_dcid = dcid.to_ngtcp2();
  if (config.qlog) begin_qlog(dcid);
  const ngtcp2_path path = make_path(endpoint_.local_address(), start.remote, socket_);
  const int error =
      ngtcp2_conn_client_new(&conn_, &quic_dcid, &quic_scid, &path, version,
                             &connection_callbacks(), &settings, &params, quic_memory(), this);
  if (error != 0) {
    return failure(Errc::no_memory,
                   std::string("cannot begin a connection: ") + ngtcp2_strerror(error));
  }
  issue_id(scid);
  shard().uses_id_length(scid.size);
  return attach_tls(config, start.resume ? &*start.resume : nullptr);
}

Result<std::unique_ptr<Connection>> Connection::accept(Endpoint& endpoint,
                                                       const InitialPacket& packet) {
  std::unique_ptr<Connection> connection(new Connection(endpoint, Side::server));
  connection->socket_ = packet.train->socket;
  connection->first_remote_ = packet.train->remote;
  connection->server_start_ = endpoint.listening_config();
  if (auto ok = connection->start_server(packet, *connection->server_start_); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  return connection;
}

Beginning Connection::receive_first(const InitialPacket& packet, Instant now) {
  receive(*packet.train, packet.datagram, packet.datagram.size(), now);
  if (tls_ == nullptr && state_ >= ConnectionState::closing) {
    return wants_validation_ ? Beginning::validate_address : Beginning::nothing;
  }
  mark(ConnectionEvent::created);
  return Beginning::begun;
}

Result<> Connection::start_server(const InitialPacket& packet, const SessionConfig& config) {
  const auto versions = wire_versions(config);
  auto settings = make_settings(endpoint_.config(), config, packet.train->remote, shard().random(),
                                versions, now());
  settings.token = packet.token.data();
  settings.tokenlen = packet.token.size();
  settings.token_type = packet.token_type;
  if (config.qlog) {
    settings.qlog_write = &Connection::record_qlog;
    begin_qlog(packet.original_dcid.value_or(packet.dcid));
  }
  auto params = make_transport_params(config);
  const ConnectionId scid = make_connection_id(shard().random(), shard().index(), shard().count());
  params.original_dcid_present = 1;
  params.original_dcid = packet.original_dcid.value_or(packet.dcid).to_ngtcp2();
  if (packet.original_dcid) {
    params.retry_scid_present = 1;
    params.retry_scid = packet.dcid.to_ngtcp2();
  }
  const HmacSha256& token_key = endpoint_.admission().reset_token_key();
  if (!endpoint_.config().disable_stateless_reset) {
    params.stateless_reset_token_present = make_stateless_reset_token(
        std::span<std::uint8_t, NGTCP2_STATELESS_RESET_TOKENLEN>(params.stateless_reset_token),
        token_key, scid);
  }
  set_preferred_address(params, config.transport);
  if (params.preferred_addr_present) {
    const ConnectionId id = make_connection_id(shard().random(), shard().index(), shard().count());
    params.preferred_addr.cid = id.to_ngtcp2();
    static_cast<void>(
        make_stateless_reset_token(std::span<std::uint8_t, NGTCP2_STATELESS_RESET_TOKENLEN>(
                                       params.preferred_addr.stateless_reset_token),
                                   token_key, id));
    issue_id(id);
  }
  const ngtcp2_cid quic_scid = scid.to_ngtcp2();
  const ngtcp2_cid quic_dcid = packet.scid.to_ngtcp2();
  const ngtcp2_path path =
      make_path(endpoint_.path_local_of(*packet.train), packet.train->remote, socket_);
  const int error =
      ngtcp2_conn_server_new(&conn_, &quic_dcid, &quic_scid, &path, packet.version,
                             &connection_callbacks(), &settings, &params, quic_memory(), this);
  if (error != 0) {
    return failure(Errc::no_memory,
                   std::string("cannot accept a connection: ") + ngtcp2_strerror(error));
  }
  issue_id(scid);
  // The client's Initials and 0-RTT packets carry it until they hear from us.
  issue_id(packet.dcid);
  return {};
}

// With the first bytes of the ClientHello and not before: a session of TLS costs a connection that
// ends with its first packet more than all the rest.
Result<> Connection::begin_server_tls() {
  const auto config = std::exchange(server_start_, nullptr);
  return attach_tls(*config, nullptr);
}

Result<> Connection::attach_tls(const SessionConfig& config, const Resume* resume) {
  http3_settings_ = config.http3;
  peer_bidi_ = StreamAllowance(config.transport.initial_max_streams_bidi);
  peer_uni_ = StreamAllowance(config.transport.initial_max_streams_uni);
  auto context = endpoint_.tls_context(side_, config);
  if (!context) return std::unexpected(std::move(context.error()));
  TlsSession::Parameters parameters;
  // Without a name the certificate must be made out to the address (RFC 6125 B.2, RFC 9110 4.3.4):
  // a valid chain alone says nothing about whom we talk to.
  const std::string name = side_ == Side::client && config.hostname.empty()
                               ? first_remote_.unmapped().ip()
                               : config.hostname;
  parameters.server_name = name;
  parameters.alpn = config.alpn;
  parameters.keylog = &Connection::record_keylog;
  parameters.trace = &Connection::record_tls_trace;
  parameters.keylog_user = this;
  parameters.now = now();
  parameters.random = &shard().random();
  parameters.shared_trains = endpoint_.shards_of_port();
  if (resume != nullptr) {
    parameters.ticket = {reinterpret_cast<const std::uint8_t*>(resume->session_ticket.data()),
                         resume->session_ticket.size()};
    parameters.early_data = config.secure.early_data || (*context)->settings().early_data;
  }
  auto session = TlsSession::create(std::move(*context), parameters);
  if (!session) return std::unexpected(std::move(session.error()));
  tls_ = std::move(*session);
  tls_->attach(conn_);
  server_name_ = config.hostname;
  if (config.keep_alive > Duration::zero()) {
    ngtcp2_conn_set_keep_alive_timeout(conn_,
                                       static_cast<ngtcp2_duration>(config.keep_alive.count()));
  }
  if (resume != nullptr && tls_->early_data_offered()) {
    alpn_ = config.alpn.front();
    use_early_data(*resume);
  }
  return {};
}

// RFC 9001 4.6: the server's remembered transport parameters bound what may be sent in 0-RTT.
void Connection::use_early_data(const Resume& resume) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(resume.transport_params.data());
  if (ngtcp2_conn_decode_and_set_0rtt_transport_params(conn_, bytes,
                                                       resume.transport_params.size()) != 0) {
    return;  // unusable information is ignored (E13): streams then wait for the handshake
  }
  early_usable_ = set_up_application(alpn_).has_value();
}

Result<> Connection::set_up_application(std::string_view alpn) {
  alpn_ = alpn;
  if (alpn != "h3" || http3_ != nullptr) return {};
  auto session = Http3Session::create(*this, side_);
  if (!session) return std::unexpected(std::move(session.error()));
  http3_ = std::move(*session);
  return {};
}

void Connection::begin_qlog(const ConnectionId& original_dcid) {
  if (qlog_ == nullptr) qlog_ = std::make_shared<Qlog>();
  qlog_->clear();  // of an attempt with another version
  qlog_->set_original_dcid(original_dcid.to_hex());
  qlog_->set_begun(now());
}

// RFC 9368 2.1: incompatible version negotiation. The connection begins again with a version both
// sides speak; ngtcp2 proves by version_information that nobody forged the list.
bool Connection::restart_with_other_version() {
  if (client_start_ == nullptr || offered_versions_.empty()) return false;
  const auto ours = wire_versions(client_start_->config);
  const std::uint32_t version = ngtcp2_select_version(
      ours.data(), ours.size(), offered_versions_.data(), offered_versions_.size());
  const std::uint32_t original = ours.front();
  offered_versions_.clear();
  if (version == 0 || version == original) return false;
  detach_streams(Error::make(Errc::cancelled, "the QUIC version changed: send 0-RTT data again"));
  ngtcp2_conn_del(std::exchange(conn_, nullptr));
  observer_ = TransportObserver(now());
  tls_.reset();
  while (!issued_ids_.empty()) retire_id(ConnectionId(issued_ids_.back()));
  if (!start_client(*client_start_, version, original)) return false;
  wants_to_send();
  return true;
}

}  // namespace quicore::engine
