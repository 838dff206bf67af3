// SPDX-License-Identifier: Apache-2.0
//
// Connection: phase 5, SEND. Packets are built and encrypted in place, in a slot of up to 64 KiB
// that leaves as one train.
#include <algorithm>
#include <array>
#include <utility>

#include "engine/connection.h"
#include "engine/endpoint.h"
#include "engine/http3_session.h"
#include "engine/path.h"
#include "engine/qlog_event.h"
#include "engine/shard.h"
#include "engine/tls_session.h"
#include "io/check.h"
#include "io/steering.h"

namespace quicore::engine {

namespace {

// ngtcp2 ends a packet when what is to come would be cut into pieces of less than 256 bytes. It is
// filled with PADDING then, for only packets of one size make a train: many short messages would
// leave by two packets otherwise. The last one, after which nothing is to come, stays short.
constexpr std::uint32_t kMoreToCome =
    NGTCP2_WRITE_STREAM_FLAG_MORE | NGTCP2_WRITE_STREAM_FLAG_PADDING;

}  // namespace

// Where the packet being written goes.
struct Connection::PacketRoom {
  ngtcp2_path* path;  // null behind the first packet of a train
  ngtcp2_pkt_info* info;
  std::uint8_t* packet;
  std::size_t capacity;  // behind the first packet of a train: of all that may follow
  ngtcp2_tstamp timestamp;

