// SPDX-License-Identifier: Apache-2.0
//
// The outgoing bytes of one stream: Bufs from the first unacknowledged byte to the last queued one.
// Nothing is copied here: ngtcp2 lays packets out from the Bufs, which stay pinned until the peer
// acknowledged them (ngtcp2 and nghttp3 keep pointers into them for retransmission).
//
//   acknowledged <= sent <= end          offsets into the stream's (body) bytes
//
// Cost: push and acknowledge are O(1) amortised; gather is O(pieces given out).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/ring_queue.h"
#include "io/buf.h"

namespace quicore::engine {

class SendQueue {
 public:
  std::uint64_t acknowledged() const noexcept { return acknowledged_; }
  std::uint64_t sent() const noexcept { return sent_; }
  std::uint64_t end() const noexcept { return end_; }
  std::uint64_t unsent() const noexcept { return end_ - sent_; }
  // What counts against the stream's budget.
  std::uint64_t queued() const noexcept { return end_ - acknowledged_; }
  bool finished() const noexcept { return finished_; }
  bool fin_sent() const noexcept { return fin_sent_; }

  void push(Buf buf);
  void finish() noexcept { finished_ = true; }
  void set_fin_sent() noexcept { fin_sent_ = true; }

  // Fills `pieces` with unsent bytes, no more of them than it takes to have `enough` bytes, and
  // returns how many pieces; `to_end` tells whether they reach the last queued byte.
  std::size_t gather(std::span<Bytes> pieces, bool& to_end,
                     std::size_t enough = SIZE_MAX) const noexcept;
  void advance_sent(std::uint64_t count) noexcept;
  // The peer has everything below `offset`: releases the Bufs that lie below it.
  void acknowledge_to(std::uint64_t offset) noexcept;
  // Drops everything: the stream was reset, nothing will be sent or retransmitted.
  void abandon() noexcept;
  void prefetch() const noexcept { bufs_.prefetch(); }  // engine/prefetch.h

 private:
  RingQueue<Buf> bufs_;
  std::uint64_t first_offset_ = 0;  // stream offset of bufs_[0]'s first byte
  std::uint64_t acknowledged_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t end_ = 0;
  std::size_t sent_index_ = 0;           // the Buf that holds offset sent_ ...
  std::uint64_t sent_index_offset_ = 0;  // ... and the stream offset of its first byte
  bool finished_ = false;
  bool fin_sent_ = false;
};

}  // namespace quicore::engine
