// SPDX-License-Identifier: Apache-2.0
//
// What every file here needs: an endpoint of ours, a hostile one in front of it, and the names of
// the errors (RFC 9000 20.1, RFC 9001 4.8).
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "tests/support/engine_node.h"
#include "tests/support/hostile_endpoint.h"
#include "tests/support/sim_test.h"
#include "tests/support/wire.h"

namespace quicore::test {

using namespace std::chrono_literals;

constexpr Close transport(std::uint64_t code) { return {false, code}; }
constexpr Close application(std::uint64_t code) { return {true, code}; }

inline constexpr Close kFlowControlError = transport(0x03);
inline constexpr Close kStreamLimitError = transport(0x04);
inline constexpr Close kStreamStateError = transport(0x05);
inline constexpr Close kFinalSizeError = transport(0x06);
inline constexpr Close kFrameEncodingError = transport(0x07);
inline constexpr Close kTransportParameterError = transport(0x08);
inline constexpr Close kConnectionIdLimitError = transport(0x09);
inline constexpr Close kProtocolViolation = transport(0x0a);
inline constexpr Close kInvalidToken = transport(0x0b);
inline constexpr Close kApplicationError = transport(0x0c);
inline constexpr Close kCryptoBufferExceeded = transport(0x0d);
inline constexpr Close kVersionNegotiationError = transport(0x11);
inline constexpr Close kUnexpectedMessage = transport(0x10a);
inline constexpr Close kIllegalParameter = transport(0x12f);
inline constexpr Close kMissingExtension = transport(0x16d);
inline constexpr Close kNoApplicationProtocol = transport(0x178);
// The connection lives.
inline constexpr std::optional<Close> kOpen = std::nullopt;

// The IDs of the first streams (RFC 9000 2.1).
inline constexpr std::uint64_t kClientBidi = 0;
inline constexpr std::uint64_t kServerBidi = 1;
inline constexpr std::uint64_t kClientUni = 2;
inline constexpr std::uint64_t kServerUni = 3;

// A server of ours and a hostile client.
class AgainstServer {
 public:
  explicit AgainstServer(HostileOptions options = {}, SessionConfig config = server_config("raw"),
                         EndpointConfig endpoint = {})
      : world(sim::this_test()),
        victim(world, world.add_host("server"), std::move(endpoint)),
        hostile(world, world.add_host("hostile"), client_of(std::move(options))) {
    world.connect(hostile.host(), victim.host(), {sim::Delay{5ms}});
    victim.listen(std::move(config));
  }

  // Completes the handshake, or ends with the error of our side.
  std::optional<Close> handshake() {
    hostile.connect(victim.address());
    world.run_until([this] { return hostile.confirmed() || hostile.close(); }, 5s);
    if (!hostile.close()) world.run_for(100ms);  // tickets and IDs
    return hostile.close();
  }
  // What our side does about these frames of a 1-RTT packet.
  std::optional<Close> answer_to(std::string_view frames, const PacketOptions& options = {}) {
    hostile.send(Level::application, frames, options);
    return verdict();
  }
  std::optional<Close> verdict(Duration wait = 300ms) {
    world.run_for(wait);
    return hostile.close();
  }
  TestConnection& accepted() { return victim.connections.front(); }

  sim::World world;
  EngineNode victim;
  HostileEndpoint hostile;

 private:
  static HostileOptions client_of(HostileOptions options) {
    options.side = Side::client;
    return options;
  }
};

// A client of ours and a hostile server.
class AgainstClient {
 public:
  explicit AgainstClient(HostileOptions options = {}, SessionConfig config = client_config("raw"))
      : world(sim::this_test()),
        victim(world, world.add_host("client")),
        hostile(world, world.add_host("hostile"), server_of(std::move(options))),
        config_(std::move(config)) {
    world.connect(victim.host(), hostile.host(), {sim::Delay{5ms}});
  }

  std::optional<Close> handshake() {
    connect();
    world.run_until([this] { return session().handshake_confirmed || hostile.close(); }, 5s);
    if (!hostile.close()) world.run_for(100ms);
    return hostile.close();
  }
  // Begins the handshake only.
  void connect(const Resume* resume = nullptr) {
    auto connection = victim.endpoint().connect(hostile.address(), config_, resume);
    QUICORE_CHECK(connection.has_value());
    victim.connections.emplace_back(**connection);
  }
  std::optional<Close> answer_to(std::string_view frames, const PacketOptions& options = {}) {
    hostile.send(Level::application, frames, options);
    return verdict();
  }
  std::optional<Close> verdict(Duration wait = 300ms) {
    world.run_for(wait);
    return hostile.close();
  }
  TestConnection& session() { return victim.connections.front(); }

  sim::World world;
  EngineNode victim;
  HostileEndpoint hostile;

 private:
  static HostileOptions server_of(HostileOptions options) {
    const SessionConfig config = server_config("raw");
    options.side = Side::server;
    options.certificate = config.secure.certificate.front().text;
    options.key = config.secure.key.front().text;
    return options;
  }
  SessionConfig config_;
};

}  // namespace quicore::test
