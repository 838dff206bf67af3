// SPDX-License-Identifier: Apache-2.0
//
// HTTP/3 over one connection (RFC 9114, QPACK of RFC 9204, priorities of RFC 9218): nghttp3 between
// ngtcp2's stream bytes and our Streams' headers and body bytes.
//
//   in   stream bytes -> frames -> Stream::receive_headers / Stream::receive; frame and header
//        bytes return their flow-control credit at once, body bytes when the reader releases them
//   out  Stream::send_headers -> field sections; bodies are taken from the Stream's SendQueue
//        without a copy: a Buf stays pinned until nghttp3 reports its bytes acknowledged
//
// The control and QPACK streams of both sides live here only; no handler ever sees them.
//
// Threading: the shard's thread. The first group is called inside ngtcp2's callbacks, where nothing
// is written and no user code runs; everything else outside of them. Lifetime: owned by its
// Connection and destroyed before the ngtcp2_conn; a Stream must not die before stream_closed(id)
// was called for it. After a failure (connection.fail() was called) every function does nothing.
//
// Cost: no allocation of ours per field: a received section fills one Headers (two allocations), a
// sent one an array on the stack; per-stream state comes from a pool. nghttp3 allocates from the
// shard's heap.
//
// Malformed messages (RFC 9114 4.1.2) close the connection with H3_MESSAGE_ERROR: nghttp3 treats
// these stream errors as connection errors, which RFC 9114 8 permits. Where nghttp3 is silent or has
// another code than the RFC, engine/http3_watch.h knows better. Field lines that nghttp3 leaves out,
// for a forbidden character or white space around the value, and a host that contradicts the
// authority reset their stream with H3_MESSAGE_ERROR. Field sections above
// limits::kMaxFieldSectionSize reset their stream with H3_EXCESSIVE_LOAD, requests that end before
// their headers with H3_REQUEST_INCOMPLETE.
#pragma once

#include <nghttp3/nghttp3.h>
#include <ngtcp2/ngtcp2.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/http3_error.h"
#include "engine/http3_settings.h"
#include "engine/http3_watch.h"
#include "engine/stream.h"
#include "engine/tls_settings.h"
#include "engine/varint.h"
#include "io/buf.h"
#include "io/error.h"

namespace quicore::engine {

class Connection;
class FieldLines;
class Qlog;

class Http3Session {
 public:
  // What to put into the next STREAM frame.
  struct Chunk {
    std::int64_t stream_id = -1;  // -1: nothing to send
    bool fin = false;             // these are the stream's last bytes (count may be 0)
    std::size_t count = 0;
    std::array<ngtcp2_vec, 16> pieces;
  };

  // Opens the control and QPACK streams: needs the peer's transport parameters (remembered ones do
  // for 0-RTT). Fails when the peer allows fewer than three unidirectional streams (RFC 9114 6.2).
  // When early data was rejected the session is to be destroyed and created again.
  static Result<std::unique_ptr<Http3Session>> create(Connection& connection, Side side);
  ~Http3Session();
  Http3Session(const Http3Session&) = delete;
  Http3Session& operator=(const Http3Session&) = delete;

  // --- from ngtcp2's callbacks: 0, or NGTCP2_ERR_CALLBACK_FAILURE after connection.fail() ---
  // `stream`: null for the peer's unidirectional streams.
  int receive_stream_data(std::int64_t id, Stream* stream, std::uint64_t offset, Bytes bytes,
                          bool fin, bool early);
  int acknowledged(std::int64_t id, std::uint64_t bytes);
  int stream_closed(std::int64_t id, std::uint64_t code);
  // The end of the stream was received, but waits with what is before it for entries of the QPACK
  // table (RFC 9204 2.2.1).
  bool holds_back(const Stream& stream) const noexcept;
  void close_later(std::int64_t id) { closing_later_.push_back(id); }
  int stream_reset(std::int64_t id);  // RESET_STREAM arrived
  int stop_sending(std::int64_t id);  // STOP_SENDING arrived
  int extend_max_stream_data(std::int64_t id);
  int remote_streams_allowed(std::uint64_t max);  // bidirectional ones, counted from the first