  bool follows() const noexcept { return path == nullptr; }
};

bool Connection::write_train(io::SendSlot& slot, const TrainShape& shape, Instant now) {
  if (state_ == ConnectionState::closing) return write_close_packet(slot, now);
  if (conn_ == nullptr || state_ > ConnectionState::closing) return false;
  if (!std::exchange(sending_, true)) observe_transport(transport_info(), now);
  ngtcp2_path_storage storage;
  ngtcp2_path_storage_zero(&storage);
  ngtcp2_pkt_info info{};
  std::size_t segment_size = 0;
  const std::size_t payload = ngtcp2_conn_get_path_max_tx_udp_payload_size2(conn_);
  const bool may_send = pacing_allows(now);
  // Pacing (RFC 9002 7.7): no more than its quantum before the clock is looked at again, or than
  // what a short path takes at once.
  const std::size_t quantum =
      std::max<std::size_t>(ngtcp2_conn_get_send_quantum2(conn_), short_path_burst_);
  const std::size_t room = quantum - std::min<std::size_t>(quantum, unpaced_);
  const std::size_t packets = std::clamp<std::size_t>(room / payload, 1, shape.packets);
  train_shape_ = shape;
  train_begin_ = slot.bytes;
  if (!shape.shared) ngtcp2_conn_pad_pkts(conn_, 0, 0, 0);
  const ngtcp2_ssize size = ngtcp2_conn_write_aggregate_pkt2(
      conn_, &storage.path, &info, reinterpret_cast<std::uint8_t*>(slot.bytes), shape.capacity,
      &segment_size, &Connection::write_packet, packets, to_nanoseconds(now));
  if (size < 0) [[unlikely]] {
    library_failed(static_cast<int>(size));
    return state_ == ConnectionState::closing && write_close_packet(slot, now);
  }
  offers_more_ |= !datagrams_out_.empty();
  nothing_left_ = may_send && (size == 0 || is_exhausted(now));
  if (size == 0) return false;
  unpaced_ += static_cast<std::uint32_t>(size);
  if (unpaced_ + payload > quantum) pace(now);
  slot.size = static_cast<std::uint32_t>(size);
  slot.segment_size = static_cast<std::uint32_t>(segment_size);
  slot.ecn = static_cast<io::Ecn>(info.ecn);
  slot.socket = socket_of(storage.path, socket_);
  slot.remote = Address::from_sockaddr(storage.path.remote.addr, storage.path.remote.addrlen);
  slot.local = endpoint_.send_from(
      Address::from_sockaddr(storage.path.local.addr, storage.path.local.addrlen));
  stats_.last_sent_at = now;
  QUICORE_DCHECK_THAT(slot.size <= shape.capacity);
  short_trains_ = nothing_left_ && handshake_confirmed_ && slot.size <= limits::kLargestSharedPart;
  return true;
}

bool Connection::shares_trains() const noexcept {
  return short_trains_ && peer_shards_ != 0 && state_ == ConnectionState::active &&
         ngtcp2_conn_get_path_max_tx_udp_payload_size2(conn_) <= limits::kLargestSharedPart;
}

TrainTarget Connection::train_target() const noexcept {
  const ngtcp2_path& path = *ngtcp2_conn_get_path2(conn_);
  TrainTarget target{&endpoint_, socket_of(path, socket_), 0,
                     Address::from_sockaddr(path.remote.addr, path.remote.addrlen)};
  if (peer_shards_ > 1) {
    const ngtcp2_cid& id = *ngtcp2_conn_get_dcid2(conn_);
    target.shard =
        io::shard_of_connection_id(std::as_bytes(std::span(id.data, id.datalen)), peer_shards_);
  }
  return target;
}

bool Connection::pacing_allows(Instant now) {
  const bool idle = nothing_left_ && !offers_more_;
  return ngtcp2_conn_pacing_allows(conn_, nothing_left_ ? 1 : 0, idle ? 1 : 0,
                                   to_nanoseconds(now)) != 0;
}

// Whether another attempt to send would find nothing: most trains are followed by such a one.
bool Connection::is_exhausted(Instant now) {
  return !offers_more_ && ngtcp2_conn_is_exhausted(conn_, to_nanoseconds(now)) != 0;
}

// From now on nothing may be sent until what was sent has had its time.
void Connection::pace(Instant now) {
  ngtcp2_conn_update_pkt_tx_time(conn_, to_nanoseconds(now));
  unpaced_ = 0;
}

void Connection::finish_transmit() {
  unacknowledged_ = 0;
  static_cast<ListHook<AcknowledgeTag>&>(*this).unlink();
  if (std::exchange(sending_, false) && conn_ != nullptr) {
    if (unpaced_ != 0) pace(now());
    const ngtcp2_conn_info info = transport_info();
    observe_transport(info, now());
    const bool idle = info.bytes_in_flight == 0 && streams_.empty() && handshake_confirmed_;
    if (idle) ngtcp2_conn_trim(conn_);  // what the handshake or a burst of work had filled
  }
  if (release_handshake_memory_ && tls_ != nullptr) {
    release_handshake_memory_ = false;
    tls_->release_handshake_memory();
  }
  update_deadline();
}

void Connection::update_deadline() {
  if (conn_ == nullptr || state_ >= ConnectionState::closing) return;  // the closing period's
  // Who has nothing to send does not wait for the moment from which on it could.
  const ngtcp2_tstamp expiry =
      nothing_left_ ? ngtcp2_conn_get_unpaced_expiry(conn_) : ngtcp2_conn_get_expiry2(conn_);
  Instant deadline = expiry == UINT64_MAX ? kNever : from_nanoseconds(expiry);
  if (goaway_deadline_ > now()) deadline = std::min(deadline, goaway_deadline_);
  shard().deadlines().schedule(*this, deadline);
}

// --- one packet ----------------------------------------------------------------------------------

ngtcp2_ssize Connection::write_packet(ngtcp2_conn*, ngtcp2_path* path, ngtcp2_pkt_info* info,
                                      std::uint8_t* packet, std::size_t capacity,
                                      ngtcp2_tstamp timestamp, void* user_data) {
  Connection& connection = *static_cast<Connection*>(user_data);
  PacketRoom room{path, info, packet, capacity, timestamp};
  if (connection.train_shape_.shared) connection.pad_packet(room);
  connection.offers_more_ = true;
  if (!connection.datagrams_out_.empty()) {
    const ngtcp2_ssize size = connection.write_datagrams(room);
    if (size != 0) return size;
  }
  return connection.http3_ != nullptr ? connection.write_http3_streams(room)
                                      : connection.write_raw_streams(room);
}

// Where its train is to be continued by others' packets: what one more message costs is worth an
// eighth of the bytes, and a little to be as long as theirs where it is the first one.
void Connection::pad_packet(const PacketRoom& room) noexcept {
  if (!room.follows()) {
    const std::size_t segment = train_shape_.segment_size;
    ngtcp2_conn_pad_pkts(conn_, segment, segment / limits::kPaddedShareOfTrain,
                         limits::kPaddedUnit);
    return;
  }
  const auto written =
      static_cast<std::size_t>(room.packet - reinterpret_cast<const std::uint8_t*>(train_begin_));
  const std::size_t segment = ngtcp2_conn_get_path_max_tx_udp_payload_size2(conn_);
  const bool short_enough = written + segment <= limits::kLargestSharedPart;
  ngtcp2_conn_pad_pkts(conn_, segment,
                       short_enough ? (written + segment) / limits::kPaddedShareOfTrain : 0, 1);
}

// 0: the packet has room for more, or could not be begun.
ngtcp2_ssize Connection::write_datagrams(PacketRoom& room) {
  while (!datagrams_out_.empty()) {
    QueuedDatagram& datagram = datagrams_out_.front();
    std::array<ngtcp2_vec, 2> pieces;
    std::size_t count = 0;
    const auto append = [&](Bytes bytes) {
      auto* base = const_cast<std::byte*>(bytes.data());  // ngtcp2's vectors have no const
      pieces[count++] = {reinterpret_cast<std::uint8_t*>(base), bytes.size()};
    };
    if (datagram.prefix) append(datagram.prefix->view());
    append(datagram.data.bytes());
    int accepted = 0;
    const ngtcp2_ssize size = ngtcp2_conn_writev_datagram(
        conn_, room.path, room.info, room.packet, room.capacity, &accepted,
        NGTCP2_WRITE_DATAGRAM_FLAG_MORE, datagram.id, pieces.data(), count, room.timestamp);
    if (accepted != 0) {
      ++stats_.datagrams_sent;
      datagrams_out_.pop_front();
    }
    if (size == NGTCP2_ERR_WRITE_MORE) continue;
    if (size == NGTCP2_ERR_INVALID_ARGUMENT || size == NGTCP2_ERR_INVALID_STATE) {
      // The path's MTU shrank below it, or 0-RTT was rejected by a server that takes none.
      datagram_reports_.push_back({datagram.id, DatagramStatus::lost});
      mark(ConnectionEvent::datagram_status);
      datagrams_out_.pop_front();
      continue;
    }
    return size;
  }
  return 0;
}

// Packets with nothing but the stream's data, as many as the train has room for: what one after the
// other would cost is paid once. `written` of the pieces' bytes are in them. 0: something else has
// to be said as well, or not enough is left to fill a packet.
ngtcp2_ssize Connection::continue_train(const PacketRoom& room, std::int64_t id,
                                        std::span<const ngtcp2_vec> pieces, bool fin,
                                        std::size_t& written) {
  const ngtcp2_ssize size =
      ngtcp2_conn_write_stream_train(conn_, room.packet, room.capacity, &written, id, fin ? 1 : 0,
                                     pieces.data(), pieces.size(), room.timestamp);
  if (size > 0) congestion_blocked_ = false;
  return size;
}

ngtcp2_ssize Connection::write_raw_streams(PacketRoom& room) {
  const std::size_t packet = ngtcp2_conn_get_path_max_tx_udp_payload_size2(conn_);
  for (;;) {
    const bool may_send = ngtcp2_conn_get_max_data_left2(conn_) > 0;
    connection_blocked_ = connection_blocked_ && !may_send;
    Stream* stream = may_send ? sendable_.front() : nullptr;
    if (!may_send && sendable_.front() != nullptr) note_connection_blocked();
    std::array<Bytes, 16> pieces;
    std::array<ngtcp2_vec, 16> vectors;
    std::size_t count = 0;
    bool fin = false;
    const bool alone = stream != nullptr && sendable_.after(*stream) == nullptr;
    const bool train = alone && room.follows();
    if (stream != nullptr) {
      bool to_end = false;
      count = stream->send_queue().gather(pieces, to_end, train ? room.capacity : packet);
      fin = to_end && stream->send_queue().finished();
      for (std::size_t i = 0; i < count; ++i) {
        vectors[i] = {
            const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(pieces[i].data())),
            pieces[i].size()};
      }
    }
    if (train) {
      std::size_t written = 0;
      const ngtcp2_ssize size =
          continue_train(room, raw(stream->id()), {vectors.data(), count}, fin, written);
      if (size > 0) raw_stream_written(*stream, written, false, true);
      if (size != 0) return size;
    }
    std::uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_NONE;
    if (stream != nullptr) flags |= kMoreToCome;
    if (fin) flags |= NGTCP2_WRITE_STREAM_FLAG_FIN;
    ngtcp2_ssize written = -1;
    const ngtcp2_ssize size = ngtcp2_conn_writev_stream(
        conn_, room.path, room.info, room.packet, room.capacity, &written, flags,
        stream == nullptr ? -1 : raw(stream->id()), vectors.data(), count, room.timestamp);
    if (stream == nullptr) {
      offers_more_ = false;
      return size;
    }
    switch (size) {
      case NGTCP2_ERR_STREAM_DATA_BLOCKED:
        note_stream_blocked(raw(stream->id()));
        stream->blocked_ = ngtcp2_conn_get_max_data_left2(conn_) > 0;
        if (stream->blocked_) static_cast<ListHook<SendableTag>&>(*stream).unlink();
        stream->mark(StreamEvent::blocked);
        continue;
      case NGTCP2_ERR_STREAM_SHUT_WR:
      case NGTCP2_ERR_STREAM_NOT_FOUND:
        static_cast<ListHook<SendableTag>&>(*stream).unlink();
        continue;
      case NGTCP2_ERR_WRITE_MORE:
        raw_stream_written(*stream, static_cast<std::size_t>(written), fin, false);
        continue;
      default:
        if (written >= 0) {
          congestion_blocked_ = false;
          raw_stream_written(*stream, static_cast<std::size_t>(written), fin, true);
        } else if (size == 0) {
          note_congestion_blocked();
        }
        return size;
    }
  }
}

