// SPDX-License-Identifier: Apache-2.0
//
// What nghttp3 tells and asks: each function has the name of the library's event. Receiving ones
// run inside ngtcp2's callbacks and only record; read_data runs while a packet is being written.
#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "engine/connection.h"
#include "engine/http3_fields.h"
#include "engine/http3_session.h"
#include "engine/limits.h"
#include "engine/qlog_event.h"
#include "engine/shard.h"
#include "engine/shard_heap.h"

namespace quicore::engine {

namespace {

// nghttp3 asks for randomness without saying for whom, and only inside nghttp3_conn_*_new: the seed
// of its hash tables.
thread_local io::Random* seed_source = nullptr;

std::string_view text_of(nghttp3_rcbuf* buffer) noexcept {
  const nghttp3_vec bytes = nghttp3_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

}  // namespace

struct Http3Callbacks {
  using Exchange = Http3Session::Exchange;

  static Http3Session& self(void* user_data) noexcept {
    return *static_cast<Http3Session*>(user_data);
  }
  static int result(const Http3Session& session) noexcept {
    return session.connection_failed() ? NGHTTP3_ERR_CALLBACK_FAILURE : 0;
  }

  static void rand(std::uint8_t* out, std::size_t size) {
    seed_source->fill({reinterpret_cast<std::byte*>(out), size});
  }

  // --- receiving -----------------------------------------------------------------------------

  static int begin_section(nghttp3_conn*, std::int64_t id, void* user_data,
                           void* stream_user_data) {
    Exchange& exchange = self(user_data).exchange_of(id, stream_user_data);
    exchange.fields.clear();
    exchange.informational = false;
    exchange.has_host = false;
    exchange.may_lack_line = false;
    return 0;
  }

  static int recv_field(nghttp3_conn*, std::int64_t id, std::int32_t token, nghttp3_rcbuf* name,
                        nghttp3_rcbuf* value, std::uint8_t flags, void* user_data,
                        void* stream_user_data) {
    Http3Session& session = self(user_data);
    Exchange& exchange = session.exchange_of(id, stream_user_data);
    if (exchange.refused) return 0;
    const std::string_view value_text = text_of(value);
    if (token == NGHTTP3_QPACK_TOKEN__STATUS) {
      exchange.informational = value_text.starts_with('1');
      exchange.may_lack_line = exchange.informational || value_text == "204" ||
                               (exchange.connect && value_text.starts_with('2'));
    }
    if (token == NGHTTP3_QPACK_TOKEN_HOST) exchange.has_host = true;
    if (token == NGHTTP3_QPACK_TOKEN__METHOD) exchange.stream->head_request_ = value_text == "HEAD";
    if (token == NGHTTP3_QPACK_TOKEN_COOKIE && session.side_ == Side::server) {
      add_crumb(exchange, value_text);
    } else {
      exchange.fields.add(text_of(name), value_text, (flags & NGHTTP3_NV_FLAG_NEVER_INDEX) != 0);
    }
    if (exchange.fields.field_section_size() + exchange.crumbs_size >
        session.settings_.max_field_section_size) {
      session.refuse(exchange, http3::kExcessiveLoad);
    }
    return 0;
  }

  // RFC 9114 4.2.1: a client may send the cookie in crumbs; who reads it expects one field.
  static void add_crumb(Exchange& exchange, std::string_view crumb) {
    constexpr std::size_t kFieldOverhead = 32;  // RFC 9114 4.2.2
    exchange.crumbs_size += std::string_view("cookie").size() + crumb.size() + kFieldOverhead;
    if (!exchange.cookie.empty()) exchange.cookie += "; ";
    exchange.cookie += crumb;
  }

