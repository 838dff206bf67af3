// SPDX-License-Identifier: Apache-2.0
//
// Every limit of io/, with what it counts, who uses it and why it has this value. A shard that uses
// all of its rings and slots holds about 13 MiB of buffer memory; memory never touched costs
// nothing.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "io/datagram.h"

namespace quicore::io {

// --- Receiving, per port ------------------------------------------------------------------------

// Trains one turn can take in, and buffers the kernel may fill before the shard comes back. A full
// socket buffer of 8 MiB in trains of 64 KiB is 128 of them; a power of two, as the kernel's ring
// of provided buffers demands. Consumer: UringReceiver, MmsgPort.
inline constexpr std::uint32_t kReceiveSlots = 128;
// Of these, how many the kernel is given to begin with: it fills them round and round, and 1 MiB of
// them stays in the cache where 8 MiB does not (docs/performance.md). They are doubled whenever
// they were not enough. Consumer: UringReceiver.
inline constexpr std::uint32_t kFirstReceiveSlots = 16;
// After so many turns the number follows the most that one of them used.
inline constexpr std::uint32_t kReceiveSlotsReviewTurns = 1024;
// Largest UDP payload the kernel can deliver in one message (an IPv6 datagram of 65,535 bytes).
inline constexpr std::uint32_t kReceivePayloadSize = 65536;
// sockaddr_in6 (28 bytes) rounded up, so that the control messages behind it are aligned.
inline constexpr std::uint32_t kReceiveNameSize = 32;
// An IPv4 datagram on an IPv6 socket brings the most: IPV6_PKTINFO 40, IP_PKTINFO 32, IP_TOS 24 and
// UDP_GRO 24 bytes, 120 in sum.
inline constexpr std::uint32_t kReceiveControlSize = 144;

// --- Sending, per port --------------------------------------------------------------------------

// Trains that can wait for the kernel: as many as one turn of a shard writes, plus those a full
// socket buffer holds back. The free list is a stack, so that a shard that needs eight works in
// eight, which stay in the cache. Consumer: SendSlots.
inline constexpr std::uint32_t kSendSlots = 64;
// Distance between two slots: not a power of two, or the first lines of all slots would fall into
// the same few sets of the cache.
inline constexpr std::uint32_t kSendSlotStride = kSendSlotSize + 256;

// --- Rings and sockets, per port ----------------------------------------------------------------

// One address of every kind and many client sockets; each costs a few hundred bytes.
inline constexpr std::uint32_t kMaxSockets = 1024;
// Operations queued in one turn: every send slot, re-armed receives, wake-ups of other shards. More
// are submitted in between. Consumer: UringRing.
inline constexpr std::uint32_t kSubmissionEntries = 256;
// Completions that can be pending: all receive slots, all send slots and the rest of the operations
// at once, so that the ring cannot overflow. Consumer: UringRing.
inline constexpr std::uint32_t kCompletionEntries = 1024;
// Hosts per socket towards which the device refused segmentation; beyond, the whole socket is taken
// to be unable. A route over such a device is rare and shared by all its hosts.
inline constexpr std::size_t kMaxUnsegmentedHosts = 16;

// --- Waiting ------------------------------------------------------------------------------------

// A deadline nearer than this is not slept for: the port looks for traffic and comes back, and the
// shard turns until it has passed. Going to sleep and waking costs 5 to 50 us of latency, more than
// the pauses that pacing asks for between two trains on a fast path (a bulk transfer over loopback
// ran at half its speed). Consumer: UringPort, MmsgPort.
inline constexpr std::chrono::nanoseconds kShortestSleep = std::chrono::microseconds(20);
// How long a shard looks for traffic before it sleeps, while that pays. Reason: longer than
// the other end takes to wake up and answer: two that both slept would miss each other again and
// again (docs/decisions/0013). Consumer: RuntimeConfig::busy_poll.
inline constexpr std::chrono::nanoseconds kDefaultBusyPoll = std::chrono::microseconds(150);
// From here on it polls whether it pays or not: for cores that do nothing else.
inline constexpr std::chrono::nanoseconds kAlwaysPoll = std::chrono::seconds(1);
// Waits in a row that do not poll after it did not pay: 150 us in a thousand waits are lost at most.
inline constexpr std::uint32_t kMostWaitsWithoutPolling = 1024;
// Successes in a row after which one failure is taken for chance. Reason: one poll in vain for eight
// that were not costs less than the sleeps of the exchanges that follow.
inline constexpr std::uint32_t kHitsForAMiss = 8;
// Percent of its time that a shard works beyond which it polls only where batches are large.
inline constexpr int kBusyPercent = 75;
// Percent of its time that a thread works beyond which it has hardly any to spare, and the time of
// which that is told. Reason: full of handshakes it works 91, the kernel's share counting as spare; a
// burst that is done in less time than that needs no measures. Consumer: LoadMeter.
inline constexpr int kOverloadPercent = 85;
inline constexpr std::chrono::nanoseconds kLoadWindow = std::chrono::milliseconds(50);
// Datagrams per turn that are a large batch. Reason: the cost of a turn is spread well by then.
inline constexpr std::uint64_t kLargeBatch = 16;
// A sleep after which polling is tried again: 150 us in 10 ms are 1.5 percent of a core.
inline constexpr std::chrono::nanoseconds kPauseThatForgets = std::chrono::milliseconds(10);
// PR_SET_TIMERSLACK of a shard's thread: the kernel may be this late. Its default is 50 us.
inline constexpr std::chrono::nanoseconds kTimerSlack = std::chrono::microseconds(1);

// --- Socket buffers, per socket -----------------------------------------------------------------

// What `SocketOptions::receive_buffer` unset asks for: 2 ms of 25 Gbit/s with the kernel's
// overhead, the longest a busy shard stays away from its socket. The kernel may grant less
// (rmem_max).
inline constexpr int kDefaultReceiveBuffer = 8 << 20;
// Trains handed to the device at once; more only adds delay that pacing cannot see.
inline constexpr int kDefaultSendBuffer = 4 << 20;

// --- Between shards -----------------------------------------------------------------------------

// Bytes waiting in one direction between two shards. Forwarding is the exception (steering puts
// datagrams where they belong), so this bounds a burst: four full trains. Consumer:
// DatagramMailbox.
inline constexpr std::size_t kMailboxSize = 256 * 1024;

// --- Slabs for received stream data, per shard --------------------------------------------------

inline constexpr std::size_t kSmallSlabSize = 4096;   // a request, a response header, a small body
inline constexpr std::size_t kLargeSlabSize = 65536;  // bulk data: one train's worth
// Free slabs kept for the next use; the rest goes back to the allocator, so that a burst does not
// hold memory for ever.
inline constexpr std::size_t kMaxCachedSlabBytes = 4 << 20;

}  // namespace quicore::io
