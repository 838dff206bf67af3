// SPDX-License-Identifier: Apache-2.0
//
// One handshake between two real endpoints in the simulator, with whatever TLS settings.
//
//   TlsRun run(this_test());
//   run.server.secure.ocsp = true;
//   run.shake();                       // until the handshake has ended, well or not
//   EXPECT_TRUE(run.ok());
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "engine/certificate.h"
#include "tests/support/api_node.h"
#include "tests/support/pki.h"

namespace quicore::test {

struct TlsRun {
  ApiPair pair;
  SessionConfig server = server_config("xyz");
  SessionConfig client = client_config("xyz");
  std::function<void(Session)> on_session;  // of the server
  Completion<HandshakeInfo> handshake;      // the client's
  Session accepted;

  explicit TlsRun(sim::WorldOptions options,
                  const sim::Path& path = {sim::Delay{std::chrono::milliseconds(5)}})
      : pair(std::move(options), path) {}

  void listen() {
    pair.server.endpoint.on_session() = [this](Session session) {
      accepted = session;
      if (on_session) on_session(session);
    };
    value_or_throw(pair.server.endpoint.listen(server));
  }

  Session& connect(std::optional<Resume> resume = {}) {
    pair.session = value_or_throw(
        pair.client.endpoint.connect(*pair.server.endpoint.address(), client, std::move(resume)));
    handshake = pair.session.handshake();
    return pair.session;
  }

  void finish() {
    pair.run_until([this] { return handshake.ready(); });
    pair.settle();  // the server's side of it
  }

  void shake() {
    listen();
    connect();
    finish();
  }

  bool ok() const { return handshake.ready() && handshake.peek()->has_value(); }
  const HandshakeInfo& info() const { return handshake.peek()->value(); }
  const Error& error() const { return handshake.peek()->error(); }
  // Without the sentence.
  std::string validation_code() const {
    const auto error = pair.session.validation_error();
    return error ? std::string(certificate_code(*error)) : std::string();
  }
};

// One for the whole test program.
inline Pki& shared_pki() {
  static Pki pki;
  return pki;
}

// Good for shared_pki(): neither revoked nor changed by anybody.
inline const Pki::Identity& good_identity() {
  static const Pki::Identity identity = shared_pki().issue("good");
  return identity;
}

inline const Pki::Identity& revoked_identity() {
  static const Pki::Identity identity = [] {
    auto made = shared_pki().issue("gone");
    shared_pki().revoke(made);
    return made;
  }();
  return identity;
}

}  // namespace quicore::test
