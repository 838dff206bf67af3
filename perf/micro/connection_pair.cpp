// SPDX-License-Identifier: Apache-2.0
#include "perf/micro/connection_pair.h"

#include "engine/development_certificate.h"
#include "io/limits.h"

namespace quicore::perf {
namespace {

EndpointConfig endpoint_config(const Address& local, std::uint64_t payload) {
  EndpointConfig config;
  config.address = local;
  config.max_payload_size = payload;
  config.path_mtu_discovery = false;
  config.max_connections_per_host = config.max_connections_total = 100'000;
  return config;
}

const engine::DevelopmentCertificate& certificate() {
  static const auto kCertificate = value_or_throw(engine::make_development_certificate());
  return kCertificate;
}

SessionConfig server_config(const std::string& alpn) {
  SessionConfig config;
  config.alpn = {alpn};
  config.secure.certificate = {Pem::bytes(certificate().certificate_pem)};
  config.secure.key = {Pem::bytes(certificate().key_pem)};
  return config;
}

SessionConfig client_config(const std::string& alpn) {
  SessionConfig config;
  config.alpn = {alpn};
  config.hostname = "localhost";
  config.secure.ca = {Pem::bytes(certificate().certificate_pem)};
  return config;
}

}  // namespace

PairEnd::PairEnd(const Address& local, const Instant& clock, std::uint32_t slots,
                 std::uint64_t payload)
    : port(local, clock, slots),
      random(io::Random::seeded(local.port())),
      shard({}, port, random),
      endpoint(value_or_throw(shard.open_endpoint(endpoint_config(local, payload), {}))) {}

ConnectionPair::ConnectionPair(const PairOptions& options, engine::EndpointHandler& handler)
    : options_(options),
      server(Address::loopback(Family::ipv4, 4433), now, options.server_trains, options.payload),
      client(Address::loopback(Family::ipv4, 50'000), now, io::kSendSlots, options.payload),
      client_config_(client_config(options.alpn)) {
  MemoryPort::join(server.port, client.port);
  server.endpoint->set_handler(&handler);
  value_or_throw(server.endpoint->listen(server_config(options.alpn)));
}

engine::Connection& ConnectionPair::connect() {
  return *value_or_throw(
      client.endpoint->connect(server.endpoint->local_address(), client_config_, nullptr));
}

}  // namespace quicore::perf