void Connection::raw_stream_written(Stream& stream, std::size_t count, bool fin, bool packet_full) {
  SendQueue& queue = stream.mutable_send_queue();
  stream.sent(count);
  if (queue.unsent() == 0) {
    if (fin) queue.set_fin_sent();
    static_cast<ListHook<SendableTag>&>(stream).unlink();
  } else if (packet_full) {
    // Round robin, a packet each.
    static_cast<ListHook<SendableTag>&>(stream).unlink();
    sendable_.push_back(stream);
  }
}

ngtcp2_ssize Connection::write_http3_streams(PacketRoom& room) {
  const std::size_t enough =
      room.follows() ? room.capacity : ngtcp2_conn_get_path_max_tx_udp_payload_size2(conn_);
  for (;;) {
    Http3Session::Chunk chunk;
    const bool may_send = ngtcp2_conn_get_max_data_left2(conn_) > 0;
    connection_blocked_ = connection_blocked_ && !may_send;
    if ((may_send || !connection_blocked_) && http3_->next_chunk(chunk, enough) < 0) {
      return NGTCP2_ERR_CALLBACK_FAILURE;
    }
    if (!may_send) {
      if (chunk.stream_id >= 0 && chunk.count > 0) note_connection_blocked();
      chunk = {};
    }
    if (chunk.stream_id >= 0) prefetch_streams_after(chunk.stream_id);
    if (room.follows() && chunk.stream_id >= 0 &&
        (streams_.size() == 1 || !http3_->takes_turns(chunk.stream_id))) {
      std::size_t written = 0;
      const ngtcp2_ssize size = continue_train(
          room, chunk.stream_id, {chunk.pieces.data(), chunk.count}, chunk.fin, written);
      if (size > 0 && http3_->written(chunk.stream_id, written) != 0) {
        return NGTCP2_ERR_CALLBACK_FAILURE;
      }
      if (size != 0) return size;
    }
    std::uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_NONE;
    if (chunk.stream_id >= 0) flags |= kMoreToCome;
    if (chunk.fin) flags |= NGTCP2_WRITE_STREAM_FLAG_FIN;
    ngtcp2_ssize written = -1;
    const ngtcp2_ssize size = ngtcp2_conn_writev_stream(
        conn_, room.path, room.info, room.packet, room.capacity, &written, flags, chunk.stream_id,
        chunk.pieces.data(), chunk.count, room.timestamp);
    if (chunk.stream_id < 0) {
      offers_more_ = false;
      return size;
    }
    switch (size) {
      case NGTCP2_ERR_STREAM_DATA_BLOCKED:
        note_stream_blocked(chunk.stream_id);
        http3_->blocked(chunk.stream_id);
        if (Stream* stream = find_stream(chunk.stream_id)) stream->mark(StreamEvent::blocked);
        continue;
      case NGTCP2_ERR_STREAM_SHUT_WR:
      case NGTCP2_ERR_STREAM_NOT_FOUND:
        http3_->write_shut(chunk.stream_id);
        continue;
      case NGTCP2_ERR_WRITE_MORE:
        if (http3_->written(chunk.stream_id, static_cast<std::size_t>(written)) != 0) {
          return NGTCP2_ERR_CALLBACK_FAILURE;
        }
        continue;
      default:
        if (size == 0) note_congestion_blocked();
        if (written < 0) return size;
        congestion_blocked_ = false;
        if (http3_->written(chunk.stream_id, static_cast<std::size_t>(written)) != 0) {
          return NGTCP2_ERR_CALLBACK_FAILURE;
        }
        return size;
    }
  }
}

