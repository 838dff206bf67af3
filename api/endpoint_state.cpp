// SPDX-License-Identifier: Apache-2.0
#include "api/internal/endpoint_state.h"

#include <exception>
#include <string>
#include <utility>

#include "api/internal/session_state.h"
#include "api/internal/shard_state.h"
#include "api/internal/socket_options.h"
#include "engine/clone_group.h"
#include "engine/connection.h"

namespace quicore::internal {

EndpointState::Flush::Flush(EndpointState& endpoint) noexcept
    : Waiter(endpoint.shard()), endpoint_(endpoint) {}

void EndpointState::Flush::run() {
  const Ref<EndpointState> keep(&endpoint_);
  while (!endpoint_.waiting_sessions_.empty() && !endpoint_.on_session_.empty()) {
    endpoint_.announce(endpoint_.waiting_sessions_.take_front());
  }
}

EndpointState::EndpointState(ShardState& shard) noexcept
    : shard_(shard), on_session_(*this), flush_(*this) {}

Result<Ref<EndpointState>> EndpointState::create(ShardState& shard, const EndpointConfig& config,
                                                 const io::SocketOptions& socket) {
  const ShardState::Scope scope(shard);
  auto opened = shard.engine().open_endpoint(config, socket);
  if (!opened) return std::unexpected(std::move(opened.error()));
  Ref<EndpointState> state(new EndpointState(shard));
  state->endpoint_ = *opened;
  state->self_ = state;
  (*opened)->set_handler(state.get());
  shard.add_endpoint(*state);
  return state;
}

// --- clones -------------------------------------------------------------------------------------

Result<CloneSeed> EndpointState::make_clone_seed() {
  if (endpoint_ == nullptr) return failure(Errc::closed, "the endpoint is closed");
  if (endpoint_->closing()) return failure(Errc::closing, "the endpoint is closing: no new clones");
  const ShardState::Scope scope(shard_);
  if (!endpoint_->clones()) {
    engine::Shard& engine = shard_.engine();
    if (auto ok = engine.port().allow_sharing(endpoint_->socket()); !ok) {
      return std::unexpected(std::move(ok.error()));
    }
    auto group = std::make_shared<engine::CloneGroup>(engine.random());
    static_cast<void>(group->join(engine.index()));
    endpoint_->set_clones(std::move(group));
  }
  return CloneSeed{endpoint_->clone_config(), endpoint_->clones()};
}

Result<Ref<EndpointState>> EndpointState::create_clone(ShardState& shard, const CloneSeed& seed) {
  const std::uint32_t index = shard.engine().index();
  if (!seed.group->join(index)) {
    return failure(Errc::invalid_argument, "shard " + std::to_string(index) +
                                               " has a clone of this endpoint already: each "
                                               "shard has one");
  }
  io::SocketOptions socket = socket_options(seed.config);
  socket.reuse_port = true;
  socket.steering = false;  // its rule asks for a socket on every shard, in their order
  auto state = create(shard, seed.config, socket);
  if (!state) {
    seed.group->leave(index);
    return state;
  }
  (*state)->endpoint_->set_clones(seed.group);
  return state;
}

// --- what the engine reports --------------------------------------------------------------------

void EndpointState::on_connection(engine::Connection& connection) {
  announce(Session(Ref<SessionState>(new SessionState(*this, connection))));
}

void EndpointState::announce(Session session) {
  if (on_session_.empty()) {
    waiting_sessions_.push_back(std::move(session));
    if (Waiter* acceptor = acceptors_.front()) {
      static_cast<AcceptSession*>(acceptor)->give(waiting_sessions_.take_front());
    }
    return;
  }
  try {
    on_session_.emit(SessionEvent{session});
  } catch (...) {
    shard_.report_exception("a session handler", std::current_exception());
    session.cancel(Error::transport(0x1 /* INTERNAL_ERROR */, "a handler threw an exception"));
  }
}

void EndpointState::handler_added() {
  if (!waiting_sessions_.empty()) shard_.push(flush_);
}

void EndpointState::on_endpoint_closed(const std::optional<Error>& error) { end(error); }

void EndpointState::shard_ends() noexcept {
  end(Error::make(Errc::closed, "the runtime has ended"));
}

void EndpointState::end(const std::optional<Error>& error) {
  const Ref<EndpointState> keep = std::move(self_);
  self_ = {};
  if (!closed_.ready()) last_stats_ = endpoint_->stats(shard_.now());
  endpoint_ = nullptr;
  shard_.remove_endpoint(*this);
  closed_.set(shard_, error ? Result<>(std::unexpected(*error)) : Result<>());
  acceptors_.wake_all();
  waiting_sessions_.clear();
  on_session_.clear();  // handlers may hold handles of this very endpoint
}

// --- what the endpoint does ---------------------------------------------------------------------

Result<> EndpointState::listen(SessionConfig config) {
  if (endpoint_ == nullptr) return failure(Errc::closed, "the endpoint is closed");
  const ShardState::Scope scope(shard_);
  return endpoint_->listen(std::move(config));
}

Result<Session> EndpointState::connect(const Address& remote, const SessionConfig& config,
                                       const std::optional<Resume>& resume) {
  if (endpoint_ == nullptr) return failure(Errc::closed, "the endpoint is closed");
  const ShardState::Scope scope(shard_);
  auto connection = endpoint_->connect(remote, config, resume ? &*resume : nullptr);
  if (!connection) return std::unexpected(std::move(connection.error()));
  return Session(Ref<SessionState>(new SessionState(*this, **connection)));
}

Result<Session> EndpointState::take_session() {
  if (!waiting_sessions_.empty()) return waiting_sessions_.take_front();
  return failure(Errc::closed, "the endpoint is closed: no more sessions");
}

std::optional<Address> EndpointState::address() const noexcept {
  if (endpoint_ == nullptr) return std::nullopt;
  return endpoint_->local_address();
}

std::uint16_t EndpointState::local_port() const noexcept {
  return endpoint_ != nullptr ? endpoint_->local_address().port() : std::uint16_t{0};
}

Completion<> EndpointState::closed() { return closed_.get(shard_); }

Completion<> EndpointState::close() {
  if (endpoint_ != nullptr) endpoint_->close();
  return closed();
}

// Settles at once (E14); the engine's endpoint follows at the end of the turn.
void EndpointState::destroy(Error error) {
  if (endpoint_ == nullptr || closed_.ready()) return;
  last_stats_ = endpoint_->stats(shard_.now());
  closed_.set(shard_, error ? Result<>(std::unexpected(error)) : Result<>());
  endpoint_->destroy(error ? std::optional(std::move(error)) : std::nullopt);
}

EndpointStats EndpointState::stats() const {
  return closed_.ready() || endpoint_ == nullptr ? last_stats_ : endpoint_->stats(shard_.now());
}

}  // namespace quicore::internal
