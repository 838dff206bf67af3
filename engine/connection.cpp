// SPDX-License-Identifier: Apache-2.0
#include "engine/connection.h"

#include <ngtcp2/ngtcp2.h>

#include <algorithm>
#include <limits>
#include <ranges>

#include "engine/endpoint.h"
#include "engine/http3_session.h"
#include "engine/path.h"
#include "engine/prefetch.h"
#include "engine/qlog.h"
#include "engine/shard.h"
#include "engine/tls_session.h"

namespace quicore::engine {

Connection::Connection(Endpoint& endpoint, Side side)
    : endpoint_(endpoint), side_(side), observer_(endpoint.shard().now()) {
  stats_.created_at = endpoint.shard().now();
}

Connection::~Connection() {
  streams_.clear();
  detached_streams_.clear();
  http3_.reset();
  ngtcp2_conn_del(conn_);
  if (qlog_ != nullptr) qlog_->finish();
  tls_.reset();
  for (const ConnectionId& id : issued_ids_) shard().table().erase(id);
  for (const ConnectionId& token : reset_tokens_) shard().reset_tokens().erase(token);
  shard().deadlines().cancel(*this);
}

Shard& Connection::shard() const noexcept { return endpoint_.shard(); }

Instant Connection::now() const noexcept { return shard().now(); }

void Connection::issue_id(const ConnectionId& id) {
  // A collision of 8 random bytes is not worth a retry loop: the older connection keeps the ID and
  // this one loses the packets sent to it.
  if (shard().table().insert(id, this)) issued_ids_.push_back(id);
}

void Connection::retire_id(const ConnectionId& id) {
  const auto position = std::find(issued_ids_.begin(), issued_ids_.end(), id);
  if (position == issued_ids_.end()) return;
  shard().table().erase(id);
  issued_ids_.erase(position);
}

void Connection::expect_reset(const ConnectionId& token) {
  if (shard().reset_tokens().insert(token, this)) reset_tokens_.push_back(token);
}

void Connection::expect_reset_no_more(const ConnectionId& token) {
  if (std::erase(reset_tokens_, token) > 0) shard().reset_tokens().erase(token);
}

// --- receiving -----------------------------------------------------------------------------------

void Connection::prefetch_step(std::size_t step) const noexcept {
  if (step == 0) return prefetch(this, sizeof *this);
  if (conn_ == nullptr) return;
  const auto streams = streams_ | std::views::take(limits::kPrefetchedStreams);
  switch (step) {
    case 1:
      ngtcp2_conn_prefetch(conn_);
      streams_.prefetch_chains();
      prefetch(handler_, limits::kPrefetchedHandlerSize);
      break;
    case 2:
      ngtcp2_conn_prefetch_tables(conn_);
      for (const Stream& stream : streams) prefetch(&stream, sizeof stream);
      break;
    case 3:
      ngtcp2_conn_prefetch_packet(conn_);
      for (const Stream& stream : streams) {
        stream.prefetch_queues();
        prefetch(stream.handler(), limits::kPrefetchedHandlerSize);
        ngtcp2_conn_prefetch_stream(conn_, raw(stream.id()));
      }
      break;
    case 4:
      ngtcp2_conn_prefetch_frames(conn_);
      break;
    default:  // the last one is for HTTP/3 only
      break;
  }
  if (http3_ == nullptr) return;
  http3_->prefetch_step(step);
  if (step == 4) {
    for (const Stream& stream : streams) http3_->prefetch_stream(raw(stream.id()));
  }
  if (step == 5) {
    for (const Stream& stream : streams) http3_->prefetch_chunks(raw(stream.id()));
  }
}

// Of a thousand streams hardly anything is in the cache when something comes for one. Answers and
// acknowledgements come in the order of the requests, mostly: the streams that follow are next. A
// stream takes some microseconds, so a few are far enough.
void Connection::look_ahead_from(std::int64_t id) noexcept {
  constexpr std::int64_t kStep = 4;  // between two streams of a kind, RFC 9000 2.1
  streams_.prefetch(id + 9 * kStep);
  const std::int64_t next = id + 6 * kStep;
  if (const Stream* stream = streams_.find(next)) {
    stream->prefetch_queues();
    prefetch(stream->handler(), limits::kPrefetchedHandlerSize);
    ngtcp2_conn_prefetch_stream(conn_, next);
    if (http3_ != nullptr) http3_->prefetch_stream(next);
  }
  if (http3_ != nullptr) http3_->prefetch_chunks(id + 3 * kStep);
}

std::size_t Connection::receive(const io::ReceivedTrain& train, std::span<std::byte> datagrams,
                                std::size_t segment, Instant now) {
  // A client speaks from the address it bound, even where that is the wildcard: then the kernel
  // chooses the source, and a change of its choice is no migration of ours.
  const Address& local = side_ == Side::client ? endpoint_.local_address_of(train.socket)
                                               : endpoint_.path_local_of(train);
  ngtcp2_path path = make_path(local, train.remote, train.socket);
  ngtcp2_path_storage present;
  if (rebound_from_ == train.socket && conn_ != nullptr) [[unlikely]] {
    ngtcp2_path_storage_zero(&present);
    ngtcp2_path_copy(&present.path, ngtcp2_conn_get_path2(conn_));
    path = present.path;
  }
  ngtcp2_pkt_info info{};
  info.ecn = static_cast<std::uint8_t>(train.ecn);
  const std::size_t size = datagrams.size();
  while (!datagrams.empty() && state_ < ConnectionState::closing && conn_ != nullptr) {
    std::size_t count = 0;
    const std::size_t readable = std::min(datagrams.size(), readable_at_once(segment));
    unacknowledged_ += static_cast<std::uint32_t>(readable);  // first: reading gives credit
    const int error = ngtcp2_conn_read_train(
        conn_, &path, &info, reinterpret_cast<const std::uint8_t*>(datagrams.data()), readable,
        segment, &count, to_nanoseconds(now));
    datagrams = datagrams.subspan(count);
    if (error != 0) [[unlikely]]
      library_failed(error);
    wants_to_acknowledge();
    if (shard().enough_streams()) return size - datagrams.size();
  }
  for (; !datagrams.empty() && state_ == ConnectionState::closing;
       datagrams = datagrams.subspan(std::min(segment, datagrams.size()))) {
    answer_while_closing();
  }
  return size;
}

// What was received may be acknowledged, and may have made room to send. An acknowledgement costs both
// sides as much as a good part of a train: where many connections receive, one is made for several.
void Connection::wants_to_acknowledge() {
  const bool bulk = unacknowledged_ >= limits::kBulkBytes;
  const bool enough = unacknowledged_ >= limits::kBytesPerAcknowledgement;
  if (!bulk || enough) return wants_to_send();
  if (static_cast<ListHook<AcknowledgeTag>&>(*this).linked()) return;  // credit, of each packet
  if (!only_acknowledges()) return wants_to_send();
  held_since_ = shard().now();
  shard().wants_to_acknowledge(*this);
}

bool Connection::only_acknowledges() const noexcept {
  if (state_ != ConnectionState::active || !handshake_confirmed_ || graceful_) return false;
  if (offers_more_ || !sendable_.empty() || !datagrams_out_.empty()) return false;
  return Duration(static_cast<Duration::rep>(
             ngtcp2_conn_get_local_transport_params2(conn_)->max_ack_delay)) >
         limits::kLongestHeldAcknowledgement;
}

// A train of one stream is read in one go. Where there are several, and where a datagram may begin
// many, it is read little by little.
std::size_t Connection::readable_at_once(std::size_t segment) const noexcept {
  if (streams_.empty()) return segment;
  if (streams_.size() == 1) return std::numeric_limits<std::size_t>::max();
  return limits::kDatagramsOfSeveralStreams * segment;
}

void Connection::expire(Instant now) {
  if (conn_ == nullptr || state_ >= ConnectionState::closing) {
    if (now >= close_deadline_) die();
    return;
  }
  observer_.before_expiry(transport_info(), handshake_confirmed_, peer_ack_delay(), now);
  pacing_allows(now);  // whose moment may be past
  const int error = ngtcp2_conn_handle_expiry(conn_, to_nanoseconds(now));
  observer_.after_expiry(transport_info(), now);
  if (error != 0) library_failed(error);
  finish_graceful_close_if_done();
  wants_to_send();
}

// --- what the session asks and does ----------------------------------------------------------------

void Connection::set_handler(ConnectionHandler* handler) noexcept { handler_ = handler; }

std::string_view Connection::alpn() const noexcept { return alpn_; }

std::string_view Connection::server_name() const noexcept { return server_name_; }

Address Connection::remote_address() const noexcept {
  if (conn_ == nullptr) return close_remote_;
  const ngtcp2_path* path = ngtcp2_conn_get_path2(conn_);
  return Address::from_sockaddr(path->remote.addr, path->remote.addrlen);
}

Address Connection::local_address() const noexcept {
  if (conn_ == nullptr) return close_local_;
  const ngtcp2_path* path = ngtcp2_conn_get_path2(conn_);
  return Address::from_sockaddr(path->local.addr, path->local.addrlen);
}

QuicVersion Connection::version() const noexcept {
  if (conn_ == nullptr) return QuicVersion::v1;
  const std::uint32_t negotiated = ngtcp2_conn_get_negotiated_version2(conn_);
  return static_cast<QuicVersion>(negotiated != 0 ? negotiated
                                                  : ngtcp2_conn_get_client_chosen_version2(conn_));
}

std::optional<Resume> Connection::resume() const {
  if (side_ == Side::server || conn_ == nullptr || tls_ == nullptr) return std::nullopt;
  const auto ticket = tls_->session_ticket();
  if (ticket.empty()) return std::nullopt;
  Resume resume;
  const auto* begin = reinterpret_cast<const std::byte*>(ticket.data());
  resume.session_ticket.assign(begin, begin + ticket.size());
  std::array<std::uint8_t, 256> params{};
  const ngtcp2_ssize size =
      ngtcp2_conn_encode_0rtt_transport_params2(conn_, params.data(), params.size());
  if (size > 0) {
    const auto* bytes = reinterpret_cast<const std::byte*>(params.data());
    resume.transport_params.assign(bytes, bytes + size);
  }
  resume.token = new_token_;
  return resume;
}

bool Connection::early_data() const noexcept {
  if (side_ == Side::server) return early_received_;
  return tls_ != nullptr && tls_->early_data_accepted();
}

Result<Stream*> Connection::open_stream(bool unidirectional) {
  if (graceful_) return failure(Errc::closing, "the session is closing: no new streams");
  if (state_ >= ConnectionState::closing || conn_ == nullptr) {
    return failure(Errc::closed, "the session is closed");
  }
  if (!handshake_completed_ && !early_usable_) {
    return failure(
        Errc::invalid_state,
        "wait for the handshake before opening streams (or resume a session with 0-RTT)");
  }
  std::int64_t id = -1;
  const int error = unidirectional ? ngtcp2_conn_open_uni_stream(conn_, &id, nullptr)
                                   : ngtcp2_conn_open_bidi_stream(conn_, &id, nullptr);
  if (error == NGTCP2_ERR_STREAM_ID_BLOCKED) {
    return failure(Errc::stream_limit,
                   "the peer's limit of concurrent streams is reached: wait for one to close");
  }
  if (error != 0) return failure(Errc::no_memory, ngtcp2_strerror(error));
  count_stream(id, false);
  return &create_stream(id, false);
}

std::uint64_t Connection::streams_left(bool unidirectional) const noexcept {
  if (conn_ == nullptr) return 0;
  return unidirectional ? ngtcp2_conn_get_streams_uni_left2(conn_)
                        : ngtcp2_conn_get_streams_bidi_left2(conn_);
}

std::size_t Connection::max_datagram_size() const noexcept {
  if (conn_ == nullptr) return 0;
  const ngtcp2_transport_params* params = ngtcp2_conn_get_remote_transport_params2(conn_);
  if (params == nullptr || params->max_datagram_frame_size == 0) return 0;
  // Short header (1 + 20 + 4), AEAD tag (16), DATAGRAM frame type and length (3).
  constexpr std::size_t kPacketOverhead = 1 + NGTCP2_MAX_CIDLEN + 4 + 16 + 3;
  constexpr std::size_t kFrameOverhead = 3;
  const std::size_t path = ngtcp2_conn_get_path_max_tx_udp_payload_size2(conn_);
  const std::size_t frame =
      static_cast<std::size_t>(std::min<std::uint64_t>(params->max_datagram_frame_size, 65535));
  if (frame <= kFrameOverhead || path <= kPacketOverhead) return 0;
  return std::min(frame - kFrameOverhead, path - kPacketOverhead);
}

Result<std::uint64_t> Connection::send_datagram(Buf data, std::optional<Varint> prefix) {
  if (state_ >= ConnectionState::closing || conn_ == nullptr) {
    return failure(Errc::closed, "the session is closed");
  }
  const std::size_t largest = max_datagram_size();
  if (largest == 0) {
    return failure(Errc::not_supported,
                   "the peer does not take datagrams, or the handshake is "
                   "not far enough");
  }
  const std::size_t prefix_size = prefix ? prefix->size : 0;
  if (data.size() + prefix_size > largest) {
    return failure(Errc::invalid_argument, "the datagram is larger than max_datagram_size(), " +
                                               std::to_string(largest - prefix_size) + " bytes");
  }
  if (datagrams_out_.size() >= limits::kMaxQueuedSentDatagrams) {
    return failure(Errc::blocked, "too many datagrams wait to be sent: drop this one or slow down");
  }
  const std::uint64_t id = next_datagram_id_++;
  datagrams_out_.push_back({std::move(data), id, prefix});
  wants_to_send();
  return id;
}

Result<> Connection::update_key() {
  if (conn_ == nullptr || !handshake_confirmed_) {
    return failure(Errc::invalid_state, "keys can be updated once the handshake is confirmed");
  }
  const int error = ngtcp2_conn_initiate_key_update(conn_, to_nanoseconds(now()));
  if (error != 0) {
    return failure(Errc::invalid_state,
                   "a key update is under way: wait until the peer answered it (RFC 9001 6.1)");
  }
  wants_to_send();
  return {};
}

void Connection::continue_handshake() {
  if (conn_ == nullptr || state_ != ConnectionState::handshaking) return;
  if (const int error = ngtcp2_conn_continue_handshake(conn_, to_nanoseconds(now())); error != 0) {
    library_failed(error);
  }
  wants_to_send();
}

ngtcp2_conn_info Connection::transport_info() const noexcept {
  ngtcp2_conn_info info{};
  ngtcp2_conn_get_conn_info2(conn_, &info);
  return info;
}

// Twice in a turn that sends: streams ask for the limit with every packet.
void Connection::observe_transport(const ngtcp2_conn_info& info, Instant now) noexcept {
  observer_.observe(info, now);
  // Of the congestion window, what the path itself holds: the rest stands in queues, and on a path
  // that is short the window says little but how long these are.
  const double share = info.min_rtt < info.smoothed_rtt ? static_cast<double>(info.min_rtt) /
                                                              static_cast<double>(info.smoothed_rtt)
                                                        : 1;
  const auto on_the_path = static_cast<std::uint64_t>(share * static_cast<double>(info.cwnd));
  send_queue_limit_ = std::min(limits::kSendQueueWindows * on_the_path, limits::kMaxSendQueue);
  constexpr auto kHalvingRtt = static_cast<std::uint64_t>(limits::kBurstHalvingRtt.count());
  const std::uint64_t halvings = info.min_rtt / kHalvingRtt;
  short_path_burst_ = halvings < 16 ? io::kMaxTrainSize >> halvings : 0;
}

Duration Connection::peer_ack_delay() const noexcept {
  const ngtcp2_transport_params* params = ngtcp2_conn_get_remote_transport_params2(conn_);
  return params == nullptr ? Duration::zero()
                           : Duration(static_cast<Duration::rep>(params->max_ack_delay));
}

SessionStats Connection::stats(Instant now) const noexcept {
  SessionStats stats = stats_;
  if (conn_ == nullptr) return stats;  // the last values
  stats.duration = now - stats.created_at;
  const ngtcp2_conn_info info = transport_info();
  observer_.fill(stats, info, handshake_confirmed_, peer_ack_delay(), now);
  stats.latest_rtt = Duration(static_cast<Duration::rep>(info.latest_rtt));
  if (info.min_rtt != UINT64_MAX) {
    stats.min_rtt = Duration(static_cast<Duration::rep>(info.min_rtt));
  }
  stats.smoothed_rtt = Duration(static_cast<Duration::rep>(info.smoothed_rtt));
  stats.rtt_var = Duration(static_cast<Duration::rep>(info.rttvar));
  stats.initial_rtt = Duration(static_cast<Duration::rep>(NGTCP2_DEFAULT_INITIAL_RTT));
  stats.cwnd = info.cwnd;
  stats.ssthresh = info.ssthresh;
  stats.bytes_in_flight = info.bytes_in_flight;
  stats.packets_sent = info.pkt_sent;
  stats.bytes_sent = info.bytes_sent;
  stats.packets_received = info.pkt_recv;
  stats.bytes_received = info.bytes_recv;
  stats.packets_lost = info.pkt_lost;
  stats.max_udp_payload_size = ngtcp2_conn_get_path_max_tx_udp_payload_size2(conn_);
  return stats;
}

// --- used by streams, callbacks and HTTP/3 ---------------------------------------------------------

Stream* Connection::find_stream(std::int64_t id) noexcept { return streams_.find(id); }

Stream& Connection::create_stream(std::int64_t id, bool peer_initiated) {
  auto stream = std::make_unique<Stream>(*this, StreamId{id}, peer_initiated, now());
  Stream& created = *stream;
  streams_.add(std::move(stream));
  ngtcp2_conn_set_stream_user_data(conn_, id, &created);
  return created;
}

void Connection::count_stream(std::int64_t id, bool peer_initiated) noexcept {
  ++(ngtcp2_is_bidi_stream(id) ? stats_.bidi_stream_count : stats_.uni_stream_count);
  ++(peer_initiated ? stats_.inbound_streams_count : stats_.outbound_streams_count);
}

void Connection::mark(ConnectionEvent event) noexcept {
  events_ |= static_cast<std::uint16_t>(event);
  shard().has_events(*this);
}

void Connection::stream_has_events(Stream& stream) noexcept {
  if (!static_cast<ListHook<EventTag>&>(stream).linked()) shard().stream_has_events();
  streams_with_events_.push_back(stream);
  shard().has_events(*this);
}

void Connection::stream_wants_to_send(Stream& stream) noexcept {
  sendable_.push_back(stream);
  wants_to_send();
}

void Connection::wants_to_send() noexcept { shard().wants_to_send(*this); }

void Connection::fail(Error error) noexcept {
  if (failed_ == nullptr) failed_ = std::make_unique<Error>(std::move(error));
}

}  // namespace quicore::engine