  // --- from Stream ---
  // Fills in what is missing (engine/http3_fields.h) and queues the section. Fails with
  // invalid_argument (the reason names the field), closing after the peer's GOAWAY, or closed.
  Result<> submit_headers(Stream& stream, FieldSection section, const Headers& fields, bool fin);
  void resume(Stream& stream);  // body bytes or the end were queued
  void shut_down_read(Stream& stream);
  void shut_down_write(Stream& stream);
  // RFC 9218: urgency 0 (first) to 7. A client tells the server by PRIORITY_UPDATE, a server orders
  // its own sending. Does nothing before the request was submitted or arrived.
  void set_priority(Stream& stream, std::uint8_t urgency, bool incremental);

  // --- see Connection::prefetch_step, whose steps these are ---
  void prefetch_step(std::size_t step) const noexcept;
  void prefetch_stream(std::int64_t id) const noexcept;
  void prefetch_chunks(std::int64_t id) const noexcept;  // what stands behind the stream's state

  // --- from the connection's transmit loop ---
  // No more pieces than it takes to have `enough` bytes.
  int next_chunk(Chunk& chunk, std::size_t enough);  // negative: connection.fail() was called
  // Whether the stream shares with others packet by packet (incremental, RFC 9218).
  bool takes_turns(std::int64_t id) const noexcept;
  int written(std::int64_t id, std::size_t bytes);
  void blocked(std::int64_t id);     // NGTCP2_ERR_STREAM_DATA_BLOCKED
  void write_shut(std::int64_t id);  // NGTCP2_ERR_STREAM_SHUT_WR or _STREAM_NOT_FOUND

  // --- SETTINGS (RFC 9114 7.2.4) ---
  // Empty until they arrived.
  const std::optional<Http3Settings>& peer_settings() const noexcept { return peer_settings_; }

  // --- datagrams (RFC 9297): of one request, unreliable ---
  bool takes_datagrams() const noexcept { return settings_.datagrams; }
  Result<> check_datagrams() const;  // whether they may be sent
  Result<std::uint64_t> send_datagram(const Stream& stream, Buf data);
  static Varint datagram_prefix(const Stream& stream) noexcept;
  int receive_datagram(Bytes datagram, bool early);  // from ngtcp2's callback

  // --- graceful close (RFC 9114 5.2; docs/decisions/0040-one-goaway.md) ---
  // Server: GOAWAY with the first request that will not be processed; those from there on are
  // rejected with H3_REQUEST_REJECTED.
  int shut_down();
  // The peer has the GOAWAY of shut_down(): whatever it does not hear of it may send again.
  bool goaway_acknowledged() const noexcept {
    return goaway_end_ != 0 && control_acknowledged_ >= goaway_end_;
  }
  // The peer sent GOAWAY: new requests fail with Errc::closing, those from its identifier on end
  // with Errc::rejected.
  bool peer_going_away() const noexcept { return peer_goaway_.has_value(); }
  bool rejected_by_goaway(const Stream& stream) const noexcept {
    return side_ == Side::client && peer_goaway_ && !stream.peer_initiated() &&
           raw(stream.id()) >= *peer_goaway_;
  }

 private:
  friend struct Http3Callbacks;

  // One request and its response, while nghttp3 knows the stream; nghttp3's stream_user_data.
  struct Exchange {
    Stream* stream = nullptr;
    Headers fields;              // the section that is arriving
    bool informational = false;  // ... and it is a 1xx response
    bool refused = false;        // ... but too large or malformed: the stream is being reset
    bool connect = false;        // client: a CONNECT request
    bool has_host = false;       // server: `host` came beside or in place of :authority
    bool may_lack_line = false;  // nghttp3 drops a pointless content-length from 1xx, 204, CONNECT
    std::string cookie;          // server: the crumbs, joined
    std::size_t crumbs_size = 0;
  };