// --- what holds sending up -----------------------------------------------------------------------

// The peer's limit for this stream (MAX_STREAM_DATA) is used up.
void Connection::note_stream_blocked(std::int64_t id) {
  ++stats_.block_count;
  if (qlog_ == nullptr) return;
  QlogEvent(*qlog_, now(), "quicore:blocked")
      .text("by", "stream_flow_control")
      .number("stream_id", static_cast<std::uint64_t>(id))
      .write();
}

// The peer's limit for the whole connection (MAX_DATA) is used up.
void Connection::note_connection_blocked() {
  if (std::exchange(connection_blocked_, true)) return;
  ++stats_.block_count;
  if (qlog_ != nullptr) {
    QlogEvent(*qlog_, now(), "quicore:blocked").text("by", "session_flow_control").write();
  }
  tell_blocked_streams(false);
}

// Nothing could be written although something waits: no room in the congestion window, or the clock
// says later (pacing), which is no obstacle.
void Connection::note_congestion_blocked() {
  if (ngtcp2_conn_get_cwnd_left2(conn_) >= ngtcp2_conn_get_path_max_tx_udp_payload_size2(conn_)) {
    return;
  }
  if (std::exchange(congestion_blocked_, true)) return;
  tell_blocked_streams(true);
}

// Congestion stops a fast sender every round trip: only those hear of it who asked.
void Connection::tell_blocked_streams(bool congestion) {
  if (congestion && !std::exchange(watch_blocked_, false)) return;
  for (Stream& stream : streams_) {
    const SendQueue& queue = stream.send_queue();
    // nghttp3 holds what was not acknowledged, and does not say what it has sent.
    const bool waits = http3_ != nullptr ? queue.queued() > 0 : queue.unsent() > 0;
    if (!waits || (congestion && !stream.want_blocked_)) continue;
    stream.want_blocked_ = false;
    stream.mark(StreamEvent::blocked);
  }
}

}  // namespace quicore::engine
