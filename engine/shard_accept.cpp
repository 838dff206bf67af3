// SPDX-License-Identifier: Apache-2.0
//
// The RECEIVE phase of long headers whose connection ID nobody has: whose turn it is among clones, and
// how a connection begins or is refused.
#include <algorithm>
#include <cstring>

#include "engine/clone_group.h"
#include "engine/shard.h"
#include "io/steering.h"

namespace quicore::engine {

// A long header whose ID this shard does not know: true when a connection may begin here. Else it was
// passed on, or it is nobody's.
bool Shard::is_turn_of(Endpoint& endpoint, const io::ReceivedTrain& train,
                       std::span<const std::byte> datagram, const ngtcp2_version_cid& ids,
                       bool unknown_version, bool may_forward) {
  const std::span<const std::uint8_t> dcid(ids.dcid, ids.dcidlen);
  CloneGroup& clones = *endpoint.clones();
  std::optional<std::uint32_t> owner;
  if (dcid.size() <= limits::kMaxConnectionIdLength) owner = clones.owner_of(dcid);
  if (!owner && unknown_version) {
    owner = endpoint.listening() ? settings_.index : clones.next();
  } else if (!owner) {
    ngtcp2_pkt_hd header{};
    const auto* octets = reinterpret_cast<const std::uint8_t*>(datagram.data());
    if (ngtcp2_accept(&header, octets, datagram.size()) != 0) {
      owner = io::shard_of_connection_id(std::as_bytes(dcid), settings_.count);
    } else if (endpoint.listening() && endpoint.config().dispatch == DispatchPolicy::initial_hash) {
      owner = settings_.index;
      clones.remember(ConnectionId::from(dcid), *owner);
    } else {
      owner = clones.take_turn(dcid);
    }
  }
  if (owner == settings_.index) return true;
  if (owner && may_forward) {
    forward(endpoint, *owner, train, datagram);
  } else {
    ++endpoint.counters().dropped_count;
  }
  return false;
}

void Shard::accept(Endpoint& endpoint, const io::ReceivedTrain& train,
                   std::span<std::byte> datagram, const ngtcp2_version_cid& ids,
                   bool unknown_version) {
  const SessionConfig& config = *endpoint.listening_config();
  const auto speaks = [&](std::uint32_t version) {
    return std::any_of(config.versions.begin(), config.versions.end(), [&](QuicVersion known) {
      return static_cast<std::uint32_t>(known) == version;
    });
  };
  if (unknown_version || !speaks(ids.version)) {
    negotiate_version(endpoint, train, datagram, ids, config);
    return;
  }
  ngtcp2_pkt_hd header{};
  const int error = ngtcp2_accept(&header, reinterpret_cast<const std::uint8_t*>(datagram.data()),
                                  datagram.size());
  InitialPacket packet;
  packet.train = &train;
  packet.datagram = datagram;
  const HandshakeLoad load = {.half_open = handshakes_.total(),
                              .recent = handshakes_.recent(now_),
                              .busy = port_.is_busy()};
  const Verdict verdict = error != 0
                              ? Verdict::drop
                              : endpoint.admission().decide(header, train.remote, now_, load,
                                                            endpoint.connection_count(), packet);
  if (verdict == Verdict::accept) {
    accept_connection(endpoint, packet);
  } else {
    refuse(endpoint, packet, verdict);
  }
}

// RFC 9000 6.1: not for datagrams too small to begin a connection, or the answer would amplify.
void Shard::negotiate_version(Endpoint& endpoint, const io::ReceivedTrain& train,
                              std::span<std::byte> datagram, const ngtcp2_version_cid& ids,
                              const SessionConfig& config) {
  if (datagram.size() < NGTCP2_MAX_UDP_PAYLOAD_SIZE || ids.version == 0) {
    ++endpoint.counters().dropped_count;
    return;
  }
  std::vector<std::uint32_t> versions;
  versions.reserve(config.versions.size());
  for (const QuicVersion version : config.versions) {
    versions.push_back(static_cast<std::uint32_t>(version));
  }
  if (const StatelessPacket packet = version_negotiation(ids, versions, random_)) {
    ++endpoint.counters().version_negotiation_count;
    reply(endpoint, train, packet);
  }
}

// An Initial that has no beginning of a ClientHello leaves nothing behind: one that cannot be read, or
// with the CONNECTION_CLOSE of a client that gave up before it heard from us.
void Shard::accept_connection(Endpoint& endpoint, const InitialPacket& packet) {
  auto created = Connection::accept(endpoint, packet);
  if (!created) {
    ++endpoint.counters().dropped_count;
    return;
  }
  handshakes_.begun(now_);
  switch ((*created)->receive_first(packet, now_)) {
    case Beginning::begun:
      ++endpoint.counters().server_sessions;
      adopt(std::move(*created));
      return;
    case Beginning::validate_address:
      created->reset();
      return refuse(endpoint, packet,
                    endpoint.admission().validate_first(packet.train->remote, now_));
    case Beginning::nothing:
      ++endpoint.counters().dropped_count;
  }
}

void Shard::refuse(Endpoint& endpoint, const InitialPacket& packet, Verdict verdict) {
  EndpointStats& stats = endpoint.counters();
  switch (verdict) {
    case Verdict::retry: {
      ++stats.retry_count;
      const StatelessPacket retry = endpoint.admission().make_retry(
          packet, packet.train->remote, now_, settings_.index, settings_.count);
      if (endpoint.clones()) keep_with_this_clone(endpoint, retry);
      return reply(endpoint, *packet.train, retry);
    }
    case Verdict::refuse_busy:
      ++stats.server_busy_count;
      return reply(
          endpoint, *packet.train,
          connection_close(packet.version, packet.scid, packet.dcid, NGTCP2_CONNECTION_REFUSED));
    case Verdict::invalid_token:
      return reply(
          endpoint, *packet.train,
          connection_close(packet.version, packet.scid, packet.dcid, NGTCP2_INVALID_TOKEN));
    case Verdict::accept:
    case Verdict::drop:
      ++stats.dropped_count;
  }
}

// The client's next Initial goes to the source ID of our Retry: the turn it had stays ours.
void Shard::keep_with_this_clone(Endpoint& endpoint, const StatelessPacket& retry) {
  ngtcp2_version_cid ids{};
  if (ngtcp2_pkt_decode_version_cid(&ids, retry.bytes.data(), retry.size, 0) != 0) return;
  endpoint.clones()->remember(ConnectionId::from({ids.scid, ids.scidlen}), settings_.index);
}

void Shard::reply(Endpoint& endpoint, const io::ReceivedTrain& train,
                  const StatelessPacket& packet) {
  if (!packet) return;
  io::SendSlot* slot = port_.lease();
  if (slot == nullptr) return;  // the peer asks again
  std::memcpy(slot->bytes, packet.bytes.data(), packet.size);
  slot->size = slot->segment_size = static_cast<std::uint32_t>(packet.size);
  slot->socket = train.socket;
  slot->ecn = io::Ecn::not_ect;
  slot->remote = train.remote;
  slot->local = endpoint.send_from(endpoint.path_local_of(train));
  send_slot(endpoint, *slot);
}

}  // namespace quicore::engine
