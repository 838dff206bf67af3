// SPDX-License-Identifier: Apache-2.0
#include "api/runtime.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "api/internal/endpoint_state.h"
#include "api/internal/runtime_state.h"
#include "api/internal/socket_options.h"
#include "io/random.h"

namespace quicore {

namespace internal {

// The endpoints of a Listener. Each handle is made, used and dropped on its own shard.
struct ListenerState {
  struct Part {
    Shard* shard;
    Endpoint endpoint;
  };
  std::vector<std::unique_ptr<Part>> parts;

  ~ListenerState() {
    for (auto& part : parts) {
      Shard& shard = *part->shard;
      shard.post([part = std::move(part)] {});
    }
  }
};

namespace {

// What shards on one port must share, or they would not understand each other's tokens and resets.
void share_secrets(EndpointConfig& endpoint, SessionConfig& session) {
  io::Random random = io::Random::system();
  std::array<std::uint8_t, kTicketKeySize> seed{};
  random.fill(std::as_writable_bytes(std::span(seed)));
  share_ticket_seed(session.secure, seed, Shard::current().now());
  if (!endpoint.reset_token_secret) random.fill(endpoint.reset_token_secret.emplace());
  if (!endpoint.token_secret) random.fill(endpoint.token_secret.emplace());
}

Result<Endpoint> listen_here(Shard& shard, std::uint32_t count, const EndpointConfig& config,
                             SessionConfig session, std::function<void(Session)> on_session) {
  io::SocketOptions socket = socket_options(config);
  socket.reuse_port = count > 1;
  socket.shard_count = count;
  socket.shard_index = shard.index();
  auto state = EndpointState::create(shard.state(), config, socket);
  if (!state) return std::unexpected(std::move(state.error()));
  Endpoint endpoint(std::move(*state));
  if (on_session) endpoint.on_session() = std::move(on_session);
  if (auto listening = endpoint.listen(std::move(session)); !listening) {
    endpoint.destroy();
    return std::unexpected(std::move(listening.error()));
  }
  return endpoint;
}

}  // namespace
}  // namespace internal

// --- Runtime ------------------------------------------------------------------------------------

Result<std::unique_ptr<Runtime>> Runtime::create(RuntimeConfig config) {
  auto state = internal::RuntimeState::create(std::move(config));
  if (!state) return std::unexpected(std::move(state.error()));
  return std::unique_ptr<Runtime>(new Runtime(std::move(*state)));
}

Runtime::Runtime(std::unique_ptr<internal::RuntimeState> state) noexcept
    : state_(std::move(state)) {}
Runtime::~Runtime() = default;

std::uint32_t Runtime::size() const noexcept { return state_->size(); }
Shard& Runtime::shard(std::uint32_t index) const noexcept { return state_->shard(index).shard(); }
const char* Runtime::port_name() const noexcept { return state_->port_name(); }
int Runtime::run(Task<int> main) { return state_->run(std::move(main)); }
void Runtime::stop() noexcept { state_->stop(); }

Task<Result<Listener>> Runtime::listen_on_all(EndpointConfig endpoint, SessionConfig session,
                                              std::function<void(Session)> on_session) {
  using internal::ListenerState;
  internal::share_secrets(endpoint, session);
  Listener listener;
  listener.state_ = std::make_shared<ListenerState>();
  // In shard order: the kernel numbers the sockets of a group so, and steering relies on it.
  for (std::uint32_t i = 0; i < size(); ++i) {
    Shard& target = shard(i);
    auto open = [&target, count = size(), endpoint, session, on_session] {
      Result<std::unique_ptr<ListenerState::Part>> part;
      auto opened = internal::listen_here(target, count, endpoint, session, on_session);
      if (!opened) {
        part = std::unexpected(std::move(opened.error()));
      } else {
        part = std::make_unique<ListenerState::Part>(&target, std::move(*opened));
      }
      return part;
    };
    auto part = co_await target.call(std::move(open));
    if (!part) {
      co_await listener.close();
      co_return std::unexpected(std::move(part.error()));
    }
    listener.state_->parts.push_back(std::move(*part));
    if (i == 0) {
      listener.address_ = listener.state_->parts.front()->endpoint.address().value();
      endpoint.address = listener.address_;  // port 0: the others take the same
    }
  }
  co_return listener;
}

// --- Listener -----------------------------------------------------------------------------------

Task<> Listener::close() {
  std::vector<Completion<>> closed;
  for (const auto& part : state_->parts) {
    Promise<> promise;
    closed.push_back(promise.completion());
    auto* told = new Promise<>(std::move(promise));  // set and deleted on this shard
    Shard& home = Shard::current();
    part->shard->post([&home, told, endpoint = &part->endpoint] {
      endpoint->close().then([&home, told](const Result<>&) {
        home.post([told] {
          told->set();
          delete told;
        });
      });
    });
  }
  for (const auto& completion : closed) (void)co_await completion;
}

Task<EndpointStats> Listener::stats() {
  EndpointStats sum;
  for (const auto& part : state_->parts) {
    const EndpointStats one =
        co_await part->shard->call([endpoint = &part->endpoint] { return endpoint->stats(); });
    if (sum.created_at == Instant{}) sum.created_at = one.created_at;
    sum.duration = std::max(sum.duration, one.duration);
    sum.bytes_received += one.bytes_received;
    sum.bytes_sent += one.bytes_sent;
    sum.packets_received += one.packets_received;
    sum.packets_sent += one.packets_sent;
    sum.server_sessions += one.server_sessions;
    sum.client_sessions += one.client_sessions;
    sum.server_busy_count += one.server_busy_count;
    sum.stateless_reset_count += one.stateless_reset_count;
    sum.retry_count += one.retry_count;
    sum.version_negotiation_count += one.version_negotiation_count;
    sum.forwarded_count += one.forwarded_count;
    sum.dropped_count += one.dropped_count;
  }
  co_return sum;
}

}  // namespace quicore
