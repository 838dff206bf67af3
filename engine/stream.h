// SPDX-License-Identifier: Apache-2.0
//
// One stream of a connection, for both sides and both application protocols.
//
// Outgoing: Bufs queue in a SendQueue and are encrypted from there; they are released as the peer
// acknowledges them. Incoming: bytes arrive in order inside ngtcp2's callback and go one of three
// ways, chosen by the consumer:
//   queue    one copy into pooled slabs; flow-control credit returns when the reader releases it
//   sink     no copy: ReceiveSink::on_bytes sees them in the RECEIVE phase; credit returns at once
//   discard  counted and forgotten; credit returns at once
//
// Threading: its shard's thread. Lifetime: owned by its Connection; dies after
// StreamHandler::on_stream_closed returned. Handlers are called in the DELIVER phase only and may
// call anything here.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/headers.h"
#include "engine/http3_watch.h"
#include "engine/intrusive_list.h"
#include "engine/rare.h"
#include "engine/ring_queue.h"
#include "engine/send_queue.h"
#include "engine/stats.h"
#include "io/block_pool.h"
#include "io/buf.h"
#include "io/error.h"

namespace quicore::engine {

class Connection;
class Http3Session;
class Stream;

enum class StreamId : std::int64_t {};
constexpr std::int64_t raw(StreamId id) noexcept { return static_cast<std::int64_t>(id); }

// What happened to a stream since the last DELIVER; bits, delivered in this order.
enum class StreamEvent : std::uint16_t {
  opened = 1 << 0,    // by the peer
  headers = 1 << 1,   // hints, headers or trailers wait in take_headers()
  readable = 1 << 2,  // bytes or the end wait in read()
  blocked = 1 << 3,   // flow control stopped sending, or congestion for those who asked
  writable = 1 << 4,  // half of the budget is free
  flushed = 1 << 5,   // everything queued, and FIN if given, was acknowledged
  stopped = 1 << 6,   // STOP_SENDING received
  reset = 1 << 7,     // RESET_STREAM received
  closed = 1 << 8,    // both directions are done; last event
};

enum class FieldSection : std::uint8_t { informational, headers, trailers };

// What a sender may queue before it waits.
struct SendBudget {
  std::size_t bytes = 0;
  // True: bytes on their way do not count, within limits::kSendQueueWindows and kMaxSendQueue. Those
  // that nghttp3 has taken but not sent, half a MiB at most, count as on their way.
  bool grows = false;
};

class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  virtual void on_stream_headers(FieldSection section, Headers fields) = 0;
  virtual void on_stream_readable() = 0;
  virtual void on_stream_blocked() {}
  virtual void on_stream_datagram(Buf, bool /*early*/) {}
  virtual void on_stream_writable() {}
  virtual void on_stream_flushed() {}
  virtual void on_stream_stopped(std::uint64_t application_code) = 0;
  virtual void on_stream_reset(std::uint64_t application_code) = 0;
  // Last call. Data not read yet may be moved out with stream.take_received().
  virtual void on_stream_closed(const std::optional<Error>& error) = 0;
};

// Sees received bytes in place, in the RECEIVE phase: look and count, call nothing of the library.
class ReceiveSink {
 public:
  virtual ~ReceiveSink() = default;
  virtual void on_bytes(Bytes bytes, bool fin) noexcept = 0;
};

struct ReceivedPiece {
  Buf data;
  bool early = false;  // arrived under 0-RTT keys
};

struct EventTag {};
struct SendableTag {};

class Stream : public ListHook<EventTag>, public ListHook<SendableTag>, public io::InBlocks {
 public:
  Stream(Connection& connection, StreamId id, bool peer_initiated, Instant now);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  StreamId id() const noexcept { return id_; }
  Connection& connection() const noexcept { return connection_; }
  bool unidirectional() const noexcept { return (raw(id_) & 2) != 0; }
  bool server_initiated() const noexcept { return (raw(id_) & 1) != 0; }
  bool peer_initiated() const noexcept { return peer_initiated_; }
  bool can_send() const noexcept { return !unidirectional() || !peer_initiated_; }
  bool can_receive() const noexcept { return !unidirectional() || peer_initiated_; }
  void set_handler(StreamHandler* handler) noexcept;
  StreamHandler* handler() const noexcept { return handler_; }

