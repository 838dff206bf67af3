// SPDX-License-Identifier: Apache-2.0
#include "api/endpoint.h"

#include <utility>

#include "api/internal/endpoint_state.h"
#include "api/internal/shard_state.h"
#include "api/internal/socket_options.h"

namespace quicore {

namespace internal {
void ref_retain(EndpointState* endpoint) noexcept { ref_retain(static_cast<Counted*>(endpoint)); }
void ref_release(EndpointState* endpoint) noexcept { ref_release(static_cast<Counted*>(endpoint)); }
}  // namespace internal

Result<Endpoint> Endpoint::create(Shard& shard, EndpointConfig config) {
  auto state =
      internal::EndpointState::create(shard.state(), config, internal::socket_options(config));
  if (!state) return std::unexpected(std::move(state.error()));
  return Endpoint(std::move(*state));
}

Handlers<SessionEvent>& Endpoint::on_session() const noexcept { return state_->on_session(); }
Result<> Endpoint::listen(SessionConfig config) const { return state_->listen(std::move(config)); }
bool Endpoint::listening() const noexcept { return state_->listening(); }

Result<Session> Endpoint::connect(const Address& remote, const SessionConfig& config,
                                  const std::optional<Resume>& resume) const {
  return state_->connect(remote, config, resume);
}

std::optional<Address> Endpoint::address() const noexcept { return state_->address(); }
Completion<> Endpoint::close() const { return state_->close(); }
Completion<> Endpoint::closed() const { return state_->closed(); }
bool Endpoint::closing() const noexcept { return state_->closing(); }
void Endpoint::destroy(Error error) const { state_->destroy(std::move(error)); }
EndpointStats Endpoint::stats() const { return state_->stats(); }
Shard& Endpoint::shard() const noexcept { return state_->shard().shard(); }

Task<Result<>> Endpoint::clone_to(internal::Ref<internal::EndpointState> state, Shard& target,
                                  CloneUse use) {
  auto seed = state->make_clone_seed();
  if (!seed) co_return std::unexpected(std::move(seed.error()));
  auto shared = std::make_shared<CloneUse>(std::move(use));  // a lambda given by name is copied
  auto open = [&target, seed = std::move(*seed), shared]() -> Result<> {
    auto clone = internal::EndpointState::create_clone(target.state(), seed);
    if (!clone) return std::unexpected(std::move(clone.error()));
    CloneUse use_here = std::move(*shared);  // what it holds dies on this shard
    Endpoint endpoint(std::move(*clone));
    auto used = use_here(endpoint);
    if (!used) endpoint.destroy(used.error());
    return used;
  };
  co_return co_await target.call(open);
}

// --- accept -------------------------------------------------------------------------------------

AcceptSession::AcceptSession(internal::Ref<internal::EndpointState> endpoint,
                             WaitOptions options) noexcept
    : CoroutineWaiter(endpoint->shard()),
      endpoint_(std::move(endpoint)),
      options_(std::move(options)) {}

bool AcceptSession::await_ready() const noexcept { return endpoint_->may_accept(); }

void AcceptSession::await_suspend(std::coroutine_handle<> coroutine) {
  suspend(coroutine, endpoint_->acceptors(), options_);
}

void AcceptSession::give(Session session) {
  accepted_ = std::move(session);
  wake(internal::Wake::signalled);
}

Result<Session> AcceptSession::await_resume() {
  if (accepted_) return std::move(accepted_);
  if (endpoint_->may_accept()) return endpoint_->take_session();
  return std::unexpected(outcome().error());
}

}  // namespace quicore
