// SPDX-License-Identifier: Apache-2.0
#include "perf/path/flow.h"

#include <utility>
#include <vector>

#include "api/endpoint.h"
#include "api/internal/shard_state.h"
#include "engine/development_certificate.h"

namespace quicore::perf {

namespace {

constexpr const char* kAlpn = "quicore-path";
// Many pieces of a large file; small enough to stay in the cache.
constexpr std::size_t kBlock = 64 * 1024;

EndpointConfig endpoint_config(CongestionControl algorithm, const PathShape& path) {
  EndpointConfig config;
  config.congestion_control = algorithm;
  config.max_payload_size = path.payload;
  config.path_mtu_discovery = false;
  return config;
}

Body endless() {
  static const std::vector<std::byte> kZeros(kBlock);
  return []() -> std::optional<Buf> { return Buf::borrow(kZeros); };
}

}  // namespace

double mbps(std::uint64_t bytes, Duration duration) noexcept {
  return static_cast<double>(bytes) * 8 / seconds(duration) / 1e6;
}

sim::WorldOptions world_options(std::uint64_t seed) {
  sim::WorldOptions options;
  options.seed = seed;
  return options;
}

sim::Path there(const PathShape& path) {
  return {sim::Bandwidth{path.bits_per_second, path.queue_bytes()}, sim::Loss{path.loss},
          sim::Delay{path.round_trip / 2}};
}

sim::Path back(const PathShape& path) {
  return {sim::Loss{path.back_loss}, sim::Delay{path.round_trip / 2}};
}

// The public API on a host of the simulated world.
class Flow::Node {
 public:
  Node(sim::World& world, sim::Host& host, EndpointConfig config) : port_(world.add_port(host)) {
    state_ = std::make_unique<internal::ShardState>(engine::ShardSettings{}, *port_,
                                                    io::Random::seeded(world.new_seed()));
    config.address = host.address();
    endpoint = value_or_throw(Endpoint::create(state_->shard(), std::move(config)));
    world.drive(*port_, [this](Instant) { state_->turn(); });
  }
  ~Node() {
    endpoint = {};
    state_.reset();
  }

  Endpoint endpoint;

 private:
  std::unique_ptr<sim::SimPort> port_;
  std::unique_ptr<internal::ShardState> state_;
};

// The client's side of the stream: counts in place.
class Flow::Counter final : public StreamConsumer {
 public:
  std::uint64_t bytes = 0;
  void on_bytes(Bytes received, bool) noexcept override { bytes += received.size(); }
};

Flow::Flow(sim::World& world, sim::Host& server, sim::Host& client, CongestionControl algorithm,
           const PathShape& path)
    : server_(std::make_unique<Node>(world, server, endpoint_config(algorithm, path))),
      client_(std::make_unique<Node>(world, client, endpoint_config(algorithm, path))),
      counter_(std::make_shared<Counter>()) {}

Flow::~Flow() = default;

Result<> Flow::connect() {
  auto certificate = engine::make_development_certificate();
  if (!certificate) return std::unexpected(certificate.error());
  SessionConfig for_server;
  for_server.alpn = {kAlpn};
  for_server.secure.certificate = {Pem::bytes(certificate->certificate_pem)};
  for_server.secure.key = {Pem::bytes(certificate->key_pem)};
  for_server.handshake_timeout = kHandshakePatience;
  SessionConfig for_client;
  for_client.alpn = {kAlpn};
  for_client.hostname = "localhost";
  for_client.secure.ca = {Pem::bytes(certificate->certificate_pem)};
  for_client.handshake_timeout = kHandshakePatience;

  server_->endpoint.on_session() = [this](Session session) {
    session.on_stream() = [this](StreamEvent event) {
      answering_ = event.stream;
      (void)event.stream.discard();
      (void)event.stream.send(endless());
    };
    accepted_ = std::move(session);
  };
  if (auto ok = server_->endpoint.listen(std::move(for_server)); !ok) return ok;
  auto session = client_->endpoint.connect(*server_->endpoint.address(), std::move(for_client));
  if (!session) return std::unexpected(session.error());
  session_ = std::move(*session);
  return {};
}

bool Flow::connected() const { return session_ && accepted_ && session_.confirmed().ready(); }

Result<> Flow::request() {
  auto stream = session_.open({.body = "go"});
  if (!stream) return std::unexpected(stream.error());
  return stream->consume(counter_);
}

std::optional<Error> Flow::ended() const {
  if (!session_) return std::nullopt;
  const auto ended = session_.closed();
  if (!ended.ready()) return std::nullopt;
  const auto& why = *ended.peek();
  return why ? Error::make(Errc::closed, "the session was closed") : why.error();
}

std::uint64_t Flow::received() const noexcept { return counter_->bytes; }

SessionStats Flow::stats() const { return accepted_.stats(); }

std::uint64_t Flow::queued() const { return answering_ ? answering_.writer().queued() : 0; }

}  // namespace quicore::perf
