// SPDX-License-Identifier: Apache-2.0
//
// Packets of several connections to the same peer, in one train: a proxy, a load generator, or the
// server that they talk to, has many connections between two sockets, and what a message costs in the
// kernel is paid once for all of them (docs/decisions/0039). A train's packets have one size, so
// connections are asked to pad theirs where little is missing.
//
// Connections write one after the other: begin(), Connection::write_train(), end(). The train leaves
// when a packet does not fit, by size, path or ECN mark, and at the latest by flush().
//
// Threading, lifetime: its shard's. Cost: for a connection that shares, a comparison of addresses;
// what turned out not to fit is copied, at most limits::kLargestSharedPart.
#pragma once

#include <cstdint>

#include "io/port.h"

namespace quicore::engine {

class Connection;
class Endpoint;
class Shard;

// What a connection is to write into a slot.
struct TrainShape {
  std::uint32_t capacity = io::kMaxTrainSize;
  std::uint32_t packets = io::kMaxTrainSegments;
  // Of packets that are there already, to which the first one is padded if little is missing.
  std::uint32_t segment_size = 0;
  // Packets of other connections are there, or will follow: the last one is padded as well.
  bool shared = false;
};

// Where a connection's packets go: those of equal ones can share a train.
struct TrainTarget {
  Endpoint* endpoint = nullptr;
  io::SocketId socket{};
  std::uint32_t shard = 0;  // of the peer's
  Address remote;

  friend bool operator==(const TrainTarget&, const TrainTarget&) = default;
};

class SharedTrain {
 public:
  explicit SharedTrain(Shard& shard) noexcept : shard_(shard) {}
  ~SharedTrain();
  SharedTrain(const SharedTrain&) = delete;
  SharedTrain& operator=(const SharedTrain&) = delete;

  // Where the connection writes its next train, and how. `next` (or null) sends after it. Null: all
  // slots are in use.
  io::SendSlot* begin(const Connection& connection, const Connection* next, TrainShape& shape);
  // It has written into what begin() returned, or nothing.
  void end(const Connection& connection, bool written);
  // Sends what is there.
  void flush();
  // The same, and gives back what was leased for the next one.
  void finish();

 private:
  bool may_join(const Connection& connection) const noexcept;
  bool has_spare();
  bool fits() const noexcept;
  void join(const Connection& connection);
  void send_or_keep_open(const Connection& connection);

  Shard& shard_;
  io::SendSlot* open_ = nullptr;   // packets of one size: others may follow
  TrainTarget target_;             // its own
  io::SendSlot* spare_ = nullptr;  // for what turns out not to fit behind `open_`
  io::SendSlot* own_ = nullptr;    // begun, and not behind `open_`
  io::SendSlot part_{};            // begun, behind `open_`
};

}  // namespace quicore::engine
