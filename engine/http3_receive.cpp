// SPDX-License-Identifier: Apache-2.0
//
// Http3Session: bytes of streams that arrive, and what is refused of them beyond nghttp3's checks.
#include <algorithm>
#include <string>
#include <utility>

#include "engine/connection.h"
#include "engine/http3_session.h"
#include "engine/http3_watch.h"

namespace quicore::engine {

void Http3Session::give_credit(std::int64_t id, std::uint64_t count, bool stream_ends) {
  if (count == 0) return;
  // Nothing follows the end of a stream: its window needs no room, the connection's does.
  if (!stream_ends) {
    static_cast<void>(ngtcp2_conn_extend_max_stream_offset(connection_.quic(), id, count));
  }
  ngtcp2_conn_extend_max_offset(connection_.quic(), count);
}

// Null: there is nothing to watch in this stream. One that began has told its type.
Http3Watch* Http3Session::watch_of_peer_stream(std::int64_t id, std::uint64_t offset) {
  const auto known = std::ranges::find(peer_streams_, id, &PeerStream::id);
  if (known != peer_streams_.end()) return &known->watch;
  return offset == 0 ? &peer_streams_.emplace_back(id).watch : nullptr;
}

void Http3Session::watch_no_more(std::int64_t id) noexcept {
  std::erase_if(peer_streams_, [id](const PeerStream& one) { return one.id == id; });
}

int Http3Session::receive_stream_data(std::int64_t id, Stream* stream, std::uint64_t offset,
                                      Bytes bytes, bool fin, bool early) {
  if (failed_) return NGTCP2_ERR_CALLBACK_FAILURE;
  early_ = early;
  Http3Watch* const watch = stream != nullptr ? &stream->watch_ : watch_of_peer_stream(id, offset);
  bool incomplete = false;
  if (watch != nullptr) {
    watch->read(side_, stream == nullptr, bytes);
    incomplete = fin && stream != nullptr && watch->nothing_asked();
    if (incomplete && !watch->any_bytes()) return refuse_incomplete(id, *stream);
  }
  const bool id_error = watch != nullptr && watch->id_error();
  if (stream == nullptr && watch != nullptr && watch->sees_nothing_more()) watch_no_more(id);
  const nghttp3_ssize consumed = nghttp3_conn_read_stream2(
      conn_, id, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(),
      fin && !incomplete ? 1 : 0, to_nanoseconds(connection_.now()));
  if (consumed < 0 || id_error) [[unlikely]] {
    const bool of_push = consumed >= 0 || consumed == NGHTTP3_ERR_H3_FRAME_UNEXPECTED ||
                         consumed == NGHTTP3_ERR_H3_FRAME_ERROR ||
                         consumed == NGHTTP3_ERR_H3_STREAM_CREATION_ERROR;
    return answer(id_error && of_push ? NGHTTP3_ERR_H3_ID_ERROR : consumed);
  }
  give_credit(id, static_cast<std::uint64_t>(consumed), fin);
  if (fin && stream != nullptr) stream->end_passed_on_ = true;
  if (!closing_later_.empty()) [[unlikely]] {
    close_delivered();
  }
  if (incomplete) [[unlikely]] {
    return refuse_incomplete(id, *stream);
  }
  if (!refused_.empty()) [[unlikely]] {
    reset_refused();
  }
  if (std::exchange(goaway_news_, false)) [[unlikely]] {
    give_up_rejected();
  }
  return failed_ ? NGTCP2_ERR_CALLBACK_FAILURE : 0;
}

// The application sees nothing of this message but the error; nghttp3 is told when it has returned.
// Where both sides have ended the stream there is nothing left to reset.
void Http3Session::refuse(Exchange& exchange, std::uint64_t code) {
  exchange.refused = true;
  exchange.fields = {};
  exchange.cookie = {};
  std::string reason = code == http3::kMessageError
                           ? "HTTP/3: the peer sent a malformed message ("
                           : "HTTP/3: the peer sent more fields than we accept (";
  exchange.stream->error_ =
      Error::application(code, reason.append(http3::error_name(code)).append(")"));
  refused_.push_back({raw(exchange.stream->id()), code});
}

// RFC 9114 4.2.2 and 8.1.
void Http3Session::reset_refused() {
  for (const auto& [id, code] : std::exchange(refused_, {})) reset(id, code);
}

// Both directions: a request that was not understood has no answer.
void Http3Session::reset(std::int64_t id, std::uint64_t code) {
  if (answer(nghttp3_conn_shutdown_stream_read(conn_, id)) != 0) return;
  nghttp3_conn_shutdown_stream_write(conn_, id);
  static_cast<void>(ngtcp2_conn_shutdown_stream(connection_.quic(), 0, id, code));
}

// RFC 9114 4.1: the stream ended before its headers. nghttp3 was not told of the end, and has not
// heard of a stream without a byte.
int Http3Session::refuse_incomplete(std::int64_t id, const Stream& stream) {
  if (side_ == Side::client) return answer(NGHTTP3_ERR_MALFORMED_HTTP_MESSAGING);
  if (stream.watch_.any_bytes()) {
    reset(id, http3::kRequestIncomplete);
  } else {
    static_cast<void>(
        ngtcp2_conn_shutdown_stream(connection_.quic(), 0, id, http3::kRequestIncomplete));
  }
  return failed_ ? NGTCP2_ERR_CALLBACK_FAILURE : 0;
}

// What nghttp3 lets pass in the section that ends: lines it has left out (RFC 9114 4.2 and 10.3),
// and a host that contradicts the authority (4.3.1).
bool Http3Session::is_malformed(const Exchange& exchange) const {
  const std::size_t left_out = nghttp3_conn_get_left_out_fields(conn_, raw(exchange.stream->id()));
  if (left_out > (exchange.may_lack_line ? 1u : 0u)) return true;
  if (!exchange.has_host) return false;
  const auto authority = exchange.fields.get(":authority");
  return authority && *authority != exchange.fields.get("host");
}

}  // namespace quicore::engine
