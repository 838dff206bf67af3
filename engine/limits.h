// SPDX-License-Identifier: Apache-2.0
//
// Every bound of the engine in one place: what it limits, whose memory or time it protects, and why
// it has this value. Limits a user may change are fields of engine/config.h; their defaults are here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "io/time.h"

namespace quicore::engine::limits {

using namespace std::chrono_literals;

// --- one turn of a shard ---------------------------------------------------------------------

// Trains one connection may send before the next connection has its chance. Consumer: SEND phase.
// Reason: 4 trains of 64 KiB keep the kernel busy for about 25 us, well below one round trip.
inline constexpr std::uint32_t kTrainsPerConnectionPerRound = 4;

// Trains a shard writes in one step of a turn before it looks at what else was received. Consumer:
// SEND phase. Reason: received acknowledgements must not wait behind more than about 200 us of
// sending.
inline constexpr std::uint32_t kTrainsPerStep = 32;

// Bytes written in one step before they are handed to the kernel. Consumer: SEND phase. Reason: what is
// written, what it was made of and the kernel's copy of it stay together in a second-level cache of 512 KiB
// (docs/decisions/0037).
inline constexpr std::size_t kBytesPerStep = 128 * 1024;

// Connections that receive before they, and not others, are delivered to and send. Consumer: RECEIVE
// phase. Reason: a request touches about 20 KB of its connection's memory (docs/decisions/0015); of 8
// connections that stays in the cache of a core, together with the trains they send.
inline constexpr std::uint32_t kConnectionsPerStep = 8;

// Connections of a shard from which on what the next ones need is prefetched. Consumer: RECEIVE
// phase. Reason: fewer stay in a core's second-level cache of 1 to 2 MiB anyway
// (docs/decisions/0029).
inline constexpr std::size_t kPrefetchFrom = 32;

// A connection that has received kBulkBytes and has nothing to send but acknowledgements takes turns with others like
// it: so many of them a step, and each one soon, when kBytesPerAcknowledgement have come or
// kLongestHeldAcknowledgement has passed. Consumer: SEND phase. Reasons: a fourth of kConnectionsPerStep; more than the
// first window of a peer (RFC 9002 7.2); four full trains; well below the max_ack_delay of RFC 9000 18.2, 25 ms
// (docs/decisions/0037).
inline constexpr std::uint32_t kAcknowledgementsPerStep = 2;
inline constexpr std::size_t kBulkBytes = 16 * 1024;
inline constexpr std::size_t kBytesPerAcknowledgement = 256 * 1024;
inline constexpr Duration kLongestHeldAcknowledgement = 10ms;

// Of one connection, and bytes of what handles a stream or the connection. Reason: what is fetched for
// one connection must be small beside that cache; a stream and what belongs to it are about 40 lines.
inline constexpr std::uint32_t kPrefetchedStreams = 12;
inline constexpr std::size_t kPrefetchedHandlerSize = 776;

// Streams of a connection from which on those that follow the one at hand are prefetched. Consumer:
// Connection. Reason: a stream and what belongs to it are some 3 KiB, and fewer stay in that cache.
inline constexpr std::size_t kPrefetchStreamsFrom = 256;

// Streams of one connection with something to deliver after which a step receives no more. Consumer:
// RECEIVE phase. Reason: the answers of a hundred streams would leave together, and the peer, which
// has nothing to do until then, ask its next hundred questions together: each would wait for the
// other. A third of that is still a dozen packets in a train (docs/decisions/0027).
inline constexpr std::uint32_t kStreamsOfConnectionPerStep = 32;

// The same of all connections together. Reason: half as many leave in two trains where connections
// share them, and twice as many have left the cache before they are answered (docs/decisions/0039).
inline constexpr std::uint32_t kStreamsPerStep = 64;

// Datagrams of a train that a connection with several streams reads before that is looked at.
// Consumer: Connection::receive. Reason: eight are some twenty short answers.
inline constexpr std::size_t kDatagramsOfSeveralStreams = 8;

// Bytes of one connection in a train that it shares with others to the same peer. Consumer:
// SharedTrain. Reason: an eighth of a train; more leaves for a good price by itself, and is much to
// copy where it turns out not to fit (docs/decisions/0039).
inline constexpr std::uint32_t kLargestSharedPart = 8 * 1024;

// Of what a connection sends in such a train, one part in so many may be PADDING; and the packet that
// begins one is made a multiple of so many bytes. Consumer: Connection::pad_packet. Reason: a message
// costs the kernel as much as several hundred bytes, and packets that are alike differ by a few.
inline constexpr std::size_t kPaddedShareOfTrain = 8;
inline constexpr std::size_t kPaddedUnit = 16;

// Rounds of the DELIVER phase: handlers may cause events of other handlers (a completion resumes a
// coroutine that opens a stream). What is left waits for the next turn, which then does not block.
inline constexpr std::uint32_t kDeliverRoundsPerTurn = 8;

// --- one shard ---------------------------------------------------------------------------------

// Handshakes under way on one shard before new Initials get a Retry. Consumer: admission.
// Reason: a half-open connection costs about 60 KB, and Retry costs an attacker a real address.
inline constexpr std::uint32_t kHandshakesBeforeRetry = 1000;

// What counts as a handshake that began lately, where the shard is busy. Consumer: HandshakeCount.
// Reason: longer than the round trip over a satellite; a client that does not answer counts no longer.
inline constexpr Duration kRecentHandshake = 1s;

// Handshakes that began lately on a shard that has hardly any time to spare (io::Port::is_busy),
// before new Initials get a Retry. Consumer: admission. Reason: what forged addresses make a busy shard
// do, its clients wait for; below kMostRecentHandshakesWhenBusy, so that those do not fill that.
inline constexpr std::uint32_t kRecentHandshakesBeforeRetryWhenBusy = 128;

// The same, before Initials are dropped. Consumer: admission. Reason: 0.1 s of a core's work. More
// would only wait longer than clients do, so that the work was done in vain, and leave the cache
// meanwhile; a shard whose clients are far away has time to spare, and this does not hold for it.
inline constexpr std::uint32_t kMostRecentHandshakesWhenBusy = 384;

// Connection IDs of handshakes that the clones of an endpoint remember the owner of. Consumer: clone
// group. Reason: two or three for each of the half-open connections of two shards; about 1 MiB.
inline constexpr std::size_t kCloneIds = 16384;

// Half-open connections before Initials are dropped. Consumer: admission. Reason: bounds what an
// attacker with real addresses can make a shard hold to about 250 MB (tests/budget measures it).
inline constexpr std::uint32_t kMaxHalfOpenConnections = 4096;

// How long Retry packets and stateless resets sent to one host count against EndpointConfig's
// retry_limit and max_stateless_resets. Consumer: admission. Reason: a host behind which many clients
// sit must get its share again; ten small packets a minute are no attack on anybody.
inline constexpr Duration kHostCounterPeriod = 60s;

// --- one connection ----------------------------------------------------------------------------

// Default of SessionConfig::handshake_timeout.
inline constexpr Duration kHandshakeTimeout = 10s;

// Received DATAGRAM frames waiting for DELIVER; the oldest are dropped beyond (they are unreliable).
inline constexpr std::size_t kMaxQueuedReceivedDatagrams = 1024;

// DATAGRAM frames waiting to be sent; datagram() answers false beyond.
inline constexpr std::size_t kMaxQueuedSentDatagrams = 1024;

// Bytes a stream's header fields may take when decoded, names + values + 32 each (RFC 9114 4.2.2).
inline constexpr std::uint64_t kMaxFieldSectionSize = 65536;

// Bounds of Http3Settings::max_field_section_size. Reason: below 1 KiB ordinary requests fail, and
// nothing larger than 16 MiB is a header.
inline constexpr std::uint64_t kMinFieldSectionLimit = 1024;
// Its upper bound.
inline constexpr std::uint64_t kMaxFieldSectionLimit = 16 * 1024 * 1024;

// Bytes of the QPACK dynamic table, in each direction (RFC 9204 3.2.2). Reason: what browsers use;
// it holds the fields that requests of one page repeat.
inline constexpr std::size_t kQpackTableCapacity = 4096;

// Streams whose fields may wait for the peer's QPACK encoder stream (RFC 9204 2.1.2): their bytes
// are buffered meanwhile. Reason: no more than the streams a peer may open at first.
inline constexpr std::size_t kQpackBlockedStreams = 100;

// Bounds of Http3Settings::qpack_*, of the table's first. Reason: memory that a peer makes each connection hold.
inline constexpr std::uint64_t kMaxQpackTableCapacity = 1024 * 1024;
// Of qpack_blocked_streams.
inline constexpr std::uint64_t kMaxQpackBlockedStreams = 65536;

// Bytes of one capsule's value that CapsuleReader collects. Reason: capsules are small messages
// (RFC 9297 3.2); one of 64 KiB holds any datagram.
inline constexpr std::size_t kMaxCapsuleSize = 65536;

// Connection IDs of the peer that we keep (RFC 9000 18.2); the peer gets as many of ours. Consumer: ngtcp2,
// which allows 2 to 4 as it is patched (docs/decisions/0016). Reason: one in use and three for other paths.
inline constexpr std::uint64_t kActiveConnectionIdLimit = 4;

// --- TLS -----------------------------------------------------------------------------------------

// Largest TLS handshake message taken from a peer. Consumer: wolfSSL allocates it whole when it has
// seen the first four bytes. Reason: room for long certificate chains and post-quantum signatures;
// without the bound any address could make us hold 1 MiB.
inline constexpr std::size_t kMaxHandshakeMessage = 64 * 1024;

// A ClientHello is bounded lower: nothing about the sender is known yet. Reason: with two
// post-quantum key shares and a ticket it has about 4 KiB.
inline constexpr std::size_t kMaxClientHello = 16 * 1024;

// How long a session ticket may be good for. Reason: RFC 8446 4.6.1.
inline constexpr std::chrono::seconds kMaxTicketLifetime = std::chrono::hours{24 * 7};

// Tickets shown to servers with early data that are remembered per kReplayPeriod, process-wide.
// Consumer: ReplayFilter. Reason: 9,000 resumptions a second, in 5 MiB.
inline constexpr std::size_t kReplayFilterTickets = 128 * 1024;

// How long at least they are remembered. Reason: the TLS library refuses tickets whose age differs
// from the client's claim by more than eleven seconds (RFC 8446 8.3).
inline constexpr Duration kReplayPeriod = 15s;

// Largest PEM file read. Consumer: a TlsContext being made. Reason: ten times the system CA bundle.
inline constexpr std::size_t kMaxPemFile = 4 * 1024 * 1024;

// --- one stream --------------------------------------------------------------------------------

// Bytes a Writer may queue before write() waits, where StreamOptions::budget is not set. What is on
// its way does not count (see kSendQueueWindows), or the round trip would bound the rate. Reason:
// 10 Gbit/s for 1 ms, longer than writing more takes, rounded to a power of two.
inline constexpr std::size_t kDefaultSendBudget = 1024 * 1024;

// On a path whose smallest round-trip time is below this, a connection sends a train of
// io::kMaxTrainSize at once, whatever rate it is paced at; half of one below twice this, and so on.
// Consumer: Connection::write_train. Reason: RFC 9002 7.7 allows larger bursts where they are known
// to be absorbed, and Linux sends such bursts by TCP (net.ipv4.tcp_tso_rtt_log = 9: 512 us).
inline constexpr Duration kBurstHalvingRtt = 512us;

// Times what the path holds (the congestion window, less its share of queues by the round-trip
// times), in bytes that a connection's streams may hold together before those without a budget of
// their own are held to kDefaultSendBudget again. Consumer: Stream::room. Reason: one on
// the way; one more while a lost packet, behind which nothing is released, is noticed, and one while
// it is sent again. Who acknowledges all but the first packet does not make us hold more.
inline constexpr std::uint64_t kSendQueueWindows = 3;

// The same in bytes, whatever the congestion window. Reason: what a peer may make us hold is what we
// let it have of our window (kMaxWindow); three round trips of 3 Gbit/s over 50 ms.
inline constexpr std::uint64_t kMaxSendQueue = 64 * 1024 * 1024;

// Text of a qlog that nobody has fetched yet. Consumer: Qlog. Reason: about 3,000 packets, a turn of
// a busy shard several times over; a reader that is slower loses records, which are counted.
inline constexpr std::size_t kQlogBuffer = 1024 * 1024;

// --- flow control windows: defaults of TransportParams, the specification leaves them open -------
// Default of TransportParams::initial_max_data.
inline constexpr std::uint64_t kInitialMaxData = 16 * 1024 * 1024;
// Default of the three initial_max_stream_data_....
inline constexpr std::uint64_t kInitialMaxStreamData = 4 * 1024 * 1024;
// Default of both initial_max_streams_....
inline constexpr std::uint64_t kInitialMaxStreams = 100;
// Automatic growth stops here.
inline constexpr std::uint64_t kMaxWindow = 64 * 1024 * 1024;
// The same of one stream.
inline constexpr std::uint64_t kMaxStreamWindow = 32 * 1024 * 1024;
// Default of TransportParams::max_idle_timeout.
inline constexpr Duration kMaxIdleTimeout = 30s;

// --- bounds of configuration fields; the rest are the RFCs' --------------------------------------
// Largest integer of the wire format: windows, data limits (RFC 9000 16).
inline constexpr std::uint64_t kMaxVarint = (std::uint64_t{1} << 62) - 1;
inline constexpr std::uint64_t kMaxStreamsLimit = std::uint64_t{1} << 60;  // RFC 9000 4.6
inline constexpr std::uint64_t kMinPayloadSize = 1200;                     // RFC 9000 14
inline constexpr std::uint64_t kMaxPayloadSize = 65507;                    // UDP over IPv4
inline constexpr Duration kMaxMaxAckDelay = Duration(16384ms);  // RFC 9000 18.2, exclusive
inline constexpr std::size_t kMaxAlpnSize = 255;                // RFC 7301 3.1
inline constexpr std::size_t kMaxHostnameSize = 253;            // RFC 1035 2.3.4, as text
// Longest validity of a token. Reason: an address rarely stays with one client for longer.
inline constexpr std::chrono::seconds kMaxTokenExpiration = std::chrono::hours{24 * 7};
// Longest handshake, idle and keep-alive times. Reason: far above any use, far below overflow of
// time arithmetic.
inline constexpr Duration kMaxTimeout = std::chrono::hours{24 * 365};

// --- connection IDs ------------------------------------------------------------------------------
// Length of the connection IDs we issue: 4 bytes of steering word (io/steering.h) and 4 more that
// make them unguessable together: 8 random bytes, of which log2(shards) bits are fixed.
inline constexpr std::size_t kConnectionIdLength = 8;
inline constexpr std::size_t kMaxConnectionIdLength = 20;        // RFC 9000 17.2
inline constexpr std::size_t kMinInitialConnectionIdLength = 8;  // RFC 9000 7.2

}  // namespace quicore::engine::limits
