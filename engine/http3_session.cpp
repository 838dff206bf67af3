// SPDX-License-Identifier: Apache-2.0
#include "engine/http3_session.h"

#include <algorithm>
#include <array>
#include <string>
#include <tuple>
#include <utility>

#include "engine/connection.h"
#include "engine/http3_fields.h"
#include "engine/prefetch.h"
#include "engine/qlog_event.h"
#include "engine/shard.h"

namespace quicore::engine {

namespace {

std::uint64_t code_of(int nghttp3_error) noexcept {
  // A single field that nghttp3's decoder does not want to hold.
  if (nghttp3_error == NGHTTP3_ERR_QPACK_HEADER_TOO_LARGE) return http3::kExcessiveLoad;
  return nghttp3_err_infer_quic_app_error_code(nghttp3_error);
}

Error error_of(int nghttp3_error) {
  const std::uint64_t code = code_of(nghttp3_error);
  std::string reason = "HTTP/3: ";
  switch (nghttp3_error) {
    case NGHTTP3_ERR_MALFORMED_HTTP_HEADER:
    case NGHTTP3_ERR_MALFORMED_HTTP_MESSAGING:
      reason += "the peer sent a malformed message";
      break;
    case NGHTTP3_ERR_NOMEM:
      reason += "out of memory";
      break;
    default:
      reason += nghttp3_strerror(nghttp3_error);
  }
  return Error::application(code, reason + " (" + std::string(http3::error_name(code)) + ")");
}

}  // namespace

// --- set-up --------------------------------------------------------------------------------------

Http3Session::Http3Session(Connection& connection, Side side, const Http3Settings& settings)
    : connection_(connection), side_(side), settings_(settings) {}

Http3Session::~Http3Session() { nghttp3_conn_del(conn_); }

Result<std::unique_ptr<Http3Session>> Http3Session::create(Connection& connection, Side side) {
  std::unique_ptr<Http3Session> session(
      new Http3Session(connection, side, connection.http3_settings()));
  if (auto ok = session->set_up(); !ok) return std::unexpected(std::move(ok.error()));
  return session;
}

void Http3Session::prefetch_step(std::size_t step) const noexcept {
  if (step == 1) prefetch(this, sizeof *this);
  if (step == 2) nghttp3_conn_prefetch(conn_);
  if (step == 3) nghttp3_conn_prefetch_tables(conn_);
  if (step == 4) nghttp3_conn_prefetch_entries(conn_);
  if (step == 5) nghttp3_conn_prefetch_fields(conn_);
}

void Http3Session::prefetch_stream(std::int64_t id) const noexcept {
  nghttp3_conn_prefetch_stream(conn_, id);
}

void Http3Session::prefetch_chunks(std::int64_t id) const noexcept {
  prefetch(nghttp3_conn_prefetch_chunks(conn_, id), sizeof(Exchange));
}

// --- ngtcp2's callbacks --------------------------------------------------------------------------

int Http3Session::answer(std::int64_t nghttp3_result) {
  if (nghttp3_result >= 0) [[likely]] {
    return 0;
  }
  failed_ = true;
  // The first error counts: a callback of ours may have told the connection already.
  if (!connection_failed()) connection_.fail(error_of(static_cast<int>(nghttp3_result)));
  return NGTCP2_ERR_CALLBACK_FAILURE;
}

int Http3Session::acknowledged(std::int64_t id, std::uint64_t bytes) {
  if (failed_) return NGTCP2_ERR_CALLBACK_FAILURE;
  if (id == reserved_stream_) return 0;
  if (id == control_stream_) {
    control_acknowledged_ += bytes;
    if (goaway_acknowledged()) connection_.shard().has_events(connection_);
  }
  return answer(nghttp3_conn_add_ack_offset(conn_, id, bytes));
}

int Http3Session::stream_closed(std::int64_t id, std::uint64_t code) {
  if (failed_) return NGTCP2_ERR_CALLBACK_FAILURE;
  if (!ngtcp2_is_bidi_stream(id)) watch_no_more(id);
  const int result = nghttp3_conn_close_stream(conn_, id, code);
  // A stream without a single byte never came to nghttp3.
  return result == NGHTTP3_ERR_STREAM_NOT_FOUND ? 0 : answer(result);
}

bool Http3Session::holds_back(const Stream& stream) const noexcept {
  return !failed_ && stream.end_passed_on_ && !stream.fin_received_ && !stream.discard_ &&
         !stream.error_;
}

// Those of closing_later_ that hold nothing back any more.
void Http3Session::close_delivered() {
  std::erase_if(closing_later_, [this](std::int64_t id) {
    Stream* stream = connection_.find_stream(id);
    if (stream != nullptr && holds_back(*stream)) return false;
    close(id, stream);
    return true;
  });
}

void Http3Session::close(std::int64_t id, Stream* stream) {
  static_cast<void>(stream_closed(id, http3::kNoError));
  if (stream != nullptr) connection_.stream_closed(*stream, std::nullopt);
}

int Http3Session::stream_reset(std::int64_t id) {
  if (failed_) return NGTCP2_ERR_CALLBACK_FAILURE;
  return answer(nghttp3_conn_shutdown_stream_read(conn_, id));
}

int Http3Session::stop_sending(std::int64_t id) {
  if (failed_) return NGTCP2_ERR_CALLBACK_FAILURE;
  nghttp3_conn_shutdown_stream_write(conn_, id);
  return 0;
}

int Http3Session::extend_max_stream_data(std::int64_t id) {
  if (failed_) return NGTCP2_ERR_CALLBACK_FAILURE;
  return answer(nghttp3_conn_unblock_stream(conn_, id));
}

int Http3Session::remote_streams_allowed(std::uint64_t max) {
  if (!failed_ && side_ == Side::server) nghttp3_conn_set_max_client_streams_bidi(conn_, max);
  return 0;
}

// --- Stream --------------------------------------------------------------------------------------

Result<> Http3Session::check_submission(const Stream& stream, FieldSection section,
                                        bool fin) const {
  if (failed_) return failure(Errc::closed, "the session is closed");
  if (stream.unidirectional()) {
    return failure(Errc::not_supported, "HTTP/3 has headers on bidirectional streams only");
  }
  if (side_ == Side::server && !stream.peer_initiated()) {
    return failure(Errc::not_supported, "only the client opens HTTP/3 requests (RFC 9114 6.1)");
  }
  if (section == FieldSection::informational) {
    if (side_ == Side::client) {
      return failure(Errc::invalid_argument,
                     "hints (1xx) are part of a response, not of a request");
    }
    if (fin) {
      return failure(Errc::invalid_argument, "hints cannot end the stream: headers must follow");
    }
  }
  return {};
}

Result<> Http3Session::submit_headers(Stream& stream, FieldSection section, const Headers& fields,
                                      bool fin) {
  if (auto ok = check_submission(stream, section, fin); !ok) return ok;
  FieldLines lines;
  unsigned status = 0;
  if (section == FieldSection::trailers) {
    if (auto ok = complete_trailers(fields, lines); !ok) return ok;
  } else if (side_ == Side::client) {
    if (fields.contains(":protocol")) {
      if (auto ok = check_extended_connect(); !ok) return ok;
    }
    if (auto ok = complete_request(fields, authority_, lines); !ok) return ok;
  } else {
    auto completed = complete_response(fields, section, lines);
    if (!completed) return std::unexpected(std::move(completed.error()));
    status = *completed;
  }
  if (peer_settings_ && lines.section_size() > peer_settings_->max_field_section_size) {
    return failure(
        Errc::invalid_argument,
        "the fields take " + std::to_string(lines.section_size()) + " bytes, the peer accepts " +
            std::to_string(peer_settings_->max_field_section_size) + " (RFC 9114 4.2.2)");
  }
  const std::int64_t id = raw(stream.id());
  std::uint64_t content = Stream::kUnbounded;
  if (section == FieldSection::headers && may_have_content(stream, status)) {
    content = lines.content_length().value_or(Stream::kUnbounded);
    if (fin && content != Stream::kUnbounded && content > 0) {
      return failure(Errc::invalid_argument,
                     "field 'content-length': it promises a body, and there is none");
    }
  }
  int result = 0;
  if (section == FieldSection::trailers) {
    result = nghttp3_conn_submit_trailers(conn_, id, lines.data(), lines.size());
  } else if (section == FieldSection::informational) {
    result = nghttp3_conn_submit_info(conn_, id, lines.data(), lines.size());
  } else {
    result = side_ == Side::client ? submit_request(stream, lines, fin)
                                   : submit_response(stream, lines, status, fin);
  }
  if (result == 0) {
    if (section == FieldSection::headers) stream.content_left_ = content;
    log_fields(stream, lines);
  }
  return result_of_submission(result);
}

int Http3Session::submit_request(Stream& stream, const FieldLines& lines, bool fin) {
  Exchange& exchange = acquire(stream);
  exchange.connect = lines[0].value == "CONNECT";
  const int result = nghttp3_conn_submit_request(
      conn_, raw(stream.id()), lines.data(), lines.size(), fin ? nullptr : &kContent, &exchange);
  if (result != 0) release(exchange);
  return result;
}

// Whether what is written is sent (RFC 9110 6.4.1): not in answer to HEAD, nor with 204 and 304.
bool Http3Session::may_have_content(const Stream& stream, unsigned status) const noexcept {
  if (side_ == Side::client) return true;
  return status != 204 && status != 304 && !stream.head_request_;
}

int Http3Session::submit_response(Stream& stream, const FieldLines& lines, unsigned status,
                                  bool fin) {
  const bool no_content = status == 204 || status == 304;
  return nghttp3_conn_submit_response(conn_, raw(stream.id()), lines.data(), lines.size(),
                                      fin ? nullptr : (no_content ? &kNoContent : &kContent));
}

Result<> Http3Session::result_of_submission(int nghttp3_error) {
  switch (nghttp3_error) {
    case 0:
      connection_.wants_to_send();
      return {};
    case NGHTTP3_ERR_CONN_CLOSING:
      return failure(Errc::closing,
                     "the server sent GOAWAY: make new requests on another connection");
    case NGHTTP3_ERR_STREAM_NOT_FOUND:
      return failure(Errc::closed, "the request is gone: the client gave it up");
    case NGHTTP3_ERR_INVALID_STATE:
    case NGHTTP3_ERR_STREAM_IN_USE:
      return failure(Errc::invalid_state, "the message was ended already");
    default:
      static_cast<void>(answer(nghttp3_error));
      return std::unexpected(error_of(nghttp3_error));
  }
}

void Http3Session::resume(Stream& stream) {
  if (!failed_) static_cast<void>(answer(nghttp3_conn_resume_stream(conn_, raw(stream.id()))));
}

void Http3Session::shut_down_read(Stream& stream) {
  if (failed_) return;
  const std::int64_t id = raw(stream.id());
  if (answer(nghttp3_conn_shutdown_stream_read(conn_, id)) != 0) return;
  if (std::erase(closing_later_, id) != 0) close(id, &stream);  // what it held back is not wanted
}

void Http3Session::shut_down_write(Stream& stream) {
  if (!failed_) nghttp3_conn_shutdown_stream_write(conn_, raw(stream.id()));
}

void Http3Session::set_priority(Stream& stream, std::uint8_t urgency, bool incremental) {
  if (failed_ || stream.unidirectional()) return;
  const auto level = std::min<std::uint8_t>(urgency, NGHTTP3_URGENCY_LOW);
  int result = 0;
  if (side_ == Side::client) {
    std::array<std::uint8_t, 6> text = {'u', '=', static_cast<std::uint8_t>('0' + level),
                                        ',', ' ', 'i'};
    result = nghttp3_conn_set_client_stream_priority(conn_, raw(stream.id()), text.data(),
                                                     incremental ? text.size() : 3);
  } else {
    const nghttp3_pri priority{level, static_cast<std::uint8_t>(incremental ? 1 : 0)};
    result = nghttp3_conn_set_server_stream_priority(conn_, raw(stream.id()), &priority);
  }
  if (Qlog* log = qlog(); log != nullptr && result == 0 && side_ == Side::client) {
    QlogEvent(*log, now(), "http:frame_created")
        .frame("priority_update")
        .number("prioritized_element_id", static_cast<std::uint64_t>(raw(stream.id())))
        .text("priority_field_value", "u=" + std::to_string(level) + (incremental ? ", i" : ""))
        .end()
        .write();
  }
  if (result != NGHTTP3_ERR_STREAM_NOT_FOUND) static_cast<void>(answer(result));
  connection_.wants_to_send();
}

// --- transmitting --------------------------------------------------------------------------------

int Http3Session::next_chunk(Chunk& chunk, std::size_t enough) {
  chunk.stream_id = -1;
  chunk.fin = chunk_ends_stream_ = false;
  chunk.count = 0;
  if (failed_) return NGTCP2_ERR_CALLBACK_FAILURE;
  if (next_reserved_chunk(chunk)) return 0;
  std::array<nghttp3_vec, std::tuple_size_v<decltype(Chunk::pieces)>> pieces;
  nghttp3_ssize count = 0;
  int fin = 0;
  do {
    starved_ = false;
    count = nghttp3_conn_writev_stream(conn_, &chunk.stream_id, &fin, pieces.data(), pieces.size());
    // nghttp3 also answers "nothing" when the stream whose turn it is has no content yet. It has
    // put that one aside; others may wait.
  } while (count == 0 && chunk.stream_id == -1 && starved_);
  if (count < 0) [[unlikely]] {
    return answer(count);
  }
  chunk_size_ = 0;
  const auto available = static_cast<std::size_t>(count);
  while (chunk.count < available && chunk_size_ < enough) {
    const nghttp3_vec& piece = pieces[chunk.count];
    chunk.pieces[chunk.count++] = {piece.base, piece.len};
    chunk_size_ += piece.len;
  }
  chunk.fin = chunk_ends_stream_ = fin != 0 && chunk.count == available;
  return 0;
}

bool Http3Session::takes_turns(std::int64_t id) const noexcept {
  // A client's own requests are all as urgent, and none is incremental.
  if (side_ == Side::client) return false;
  nghttp3_pri priority{};
  return nghttp3_conn_get_stream_priority(conn_, &priority, id) == 0 && priority.inc != 0;
}

int Http3Session::written(std::int64_t id, std::size_t bytes) {
  if (failed_) return NGTCP2_ERR_CALLBACK_FAILURE;
  if (id == reserved_stream_) {
    reserved_sent_ += bytes;
    return 0;
  }
  if (chunk_ends_stream_ && bytes == chunk_size_) {
    if (Stream* stream = connection_.find_stream(id)) stream->mutable_send_queue().set_fin_sent();
  }
  if (id == control_stream_) {
    control_written_ += bytes;
    if (shut_down_) goaway_end_ = control_written_;
  }
  return answer(nghttp3_conn_add_write_offset(conn_, id, bytes));
}

void Http3Session::blocked(std::int64_t id) {
  if (id == reserved_stream_) reserved_sent_ = reserved_bytes_.size();  // never mind
  if (!failed_) nghttp3_conn_block_stream(conn_, id);
}

void Http3Session::write_shut(std::int64_t id) {
  if (id == reserved_stream_) reserved_sent_ = reserved_bytes_.size();
  if (!failed_) nghttp3_conn_shutdown_stream_write(conn_, id);
}

// --- qlog ----------------------------------------------------------------------------------------

Qlog* Http3Session::qlog() const noexcept { return connection_.qlog().get(); }

Instant Http3Session::now() const noexcept { return connection_.now(); }

void Http3Session::log_fields(const Stream& stream, const FieldLines& lines) const {
  Qlog* log = qlog();
  if (log == nullptr) return;
  QlogEvent(*log, now(), "http:frame_created")
      .number("stream_id", static_cast<std::uint64_t>(raw(stream.id())))
      .frame("headers")
      .fields(std::span(lines.data(), lines.size()))
      .end()
      .write();
}

// --- exchanges -----------------------------------------------------------------------------------

Http3Session::Exchange& Http3Session::acquire(Stream& stream) {
  if (free_.empty()) {
    free_.push_back(exchanges_.emplace_back(std::make_unique<Exchange>()).get());
  }
  Exchange& exchange = *free_.back();
  free_.pop_back();
  exchange.stream = &stream;
  return exchange;
}

void Http3Session::release(Exchange& exchange) noexcept {
  exchange = {};
  free_.push_back(&exchange);
}

Http3Session::Exchange& Http3Session::exchange_of(std::int64_t id, void* stream_user_data) {
  if (stream_user_data != nullptr) [[likely]] {
    return *static_cast<Exchange*>(stream_user_data);
  }
  // Server: the first we hear of this request. ngtcp2 announced the stream before its bytes.
  Stream* stream = connection_.find_stream(id);
  QUICORE_CHECK(stream != nullptr);
  Exchange& exchange = acquire(*stream);
  nghttp3_conn_set_stream_user_data(conn_, id, &exchange);
  return exchange;
}

bool Http3Session::connection_failed() const noexcept { return connection_.failed_ != nullptr; }

}  // namespace quicore::engine