  // --- sending ---
  // Queues bytes; the caller watches room(). Fails with invalid_state after finish(), closed after a
  // reset.
  Result<> write(Buf data);
  Result<> finish();
  // HTTP/3 only (not_supported otherwise): a request on a stream we opened, a response on the
  // peer's; informational sections first, trailers after the body and before finish().
  Result<> send_headers(FieldSection section, const Headers& fields, bool fin);
  void reset(std::uint64_t application_code);         // RESET_STREAM: abandons what is queued
  void stop_sending(std::uint64_t application_code);  // STOP_SENDING
  // Bytes that a sender with this budget may queue now.
  std::uint64_t room(SendBudget budget) const noexcept;
  void want_writable(SendBudget budget) noexcept;  // asks for one `writable` event
  void want_flushed() noexcept;                    // asks for one `flushed` event
  void want_blocked() noexcept;                    // asks for one `blocked` by congestion
  const SendQueue& send_queue() const noexcept { return send_; }
  // RFC 9297; HTTP/3 only, with Http3Settings::datagrams on both sides. The id is what
  // ConnectionHandler::on_datagram_status reports. Fails as Connection::send_datagram does, with
  // not_supported, or with invalid_state before the peer's SETTINGS.
  Result<std::uint64_t> send_datagram(Buf data);
  std::size_t max_datagram_size() const noexcept;  // 0: none may be sent (yet)
  // RFC 9218; HTTP/3 only, ignored elsewhere.
  void set_priority(std::uint8_t urgency, bool incremental) noexcept;

  // --- receiving ---
  std::optional<ReceivedPiece> read() noexcept;  // next piece in order; empty when none waits
  bool has_data() const noexcept { return !received_.empty(); }
  // True once every byte up to FIN was taken by read() (or the sink saw FIN); never after a reset.
  bool at_end() const noexcept { return fin_received_ && !reset_received_ && received_.empty(); }
  bool fin_received() const noexcept { return fin_received_; }  // or reset: nothing more comes
  bool reset_received() const noexcept { return reset_received_; }
  // Returns flow-control credit for `count` bytes that read() gave out.
  void give_credit(std::uint64_t count) noexcept;
  void set_sink(ReceiveSink* sink) noexcept;
  void discard() noexcept;
  RingQueue<ReceivedPiece> take_received() noexcept { return std::move(received_); }

  StreamStats stats(Instant now) const noexcept;
  void prefetch_queues() const noexcept;  // engine/prefetch.h

  // --- called by Connection and Http3Session only ---
  void receive(Bytes bytes, bool fin, bool early);
  void receive_headers(FieldSection section, Headers fields);
  void peer_reset(std::uint64_t code, std::uint64_t final_size);
  void peer_stopped(std::uint64_t code);
  void sent(std::uint64_t count) noexcept;  // was laid into packets, or taken by nghttp3
  void acknowledged_to(std::uint64_t offset);
  void mark(StreamEvent event) noexcept;
  void deliver();  // drains the events
  SendQueue& mutable_send_queue() noexcept { return send_; }

 private:
  friend class Connection;
  friend struct ConnectionCallbacks;
  friend class Http3Session;
  friend struct Http3Callbacks;
  template <class>
  friend class StreamTable;
  Result<> check_can_send() const;
  Result<> check_content(std::uint64_t more, bool ends) const;
  void append(Bytes bytes, bool early);
  void wants_to_send() noexcept;
  void check_flushed() noexcept;
  void check_writable() noexcept;
  void begins_to_close() noexcept;

  struct PendingHeaders {
    FieldSection section{};
    Headers fields;
  };

  Connection& connection_;
  Stream* next_in_table_ = nullptr;
  StreamHandler* handler_ = nullptr;
  ReceiveSink* sink_ = nullptr;
  StreamId id_;
  std::uint16_t events_ = 0;
  bool peer_initiated_ : 1;
  bool end_passed_on_ : 1 = false;   // HTTP/3: nghttp3 was given the end
  bool fin_received_ : 1 = false;    // nothing more will come: FIN, or ...
  bool reset_received_ : 1 = false;  // ... RESET_STREAM
  bool discard_ : 1 = false;
  bool blocked_ : 1 = false;      // by stream flow control, until MAX_STREAM_DATA
  bool send_closed_ : 1 = false;  // FIN queued or RESET_STREAM sent
  bool want_writable_ : 1 = false;
  bool want_flushed_ : 1 = false;
  bool want_blocked_ : 1 = false;
  bool closed_ : 1 = false;
  bool headers_sent_ : 1 = false;
  bool reset_sent_ : 1 = false;
  bool trailers_sent_ : 1 = false;
  bool head_request_ : 1 = false;  // server: its response has no content (RFC 9110 9.3.2)
  static constexpr std::uint64_t kUnbounded = UINT64_MAX;
  SendBudget budget_;
  std::uint64_t content_left_ = kUnbounded;  // of the content-length that was sent
  std::uint64_t peer_code_ = 0;              // of reset/stop, until delivered
  Rare<Error> error_;
  SendQueue send_;
  RingQueue<ReceivedPiece> received_;
  Buf slab_;                      // whole slab the next received bytes go into ...
  std::uint32_t slab_used_ = 0;   // ... behind these
  std::uint64_t uncredited_ = 0;  // received, but the peer has not been given room for it again
  RingQueue<PendingHeaders> headers_;
  std::uint64_t bytes_received_ = 0;
  Instant created_at_;
  Instant last_received_at_;
  Instant last_acknowledged_at_;
  Instant closing_at_;
  std::uint64_t reset_size_ = 0;  // final size as RESET_STREAM told
  Http3Watch watch_;              // HTTP/3 only
};

}  // namespace quicore::engine
