// SPDX-License-Identifier: Apache-2.0
#include "tests/support/engine_node.h"

#include "engine/development_certificate.h"
#include "io/check.h"

namespace quicore::test {

// --- TestStream ------------------------------------------------------------------------------------

TestStream::TestStream(TestConnection& owner, engine::Stream& opened)
    : stream(&opened), connection(owner) {
  opened.set_handler(this);
}

void TestStream::send(std::string_view text, bool finish) {
  QUICORE_CHECK(stream != nullptr);
  if (!text.empty()) QUICORE_CHECK(stream->write(Buf::copy(text)).has_value());
  if (finish) QUICORE_CHECK(stream->finish().has_value());
}

const Headers* TestStream::section(engine::FieldSection wanted) const {
  for (const auto& [kind, fields] : headers) {
    if (kind == wanted) return &fields;
  }
  return nullptr;
}

void TestStream::on_stream_headers(engine::FieldSection section, Headers fields) {
  headers.emplace_back(section, std::move(fields));
}

void TestStream::on_stream_readable() {
  while (auto piece = stream->read()) {
    received.append(piece->data.text());
    any_early = any_early || piece->early;
    if (!keep_credit) stream->give_credit(piece->data.size());
  }
  fin = stream->at_end() && !reset_code;
  if (on_readable) on_readable(*this);
}

void TestStream::on_stream_closed(const std::optional<Error>& reason) {
  closed = true;
  error = reason;
  stream = nullptr;
}

// --- TestConnection --------------------------------------------------------------------------------

TestConnection::TestConnection(engine::Connection& opened) : connection(&opened) {
  opened.set_handler(this);
}

TestStream& TestConnection::open(bool unidirectional) {
  auto stream = connection->open_stream(unidirectional);
  QUICORE_CHECK(stream.has_value());
  return streams.emplace_back(*this, **stream);
}

void TestConnection::on_stream(engine::Stream& stream) {
  TestStream& added = streams.emplace_back(*this, stream);
  if (on_stream_opened) on_stream_opened(added);
}

void TestConnection::on_datagram(Buf data, bool) { datagrams.emplace_back(data.text()); }

void TestConnection::on_closed(const std::optional<Error>& reason) {
  closed = true;
  error = reason;
  last_stats = connection->stats(connection->now());
  connection = nullptr;
}

// --- EngineNode ------------------------------------------------------------------------------------

EngineNode::EngineNode(sim::World& world, sim::Host& host, EndpointConfig config)
    : host_(host),
      port_(world.add_port(host)),
      random_(io::Random::seeded(world.new_seed())),
      shard_(std::make_unique<engine::Shard>(engine::ShardSettings{}, *port_, random_)) {
  if (config.address.is_loopback()) config.address = host.address_with_port(config.address.port());
  io::SocketOptions socket;
  socket.bind_address = config.address;
  auto endpoint = shard_->open_endpoint(config, socket);
  QUICORE_CHECK(endpoint.has_value());
  endpoint_ = *endpoint;
  endpoint_->set_handler(this);
  world.drive(*port_, [this](Instant) { shard_->turn(); });
}

EngineNode::~EngineNode() {
  shard_.reset();
  port_.reset();
}

void EngineNode::listen(SessionConfig config) {
  const auto listening = endpoint_->listen(std::move(config));
  QUICORE_CHECK(listening.has_value());
}

TestConnection& EngineNode::connect(EngineNode& server, SessionConfig config,
                                    const Resume* resume) {
  auto connection = endpoint_->connect(server.address(), config, resume);
  QUICORE_CHECK(connection.has_value());
  return connections.emplace_back(**connection);
}

void EngineNode::on_connection(engine::Connection& connection) {
  TestConnection& accepted = connections.emplace_back(connection);
  if (on_accepted) on_accepted(accepted);
}

// --- configurations ----------------------------------------------------------------------------------

namespace {

const engine::DevelopmentCertificate& certificate() {
  static const auto kCertificate = engine::make_development_certificate();
  QUICORE_CHECK(kCertificate.has_value());
  return *kCertificate;
}

}  // namespace

SessionConfig server_config(std::string alpn) {
  SessionConfig config;
  config.alpn = {std::move(alpn)};
  config.secure.certificate = {Pem::bytes(certificate().certificate_pem)};
  config.secure.key = {Pem::bytes(certificate().key_pem)};
  return config;
}

SessionConfig client_config(std::string alpn) {
  SessionConfig config;
  config.alpn = {std::move(alpn)};
  config.hostname = "localhost";
  config.secure.ca = {Pem::bytes(certificate().certificate_pem)};
  return config;
}

std::string pattern(std::size_t size, std::uint64_t seed) {
  std::string text(size, '\0');
  std::uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;
  for (char& c : text) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    c = static_cast<char>(state >> 56);
  }
  return text;
}

}  // namespace quicore::test
