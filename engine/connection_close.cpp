// SPDX-License-Identifier: Apache-2.0
//
// Connection: every way it ends.
//
//   close(), a fatal error of ours   -> closing:  CONNECTION_CLOSE now and in answer to what still
//                                      comes, for three PTOs (RFC 9000 10.2.1)
//   CONNECTION_CLOSE or stateless    -> draining: nothing is sent, for three PTOs (10.2.2)
//   reset from the peer
//   idle or handshake timeout        -> dead at once (10.1)
//
// The handler is told first (on_closed, after on_stream_closed of every stream); then streams, TLS
// and ngtcp2's state are freed, and only the IDs and one packet are kept for the rest of the period.
#include <algorithm>
#include <cstring>

#include "engine/connection.h"
#include "engine/endpoint.h"
#include "engine/http3_error.h"
#include "engine/http3_session.h"
#include "engine/path.h"
#include "engine/qlog.h"
#include "engine/qlog_event.h"
#include "engine/shard.h"
#include "engine/tls_session.h"

namespace quicore::engine {

namespace {

// RFC 9000 10.2.1: answer less and less often: after 1, 2, 4, 8 ... packets.
bool is_power_of_two(std::uint32_t value) noexcept { return (value & (value - 1)) == 0; }

// RFC 9000 10.2: at least three times the current PTO.
constexpr unsigned kClosingPtos = 3;
// How long a GOAWAY is waited on: it and two probes may be lost.
constexpr unsigned kGoawayPtos = 3;

std::string reason_of(const ngtcp2_ccerr& error) {
  return {reinterpret_cast<const char*>(error.reason), error.reasonlen};
}

}  // namespace

void Connection::close_gracefully() {
  if (graceful_ || state_ >= ConnectionState::closing) return;
  graceful_ = true;
  stats_.closing_at = now();
  if (qlog_ != nullptr) QlogEvent(*qlog_, now(), "quicore:graceful_close_begun").write();
  if (http3_ != nullptr && side_ == Side::server && handshake_completed_) {
    http3_->shut_down();
    goaway_deadline_ = now() + period(kGoawayPtos);
  }
  shard().has_events(*this);
  wants_to_send();
}

void Connection::finish_graceful_close_if_done() {
  if (!graceful_ || state_ >= ConnectionState::closing) return;
  if (!handshake_completed_ && side_ == Side::client) return;  // what was opened early must go out
  if (!streams_.empty()) return;
  // What the client sends meanwhile it must know to be unprocessed.
  if (goaway_deadline_ > now() && !http3_->goaway_acknowledged()) return;
  ngtcp2_ccerr error;
  ngtcp2_ccerr_default(&error);
  if (http3_ != nullptr) ngtcp2_ccerr_set_application_error(&error, http3::kNoError, nullptr, 0);
  begin_closing(error, std::nullopt);
}

void Connection::close(const Error& error) {
  if (state_ >= ConnectionState::closing) return;
  ngtcp2_ccerr ccerr;
  ngtcp2_ccerr_default(&ccerr);
  const auto* reason = reinterpret_cast<const std::uint8_t*>(error.reason.data());
  if (error.space == ErrorSpace::application) {
    ngtcp2_ccerr_set_application_error(&ccerr, error.code, reason, error.reason.size());
  } else if (error.space == ErrorSpace::transport) {
    ngtcp2_ccerr_set_transport_error(&ccerr, error.code, reason, error.reason.size());
  } else if (http3_ != nullptr) {
    ngtcp2_ccerr_set_application_error(&ccerr, http3::kNoError, nullptr, 0);
  }
  begin_closing(ccerr, error ? std::optional(error) : std::nullopt);
}

// --- what went wrong -------------------------------------------------------------------------------

void Connection::library_failed(int ngtcp2_error) {
  if (state_ >= ConnectionState::closing) return;
  switch (ngtcp2_error) {
    case NGTCP2_ERR_DRAINING:
      return begin_draining(failed_ != nullptr ? *failed_ : describe_peer_close());
    case NGTCP2_ERR_IDLE_CLOSE:
      return vanish(Error::make(Errc::timed_out,
                                "nothing was heard from the peer for the idle "
                                "timeout"));
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
      return vanish(Error::make(Errc::timed_out,
                                "the handshake took longer than "
                                "handshake_timeout; is the server there?"));
    case NGTCP2_ERR_RETRY:
      wants_validation_ = true;
      return vanish(Error::make(Errc::closed, "the client's address is to be validated first"));
    case NGTCP2_ERR_DROP_CONN:
      return vanish(Error::make(Errc::closed, "the connection was given up before it began"));
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
      if (restart_with_other_version()) return;
      return vanish(Error::make(Errc::version_negotiation,
                                "the server speaks none of the QUIC versions configured here"));
    default:
      break;
  }
  ngtcp2_ccerr error;
  ngtcp2_ccerr_default(&error);
  Error reported = describe_failure(ngtcp2_error);
  if (failed_ != nullptr) {
    reported = *failed_;
    const auto* reason = reinterpret_cast<const std::uint8_t*>(reported.reason.data());
    if (reported.space == ErrorSpace::application) {
      ngtcp2_ccerr_set_application_error(&error, reported.code, reason, reported.reason.size());
    } else {
      const std::uint64_t code =
          reported.space == ErrorSpace::transport ? reported.code : NGTCP2_INTERNAL_ERROR;
      ngtcp2_ccerr_set_transport_error(&error, code, reason, reported.reason.size());
    }
  } else if (ngtcp2_error == NGTCP2_ERR_CRYPTO) {
    ngtcp2_ccerr_set_tls_alert(&error, ngtcp2_conn_get_tls_alert2(conn_), nullptr, 0);
  } else {
    ngtcp2_ccerr_set_liberr(&error, ngtcp2_error, nullptr, 0);
  }
  begin_closing(error, std::move(reported));
}

Error Connection::describe_failure(int ngtcp2_error) const {
  if (ngtcp2_error == NGTCP2_ERR_CRYPTO && tls_ != nullptr) {
    return tls_->handshake_error(ngtcp2_conn_get_tls_alert2(conn_));
  }
  return Error::transport(ngtcp2_err_infer_quic_transport_error_code(ngtcp2_error),
                          ngtcp2_strerror(ngtcp2_error));
}

// RFC 9000 20: what the peer's CONNECTION_CLOSE means.
Error Connection::describe_peer_close() const {
  const ngtcp2_ccerr* error = ngtcp2_conn_get_ccerr2(conn_);
  std::string reason = reason_of(*error);
  if (error->type == NGTCP2_CCERR_TYPE_APPLICATION) {
    return Error::application(error->error_code, std::move(reason));
  }
  constexpr std::uint64_t kCryptoErrorFirst = 0x100;
  if (error->error_code >= kCryptoErrorFirst && error->error_code < 2 * kCryptoErrorFirst &&
      tls_ != nullptr) {
    return tls_->handshake_error(static_cast<std::uint8_t>(error->error_code), true);
  }
  if (error->error_code == NGTCP2_CONNECTION_REFUSED) {
    Error busy = Error::transport(error->error_code, "the server is busy: try again later");
    busy.kind = Errc::busy;
    return busy;
  }
  return Error::transport(error->error_code, std::move(reason));
}

Duration Connection::period(unsigned ptos) const noexcept {
  return Duration(static_cast<Duration::rep>(ptos * ngtcp2_conn_get_pto2(conn_)));
}

// --- the states ------------------------------------------------------------------------------------

void Connection::begin_closing(const ngtcp2_ccerr& error, const std::optional<Error>& reported) {
  if (state_ >= ConnectionState::closing) return;
  state_ = ConnectionState::closing;
  close_reason_ = reason_of(error);
  close_error_ = error;
  close_error_.reason = reinterpret_cast<const std::uint8_t*>(close_reason_.data());
  close_packet_due_ = true;
  report_closed(reported);
  wants_to_send();
}

void Connection::begin_draining(std::optional<Error> reported) {
  if (state_ >= ConnectionState::closing) return;
  state_ = ConnectionState::draining;
  // NO_ERROR from the peer is a clean end for us as well.
  if (reported && reported->code == 0 && reported->space == ErrorSpace::transport) reported.reset();
  if (reported && reported->space == ErrorSpace::application &&
      (reported->code == 0 || (http3_ != nullptr && reported->code == http3::kNoError))) {
    reported.reset();
  }
  report_closed(reported);
}

void Connection::vanish(const std::optional<Error>& reported) {
  if (state_ >= ConnectionState::closing) return;
  state_ = ConnectionState::draining;
  report_closed(reported);
  close_deadline_ = now();
  shard().deadlines().schedule(*this, close_deadline_);
}

void Connection::report_closed(const std::optional<Error>& reported) {
  close_remote_ = remote_address();
  close_local_ = local_address();
  if (conn_ != nullptr) socket_ = socket_of(*ngtcp2_conn_get_path2(conn_), socket_);
  if (stats_.closing_at == Instant{}) stats_.closing_at = now();
  closing_period_ = period(kClosingPtos);
  close_deadline_ = now() + closing_period_;
  shard().deadlines().schedule(*this, close_deadline_);
  if (!handshake_completed_ && side_ == Side::server) {
    shard().handshakes().finished(stats_.created_at);
  }
  error_ = reported;
  log_closed();
  interrupt_streams(reported ? reported
                             : std::optional(Error::make(Errc::closed, "the session was closed")));
  mark(ConnectionEvent::closed);
}

void Connection::log_closed() const {
  if (qlog_ == nullptr) return;
  QlogEvent event(*qlog_, now(), "connectivity:connection_closed");
  event.text("owner", state_ == ConnectionState::closing ? "local" : "remote");
  if (!error_) {
    event.text("trigger", "clean");
  } else {
    event.text("trigger", to_string(error_->kind)).text("reason", error_->reason);
    if (error_->space == ErrorSpace::application) event.number("application_code", error_->code);
    if (error_->space == ErrorSpace::transport) event.number("connection_code", error_->code);
  }
  event.write();
}

void Connection::interrupt_streams(const std::optional<Error>& error) {
  for (Stream& stream : streams_) {
    if (stream.closed_) continue;
    stream.closed_ = true;
    stream.error_ = error;
    static_cast<ListHook<SendableTag>&>(stream).unlink();
    stream.mark(StreamEvent::closed);
  }
}

void Connection::detach_streams(const Error& error) {
  http3_.reset();
  early_usable_ = false;
  interrupt_streams(error);
  streams_.move_to(detached_streams_);
}

void Connection::erase_stream(Stream& stream) {
  static_cast<ListHook<EventTag>&>(stream).unlink();
  if (streams_.remove(stream) != nullptr) return;
  std::erase_if(detached_streams_, [&](const auto& entry) { return entry.get() == &stream; });
}

void Connection::clean_up() {
  if (closed_reported_ && !close_packet_due_ && !released_) release_transport();
}

void Connection::release_transport() {
  released_ = true;
  stats_ = stats(now());
  streams_with_events_.clear();
  sendable_.clear();
  streams_.clear();
  detached_streams_.clear();
  http3_.reset();
  datagrams_out_.clear();
  ngtcp2_conn_del(std::exchange(conn_, nullptr));
  if (qlog_ != nullptr) qlog_->finish();
  tls_.reset();
  client_start_.reset();
}

void Connection::die() {
  if (state_ == ConnectionState::dead) return;
  state_ = ConnectionState::dead;
  close_packet_due_ = false;
  shard().needs_clean_up(*this);
}

// --- CONNECTION_CLOSE --------------------------------------------------------------------------------

void Connection::answer_while_closing() {
  ++packets_while_closing_;
  if (close_packet_.empty() || !is_power_of_two(packets_while_closing_)) return;
  close_packet_due_ = true;
  wants_to_send();
}

bool Connection::write_close_packet(io::SendSlot& slot, Instant now) {
  if (!close_packet_due_) return false;
  close_packet_due_ = false;
  shard().needs_clean_up(*this);
  if (close_packet_.empty()) {
    if (conn_ == nullptr) return false;
    ngtcp2_path_storage storage;
    ngtcp2_path_storage_zero(&storage);
    ngtcp2_pkt_info info{};
    const ngtcp2_ssize size = ngtcp2_conn_write_connection_close(
        conn_, &storage.path, &info, reinterpret_cast<std::uint8_t*>(slot.bytes),
        ngtcp2_conn_get_path_max_tx_udp_payload_size2(conn_), &close_error_, to_nanoseconds(now));
    // Nothing to say it with (no keys yet, or the amplification limit): the peer's timeout will do.
    if (size <= 0) return false;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(slot.bytes);
    close_packet_.assign(bytes, bytes + size);
  } else {
    std::memcpy(slot.bytes, close_packet_.data(), close_packet_.size());
  }
  slot.size = slot.segment_size = static_cast<std::uint32_t>(close_packet_.size());
  slot.socket = socket_;
  slot.ecn = io::Ecn::not_ect;
  slot.remote = close_remote_;
  slot.local = endpoint_.send_from(close_local_);
  return true;
}

}  // namespace quicore::engine
