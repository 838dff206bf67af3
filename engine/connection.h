// SPDX-License-Identifier: Apache-2.0
//
// One QUIC connection: ngtcp2's state machine, its TLS session, its streams, and the application
// protocol above (HTTP/3 or raw streams, by ALPN).
//
// Sans I/O: datagrams and the time go in; packets are written into slots the shard leases; what
// happened is recorded as events which the DELIVER phase hands to the ConnectionHandler. Nothing is
// written and no user code runs inside a library callback.
//
//   handshaking -> active -> (graceful close: refusing new streams) -> closing | draining -> dead
//
// Threading: its shard's thread. Lifetime: owned by its Shard; destroyed at the end of the turn in
// which it became dead (closing and draining last three PTOs, RFC 9000 10.2). The handler gets
// on_closed() exactly once and is not called afterwards.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/config.h"
#include "engine/connection_id.h"
#include "engine/deadline_queue.h"
#include "engine/intrusive_list.h"
#include "engine/ring_queue.h"
#include "engine/shared_train.h"
#include "engine/stats.h"
#include "engine/stream.h"
#include "engine/stream_allowance.h"
#include "engine/stream_table.h"
#include "engine/transport_observer.h"
#include "engine/varint.h"
#include "io/block_pool.h"
#include "io/datagram.h"

namespace quicore::engine {

class Endpoint;
class Http3Session;
class Qlog;
class Shard;
class TlsSession;
struct InitialPacket;

enum class ConnectionState : std::uint8_t { handshaking, active, closing, draining, dead };

// What a server's first datagram made of a connection.
enum class Beginning : std::uint8_t {
  begun,
  nothing,           // unreadable, or without a ClientHello
  validate_address,  // a later part of the ClientHello, which is kept for a validated address only
};

enum class ConnectionEvent : std::uint16_t {
  created = 1 << 0,  // server: the endpoint's handler sees the new connection
  handshake_completed = 1 << 1,
  handshake_confirmed = 1 << 2,
  datagrams = 1 << 3,
  streams_available = 1 << 4,  // MAX_STREAMS grew
  session_ticket = 1 << 5,     // a ticket or NEW_TOKEN arrived: resume() has news
  path_changed = 1 << 6,
  datagram_status = 1 << 7,
  closed = 1 << 8,
  keylog = 1 << 9,             // TLS secrets or traces to hand out
  handshake_paused = 1 << 10,  // server: TlsSession::pause() says for what
  http3_settings = 1 << 11,    // the peer's arrived
};

enum class DatagramStatus : std::uint8_t { acknowledged, lost };

class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;
  virtual void on_handshake_completed() = 0;
  virtual void on_handshake_confirmed() {}
  virtual void on_stream(Stream& stream) = 0;  // opened by the peer; set its handler here
  virtual void on_datagram(Buf data, bool early) = 0;
  virtual void on_datagram_status(std::uint64_t, DatagramStatus) {}
  virtual void on_streams_available() {}
  virtual void on_session_ticket() {}
  virtual void on_path_changed() {}
  virtual void on_http3_settings(const Http3Settings& /*of_peer*/) {}
  virtual void on_keylog(std::string_view /*line*/) {}  // NSS format, without the newline
  virtual void on_tls_trace(std::string_view /*line*/) {}
  virtual void on_handshake_paused() {}  // goes on by Connection::continue_handshake
  virtual void on_closed(const std::optional<Error>& error) = 0;  // empty: a clean close
};

struct TransmitTag {};
struct AcknowledgeTag {};
struct CleanUpTag {};
struct OwnedTag {};

