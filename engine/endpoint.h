// SPDX-License-Identifier: Apache-2.0
//
// One UDP socket of a shard and what belongs to it: whether and how it listens, the secrets of its
// tokens, its limits, its statistics. Both server and client connections live on an endpoint.
//
// Threading: its shard's thread. Lifetime: owned by its Shard, from Shard::open_endpoint until
// destroy(), or until the last connection ended after close().
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <vector>

#include "engine/admission.h"
#include "engine/config.h"
#include "engine/stats.h"
#include "io/datagram.h"

namespace quicore::engine {

class CloneGroup;
class Connection;
class Shard;
class TlsContext;

class EndpointHandler {
 public:
  virtual ~EndpointHandler() = default;
  // A new server connection, before its handshake ends; set its handler here.
  virtual void on_connection(Connection& connection) = 0;
  virtual void on_endpoint_closed(const std::optional<Error>& error) = 0;  // last call
};

class Endpoint {
 public:
  Endpoint(Shard& shard, EndpointConfig config, io::SocketId socket, const Address& local);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  void set_handler(EndpointHandler* handler) noexcept { handler_ = handler; }
  EndpointHandler* handler() const noexcept { return handler_; }

  // Starts to accept Initials. Fails with the problems of the configuration, or invalid_state when
  // closing.
  Result<> listen(SessionConfig config);
  bool listening() const noexcept { return listening_ != nullptr && !closing_; }
  // Null before listen().
  const std::shared_ptr<const SessionConfig>& listening_config() const noexcept {
    return listening_;
  }
  Result<Connection*> connect(const Address& remote, const SessionConfig& config,
                              const Resume* resume);
  // What a clone on another shard is made of: this address and these secrets.
  EndpointConfig clone_config() const;
  // Shares new connections with other shards' endpoints on the same port (clone_group.h), which this
  // one has joined.
  void set_clones(std::shared_ptr<CloneGroup> clones);
  const std::shared_ptr<CloneGroup>& clones() const noexcept { return clones_; }
  // Sockets of other shards are bound to the same port: what is for them may arrive here.
  void set_shares_port() noexcept { shares_port_ = true; }
  bool shares_port() const noexcept { return shares_port_; }
  // Those that a datagram's connection ID chooses from. 0: others choose as well (a clone).
  std::uint32_t shards_of_port() const noexcept;
  // Graceful: connections finish, then on_endpoint_closed. Immediate: everything ends this turn.
  void close();
  void destroy(std::optional<Error> error);
  bool closing() const noexcept { return closing_; }

  const Address& local_address() const noexcept { return local_; }
  // Of the configured address: marks every IPv6 datagram sent (RFC 6437). 0: none.
  std::uint32_t flow_label() const noexcept { return flow_label_; }
  io::SocketId socket() const noexcept { return socket_; }
  const EndpointConfig& config() const noexcept { return config_; }
  Admission& admission() noexcept { return admission_; }
  Shard& shard() const noexcept { return shard_; }
  EndpointStats& counters() noexcept { return stats_; }
  EndpointStats stats(Instant now) const noexcept;

  // Another socket of this endpoint, for clients that migrate. Datagrams to it are routed as those
  // to the first. Closed with its user, if it has one, else with the endpoint.
  Result<io::SocketId> open_socket(const Address& local, const Connection* user = nullptr);
  void close_socket(io::SocketId socket);
  // Those opened for this connection, but for `kept`.
  void close_sockets_of(const Connection& user, std::initializer_list<io::SocketId> kept = {});
  const Address& local_address_of(io::SocketId socket) const noexcept;
  // The local end of the path a train came by: where it was sent to, or what the socket is bound to
  // when the kernel did not say.
  const Address& path_local_of(const io::ReceivedTrain& train) const noexcept {
    return train.local.empty() || !local_.is_any() ? local_address_of(train.socket) : train.local;
  }
  // The source address to ask the kernel for: none when the socket is bound to one.
  Address send_from(const Address& path_local) const noexcept {
    return local_.is_any() && !path_local.is_any() ? path_local : Address();
  }
  // The context of `config`, made once: servers share the listening one, clients the last one used
  // as long as the settings are the same.
  Result<std::shared_ptr<TlsContext>> tls_context(Side side, const SessionConfig& config);

  void connection_added(Connection& connection) noexcept;
  void connection_removed(Connection& connection) noexcept;
  std::size_t connection_count() const noexcept { return connection_count_; }
  // A connection's handler was told of its end; its closing period may go on.
  void session_ended() noexcept;
  // Every session of a closing endpoint has ended: the handler is to be told.
  bool ended() const noexcept { return closing_ && (session_count_ == 0 || destroyed_); }
  // No connection needs the socket any more, not even to answer in its closing period.
  bool finished() const noexcept { return closing_ && connection_count_ == 0; }
  void report_closed();

 private:
  Shard& shard_;
  EndpointConfig config_;
  io::SocketId socket_;
  Address local_;
  std::uint32_t flow_label_;
  EndpointHandler* handler_ = nullptr;
  Admission admission_;
  std::shared_ptr<const SessionConfig> listening_;
  std::shared_ptr<CloneGroup> clones_;  // null: not cloned
  std::shared_ptr<TlsContext> server_tls_;
  std::shared_ptr<TlsContext> client_tls_;
  TlsSettings client_tls_settings_;
  struct ExtraSocket {
    io::SocketId socket;
    Address local;
    const Connection* user;
  };
  std::vector<ExtraSocket> extra_sockets_;
  std::optional<Error> error_;
  std::size_t connection_count_ = 0;
  std::size_t session_count_ = 0;
  bool closing_ = false;
  bool destroyed_ = false;
  EndpointStats stats_;
  bool shares_port_ = false;
};

}  // namespace quicore::engine
