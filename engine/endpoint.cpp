// SPDX-License-Identifier: Apache-2.0
#include "engine/endpoint.h"

#include <algorithm>
#include <utility>

#include "engine/clone_group.h"
#include "engine/connection.h"
#include "engine/shard.h"
#include "engine/tls_context.h"

namespace quicore::engine {

Endpoint::Endpoint(Shard& shard, EndpointConfig config, io::SocketId socket, const Address& local)
    : shard_(shard),
      config_(std::move(config)),
      socket_(socket),
      local_(local),
      flow_label_(config_.address.flow_label()),
      admission_(config_, shard.random()) {
  stats_.created_at = shard.now();
  admission_.set_token_clock_offset(shard.port().wall_clock_offset());
}

Endpoint::~Endpoint() {
  if (clones_) clones_->leave(shard_.index());
}

Result<> Endpoint::listen(SessionConfig config) {
  if (closing_) return failure(Errc::closing, "the endpoint is closing: create another to listen");
  if (auto ok = config.validate(Side::server); !ok) return ok;
  auto context = config.secure_context ? Result<std::shared_ptr<TlsContext>>(config.secure_context)
                                       : TlsContext::create(Side::server, config.secure);
  if (!context) return std::unexpected(std::move(context.error()));
  server_tls_ = std::move(*context);
  listening_ = std::make_shared<const SessionConfig>(std::move(config));
  if (clones_) clones_->begin_listening(shard_.index());
  return {};
}

EndpointConfig Endpoint::clone_config() const {
  EndpointConfig config = config_;
  config.address = local_;
  config.reset_token_secret = admission_.reset_token_secret();
  config.token_secret = admission_.token_secret();
  return config;
}

void Endpoint::set_clones(std::shared_ptr<CloneGroup> clones) {
  clones_ = std::move(clones);
  set_shares_port();
  shard_.for_each_connection_of(*this, [this](Connection& connection) {
    for (const ConnectionId& id : connection.issued_ids()) clones_->remember(id, shard_.index());
  });
  if (listening()) clones_->begin_listening(shard_.index());
}

std::uint32_t Endpoint::shards_of_port() const noexcept {
  if (clones_ != nullptr) return 0;
  return shares_port_ ? shard_.count() : 1;
}

Result<Connection*> Endpoint::connect(const Address& remote, const SessionConfig& config,
                                      const Resume* resume) {
  if (closing_) return failure(Errc::closing, "the endpoint is closing: no new sessions");
  if (auto ok = config.validate(Side::client); !ok) return std::unexpected(ok.error());
  if (remote.empty() || remote.port() == 0) {
    return failure(Errc::invalid_argument, "address: give the server's IP address and its port");
  }
  if (remote.family() != local_.family() && !(local_.family() == Family::ipv6 && local_.is_any())) {
    return failure(Errc::invalid_argument, "address: " + remote.to_string() +
                                               " cannot be reached from an endpoint bound to " +
                                               local_.to_string() +
                                               "; bind it to the same IP version");
  }
  if (clones_ && !config.scid.empty()) {
    return failure(Errc::not_supported,
                   "scid: the connection IDs of a cloned endpoint name its shard; leave it empty");
  }
  auto connection = Connection::connect(*this, remote, config, resume);
  if (!connection) return std::unexpected(std::move(connection.error()));
  ++stats_.client_sessions;
  return &shard_.adopt(std::move(*connection));
}

Result<std::shared_ptr<TlsContext>> Endpoint::tls_context(Side side, const SessionConfig& config) {
  if (config.secure_context) return config.secure_context;
  if (side == Side::server) return server_tls_;
  if (client_tls_ && client_tls_settings_ == config.secure) return client_tls_;
  auto context = TlsContext::create(Side::client, config.secure);
  if (!context) return context;
  client_tls_ = *context;
  client_tls_settings_ = config.secure;
  return context;
}

Result<io::SocketId> Endpoint::open_socket(const Address& local, const Connection* user) {
  io::SocketOptions options;
  options.bind_address = local;
  options.ipv6_only = config_.udp.ipv6_only;
  options.receive_buffer = config_.udp.receive_buffer_size;
  options.send_buffer = config_.udp.send_buffer_size;
  options.ttl = config_.udp.ttl;
  options.gso = config_.udp.gso;
  options.gro = config_.udp.gro;
  options.ecn = config_.udp.ecn;
  auto socket = shard_.open_extra_socket(*this, options);
  if (!socket) return socket;
  extra_sockets_.push_back({*socket, shard_.port().local_address(*socket), user});
  return socket;
}

void Endpoint::close_socket(io::SocketId socket) {
  const auto erased = std::erase_if(
      extra_sockets_, [&](const ExtraSocket& extra) { return extra.socket == socket; });
  if (erased > 0) shard_.close_extra_socket(socket);
}

void Endpoint::close_sockets_of(const Connection& user, std::initializer_list<io::SocketId> kept) {
  std::erase_if(extra_sockets_, [&](const ExtraSocket& extra) {
    if (extra.user != &user) return false;
    if (std::find(kept.begin(), kept.end(), extra.socket) != kept.end()) return false;
    shard_.close_extra_socket(extra.socket);
    return true;
  });
}

const Address& Endpoint::local_address_of(io::SocketId socket) const noexcept {
  for (const ExtraSocket& extra : extra_sockets_) {
    if (extra.socket == socket) return extra.local;
  }
  return local_;
}

void Endpoint::close() {
  if (std::exchange(closing_, true)) return;
  if (clones_) clones_->end_listening(shard_.index());
  shard_.for_each_connection_of(*this,
                                [](Connection& connection) { connection.close_gracefully(); });
  if (ended()) shard_.endpoint_may_be_finished();
}

void Endpoint::session_ended() noexcept {
  --session_count_;
  if (ended()) shard_.endpoint_may_be_finished();
}

void Endpoint::destroy(std::optional<Error> error) {
  closing_ = destroyed_ = true;
  if (clones_) clones_->end_listening(shard_.index());
  error_ = std::move(error);
  const Error reason = error_.value_or(Error{});
  shard_.for_each_connection_of(*this, [&](Connection& connection) { connection.close(reason); });
  shard_.endpoint_may_be_finished();
}

EndpointStats Endpoint::stats(Instant now) const noexcept {
  EndpointStats stats = stats_;
  stats.duration = now - stats.created_at;
  return stats;
}

void Endpoint::connection_added(Connection& connection) noexcept {
  ++connection_count_;
  ++session_count_;
  if (connection.side() == Side::server) admission_.connection_added(connection.first_remote());
}

void Endpoint::connection_removed(Connection& connection) noexcept {
  --connection_count_;
  close_sockets_of(connection);
  if (connection.side() == Side::server) admission_.connection_removed(connection.first_remote());
  if (finished()) shard_.endpoint_may_be_finished();
}

void Endpoint::report_closed() {
  if (EndpointHandler* handler = std::exchange(handler_, nullptr)) {
    handler->on_endpoint_closed(error_);
  }
}

}  // namespace quicore::engine
