// SPDX-License-Identifier: Apache-2.0
//
// EndpointState: what stands behind an Endpoint; the engine endpoint's handler. Nulls its pointer
// when the engine's endpoint ends, and keeps the last values.
//
// Threading: its shard's thread. Lifetime: by handles, by its sessions, and by the shard until it
// is closed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "api/endpoint.h"
#include "api/handlers.h"
#include "api/internal/once.h"
#include "engine/endpoint.h"
#include "engine/ring_queue.h"
#include "io/datagram.h"
#include "io/port.h"

namespace quicore::internal {

class ShardState;

// What another shard makes a clone of.
struct CloneSeed {
  EndpointConfig config;
  std::shared_ptr<engine::CloneGroup> group;
};

class EndpointState final : public Counted,
                            public engine::EndpointHandler,
                            private Handlers<SessionEvent>::Owner {
 public:
  static Result<Ref<EndpointState>> create(ShardState& shard, const EndpointConfig& config,
                                           const io::SocketOptions& socket);
  // Of the endpoint whose seed it is, on this shard.
  static Result<Ref<EndpointState>> create_clone(ShardState& shard, const CloneSeed& seed);
  explicit EndpointState(ShardState& shard) noexcept;

  ShardState& shard() noexcept { return shard_; }
  Handlers<SessionEvent>& on_session() noexcept { return on_session_; }

  Result<> listen(SessionConfig config);
  bool listening() const noexcept { return endpoint_ != nullptr && endpoint_->listening(); }
  Result<Session> connect(const Address& remote, const SessionConfig& config,
                          const std::optional<Resume>& resume);
  Result<CloneSeed> make_clone_seed();
  std::optional<Address> address() const noexcept;
  Completion<> close();
  Completion<> closed();
  bool closing() const noexcept { return endpoint_ != nullptr && endpoint_->closing(); }
  void destroy(Error error);
  EndpointStats stats() const;

  // For datagrams that another shard forwards.
  std::uint16_t local_port() const noexcept;
  io::SocketId socket() const noexcept { return endpoint_->socket(); }

  // --- accept() ---
  bool may_accept() const noexcept { return !waiting_sessions_.empty() || endpoint_ == nullptr; }
  Result<Session> take_session();
  WaiterList& acceptors() noexcept { return acceptors_; }

  // The shard dies: forget the engine.
  void shard_ends() noexcept;

 private:
  void on_connection(engine::Connection& connection) override;
  void on_endpoint_closed(const std::optional<Error>& error) override;
  void handler_added() override;
  void announce(Session session);
  void end(const std::optional<Error>& error);

  // Hands out sessions that waited for a handler.
  class Flush final : public Waiter {
   public:
    explicit Flush(EndpointState& endpoint) noexcept;
    void run() override;

   private:
    EndpointState& endpoint_;
  };

  ShardState& shard_;
  engine::Endpoint* endpoint_ = nullptr;  // nullptr: ended
  Ref<EndpointState> self_;               // the shard's reference
  Handlers<SessionEvent> on_session_;
  Once<void> closed_;
  WaiterList acceptors_;
  engine::RingQueue<Session> waiting_sessions_;
  Flush flush_;
  EndpointStats last_stats_;
};

}  // namespace quicore::internal
