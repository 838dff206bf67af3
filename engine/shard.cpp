// SPDX-License-Identifier: Apache-2.0
#include "engine/shard.h"

#include <algorithm>

#include "engine/clone_group.h"
#include "engine/short_header.h"
#include "engine/tls_context.h"
#include "io/steering.h"

namespace quicore::engine {

Shard::Shard(ShardSettings settings, io::Port& port, io::Random& random)
    : settings_(settings),
      port_(port),
      random_(random),
      now_(port.now()),
      table_(random.next(), random.next()),
      reset_tokens_(random.next(), random.next()),
      train_(*this) {}

Shard::~Shard() {
  with_events_.clear();
  transmit_.clear();
  acknowledging_.clear();
  clean_up_.clear();
  while (Connection* connection = connections_.pop_front()) delete connection;
}

// --- the turn ----------------------------------------------------------------------------------------

void Shard::turn(Instant limit) {
  port_.wait(std::min(limit, next_deadline()));  // 1 WAIT
  turn_after_wait();
}

void Shard::turn_after_wait() {
  now_ = port_.now();
  std::span<io::ReceivedTrain> trains = port_.received();
  ahead_ = {};
  cursor_ = TrainCursor(trains);
  for (std::size_t i = 0; i < ahead_.size(); ++i) look_ahead();
  while (!receive(trains)) {  // 2
    deliver();                // 4
    send();                   // 5
    port_.submit();
  }
  expire();   // 3: after everything received, which may have been what a timer waited for
  deliver();  // 4
  send();     // 5
  clean_up();
}

Instant Shard::next_deadline() const noexcept {
  if (!with_events_.empty() || has_something_to_send() || endpoints_changed_) return now_;
  const Instant application = application_ != nullptr ? application_->next_deadline() : kNever;
  return std::min(deadlines_.next(), application);
}

// --- 2 RECEIVE -----------------------------------------------------------------------------------------

// Takes trains from the front, and of the last one perhaps a part. False: the step is full and there
// is more.
bool Shard::receive(std::span<io::ReceivedTrain>& trains) {
  fed_ = streams_with_events_ = streams_of_last_fed_ = 0;
  last_fed_ = nullptr;
  while (!trains.empty() && !step_is_full()) {
    receive_train(trains.front());
    if (trains.front().bytes.empty()) trains = trains.subspan(1);
  }
  return trains.empty();
}

// Of many connections hardly anything is in the cache when the next datagrams are for another one:
// some three hundred lines, which would be fetched one after the other as the code comes to them. So
// each call takes in one connection more, as they follow each other in the trains, and has fetched for
// it and for those before it what their turn of prefetching is.
void Shard::look_ahead() noexcept {
  if (connection_count_ < limits::kPrefetchFrom) return;
  std::shift_left(ahead_.begin(), ahead_.end(), 1);
  ahead_.back() = find_by_short_header(cursor_.take());
  table_.prefetch(id_of_short_header(cursor_.front()));
  for (std::size_t step = 0; step < Connection::kPrefetchSteps; ++step) {
    const std::size_t at = Connection::kPrefetchSteps - step;
    if (ahead_[at] != nullptr && ahead_[at] != ahead_[at - 1]) ahead_[at]->prefetch_step(step);
  }
}

bool Shard::step_is_full() const noexcept {
  return fed_ >= limits::kConnectionsPerStep || enough_streams();
}

// Returns the bytes taken.
std::size_t Shard::feed(Connection& connection, const io::ReceivedTrain& train,
                        std::span<std::byte> datagrams, std::size_t segment) {
  if (std::exchange(last_fed_, &connection) != &connection) {
    ++fed_;
    streams_of_last_fed_ = 0;
  }
  return connection.receive(train, datagrams, segment, now_);
}

// Leaves in `train` what is for the next step.
void Shard::receive_train(io::ReceivedTrain& train) {
  std::span<std::byte> rest = std::exchange(train.bytes, {});
  Endpoint* endpoint = endpoint_of(train.socket);
  if (endpoint == nullptr || rest.empty()) return;
  const std::size_t all = rest.size();
  const std::size_t segment =
      train.segment_size == 0 ? all : static_cast<std::size_t>(train.segment_size);
  const bool lossy = endpoint->config().rx_packet_loss > 0.0;
  while (!rest.empty() && !step_is_full()) {
    std::size_t size = std::min(segment, rest.size());
    std::size_t taken = size;
    Connection* connection = lossy ? nullptr : find_by_short_header(rest.first(size));
    if (connection != nullptr) [[likely]] {
      size = size_of_run(rest, segment);
      taken = feed(*connection, train, rest.first(size), segment);
    } else {
      receive_datagram(*endpoint, train, rest.first(size), true);
    }
    rest = rest.subspan(taken);
    if (taken == size) look_ahead();
  }
  EndpointStats& stats = endpoint->counters();
  stats.bytes_received += all - rest.size();
  stats.packets_received += (all - rest.size() + segment - 1) / segment;
  train.bytes = rest;
}

// By an ID of the usual length.
Connection* Shard::find_by_short_header(std::span<const std::byte> datagram) const noexcept {
  const auto id = id_of_short_header(datagram);
  return id.empty() ? nullptr : table_.find(id);
}

void Shard::receive_forwarded(const io::ReceivedTrain& train, std::span<std::byte> datagram) {
  if (Endpoint* endpoint = endpoint_of(train.socket)) {
    receive_datagram(*endpoint, train, datagram, false);
  }
}

void Shard::receive_datagram(Endpoint& endpoint, const io::ReceivedTrain& train,
                             std::span<std::byte> datagram, bool may_forward) {
  if (lost_on_purpose(endpoint.config().rx_packet_loss)) return;
  if (!is_long_header(datagram)) {
    Connection* connection = find_by_short_header(datagram);
    if (connection == nullptr) {
      connection = find_by_unusual_length(as_octets(datagram).subspan(kShortHeaderIdOffset));
    }
    if (connection != nullptr) {
      feed(*connection, train, datagram, datagram.size());
      return;
    }
    receive_unknown_short(endpoint, train, datagram, may_forward);
    return;
  }
  receive_long(endpoint, train, datagram, may_forward);
}

// A client may have been given a connection ID of another length (SessionConfig::scid).
Connection* Shard::find_by_unusual_length(std::span<const std::uint8_t> octets) const noexcept {
  for (const std::uint8_t length : unusual_lengths_) {
    if (octets.size() < length) continue;
    if (Connection* connection = table_.find(octets.first(length))) return connection;
  }
  return nullptr;
}

void Shard::uses_id_length(std::uint8_t length) {
  if (length == limits::kConnectionIdLength) return;
  if (std::find(unusual_lengths_.begin(), unusual_lengths_.end(), length) ==
      unusual_lengths_.end()) {
    unusual_lengths_.push_back(length);
  }
}

// RFC 9000 10.3.1: looks like a short header to an ID nobody has, ends with a token of our peer's.
Connection* Shard::find_by_reset_token(std::span<const std::byte> datagram) const noexcept {
  constexpr std::size_t kSmallestReset = 5 + NGTCP2_STATELESS_RESET_TOKENLEN;
  if (datagram.size() < kSmallestReset || reset_tokens_.size() == 0) return nullptr;
  return reset_tokens_.find(as_octets(datagram.last(NGTCP2_STATELESS_RESET_TOKENLEN)));
}

void Shard::receive_unknown_short(Endpoint& endpoint, const io::ReceivedTrain& train,
                                  std::span<std::byte> datagram, bool may_forward) {
  const auto id = id_of_short_header(datagram);
  if (id.empty()) {
    ++endpoint.counters().dropped_count;
    return;
  }
  if (Connection* connection = find_by_reset_token(datagram)) {
    feed(*connection, train, datagram, datagram.size());
    return;
  }
  if (may_forward && forward_if_elsewhere(endpoint, id, train, datagram)) return;
  // RFC 9000 10.3: the peer of a connection we have no memory of learns it from a reset.
  Admission& admission = endpoint.admission();
  if (!endpoint.listening() || !admission.may_send_stateless_reset(train.remote, now_)) {
    ++endpoint.counters().dropped_count;
    return;
  }
  const StatelessPacket packet =
      stateless_reset(id, datagram.size(), admission.reset_token_key(), random_);
  if (!packet) return;
  ++endpoint.counters().stateless_reset_count;
  reply(endpoint, train, packet);
}

bool Shard::forward_if_elsewhere(Endpoint& endpoint, std::span<const std::uint8_t> id,
                                 const io::ReceivedTrain& train, std::span<std::byte> datagram) {
  if (forwarder_ == nullptr || !endpoint.shares_port()) return false;
  const std::uint32_t owner = io::shard_of_connection_id(std::as_bytes(id), settings_.count);
  if (owner == settings_.index) return false;
  forward(endpoint, owner, train, datagram);
  return true;
}

void Shard::forward(Endpoint& endpoint, std::uint32_t owner, const io::ReceivedTrain& train,
                    std::span<const std::byte> datagram) {
  ++endpoint.counters().forwarded_count;
  if (!forwarder_->forward(owner, train, datagram)) ++endpoint.counters().dropped_count;
}

// RFC 9000 17.2: long headers name the length of their IDs.
void Shard::receive_long(Endpoint& endpoint, const io::ReceivedTrain& train,
                         std::span<std::byte> datagram, bool may_forward) {
  ngtcp2_version_cid ids{};
  const int error =
      ngtcp2_pkt_decode_version_cid(&ids, reinterpret_cast<const std::uint8_t*>(datagram.data()),
                                    datagram.size(), limits::kConnectionIdLength);
  if (error != 0 && error != NGTCP2_ERR_VERSION_NEGOTIATION) {
    ++endpoint.counters().dropped_count;
    return;
  }
  const std::span<const std::uint8_t> dcid(ids.dcid, ids.dcidlen);
  if (Connection* connection = table_.find(dcid)) {
    feed(*connection, train, datagram, datagram.size());
    return;
  }
  const bool unknown_version = error == NGTCP2_ERR_VERSION_NEGOTIATION;
  if (endpoint.clones()) {
    if (!is_turn_of(endpoint, train, datagram, ids, unknown_version, may_forward)) return;
  } else if (may_forward && dcid.size() >= 4 &&
             forward_if_elsewhere(endpoint, dcid, train, datagram)) {
    return;
  }
  if (!endpoint.listening()) {
    ++endpoint.counters().dropped_count;
    return;
  }
  accept(endpoint, train, datagram, ids, unknown_version);
}

// --- 3 EXPIRE --------------------------------------------------------------------------------------------

void Shard::expire() {
  while (DeadlineEntry* entry = deadlines_.pop_expired(now_)) {
    static_cast<Connection*>(entry)->expire(now_);
  }
}

// --- 4 DELIVER -------------------------------------------------------------------------------------------

void Shard::deliver() {
  for (std::uint32_t round = 0; round < limits::kDeliverRoundsPerTurn; ++round) {
    IntrusiveList<Connection, EventTag> batch;
    batch.splice_back(with_events_);
    while (Connection* connection = batch.pop_front()) connection->deliver();
    report_finished_endpoints();
    const bool ran = application_ != nullptr && application_->run_ready(now_);
    if (!ran && with_events_.empty()) break;
  }
}

void Shard::report_finished_endpoints() {
  if (!std::exchange(endpoints_changed_, false)) return;
  for (auto& endpoint : endpoints_) {
    if (endpoint->ended()) endpoint->report_closed();
    if (!endpoint->finished()) continue;
    for (std::size_t index = 0; index < endpoint_by_socket_.size(); ++index) {
      if (endpoint_by_socket_[index] != endpoint.get()) continue;
      endpoint_by_socket_[index] = nullptr;
      port_.close(static_cast<io::SocketId>(index));
    }
    finished_endpoints_.push_back(std::move(endpoint));
  }
  std::erase(endpoints_, nullptr);
}

// --- end of the turn, owning -------------------------------------------------------------------------------

void Shard::clean_up() {
  while (Connection* connection = clean_up_.pop_front()) {
    if (connection->state() == ConnectionState::dead && !connection->has_events()) {
      static_cast<ListHook<OwnedTag>&>(*connection).unlink();
      --connection_count_;
      Endpoint& endpoint = connection->endpoint();
      endpoint.connection_removed(*connection);
      delete connection;
    } else {
      connection->clean_up();
    }
  }
  finished_endpoints_.clear();
}

Connection& Shard::adopt(std::unique_ptr<Connection> connection) {
  Connection& adopted = *connection.release();
  connections_.push_back(adopted);
  ++connection_count_;
  adopted.endpoint().connection_added(adopted);
  if (CloneGroup* clones = adopted.endpoint().clones().get()) {
    for (const ConnectionId& id : adopted.issued_ids()) clones->remember(id, settings_.index);
  }
  return adopted;
}

Result<Endpoint*> Shard::open_endpoint(const EndpointConfig& config,
                                       const io::SocketOptions& options) {
  if (auto ok = config.validate(); !ok) return std::unexpected(std::move(ok.error()));
  now_ = std::max(now_, port_.now());
  auto socket = port_.open(options);
  if (!socket) return std::unexpected(std::move(socket.error()));
  auto endpoint = std::make_unique<Endpoint>(*this, config, *socket, port_.local_address(*socket));
  Endpoint* opened = endpoint.get();
  if (options.reuse_port) opened->set_shares_port();
  endpoints_.push_back(std::move(endpoint));
  register_socket(*socket, *opened);
  return opened;
}

Result<io::SocketId> Shard::open_extra_socket(Endpoint& endpoint,
                                              const io::SocketOptions& options) {
  auto socket = port_.open(options);
  if (socket) register_socket(*socket, endpoint);
  return socket;
}

void Shard::close_extra_socket(io::SocketId socket) {
  endpoint_by_socket_[static_cast<std::size_t>(socket)] = nullptr;
  port_.close(socket);
}

void Shard::register_socket(io::SocketId socket, Endpoint& endpoint) {
  const auto index = static_cast<std::size_t>(socket);
  if (endpoint_by_socket_.size() <= index) endpoint_by_socket_.resize(index + 1);
  endpoint_by_socket_[index] = &endpoint;
}

Endpoint* Shard::endpoint_of(io::SocketId socket) noexcept {
  const auto index = static_cast<std::size_t>(socket);
  return index < endpoint_by_socket_.size() ? endpoint_by_socket_[index] : nullptr;
}

}  // namespace quicore::engine
