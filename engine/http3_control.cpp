// SPDX-License-Identifier: Apache-2.0
//
// Http3Session: what travels beside the requests. Streams of our own, SETTINGS, GOAWAY, datagrams.
#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>

#include "engine/connection.h"
#include "engine/http3_session.h"
#include "engine/limits.h"
#include "engine/qlog_event.h"
#include "engine/shard.h"
#include "engine/shard_heap.h"

namespace quicore::engine {

namespace {

// RFC 9297 2.1.
constexpr std::uint64_t kMaxQuarterStreamId = (std::uint64_t{1} << 60) - 1;
constexpr std::int64_t kRequestIdStep = 4;  // client-initiated and bidirectional: 0, 4, 8 ...

// RFC 9114 6.2.3: 0x1f * N + 0x21, of two bytes here.
std::uint16_t reserved_type(std::uint64_t random) noexcept {
  constexpr std::uint64_t kMaxN = (0x3fff - 0x21) / 0x1f;
  return static_cast<std::uint16_t>(0x1f * (random % (kMaxN + 1)) + 0x21);
}

}  // namespace

// --- streams of our own --------------------------------------------------------------------------

Result<> Http3Session::open_own_streams() {
  std::array<std::int64_t, 3> ids{};
  for (std::int64_t& id : ids) {
    if (ngtcp2_conn_open_uni_stream(connection_.quic(), &id, nullptr) != 0) {
      return std::unexpected(Error::application(http3::kGeneralProtocolError,
                                                "HTTP/3 needs three unidirectional streams (RFC "
                                                "9114 6.2), the peer allows fewer: it must "
                                                "raise initial_max_streams_uni"));
    }
  }
  if (nghttp3_conn_bind_control_stream(conn_, ids[0]) != 0 ||
      nghttp3_conn_bind_qpack_streams(conn_, ids[1], ids[2]) != 0) {
    return failure(Errc::no_memory, "HTTP/3: out of memory");
  }
  control_stream_ = ids[0];
  if (Qlog* log = qlog()) {
    constexpr std::array<std::string_view, 3> kTypes = {"control", "qpack_encode", "qpack_decode"};
    for (std::size_t i = 0; i < ids.size(); ++i) {
      QlogEvent(*log, now(), "http:stream_type_set")
          .text("owner", "local")
          .number("stream_id", static_cast<std::uint64_t>(ids[i]))
          .text("stream_type", kTypes[i])
          .write();
    }
  }
  if (settings_.grease) open_reserved_stream();
  return {};
}

// Its few bytes lie here until the connection ends; when the peer allows no such stream or stops
// it, nothing is lost.
void Http3Session::open_reserved_stream() {
  std::int64_t id = -1;
  if (ngtcp2_conn_open_uni_stream(connection_.quic(), &id, nullptr) != 0) return;
  const std::uint64_t random = connection_.shard().random().next();
  const std::uint16_t type = reserved_type(random);
  reserved_bytes_ = {static_cast<std::uint8_t>(0x40 | type >> 8), static_cast<std::uint8_t>(type),
                     static_cast<std::uint8_t>(random >> 56)};
  reserved_stream_ = id;
}

bool Http3Session::next_reserved_chunk(Chunk& chunk) {
  if (reserved_stream_ < 0 || reserved_sent_ == reserved_bytes_.size()) [[likely]] {
    return false;
  }
  chunk.stream_id = reserved_stream_;
  chunk.fin = true;
  chunk.count = 1;
  chunk.pieces[0] = {reserved_bytes_.data() + reserved_sent_,
                     reserved_bytes_.size() - reserved_sent_};
  return true;
}

// --- SETTINGS ------------------------------------------------------------------------------------

nghttp3_settings Http3Session::library_settings() const {
  nghttp3_settings settings;
  nghttp3_settings_default(&settings);
  settings.max_field_section_size = settings_.max_field_section_size;
  settings.qpack_max_dtable_capacity = settings_.qpack_table_capacity;
  settings.qpack_encoder_max_dtable_capacity = settings_.qpack_encoder_table_capacity;
  settings.qpack_blocked_streams = settings_.qpack_blocked_streams;
  settings.enable_connect_protocol = settings_.extended_connect ? 1 : 0;  // a client's is ignored
  settings.h3_datagram = settings_.datagrams ? 1 : 0;
  return settings;
}

void Http3Session::settings_arrived(const nghttp3_proto_settings& settings) {
  Http3Settings peer;
  peer.max_field_section_size = settings.max_field_section_size;
  peer.qpack_table_capacity = settings.qpack_max_dtable_capacity;
  peer.qpack_encoder_table_capacity = 0;
  peer.qpack_blocked_streams = settings.qpack_blocked_streams;
  peer.extended_connect = settings.enable_connect_protocol != 0;
  peer.datagrams = settings.h3_datagram != 0;
  peer.grease = false;
  peer_settings_ = peer;
  log_settings("remote", peer);
  connection_.mark(ConnectionEvent::http3_settings);
}

Result<> Http3Session::check_extended_connect() const {
  if (!peer_settings_) {
    return failure(
        Errc::invalid_state,
        "field ':protocol': whether the server knows extended CONNECT is not known before "
        "its SETTINGS: await http3_settings() first (RFC 9220 3)");
  }
  if (!peer_settings_->extended_connect) {
    return failure(Errc::not_supported,
                   "field ':protocol': the server does not offer extended CONNECT (RFC 9220)");
  }
  return {};
}

// --- GOAWAY (RFC 9114 5.2) -------------------------------------------------------------------------

int Http3Session::shut_down() {
  if (failed_ || shut_down_) return 0;
  shut_down_ = true;
  connection_.wants_to_send();
  log_goaway();
  return answer(nghttp3_conn_shutdown(conn_));
}

// The server will not process what the GOAWAY leaves out. The application hears of it as of a
// rejection, whether or not the server's RESET_STREAM comes.
void Http3Session::give_up_rejected() {
  for (Stream& stream : connection_.streams_) {
    if (stream.closed_ || !rejected_by_goaway(stream)) continue;
    const std::int64_t id = raw(stream.id());
    if (answer(nghttp3_conn_shutdown_stream_read(conn_, id)) != 0) return;
    nghttp3_conn_shutdown_stream_write(conn_, id);
    static_cast<void>(
        ngtcp2_conn_shutdown_stream(connection_.quic(), 0, id, http3::kRequestCancelled));
    stream.peer_reset(http3::kRequestRejected, stream.bytes_received_);
  }
}

// --- datagrams (RFC 9297) --------------------------------------------------------------------------

Result<> Http3Session::check_datagrams() const {
  if (!settings_.datagrams) {
    return failure(Errc::not_supported,
                   "HTTP datagrams are off: set SessionConfig::http3.datagrams");
  }
  if (!peer_settings_) {
    return failure(Errc::invalid_state,
                   "whether the peer takes HTTP datagrams is not known before its SETTINGS: await "
                   "http3_settings() first (RFC 9297 2.1.1)");
  }
  if (!peer_settings_->datagrams) {
    return failure(Errc::not_supported, "the peer does not take HTTP datagrams (RFC 9297 2.1.1)");
  }
  return {};
}

Result<std::uint64_t> Http3Session::send_datagram(const Stream& stream, Buf data) {
  if (auto ok = check_datagrams(); !ok) return std::unexpected(std::move(ok.error()));
  return connection_.send_datagram(std::move(data), datagram_prefix(stream));
}

Varint Http3Session::datagram_prefix(const Stream& stream) noexcept {
  return Varint(static_cast<std::uint64_t>(raw(stream.id()) / kRequestIdStep));
}

int Http3Session::receive_datagram(Bytes datagram, bool early) {
  if (failed_) return NGTCP2_ERR_CALLBACK_FAILURE;
  std::uint64_t quarter = 0;
  const std::size_t size = read_varint(datagram, quarter);
  if (size == 0 || quarter > kMaxQuarterStreamId) {
    connection_.fail(Error::application(http3::kDatagramError,
                                        size == 0 ? "a datagram too short for its stream's number"
                                                  : "a datagram of a stream that cannot be"));
    return NGTCP2_ERR_CALLBACK_FAILURE;
  }
  const std::int64_t id = static_cast<std::int64_t>(quarter) * kRequestIdStep;
  if (connection_.side() == Side::server && !connection_.allowance_of(id).allows(quarter)) {
    connection_.fail(
        Error::application(http3::kIdError, "a datagram of a stream beyond the limit of streams"));
    return NGTCP2_ERR_CALLBACK_FAILURE;
  }
  // It may precede its request within a packet: who has none when it is delivered is dropped, as RFC
  // 9297 2.1 allows.
  const Stream* stream = connection_.find_stream(id);
  if (stream != nullptr && stream->fin_received()) return 0;
  connection_.queue_datagram(datagram.subspan(size), early, id);
  return 0;
}

// --- qlog ----------------------------------------------------------------------------------------

void Http3Session::log_settings(std::string_view owner, const Http3Settings& settings) const {
  Qlog* log = qlog();
  if (log == nullptr) return;
  QlogEvent(*log, now(), "http:parameters_set")
      .text("owner", owner)
      .number("max_field_section_size", settings.max_field_section_size)
      .number("max_table_capacity", settings.qpack_table_capacity)
      .number("blocked_streams_count", settings.qpack_blocked_streams)
      .number("enable_connect_protocol", settings.extended_connect ? 1 : 0)
      .number("h3_datagram", settings.datagrams ? 1 : 0)
      .write();
}

void Http3Session::log_goaway() const {
  if (Qlog* log = qlog()) {
    QlogEvent(*log, now(), "http:frame_created").frame("goaway").end().write();
  }
}

}  // namespace quicore::engine
