// SPDX-License-Identifier: Apache-2.0
//
// The turn of a shard: the file to read first.
//
//   1 WAIT     one Port::wait: submits what the last turn queued, waits for traffic or the nearest
//              deadline; `now` is read once
//   2 RECEIVE  every datagram is routed by connection ID and fed to its connection; callbacks only
//              record events
//   3 EXPIRE   connections whose deadline passed
//   4 DELIVER  events reach handlers, coroutines run: here and only here
//   5 SEND     connections on the transmit list write packets into leased slots, fairly
//
// Many connections at a time are served in steps: 2, 4 and 5 for a few of them, then for the next,
// so that what a connection needs is fetched into the cache once, not once per phase
// (limits::kConnectionsPerStep), and is on its way there while others are served (look_ahead).
//
// Calls go down; facts come up as lists that the next phase drains.
//
// Threading: a shard is one thread's. Nothing here is shared or locked; other shards are reached
// through mailboxes (io/mailbox.h). Lifetime: must outlive everything it owns: endpoints,
// connections.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/application.h"
#include "engine/connection.h"
#include "engine/connection_table.h"
#include "engine/deadline_queue.h"
#include "engine/endpoint.h"
#include "engine/handshake_count.h"
#include "engine/intrusive_list.h"
#include "engine/shared_train.h"
#include "engine/train_cursor.h"
#include "io/port.h"
#include "io/random.h"
#include "io/slab_pool.h"

namespace quicore::engine {

// Passes a datagram to the shard its connection ID names. Implemented above with io::Mailbox.
class Forwarder {
 public:
  virtual ~Forwarder() = default;
  // False when the mailbox is full: the datagram is dropped, as a full socket buffer would.
  virtual bool forward(std::uint32_t shard, const io::ReceivedTrain& train,
                       std::span<const std::byte> datagram) = 0;
};

struct ShardSettings {
  std::uint32_t index = 0;
  std::uint32_t count = 1;
};

class Shard {
 public:
  Shard(ShardSettings settings, io::Port& port, io::Random& random);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // One turn; waits no longer than `limit`.
  void turn(Instant limit = kNever);
  // The turn without its WAIT, for programs and simulators that drive the Port themselves.
  void turn_after_wait();
  // False once every connection has written what it may for now.
  bool has_something_to_send() const noexcept {
    return !transmit_.empty() || !acknowledging_.empty();
  }
  Instant next_deadline() const noexcept;

  Result<Endpoint*> open_endpoint(const EndpointConfig& config, const io::SocketOptions& socket);
  void set_application(Application* application) noexcept { application_ = application; }
  void set_forwarder(Forwarder* forwarder) noexcept { forwarder_ = forwarder; }
  // A datagram another shard received for us.
  void receive_forwarded(const io::ReceivedTrain& train, std::span<std::byte> datagram);

  Instant now() const noexcept { return now_; }
  io::Port& port() noexcept { return port_; }
  io::Random& random() noexcept { return random_; }
  io::SlabPool& slabs() noexcept { return slabs_; }
  std::uint32_t index() const noexcept { return settings_.index; }
  std::uint32_t count() const noexcept { return settings_.count; }
  std::size_t connection_count() const noexcept { return connection_count_; }

  // --- used by connections and endpoints ---
  ConnectionTable& table() noexcept { return table_; }
  // By stateless reset token of the peers' connection IDs.
  ConnectionTable& reset_tokens() noexcept { return reset_tokens_; }
  DeadlineQueue& deadlines() noexcept { return deadlines_; }
  void has_events(Connection& connection) noexcept { with_events_.push_back(connection); }
  void stream_has_events() noexcept {
    ++streams_with_events_;
    ++streams_of_last_fed_;
  }
  // What these streams heard is to be delivered and answered before more is received.
  bool enough_streams() const noexcept {
    return streams_of_last_fed_ >= limits::kStreamsOfConnectionPerStep ||
           streams_with_events_ >= limits::kStreamsPerStep;
  }
  void wants_to_send(Connection& connection) noexcept { transmit_.push_back(connection); }
  // The connection has nothing else to send: when its turn comes, unless it sends before.
  void wants_to_acknowledge(Connection& connection) noexcept {
    acknowledging_.push_back(connection);
  }
  Result<io::SocketId> open_extra_socket(Endpoint& endpoint, const io::SocketOptions& options);
  void close_extra_socket(io::SocketId socket);
  // Connection IDs of this length exist (SessionConfig::scid): short headers are tried with it too.
  void uses_id_length(std::uint8_t length);
  template <class Function>
  void for_each_connection_of(Endpoint& endpoint, Function function) {
    for (Connection* it = connections_.front(); it != nullptr; it = connections_.after(*it)) {
      if (&it->endpoint() == &endpoint) function(*it);
    }
  }
  Connection& adopt(std::unique_ptr<Connection> connection);
  // Frees what the connection can spare, or the connection if it is dead, at the end of the turn: a
  // handler may be running inside it now.
  void needs_clean_up(Connection& connection) noexcept { clean_up_.push_back(connection); }
  HandshakeCount& handshakes() noexcept { return handshakes_; }
  void endpoint_may_be_finished() noexcept { endpoints_changed_ = true; }
  void send_slot(Endpoint& endpoint, io::SendSlot& slot);  // or loses it, where that is configured

