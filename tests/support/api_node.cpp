// SPDX-License-Identifier: Apache-2.0
#include "tests/support/api_node.h"

#include "io/check.h"

namespace quicore::test {

namespace {

// Runs the task, then sets the flag.
Task<> flag_end(Task<> task, bool* ended) {
  co_await task;
  *ended = true;
}

}  // namespace

ApiNode::ApiNode(sim::World& world, sim::Host& host, EndpointConfig config)
    : world_(world), host_(host), port_(world.add_port(host)) {
  internal::ShardSurroundings surroundings;
  surroundings.log = [this](int, std::string_view line) { log.emplace_back(line); };
  state_ = std::make_unique<internal::ShardState>(engine::ShardSettings{}, *port_,
                                                  io::Random::seeded(world.new_seed()),
                                                  std::move(surroundings));
  if (config.address.is_loopback()) config.address = host.address();
  auto created = Endpoint::create(shard(), std::move(config));
  QUICORE_CHECK(created.has_value());
  endpoint = std::move(*created);
  world.drive(*port_, [this](Instant) {
    if (state_) {
      state_->turn();
    } else {
      port_->wait(kNever);
    }
  });
}

ApiNode::~ApiNode() {
  end();
  port_.reset();
}

void ApiWorld::run(Task<> task) {
  bool ended = false;
  node.shard().spawn(flag_end(std::move(task), &ended));
  EXPECT_EQ(world.run_until([&] { return ended; }), sim::Outcome::reached) << world.report();
}

ApiPair::ApiPair(sim::WorldOptions options, const sim::Path& path, EndpointConfig server_endpoint)
    : world(std::move(options)),
      server(world, world.add_host("server"), std::move(server_endpoint)),
      client(world, world.add_host("client")) {
  route = &world.connect(client.host(), server.host(), path);
}

void ApiPair::connect(std::string alpn) {
  SessionConfig for_server = server_config(alpn);
  connect(std::move(for_server), client_config(std::move(alpn)));
}

void ApiPair::connect(SessionConfig for_server, SessionConfig for_client) {
  accepting_ = server.endpoint.on_session().add_listener(
      [this](Session begun) { accepted = std::move(begun); });
  value_or_throw(server.endpoint.listen(std::move(for_server)));
  session =
      value_or_throw(client.endpoint.connect(*server.endpoint.address(), std::move(for_client)));
  auto confirmed = session.confirmed();
  run_until([&] { return confirmed.ready() && accepted; });
}

void ApiPair::run(Task<> task) {
  bool ended = false;
  client.shard().spawn(flag_end(std::move(task), &ended));
  run_until([&] { return ended; });
}

void ApiPair::run_until(const sim::World::Condition& condition) {
  EXPECT_EQ(world.run_until(condition), sim::Outcome::reached) << world.report();
}

}  // namespace quicore::test
