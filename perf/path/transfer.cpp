// SPDX-License-Identifier: Apache-2.0
#include "perf/path/transfer.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/endpoint.h"
#include "api/internal/shard_state.h"
#include "api/session.h"
#include "api/stream.h"
#include "engine/development_certificate.h"
#include "io/sim/world.h"

namespace quicore::perf {

namespace {

constexpr const char* kAlpn = "quicore-path";
// Many pieces of a large file; small enough to stay in the cache.
constexpr std::size_t kBlock = 64 * 1024;
// A handshake that loses packets again and again still has to end.
constexpr Duration kPatience = std::chrono::minutes(1);

double mbps(std::uint64_t bytes, Duration duration) {
  return static_cast<double>(bytes) * 8 / seconds(duration) / 1e6;
}

// The public API on a host of the simulated world.
class Node {
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
class Counter final : public StreamConsumer {
 public:
  std::uint64_t bytes = 0;
  void on_bytes(Bytes received, bool) noexcept override { bytes += received.size(); }
};

Body endless() {
  static const std::vector<std::byte> kZeros(kBlock);
  return []() -> std::optional<Buf> { return Buf::borrow(kZeros); };
}

// In the order in which the server's packets meet them; the way back in the same order.
sim::Path there(const PathShape& path) {
  return {sim::Bandwidth{path.bits_per_second, path.queue_bytes()}, sim::Loss{path.loss},
          sim::Delay{path.round_trip / 2}};
}

sim::Path back(const PathShape& path) {
  return {sim::Loss{path.back_loss}, sim::Delay{path.round_trip / 2}};
}

sim::WorldOptions world_options(std::uint64_t seed) {
  sim::WorldOptions options;
  options.seed = seed;
  return options;
}

class Transfer {
 public:
  explicit Transfer(const TransferPlan& plan)
      : plan_(plan),
        world_(world_options(plan.seed)),
        server_host_(world_.add_host("server")),
        client_host_(world_.add_host("client")),
        route_(world_.connect(server_host_, client_host_, there(plan.path), back(plan.path))),
        server_(world_, server_host_, endpoint_config(plan)),
        client_(world_, client_host_, endpoint_config(plan)) {}

  Result<TransferResult> run() {
    if (auto connected = connect(); !connected) return std::unexpected(connected.error());
    auto stream = session_.open({.body = "go"});
    if (!stream) return std::unexpected(stream.error());
    if (auto taken = stream->consume(counter_); !taken) return std::unexpected(taken.error());

    pass(plan_.start);
    const std::uint64_t at_start = counter_->bytes;
    pass(plan_.duration);
    if (closed_) return std::unexpected(*closed_);

    TransferResult result;
    result.steady_mbps = mbps(counter_->bytes - at_start, plan_.duration);
    result.whole_mbps = mbps(counter_->bytes, plan_.start + plan_.duration);
    result.theory_mbps = theory_of(plan_.algorithm, plan_.path) * 8 / 1e6;
    const SessionStats stats = accepted_.stats();
    result.packets_sent = stats.packets_sent;
    result.packets_lost = stats.packets_lost;
    result.blocked = stats.block_count;
    result.longest_queue = route_.there().link(0).stats().longest_queue;
    result.dropped_by_queue = route_.there().link(0).stats().dropped;
    result.dropped_by_loss = route_.there().link(1).stats().dropped;
    result.samples = std::move(samples_);
    return result;
  }

 private:
  static EndpointConfig endpoint_config(const TransferPlan& plan) {
    EndpointConfig config;
    config.congestion_control = plan.algorithm;
    config.max_payload_size = plan.path.payload;
    config.path_mtu_discovery = false;
    return config;
  }

  Result<> connect() {
    auto certificate = engine::make_development_certificate();
    if (!certificate) return std::unexpected(certificate.error());
    SessionConfig for_server;
    for_server.alpn = {kAlpn};
    for_server.secure.certificate = {Pem::bytes(certificate->certificate_pem)};
    for_server.secure.key = {Pem::bytes(certificate->key_pem)};
    for_server.handshake_timeout = kPatience;
    SessionConfig for_client;
    for_client.alpn = {kAlpn};
    for_client.hostname = "localhost";
    for_client.secure.ca = {Pem::bytes(certificate->certificate_pem)};
    for_client.handshake_timeout = kPatience;

    server_.endpoint.on_session() = [this](Session session) {
      session.on_stream() = [this](StreamEvent event) {
        answering_ = event.stream;
        (void)event.stream.discard();
        (void)event.stream.send(endless());
      };
      accepted_ = std::move(session);
    };
    if (auto ok = server_.endpoint.listen(std::move(for_server)); !ok) return ok;
    auto session = client_.endpoint.connect(*server_.endpoint.address(), std::move(for_client));
    if (!session) return std::unexpected(session.error());
    session_ = std::move(*session);
    const auto confirmed = session_.confirmed();
    const auto ended = session_.closed();
    world_.run_until([&] { return (confirmed.ready() && accepted_) || ended.ready(); }, kPatience);
    if (!confirmed.ready()) return failure(Errc::timed_out, "the handshake did not complete");
    return {};
  }

  void pass(Duration duration) {
    const Instant end = world_.now() + duration;
    const Duration step = plan_.sample > Duration::zero() ? plan_.sample : duration;
    while (world_.now() < end && !closed_) {
      const Instant before = world_.now();
      (void)world_.run_for(std::min(step, end - before));
      if (const auto ended = session_.closed(); ended.ready()) {
        const auto& why = *ended.peek();
        closed_ = why ? Error::make(Errc::closed, "the session was closed") : why.error();
      }
      if (plan_.sample > Duration::zero()) take_sample(world_.now() - before);
      elapsed_ += world_.now() - before;
    }
  }

  void take_sample(Duration duration) {
    const SessionStats stats = accepted_.stats();
    samples_.push_back({.at = seconds(elapsed_ + duration),
                        .goodput_mbps = mbps(counter_->bytes - sampled_, duration),
                        .cwnd = stats.cwnd,
                        .in_flight = stats.bytes_in_flight,
                        .queued = answering_ ? answering_.writer().queued() : 0,
                        .rtt_ms = seconds(stats.latest_rtt) * 1e3,
                        .lost = stats.packets_lost});
    sampled_ = counter_->bytes;
  }

  const TransferPlan plan_;
  sim::World world_;
  sim::Host& server_host_;
  sim::Host& client_host_;
  sim::Route& route_;
  Node server_;
  Node client_;
  Session session_;   // the client's
  Session accepted_;  // the server's
  Stream answering_;
  std::shared_ptr<Counter> counter_ = std::make_shared<Counter>();
  std::optional<Error> closed_;
  Duration elapsed_{};
  std::uint64_t sampled_ = 0;
  std::vector<TransferSample> samples_;
};

}  // namespace

Result<TransferResult> run_transfer(const TransferPlan& plan) { return Transfer(plan).run(); }

}  // namespace quicore::perf