class Connection : public ListHook<EventTag>,
                   public ListHook<TransmitTag>,
                   public ListHook<AcknowledgeTag>,
                   public ListHook<CleanUpTag>,
                   public ListHook<OwnedTag>,
                   public DeadlineEntry {
 public:
  // Client: begins the handshake; the first flight leaves in this turn's SEND phase.
  static Result<std::unique_ptr<Connection>> connect(Endpoint& endpoint, const Address& remote,
                                                     const SessionConfig& config,
                                                     const Resume* resume);
  // Server: for an Initial that admission accepted.
  static Result<std::unique_ptr<Connection>> accept(Endpoint& endpoint,
                                                    const InitialPacket& packet);
  // Its first datagram. Unless that makes it begin, the connection is to be destroyed.
  Beginning receive_first(const InitialPacket& packet, Instant now);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // --- what the session asks ---
  void set_handler(ConnectionHandler* handler) noexcept;
  ConnectionState state() const noexcept { return state_; }
  Side side() const noexcept { return side_; }
  bool handshake_completed() const noexcept { return handshake_completed_; }
  bool handshake_confirmed() const noexcept { return handshake_confirmed_; }
  bool closing_gracefully() const noexcept { return graceful_; }
  bool is_http3() const noexcept { return http3_ != nullptr; }
  std::string_view alpn() const noexcept;
  std::string_view server_name() const noexcept;
  Address remote_address() const noexcept;
  Address local_address() const noexcept;
  // Where it began: what limits per host count by.
  const Address& first_remote() const noexcept { return first_remote_; }
  QuicVersion version() const noexcept;
  // Null on a server before the first bytes of the ClientHello, and once closing.
  TlsSession* tls() noexcept { return tls_.get(); }
  std::optional<Resume> resume() const;
  bool early_data() const noexcept;  // server: received 0-RTT; client: accepted
  SessionStats stats(Instant now) const noexcept;
  const std::shared_ptr<Qlog>& qlog() const noexcept { return qlog_; }  // null: none is written

  // --- what the session does ---
  // Fails with stream_limit, closing, or invalid_state before the handshake without 0-RTT.
  Result<Stream*> open_stream(bool unidirectional);
  std::uint64_t streams_left(bool unidirectional) const noexcept;
  // The id that on_datagram_status reports; fails with blocked when the queue is full, and with
  // invalid_argument beyond max_datagram_size().
  Result<std::uint64_t> send_datagram(Buf data, std::optional<Varint> prefix = {});
  std::size_t max_datagram_size() const noexcept;
  // Graceful: streams end naturally, new ones are refused, then CONNECTION_CLOSE(NO_ERROR).
  void close_gracefully();
  // Immediate: CONNECTION_CLOSE with the error's code, streams are interrupted.
  void close(const Error& error);
  Result<> update_key();
  // Server: after TlsSession::client_hello_done or ocsp_done.
  void continue_handshake();
  // Client: moves to another socket of the endpoint, bound to `local`, with path validation; or, for
  // tests, as behind a NAT that changed its mapping: nothing is said. Fails with invalid_state before
  // the handshake is confirmed, when the server forbids it or has no connection ID to spare.
  Result<> migrate(io::SocketId socket, const Address& local, bool rebinding_only);
  // The same with a socket of its own, opened here and closed when it is not needed any more. An
  // empty address: the present IP address, another port.
  Result<> migrate(const Address& local, bool rebinding_only);

  // --- what its streams do ---
  // Bytes that their send queues hold, and how many those may whose budget grows.
  std::uint64_t send_queue_size() const noexcept { return send_queue_size_; }
  std::uint64_t send_queue_limit() const noexcept { return send_queue_limit_; }
  void send_queue_grew(std::uint64_t bytes) noexcept { send_queue_size_ += bytes; }
  void send_queue_shrank(std::uint64_t bytes) noexcept { send_queue_size_ -= bytes; }

  // --- what the shard does ---
  // Since when it has something to acknowledge that Shard::wants_to_acknowledge() holds back.
  Instant acknowledgement_held_since() const noexcept { return held_since_; }
  // Frees ngtcp2, TLS and streams once closed was reported; called at the end of a turn.
  void clean_up();
  // Has the memory fetched that a packet needs (engine/prefetch.h), step by step: each reads what the
  // one before it has had fetched, so other work comes between.
  static constexpr std::size_t kPrefetchSteps = 6;
  void prefetch_step(std::size_t step) const noexcept;
  // The same for the streams after this one, which is being read, written or acknowledged.
  void prefetch_streams_after(std::int64_t id) noexcept {
    if (streams_.size() < limits::kPrefetchStreamsFrom) return;
    if (std::exchange(looked_ahead_from_, id) != id) look_ahead_from(id);
  }
  // Datagrams of a train, each `segment` bytes long but the last one, which may be shorter. Returns
  // the bytes taken: not all of them when the shard's step was full.
  std::size_t receive(const io::ReceivedTrain& train, std::span<std::byte> datagrams,
                      std::size_t segment, Instant now);
  void expire(Instant now);
  void deliver();
  // Writes one train into the slot. Returns false when there is nothing (more) to send.
  bool write_train(io::SendSlot& slot, const TrainShape& shape, Instant now);
  // Whether what it sends next is likely to be little, and may share a train with others' packets:
  // then where that goes.
  bool shares_trains() const noexcept;
  TrainTarget train_target() const noexcept;
  // After a train: another call would write none.
  bool nothing_left() const noexcept { return nothing_left_; }
  void finish_transmit();  // after the last train of this turn: the next deadline
  bool has_events() const noexcept { return events_ != 0 || !streams_with_events_.empty(); }
  Shard& shard() const noexcept;
  Endpoint& endpoint() const noexcept { return endpoint_; }
  const std::vector<ConnectionId>& issued_ids() const noexcept { return issued_ids_; }

  // --- used by Stream and Http3Session ---
  ngtcp2_conn* quic() const noexcept { return conn_; }
  Http3Session* http3() const noexcept { return http3_.get(); }
  Stream* find_stream(std::int64_t id) noexcept;
  Stream& create_stream(std::int64_t id, bool peer_initiated);
  void count_stream(std::int64_t id, bool peer_initiated) noexcept;
  void mark(ConnectionEvent event) noexcept;
  void stream_has_events(Stream& stream) noexcept;
  void stream_wants_to_send(Stream& stream) noexcept;
  void wants_to_send() noexcept;
  // Acknowledgements, credit: soon (limits::kAcknowledgementsPerStep).
  void wants_to_acknowledge();
  // A datagram that arrived; `stream`: of this request (RFC 9297).
  void queue_datagram(Bytes bytes, bool early, std::int64_t stream = -1);
  const Http3Settings& http3_settings() const noexcept { return http3_settings_; }  // our own
  void watch_congestion() noexcept { watch_blocked_ = true; }  // tell streams that asked
  // Remembers the first fatal error of a callback; the connection is closed with it after the
  // library returned.
  void fail(Error error) noexcept;
  Instant now() const noexcept;

 private:
  friend struct ConnectionCallbacks;
  friend class Http3Session;
  Connection(Endpoint& endpoint, Side side);

  // What a client needs to begin again with another version (RFC 9368 2.1).
  struct ClientStart {
    SessionConfig config;
    std::optional<Resume> resume;
    Address remote;
  };

  Result<> start_client(const ClientStart& start, std::uint32_t version,
                        std::uint32_t original_version);
  Result<> start_server(const InitialPacket& packet, const SessionConfig& config);
  Result<> begin_server_tls();
  Result<> attach_tls(const SessionConfig& config, const Resume* resume);
  Result<> may_migrate(const Address& local) const;
  static void record_keylog(void* user, std::string_view line);
  static void record_tls_trace(void* user, std::string_view line);
  static void record_qlog(void* user, std::uint32_t flags, const void* record, std::size_t size);
  void begin_qlog(const ConnectionId& original_dcid);
  void use_early_data(const Resume& resume);
  Result<> set_up_application(std::string_view alpn);  // once the ALPN is known
  bool restart_with_other_version();
  void issue_id(const ConnectionId& id);
  void retire_id(const ConnectionId& id);
  void expect_reset(const ConnectionId& token);
  void expect_reset_no_more(const ConnectionId& token);

  // connection_events.cpp: what callbacks report
  void server_handshake_completed();
  void handshake_is_confirmed();
  void send_new_token(const Address& remote);
  void stream_closed(Stream& stream, std::optional<std::uint64_t> code);
  void stream_unblocked(Stream& stream);
  void deliver_streams();
  void deliver_datagrams();
  void deliver_keylog();
  void refuse_stream(Stream& stream);

  // connection_close.cpp
  void library_failed(int ngtcp2_error);
  Error describe_failure(int ngtcp2_error) const;
  Error describe_peer_close() const;
  void begin_closing(const ngtcp2_ccerr& error, const std::optional<Error>& reported);
  void begin_draining(std::optional<Error> reported);
  void vanish(const std::optional<Error>& reported);  // no packet, no closing period
  void report_closed(const std::optional<Error>& reported);
  void log_closed() const;
  void release_transport();  // streams, TLS, ngtcp2: all but IDs and the close packet
  void die();
  void interrupt_streams(const std::optional<Error>& error);
  // The streams are gone for ngtcp2, whose numbers begin again; handlers are still to be told.
  void detach_streams(const Error& error);
  void erase_stream(Stream& stream);
  void finish_graceful_close_if_done();
  Duration period(unsigned ptos) const noexcept;  // so many of the present PTO
  void answer_while_closing();
  bool only_acknowledges() const noexcept;
  std::size_t readable_at_once(std::size_t segment) const noexcept;
  bool write_close_packet(io::SendSlot& slot, Instant now);

  // connection_transmit.cpp
  static ngtcp2_ssize write_packet(ngtcp2_conn* quic, ngtcp2_path* path, ngtcp2_pkt_info* info,
                                   std::uint8_t* packet, std::size_t capacity,
                                   ngtcp2_tstamp timestamp, void* user_data);
  struct PacketRoom;
  void pad_packet(const PacketRoom& room) noexcept;
  ngtcp2_ssize write_datagrams(PacketRoom& room);
  ngtcp2_ssize continue_train(const PacketRoom& room, std::int64_t id,
                              std::span<const ngtcp2_vec> pieces, bool fin, std::size_t& written);
  ngtcp2_ssize write_raw_streams(PacketRoom& room);
  ngtcp2_ssize write_http3_streams(PacketRoom& room);
  void raw_stream_written(Stream& stream, std::size_t count, bool fin, bool packet_full);
  void update_deadline();
  bool pacing_allows(Instant now);
  void pace(Instant now);
  bool is_exhausted(Instant now);
  ngtcp2_conn_info transport_info() const noexcept;
  void observe_transport(const ngtcp2_conn_info& info, Instant now) noexcept;
  Duration peer_ack_delay() const noexcept;
  StreamAllowance& allowance_of(std::int64_t id) noexcept {
    return (id & 2) == 0 ? peer_bidi_ : peer_uni_;
  }
  void note_stream_blocked(std::int64_t id);
  void note_connection_blocked();
  void note_congestion_blocked();
  void tell_blocked_streams(bool congestion);

  struct QueuedDatagram {
    Buf data;
    std::uint64_t id = 0;
    std::optional<Varint> prefix;
  };
  struct ReceivedDatagram {
    Buf data;
    bool early = false;
    std::int64_t stream = -1;
  };
  void look_ahead_from(std::int64_t id) noexcept;
  struct DatagramReport {
    std::uint64_t id = 0;
    DatagramStatus status{};
  };

  Endpoint& endpoint_;
  ngtcp2_conn* conn_ = nullptr;
  ConnectionHandler* handler_ = nullptr;
  std::unique_ptr<TlsSession> tls_;
  std::unique_ptr<Http3Session> http3_;
  Http3Settings http3_settings_;
  ConnectionState state_ = ConnectionState::handshaking;
  Side side_;
  io::SocketId socket_{};
  std::optional<io::SocketId> rebound_from_;  // what comes in there counts as of the present path
  std::uint16_t events_ = 0;
  bool handshake_completed_ = false;
  bool handshake_confirmed_ = false;
  bool graceful_ = false;
  bool early_received_ = false;
  bool early_usable_ = false;  // client: streams may be opened in 0-RTT
  bool closed_reported_ = false;
  bool sending_ = false;             // between the first packet of a turn and the last
  bool nothing_left_ = false;        // to send, and that is not because of the pacing
  bool offers_more_ = false;         // than the packet written last has
  bool short_trains_ = false;        // the last one was all there was, and short
  bool connection_blocked_ = false;  // by the peer's MAX_DATA
  bool congestion_blocked_ = false;
  bool watch_blocked_ = false;  // a stream wants to hear of it
  bool released_ = false;
  bool release_handshake_memory_ = false;
  bool use_preferred_address_ = true;
  bool wants_validation_ = false;  // Beginning::validate_address
  std::optional<Error> error_;     // reported by on_closed
  std::unique_ptr<Error> failed_;  // recorded inside a callback
  IntrusiveList<Stream, EventTag> streams_with_events_;
  std::uint64_t send_queue_limit_ = 0;  // as of the last turn that sent
  std::uint32_t unacknowledged_ = 0;    // bytes received since it sent anything
  std::uint32_t unpaced_ = 0;           // bytes sent that the pacing has not been told of
  std::uint32_t peer_shards_ = 0;       // a train may reach only one of them; 0: one connection
  std::uint32_t short_path_burst_ = 0;  // as of then: bytes sent at once because of a short RTT
  TrainShape train_shape_;              // of the train being written
  const std::byte* train_begin_ = nullptr;
  std::uint64_t send_queue_size_ = 0;  // outlives the streams, which tell it what they release
  IntrusiveList<Stream, SendableTag> sendable_;
  StreamTable<Stream> streams_;
  std::int64_t looked_ahead_from_ = -1;  // the stream behind which others were prefetched last
  std::vector<std::unique_ptr<Stream>> detached_streams_;
  RingQueue<QueuedDatagram> datagrams_out_;
  RingQueue<ReceivedDatagram> datagrams_in_;
  RingQueue<DatagramReport> datagram_reports_;
  std::uint64_t next_datagram_id_ = 1;
  struct TlsLine {
    bool secret = false;  // of the key log; else of the trace
    std::string text;
  };
  std::vector<TlsLine> tls_lines_;
  std::shared_ptr<Qlog> qlog_;
  std::uint32_t tickets_seen_ = 0;
  std::uint64_t key_generations_ = 0;  // made ahead of their use
  std::vector<ConnectionId> issued_ids_;
  std::vector<ConnectionId> reset_tokens_;  // of the peer's IDs in use, RFC 9000 10.3.1
  // The closing period (RFC 9000 10.2.1): only this is kept of the connection.
  ngtcp2_ccerr close_error_{};
  std::string close_reason_;
  std::vector<std::uint8_t> close_packet_;
  bool close_packet_due_ = false;
  std::uint32_t packets_while_closing_ = 0;
  Address first_remote_;
  Address close_remote_;
  Address close_local_;
  Duration closing_period_{};
  std::vector<std::byte> new_token_;
  Instant close_deadline_;
  Instant held_since_{};
  Instant goaway_deadline_{};  // server, HTTP/3: a graceful close waits until then for its GOAWAY
  std::string alpn_;
  std::string server_name_;
  std::unique_ptr<ClientStart> client_start_;          // until the handshake completes
  std::shared_ptr<const SessionConfig> server_start_;  // until TLS begins
  std::vector<std::uint32_t> offered_versions_;        // from a Version Negotiation packet
  SessionStats stats_{};
  TransportObserver observer_;
  StreamAllowance peer_bidi_;  // streams the peer may open
  StreamAllowance peer_uni_;
};

}  // namespace quicore::engine