  static int end_section(Http3Session& session, std::int64_t id, void* stream_user_data,
                         bool trailers) {
    Exchange& exchange = session.exchange_of(id, stream_user_data);
    if (exchange.refused) return 0;
    if (session.is_malformed(exchange)) [[unlikely]] {
      session.refuse(exchange, http3::kMessageError);
      return 0;
    }
    if (exchange.crumbs_size > 0) {
      constexpr bool kSensitive = true;  // RFC 9204 7.1.3: credentials, mostly
      exchange.fields.add("cookie", std::exchange(exchange.cookie, {}), kSensitive);
      exchange.crumbs_size = 0;
    }
    const FieldSection section = trailers                 ? FieldSection::trailers
                                 : exchange.informational ? FieldSection::informational
                                                          : FieldSection::headers;
    if (Qlog* log = session.qlog()) {
      QlogEvent(*log, session.now(), "http:frame_parsed")
          .number("stream_id", static_cast<std::uint64_t>(id))
          .frame("headers")
          .fields(exchange.fields)
          .end()
          .write();
    }
    exchange.stream->receive_headers(section, std::exchange(exchange.fields, {}));
    return result(session);
  }
  static int end_headers(nghttp3_conn*, std::int64_t id, int, void* user_data,
                         void* stream_user_data) {
    return end_section(self(user_data), id, stream_user_data, false);
  }
  static int end_trailers(nghttp3_conn*, std::int64_t id, int, void* user_data,
                          void* stream_user_data) {
    return end_section(self(user_data), id, stream_user_data, true);
  }

  static int recv_data(nghttp3_conn*, std::int64_t id, const std::uint8_t* data, std::size_t size,
                       void* user_data, void* stream_user_data) {
    Http3Session& session = self(user_data);
    Exchange& exchange = session.exchange_of(id, stream_user_data);
    if (exchange.refused) {
      session.give_credit(id, size, false);
      return 0;
    }
    exchange.stream->receive({reinterpret_cast<const std::byte*>(data), size}, false,
                             session.early_);
    return result(session);
  }

  static int end_stream(nghttp3_conn*, std::int64_t id, void* user_data, void* stream_user_data) {
    Http3Session& session = self(user_data);
    Exchange& exchange = session.exchange_of(id, stream_user_data);
    if (!exchange.refused) exchange.stream->receive({}, true, session.early_);
    return result(session);
  }

  // Bytes that had waited for the QPACK encoder stream.
  static int deferred_consume(nghttp3_conn*, std::int64_t id, std::size_t count, void* user_data,
                              void*) {
    self(user_data).give_credit(id, count, false);
    return 0;
  }

  static int recv_settings(nghttp3_conn*, const nghttp3_proto_settings* settings, void* user_data) {
    self(user_data).settings_arrived(*settings);
    return 0;
  }

  static int shutdown(nghttp3_conn*, std::int64_t id, void* user_data) {
    Http3Session& session = self(user_data);
    session.peer_goaway_ = id;
    session.goaway_news_ = true;
    if (Qlog* log = session.qlog()) {
      QlogEvent(*log, session.now(), "http:frame_parsed")
          .frame("goaway")
          .number("id", static_cast<std::uint64_t>(id))
          .end()
          .write();
    }
    return 0;
  }

  // --- what nghttp3 wants done to a stream -----------------------------------------------------

  static int stop_sending(nghttp3_conn*, std::int64_t id, std::uint64_t code, void* user_data,
                          void*) {
    // Fails only when the stream is gone, and then there is nothing to stop.
    static_cast<void>(
        ngtcp2_conn_shutdown_stream_read(self(user_data).connection_.quic(), 0, id, code));
    return 0;
  }

  // A request above our GOAWAY; the closing connection shows new streams to nobody.
  static int reset_stream(nghttp3_conn*, std::int64_t id, std::uint64_t code, void* user_data,
                          void*) {
    static_cast<void>(
        ngtcp2_conn_shutdown_stream_write(self(user_data).connection_.quic(), 0, id, code));
    return 0;
  }

  static int stream_close(nghttp3_conn*, std::int64_t, std::uint64_t, void* user_data,
                          void* stream_user_data) {
    if (stream_user_data != nullptr) {
      self(user_data).release(*static_cast<Exchange*>(stream_user_data));
    }
    return 0;
  }

  // --- sending ---------------------------------------------------------------------------------

  static nghttp3_ssize read_data(nghttp3_conn*, std::int64_t id, nghttp3_vec* out,
                                 std::size_t capacity, std::uint32_t* flags, void* user_data,
                                 void* stream_user_data) {
    Http3Session& session = self(user_data);
    const Exchange& exchange = session.exchange_of(id, stream_user_data);
    if (exchange.stream->head_request_) drop(*exchange.stream);
    return hand_over(session, *exchange.stream, {out, capacity}, *flags);
  }

  static nghttp3_ssize read_no_data(nghttp3_conn*, std::int64_t id, nghttp3_vec*, std::size_t,
                                    std::uint32_t* flags, void* user_data, void* stream_user_data) {
    Http3Session& session = self(user_data);
    Stream& stream = *session.exchange_of(id, stream_user_data).stream;
    drop(stream);
    return hand_over(session, stream, {}, *flags);
  }

