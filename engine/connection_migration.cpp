// SPDX-License-Identifier: Apache-2.0
//
// Connection: moving to another local address (RFC 9000 9).
#include <ngtcp2/ngtcp2.h>

#include "engine/connection.h"
#include "engine/endpoint.h"
#include "engine/path.h"
#include "engine/shard.h"
#include "engine/transport_settings.h"

namespace quicore::engine {

namespace {

Error describe(int ngtcp2_error) {
  switch (ngtcp2_error) {
    case NGTCP2_ERR_CONN_ID_BLOCKED:
      return Error::make(Errc::blocked,
                         "the server gave no spare connection ID for another path (RFC 9000 9.5): "
                         "try again in a round trip");
    case NGTCP2_ERR_INVALID_ARGUMENT:
      return Error::make(Errc::invalid_argument, "the session is at this local address already");
    case NGTCP2_ERR_INVALID_STATE:
      return Error::make(Errc::invalid_state,
                         "the server forbids migration (disable_active_migration), or the move to "
                         "its preferred address is under way");
    default:
      return Error::make(Errc::no_memory,
                         std::string("cannot migrate: ") + ngtcp2_strerror(ngtcp2_error));
  }
}

}  // namespace

Result<> Connection::may_migrate(const Address& local) const {
  if (side_ == Side::server) {
    return failure(Errc::not_supported, "only the client migrates (RFC 9000 9)");
  }
  if (state_ >= ConnectionState::closing || conn_ == nullptr) {
    return failure(Errc::closed, "the session is closed");
  }
  if (!handshake_confirmed_) {
    return failure(Errc::invalid_state, "migrate after the handshake is confirmed (RFC 9000 9)");
  }
  if (local.family() != local_address().family()) {
    return failure(Errc::invalid_argument, "local: " + local.to_string() +
                                               " is not of the IP version "
                                               "the session uses, as " +
                                               local_address().to_string() + " is");
  }
  return {};
}

Result<> Connection::migrate(io::SocketId socket, const Address& local, bool rebinding_only) {
  if (auto ok = may_migrate(local); !ok) return ok;
  const Address remote = remote_address();
  const ngtcp2_path path = make_path(local, remote, socket);
  const io::SocketId present = socket_of(*ngtcp2_conn_get_path2(conn_), socket_);
  rebound_from_.reset();
  if (rebinding_only) {
    // As a NAT would do it: packets leave from elsewhere and nothing is said (RFC 9000 9.3). What
    // still comes in by the former mapping belongs to the connection: without it a client that only
    // receives would have nothing to acknowledge, and the server would never see the new address.
    ngtcp2_conn_set_local_addr(conn_, &path.local);
    ngtcp2_conn_set_path_user_data(conn_, path.user_data);
    rebound_from_ = present;
  } else if (const int error = ngtcp2_conn_initiate_migration(conn_, &path, to_nanoseconds(now()));
             error != 0) {
    return std::unexpected(describe(error));
  }
  wants_to_send();
  return {};
}

Result<> Connection::migrate(const Address& local, bool rebinding_only) {
  Address bind = local;
  if (bind.empty()) {
    bind = local_address();
    bind.set_port(0);
  }
  if (auto ok = may_migrate(bind); !ok) return ok;
  const io::SocketId present = socket_of(*ngtcp2_conn_get_path2(conn_), socket_);
  auto socket = endpoint_.open_socket(bind, this);
  if (!socket) return std::unexpected(std::move(socket.error()));
  if (auto ok = migrate(*socket, endpoint_.local_address_of(*socket), rebinding_only); !ok) {
    endpoint_.close_socket(*socket);
    return ok;
  }
  // What is on its way to the present address is still wanted; older ones have been left.
  endpoint_.close_sockets_of(*this, {present, *socket});
  return {};
}

}  // namespace quicore::engine