 private:
  bool receive(std::span<io::ReceivedTrain>& trains);
  void look_ahead() noexcept;
  bool step_is_full() const noexcept;
  std::size_t feed(Connection& connection, const io::ReceivedTrain& train,
                   std::span<std::byte> datagrams, std::size_t segment);
  void expire();
  void deliver();
  void send();
  void clean_up();
  void receive_train(io::ReceivedTrain& train);
  void receive_datagram(Endpoint& endpoint, const io::ReceivedTrain& train,
                        std::span<std::byte> datagram, bool may_forward);
  void receive_long(Endpoint& endpoint, const io::ReceivedTrain& train,
                    std::span<std::byte> datagram, bool may_forward);
  Connection* find_by_reset_token(std::span<const std::byte> datagram) const noexcept;
  void receive_unknown_short(Endpoint& endpoint, const io::ReceivedTrain& train,
                             std::span<std::byte> datagram, bool may_forward);
  Connection* find_by_short_header(std::span<const std::byte> datagram) const noexcept;
  Connection* find_by_unusual_length(std::span<const std::uint8_t> octets) const noexcept;
  bool forward_if_elsewhere(Endpoint& endpoint, std::span<const std::uint8_t> id,
                            const io::ReceivedTrain& train, std::span<std::byte> datagram);
  void forward(Endpoint& endpoint, std::uint32_t owner, const io::ReceivedTrain& train,
               std::span<const std::byte> datagram);
  bool is_turn_of(Endpoint& endpoint, const io::ReceivedTrain& train,
                  std::span<const std::byte> datagram, const ngtcp2_version_cid& ids,
                  bool unknown_version, bool may_forward);
  void keep_with_this_clone(Endpoint& endpoint, const StatelessPacket& retry);
  void accept(Endpoint& endpoint, const io::ReceivedTrain& train, std::span<std::byte> datagram,
              const ngtcp2_version_cid& ids, bool unknown_version);
  void accept_connection(Endpoint& endpoint, const InitialPacket& packet);
  void negotiate_version(Endpoint& endpoint, const io::ReceivedTrain& train,
                         std::span<std::byte> datagram, const ngtcp2_version_cid& ids,
                         const SessionConfig& config);
  void refuse(Endpoint& endpoint, const InitialPacket& packet, Verdict verdict);
  void reply(Endpoint& endpoint, const io::ReceivedTrain& train, const StatelessPacket& packet);
  void report_finished_endpoints();
  struct SendBudget;  // of a step
  void send_acknowledgements(SendBudget& budget);
  bool send_trains_of(Connection& connection, const Connection* next, SendBudget& budget);
  bool lost_on_purpose(double probability) noexcept;
  void register_socket(io::SocketId socket, Endpoint& endpoint);
  Endpoint* endpoint_of(io::SocketId socket) noexcept;

  ShardSettings settings_;
  io::Port& port_;
  io::Random& random_;
  io::SlabPool slabs_;
  Application* application_ = nullptr;
  Forwarder* forwarder_ = nullptr;
  Instant now_;
  ConnectionTable table_;
  ConnectionTable reset_tokens_;
  DeadlineQueue deadlines_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::vector<Endpoint*> endpoint_by_socket_;
  IntrusiveList<Connection, OwnedTag> connections_;
  std::size_t connection_count_ = 0;
  IntrusiveList<Connection, EventTag> with_events_;
  IntrusiveList<Connection, TransmitTag> transmit_;
  IntrusiveList<Connection, AcknowledgeTag> acknowledging_;  // those that wait longest first
  IntrusiveList<Connection, CleanUpTag> clean_up_;
  HandshakeCount handshakes_;
  std::vector<std::uint8_t> unusual_lengths_;
  std::vector<std::unique_ptr<Endpoint>> finished_endpoints_;
  bool endpoints_changed_ = false;
  bool out_of_slots_ = false;
  // RECEIVE: what this step has fed, and the streams that heard something.
  std::uint32_t fed_ = 0;
  std::uint32_t streams_with_events_ = 0;
  std::uint32_t streams_of_last_fed_ = 0;
  const Connection* last_fed_ = nullptr;
  // RECEIVE: the connections of the datagrams at the front and of the next ones, if they are known,
  // and where those begin that come behind.
  std::array<const Connection*, Connection::kPrefetchSteps + 1> ahead_{};
  TrainCursor cursor_;
  SharedTrain train_;  // SEND
};

}  // namespace quicore::engine