  static void drop(Stream& stream) {
    const SendQueue& queue = stream.send_queue();
    if (queue.unsent() == 0) return;
    stream.sent(queue.unsent());
    stream.acknowledged_to(queue.sent());
  }

  // The pieces stay in place, pinned by the queue, until acked_stream_data.
  static nghttp3_ssize hand_over(Http3Session& session, Stream& stream, std::span<nghttp3_vec> out,
                                 std::uint32_t& flags) {
    const SendQueue& queue = stream.send_queue();
    std::array<Bytes, 8> pieces;
    bool to_end = false;
    const std::size_t count =
        queue.gather(std::span(pieces).first(std::min(pieces.size(), out.size())), to_end);
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < count; ++i) {
      // nghttp3's vectors have no const; it only reads.
      auto* base = const_cast<std::byte*>(pieces[i].data());
      out[i] = {reinterpret_cast<std::uint8_t*>(base), pieces[i].size()};
      total += pieces[i].size();
    }
    stream.sent(total);
    if (to_end && queue.finished()) {
      flags |= NGHTTP3_DATA_FLAG_EOF;  // of the content: submitted trailers still follow
    } else if (count == 0) {
      session.starved_ = true;
      return NGHTTP3_ERR_WOULDBLOCK;
    }
    return static_cast<nghttp3_ssize>(count);
  }

  static int acked_stream_data(nghttp3_conn*, std::int64_t, std::uint64_t size, void*,
                               void* stream_user_data) {
    // Content is handed over with an exchange only.
    Stream& stream = *static_cast<Exchange*>(stream_user_data)->stream;
    stream.acknowledged_to(stream.send_queue().acknowledged() + size);
    return 0;
  }
};

const nghttp3_data_reader Http3Session::kContent = {Http3Callbacks::read_data};
const nghttp3_data_reader Http3Session::kNoContent = {Http3Callbacks::read_no_data};

const nghttp3_callbacks& Http3Session::callbacks() noexcept {
  static const nghttp3_callbacks kTable = [] {
    nghttp3_callbacks callbacks{};
    callbacks.acked_stream_data = Http3Callbacks::acked_stream_data;
    callbacks.stream_close = Http3Callbacks::stream_close;
    callbacks.recv_data = Http3Callbacks::recv_data;
    callbacks.deferred_consume = Http3Callbacks::deferred_consume;
    callbacks.begin_headers = Http3Callbacks::begin_section;
    callbacks.recv_header = Http3Callbacks::recv_field;
    callbacks.end_headers = Http3Callbacks::end_headers;
    callbacks.begin_trailers = Http3Callbacks::begin_section;
    callbacks.recv_trailer = Http3Callbacks::recv_field;
    callbacks.end_trailers = Http3Callbacks::end_trailers;
    callbacks.stop_sending = Http3Callbacks::stop_sending;
    callbacks.end_stream = Http3Callbacks::end_stream;
    callbacks.reset_stream = Http3Callbacks::reset_stream;
    callbacks.shutdown = Http3Callbacks::shutdown;
    callbacks.rand = Http3Callbacks::rand;
    callbacks.recv_settings2 = Http3Callbacks::recv_settings;
    return callbacks;
  }();
  return kTable;
}

Result<> Http3Session::set_up() {
  if (side_ == Side::client) {
    authority_ = authority_of(connection_.server_name(), connection_.remote_address());
  }
  const nghttp3_settings settings = library_settings();
  seed_source = &connection_.shard().random();
  const int error =
      side_ == Side::client
          ? nghttp3_conn_client_new(&conn_, &callbacks(), &settings, http3_memory(), this)
          : nghttp3_conn_server_new(&conn_, &callbacks(), &settings, http3_memory(), this);
  seed_source = nullptr;
  if (error != 0) return failure(Errc::no_memory, "HTTP/3: out of memory");
  if (side_ == Side::server) {
    const std::uint64_t streams =
        ngtcp2_conn_get_local_transport_params2(connection_.quic())->initial_max_streams_bidi;
    nghttp3_conn_set_max_client_streams_bidi(conn_, streams);
    nghttp3_conn_set_max_concurrent_streams(conn_, static_cast<std::size_t>(streams));
  }
  log_settings("local", settings_);
  return open_own_streams();
}

}  // namespace quicore::engine
