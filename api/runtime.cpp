// SPDX-License-Identifier: Apache-2.0
#include "api/runtime.h"

#include <algorithm>
#include <array>
#include <future>
#include <span>
#include <thread>
#include <utility>

#include "api/internal/endpoint_state.h"
#include "api/internal/runtime_state.h"
#include "api/internal/socket_options.h"
#include "api/tls.h"
#include "io/random.h"

namespace quicore {

namespace internal {

// One endpoint of a Listener; the handle is made, used and dropped on its own shard.
struct ListenerPart {
  Shard& shard;
  Endpoint endpoint;
};

struct ListenerState {
  std::vector<std::unique_ptr<ListenerPart>> parts;
  bool listening = false;  // on all of them

  ~ListenerState() {
    for (auto& part : parts) {
      Shard& shard = part->shard;
      shard.post([part = std::move(part), give_up = !listening] {
        if (give_up) part->endpoint.destroy();
      });
    }
  }
};

namespace {

// What shards on one port must share, or they would not understand each other's tokens and resets.
void share_secrets(EndpointConfig& endpoint, SessionConfig& session, Instant now) {
  io::Random random = io::Random::system();
  std::array<std::uint8_t, kTicketKeySize> seed{};
  random.fill(std::as_writable_bytes(std::span(seed)));
  share_ticket_seed(session.secure, seed, now);
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

// Bad settings are told before an address is taken: a port that somebody else has hides none.
Result<> check_settings(const EndpointConfig& endpoint, const SessionConfig& session) {
  if (auto ok = endpoint.validate(); !ok) return ok;
  if (auto ok = session.validate(Side::server); !ok) return ok;
  if (session.secure_context) return {};
  auto context = make_tls_context(Side::server, session.secure);
  if (!context) return std::unexpected(std::move(context.error()));
  return {};
}

// Opens on the shards behind the first, in order: the kernel numbers the sockets of a group so, and
// steering relies on it. A thread posts, because what a shard posts may leave with its next wait,
// and this one waits here.
template <class Open>
Result<> open_rest(Runtime& runtime, std::vector<std::unique_ptr<ListenerPart>>& parts,
                   const Open& open) {
  Result<> result;
  std::thread([&] {
    for (std::uint32_t i = 1; i < runtime.size() && result; ++i) {
      std::promise<Result<Endpoint>> opened;
      runtime.shard(i).post([&] { opened.set_value(open(i)); });
      auto endpoint = opened.get_future().get();
      if (!endpoint) {
        result = std::unexpected(std::move(endpoint.error()));
      } else {
        parts.push_back(std::make_unique<ListenerPart>(runtime.shard(i), std::move(*endpoint)));
      }
    }
  }).join();
  return result;
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

Result<Listener> Runtime::listen_on_all(EndpointConfig endpoint, SessionConfig session,
                                        std::function<void(Session)> on_session) {
  internal::share_secrets(endpoint, session, shard(0).now());
  if (auto ok = internal::check_settings(endpoint, session); !ok)
    return std::unexpected(ok.error());
  Listener listener;
  listener.state_ = std::make_shared<internal::ListenerState>();
  auto& parts = listener.state_->parts;
  const auto open = [&](std::uint32_t index) {
    return internal::listen_here(shard(index), size(), endpoint, session, on_session);
  };
  auto first = open(0);
  if (!first) return std::unexpected(std::move(first.error()));
  listener.address_ = first->address().value();
  endpoint.address = listener.address_;  // port 0: the others take the same
  parts.push_back(std::make_unique<internal::ListenerPart>(shard(0), std::move(*first)));
  // The endpoints of the shards before one that fails are given up by ~ListenerState.
  if (auto rest = internal::open_rest(*this, parts, open); !rest) {
    return std::unexpected(std::move(rest.error()));
  }
  listener.state_->listening = true;
  return listener;
}

// --- Listener -----------------------------------------------------------------------------------

Task<> Listener::close() const {
  std::vector<Completion<>> closed;
  for (const auto& part : state_->parts) {
    Promise<> promise;
    closed.push_back(promise.completion());
    auto* told = new Promise<>(std::move(promise));  // set and deleted on this shard
    Shard& home = Shard::current();
    part->shard.post([&home, told, endpoint = &part->endpoint] {
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

Task<EndpointStats> Listener::stats() const {
  EndpointStats sum;
  for (const auto& part : state_->parts) {
    const EndpointStats one =
        co_await part->shard.call([endpoint = &part->endpoint] { return endpoint->stats(); });
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