  Http3Session(Connection& connection, Side side, const Http3Settings& settings);
  Result<> set_up();
  nghttp3_settings library_settings() const;
  Result<> open_own_streams();
  void open_reserved_stream();
  bool next_reserved_chunk(Chunk& chunk);
  void settings_arrived(const nghttp3_proto_settings& settings);
  Result<> check_extended_connect() const;
  static const nghttp3_callbacks& callbacks() noexcept;
  // The content of a message, and of one that cannot have any (RFC 9110 6.4.1).
  static const nghttp3_data_reader kContent;
  static const nghttp3_data_reader kNoContent;

  Exchange& exchange_of(std::int64_t id, void* stream_user_data);
  Exchange& acquire(Stream& stream);
  void release(Exchange& exchange) noexcept;
  bool may_have_content(const Stream& stream, unsigned status) const noexcept;
  Result<> check_submission(const Stream& stream, FieldSection section, bool fin) const;
  int submit_request(Stream& stream, const FieldLines& lines, bool fin);
  int submit_response(Stream& stream, const FieldLines& lines, unsigned status, bool fin);
  Result<> result_of_submission(int nghttp3_error);
  bool connection_failed() const noexcept;
  Http3Watch* watch_of_peer_stream(std::int64_t id, std::uint64_t offset);
  void watch_no_more(std::int64_t id) noexcept;
  void refuse(Exchange& exchange, std::uint64_t code);
  void close_delivered();
  void close(std::int64_t id, Stream* stream);
  void reset_refused();
  void reset(std::int64_t id, std::uint64_t code);
  int refuse_incomplete(std::int64_t id, const Stream& stream);
  bool is_malformed(const Exchange& exchange) const;
  void give_up_rejected();
  void give_credit(std::int64_t id, std::uint64_t count, bool stream_ends);
  // For our own records in the session's qlog; null when none is written.
  Qlog* qlog() const noexcept;
  Instant now() const noexcept;
  void log_fields(const Stream& stream, const FieldLines& lines) const;
  void log_settings(std::string_view owner, const Http3Settings& settings) const;
  void log_goaway() const;
  // The answer to ngtcp2 for a result of nghttp3; fails the connection when that is an error.
  int answer(std::int64_t nghttp3_result);

  Connection& connection_;
  Side side_;
  nghttp3_conn* conn_ = nullptr;
  std::string authority_;  // client: what :authority is by default
  Http3Settings settings_;
  std::optional<Http3Settings> peer_settings_;
  std::int64_t reserved_stream_ = -1;  // GREASE
  std::size_t reserved_sent_ = 0;
  std::array<std::uint8_t, 3> reserved_bytes_{};
  bool early_ = false;              // the bytes being read arrived under 0-RTT keys
  bool starved_ = false;            // a body had nothing to give while a chunk was being made
  bool chunk_ends_stream_ = false;  // of the last chunk
  std::size_t chunk_size_ = 0;
  bool failed_ = false;
  std::optional<std::int64_t> peer_goaway_;  // the identifier of the last GOAWAY that arrived
  bool goaway_news_ = false;                 // ... which has not been acted on
  bool shut_down_ = false;
  // How far our control stream was written and acknowledged, and where GOAWAY ends in it.
  std::int64_t control_stream_ = -1;
  std::uint64_t control_written_ = 0;
  std::uint64_t control_acknowledged_ = 0;
  std::uint64_t goaway_end_ = 0;
  // The peer's unidirectional streams of which there is something to watch: mostly the control stream.
  struct PeerStream {
    std::int64_t id = -1;
    Http3Watch watch;
  };
  std::vector<PeerStream> peer_streams_;
  struct Refused {
    std::int64_t id;
    std::uint64_t code;
  };
  std::vector<Refused> refused_;  // streams to reset once nghttp3 returned
  // Streams that QUIC has closed and HTTP/3 has not: see holds_back().
  std::vector<std::int64_t> closing_later_;
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  std::vector<Exchange*> free_;
};

}  // namespace quicore::engine
