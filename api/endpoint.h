// SPDX-License-Identifier: Apache-2.0
//
// Endpoint: one UDP socket of a shard, from which clients connect and on which servers listen.
//
//   auto endpoint = Endpoint::create(shard, {.address = address}).value();
//   endpoint.on_session() = [](Session session) { ... };
//   endpoint.listen({.alpn = {"h3"}, .secure = tls});
//
// Handles are shard-local and cheap to copy. The shard owns the endpoint: dropping the last handle
// ends nothing; close(), destroy() or the end of the runtime does.
//
// One endpoint uses one shard. A server on all of them: Runtime::listen_on_all, where the kernel
// chooses the shard. clone() shares one port strictly in turn, as the specification has it.
//
// Threading: its shard.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "api/completion.h"
#include "api/config.h"
#include "api/handlers.h"
#include "api/session.h"
#include "api/stats.h"
#include "api/task.h"
#include "api/wait.h"
#include "io/address.h"

namespace quicore {

class Shard;

namespace internal {
class EndpointState;
void ref_retain(EndpointState* endpoint) noexcept;
void ref_release(EndpointState* endpoint) noexcept;
}  // namespace internal

// co_await gives the next session a client began, or why there will be none.
class [[nodiscard]] AcceptSession final : public internal::CoroutineWaiter {
 public:
  AcceptSession(internal::Ref<internal::EndpointState> endpoint, WaitOptions options) noexcept;
  bool await_ready() const noexcept;
  void await_suspend(std::coroutine_handle<> coroutine);
  Result<Session> await_resume();
  void give(Session session);  // called by the library

 private:
  internal::Ref<internal::EndpointState> endpoint_;
  WaitOptions options_;
  Session accepted_;
};

// One UDP address, for sessions of both sides. A handle: copies are the same endpoint (E1 to E23).
class Endpoint {
 public:
  // Opens the socket. Fails with every problem of the configuration at once, or with the kernel's.
  static Result<Endpoint> create(Shard& shard, EndpointConfig config = {});

  Endpoint() = default;  // empty
  explicit Endpoint(internal::Ref<internal::EndpointState> state) noexcept
      : state_(std::move(state)) {}
  // Whether it is a handle of one: false when made by default.
  explicit operator bool() const noexcept { return static_cast<bool>(state_); }
  // Handles of the same endpoint.
  friend bool operator==(const Endpoint&, const Endpoint&) = default;

  // A client began a session: before its handshake ends. Only after listen(). Sessions wait for
  // accept() while nobody handles them here.
  Handlers<SessionEvent>& on_session() const noexcept;
  // The next of those that wait; fails with closed once none can come.
  AcceptSession accept(WaitOptions options = {}) const noexcept {
    return AcceptSession(state_, std::move(options));
  }

  // Accepts clients from now on, with this configuration (E15); called again, it replaces that for
  // sessions to come. Fails with every problem of it, closing.
  Result<> listen(SessionConfig config) const;
  // From listen() until close() or destroy() (E16).
  bool listening() const noexcept;
  // Begins the handshake. What a `resume` holds that cannot be used is ignored: full handshake.
  Result<Session> connect(const Address& remote, const SessionConfig& config = {},
                          const std::optional<Resume>& resume = {}) const;

  std::optional<Address> address() const noexcept;  // empty once destroyed
  // Graceful: no new sessions, present ones complete. The same completion as closed().
  Completion<> close() const;
  // Fails when destroy() had an error.
  Completion<> closed() const;
  bool closing() const noexcept;  // after close(), until destroyed
  // At once, with every session.
  void destroy(Error error = {}) const;
  // Given the new endpoint, on its shard; an Error of it is what clone() fails with.
  using CloneUse = std::move_only_function<Result<>(Endpoint)>;
  // Opens the same port on another shard and hands the new endpoint to `use`, which runs there: set
  // handlers, listen, keep the handle. Clones are independent as servers and clients, each with its
  // own limits and statistics; they share the port and the secrets of tokens and resets. A client's
  // Initial goes to the next listening clone in turn; one that was closed or destroyed has none.
  // Fails with invalid_argument when the shard has a clone already, closing and closed when this
  // one is, system when the kernel refuses; and with what `use` returned. A lambda is given by name
  // (AwaitSafe, api/wait.h).
  // Cost: datagrams that the kernel gives to another clone's socket are forwarded, with one copy.
  template <class F>
  Task<Result<>> clone(Shard& target, F&& use) const {
    static_assert(internal::AwaitSafe<F>, "name the lambda first: clone(shard, lambda)");
    return clone_to(state_, target, CloneUse(std::forward<F>(use)));
  }
  EndpointStats stats() const;  // the last values remain after the end
  // Where its handlers run and its members may be called.
  Shard& shard() const noexcept;

 private:
  friend class Session;
  static Task<Result<>> clone_to(internal::Ref<internal::EndpointState> state, Shard& target,
                                 CloneUse use);
  internal::Ref<internal::EndpointState> state_;
};

}  // namespace quicore
